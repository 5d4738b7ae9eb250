"""prices are not negative"""

from migrator import alembic as phased

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None
schema_level: int = 6


def upgrade() -> None:
    phased.add_check("products", "products_price_check", "CHECK (price >= 0)")


def downgrade() -> None:
    phased.rollback()
