"""totals grow beyond two billion"""

from migrator import alembic as phased

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None
schema_level: int = 2


def upgrade() -> None:
    phased.change_type("orders", "total", "bigint")


def downgrade() -> None:
    phased.rollback()
