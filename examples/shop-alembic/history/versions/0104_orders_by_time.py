"""orders by time"""

from migrator import alembic as phased

revision = "0104"
down_revision = "0103"
branch_labels = None
depends_on = None
schema_level: int = 4


def upgrade() -> None:
    phased.sql("CREATE INDEX orders_placed_at_idx ON orders (placed_at)")


def downgrade() -> None:
    phased.rollback()
