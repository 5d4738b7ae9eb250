"""carts live elsewhere"""

from migrator import alembic as phased

revision = "0107"
down_revision = "0106"
branch_labels = None
depends_on = None
schema_level: int = 7


def upgrade() -> None:
    phased.sql("DROP TABLE carts")


def downgrade() -> None:
    phased.rollback()
