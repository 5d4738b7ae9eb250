"""the first products, as data"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("products", sa.Column("price", sa.Integer, nullable=False, server_default="0"))
    products = sa.table("products", sa.column("sku"), sa.column("title"), sa.column("price"))
    op.bulk_insert(products, [{"sku": f"P-{n}", "title": f"Product {n}", "price": n * 100} for n in range(1, 21)])
    op.alter_column("products", "price", server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM products")
    op.drop_column("products", "price")
