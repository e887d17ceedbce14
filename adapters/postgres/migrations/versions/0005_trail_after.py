"""Up to which place an erasure has taken the trail of a session; the entries are deleted after that, in lots.

To delete a long trail within the write that erases kept that write, and all that were gathered with it,
waiting. NULL: nothing of what is there is hidden. Processes of the version before delete at once, and show
what is hidden for the seconds until it is deleted.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UP = (
    "SET LOCAL lock_timeout = '5s'",
    "ALTER TABLE sessions ADD COLUMN trail_after bigint",
    "CREATE INDEX sessions_erased ON sessions (trail_after) WHERE trail_after IS NOT NULL",
)
DOWN = (
    "DELETE FROM audit a USING sessions s WHERE a.session_id = s.session_id AND a.place <= s.trail_after",
    "DROP INDEX sessions_erased",
    "ALTER TABLE sessions DROP COLUMN trail_after",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
