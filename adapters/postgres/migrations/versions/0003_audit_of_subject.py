"""Whose an evicted session was, so that an erasure of its subject finds the trail it left.

Processes of the version before go on; what they evict meanwhile is not found by its subject. Writes wait
while the index is built: it holds nothing yet, but the whole trail is read for it, about a second for some
millions of entries.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = (
    "SET LOCAL lock_timeout = '5s'",
    "ALTER TABLE audit ADD COLUMN subject_id text",
    "CREATE INDEX audit_of_subject ON audit (subject_id) WHERE subject_id IS NOT NULL",
)
DOWN = ("DROP INDEX audit_of_subject", "ALTER TABLE audit DROP COLUMN subject_id")


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
