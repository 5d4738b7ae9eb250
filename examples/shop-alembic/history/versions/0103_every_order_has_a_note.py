"""every order has a note"""

from alembic import op

from migrator import alembic as phased

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None
schema_level: int = 3


def upgrade() -> None:
    phased.set_not_null("orders", "note", fill="''")
    op.alter_column("orders", "note", server_default="")  # new rows of either release: harms neither


def downgrade() -> None:
    phased.rollback()
    op.alter_column("orders", "note", server_default=None)
