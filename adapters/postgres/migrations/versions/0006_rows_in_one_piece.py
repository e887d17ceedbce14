"""Rows of up to 4 KB stay in one piece, where PostgreSQL would move what is over 2 KB to a side table.

The largest contexts, packed, made rows of 2 to 3 KB. Each of their updates wrote new pieces to the side table
and its index, and left the old ones to be vacuumed. Contexts of 1 to 2 KB need not be packed any more to stay
in their rows. Rows that were moved come back when they are next written. It locks neither reads nor writes
out, and processes of the version before gain by it, too.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UP = ("SET LOCAL lock_timeout = '5s'", "ALTER TABLE sessions SET (toast_tuple_target = 4080)")
DOWN = ("ALTER TABLE sessions RESET (toast_tuple_target)",)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
