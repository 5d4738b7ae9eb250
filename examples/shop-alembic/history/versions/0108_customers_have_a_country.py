"""customers have a country"""

import sqlalchemy as sa
from alembic import op

from migrator import alembic as phased

revision = "0108"
down_revision = "0107"
branch_labels = None
depends_on = None
schema_level: int = 8


def upgrade() -> None:
    phased.later()
    op.add_column("customers", sa.Column("country", sa.Text))
    op.alter_column("customers", "country", server_default="XX")  # what the first release writes from now on


def backfill() -> None:
    op.execute("UPDATE customers SET country = 'XX' WHERE country IS NULL")


def contract() -> None:
    op.create_check_constraint("customers_country_check", "customers", "country <> ''", postgresql_not_valid=True)
    op.create_check_constraint("customers_country_there", "customers", "country IS NOT NULL", postgresql_not_valid=True)
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE customers VALIDATE CONSTRAINT customers_country_check")
        op.execute("ALTER TABLE customers VALIDATE CONSTRAINT customers_country_there")
    op.alter_column("customers", "country", nullable=False)  # reads no row: the constraint says it
    op.drop_constraint("customers_country_there", "customers")


def downgrade() -> None:
    phased.rollback()
    op.drop_column("customers", "country")
