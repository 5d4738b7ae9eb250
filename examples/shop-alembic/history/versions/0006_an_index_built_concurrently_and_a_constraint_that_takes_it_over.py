"""an index built concurrently and a constraint that takes it over"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("products_sku_key", "products", ["sku"], unique=True, postgresql_concurrently=True)
    op.execute("ALTER TABLE products ADD CONSTRAINT products_sku_key UNIQUE USING INDEX products_sku_key")


def downgrade() -> None:
    op.drop_constraint("products_sku_key", "products")
