"""Since when Genesys has not acknowledged the newest state of a session.

`sync_due_at` cannot say it: leases and back-off move it. The moment stands in the ledger as well, which
SQL cannot read here; for sessions that are due about now the earlier of change and due time comes close,
and the next claim writes it exactly. Processes of the version before go on: they leave the column alone.
Writes wait while the index is built, which holds only what is due.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = (
    "SET LOCAL lock_timeout = '5s'",
    "ALTER TABLE sessions ADD COLUMN sync_waiting_since timestamptz",
    """
    UPDATE sessions SET sync_waiting_since = least(updated_at, sync_due_at)
    WHERE sync_due_at <= clock_timestamp() + interval '1 minute' AND sync_failure IS NULL
    """,
    """
    CREATE INDEX sessions_waiting ON sessions (sync_waiting_since) WHERE sync_waiting_since IS NOT NULL
    """,
)
DOWN = ("DROP INDEX sessions_waiting", "ALTER TABLE sessions DROP COLUMN sync_waiting_since")


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
