"""orders with a foreign key"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ENUM

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("customer_id", sa.BigInteger, sa.ForeignKey("customers.id"), nullable=False),
        sa.Column("state", ENUM(name="order_state", create_type=False), nullable=False, server_default="open"),
        sa.Column("total", sa.Integer, nullable=False, server_default="0"),
        sa.Column("note", sa.Text),
        sa.Index("orders_customer_id_idx", "customer_id"),
    )


def downgrade() -> None:
    op.drop_table("orders")
