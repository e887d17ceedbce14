"""Sessions and the audit trail.

`document` and `ledger` are bytea: jsonb refuses NUL and spells numbers anew. The exact expiry is not
indexed: every renewal would cost an index entry. A bucket of five minutes is, so that most updates stay
heap-only. Rows are updated all the time: room is left on each page, and vacuum comes early.

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UP = (
    "CREATE SEQUENCE session_versions",
    """
    CREATE TABLE sessions (
        session_id text COLLATE "C" PRIMARY KEY,
        version bigint NOT NULL DEFAULT nextval('session_versions'),
        revision integer NOT NULL,
        persistence_id text NOT NULL,
        document bytea NOT NULL,
        ledger bytea NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        expires_bucket bigint NOT NULL,
        subject_id text,
        sync_due_at timestamptz,
        sync_lane text NOT NULL,
        sync_failure text
    ) WITH (
        fillfactor = 70,
        autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 1
    )
    """,
    "CREATE INDEX sessions_expiring ON sessions (expires_bucket)",
    "CREATE INDEX sessions_due ON sessions (sync_lane, sync_due_at) WHERE sync_due_at IS NOT NULL",
    "CREATE INDEX sessions_failed ON sessions (sync_failure) WHERE sync_failure IS NOT NULL",
    "CREATE INDEX sessions_of_subject ON sessions (subject_id) WHERE subject_id IS NOT NULL",
    """
    CREATE TABLE audit (
        place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        session_id text COLLATE "C" NOT NULL,
        action text NOT NULL,
        time timestamptz NOT NULL,
        persistence_id text,
        revision integer,
        reason text
    ) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)
    """,
    "CREATE INDEX audit_of_session ON audit (session_id, place)",
    "CREATE INDEX audit_by_time ON audit (time)",
)
DOWN = ("DROP TABLE audit", "DROP TABLE sessions", "DROP SEQUENCE session_versions")


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
