"""customers name becomes full_name"""

from migrator import alembic as phased

revision = "0101"
down_revision = "0012"
branch_labels = None
depends_on = None
schema_level: int = 1


def upgrade() -> None:
    phased.rename_column("customers", "name", "full_name")


def downgrade() -> None:
    phased.rollback()
