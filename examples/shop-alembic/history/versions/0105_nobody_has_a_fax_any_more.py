"""nobody has a fax any more"""

from migrator import alembic as phased

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None
schema_level: int = 5


def upgrade() -> None:
    with phased.together():
        phased.drop_index("customers", "customers_fax_idx")
        phased.drop_column("customers", "fax")


def downgrade() -> None:
    phased.rollback()
