"""columns with and without a default"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    placed_at = sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
    op.add_column("orders", placed_at)
    op.add_column("customers", sa.Column("fax", sa.Text))


def downgrade() -> None:
    op.drop_column("customers", "fax")
    op.drop_column("orders", "placed_at")
