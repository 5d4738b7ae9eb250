"""addresses are unique, on the other branch"""

from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_unique_constraint("customers_email_key", "customers", ["email"])


def downgrade() -> None:
    op.drop_constraint("customers_email_key", "customers")
