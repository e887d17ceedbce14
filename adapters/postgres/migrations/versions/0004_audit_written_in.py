"""The transaction that wrote an audit entry.

Places are drawn before the commit, so that an entry may appear after others with higher places. A page of
a trail remembers which transactions it saw, and the next page gives what it did not see. Entries that are
there already were committed long ago; of them nothing has to be known. The default is evaluated for new
rows alone, also for those that processes of the version before write.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = (
    "SET LOCAL lock_timeout = '5s'",
    "ALTER TABLE audit ADD COLUMN written_in xid8",
    "ALTER TABLE audit ALTER COLUMN written_in SET DEFAULT pg_current_xact_id()",
)
DOWN = ("ALTER TABLE audit DROP COLUMN written_in",)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
