"""a view of orders by country"""

from migrator import alembic as phased

revision = "0109"
down_revision = "0108"
branch_labels = None
depends_on = None
schema_level: int = 9


def upgrade() -> None:
    phased.create_view(
        "sales",
        "CREATE VIEW public.sales AS SELECT c.country, count(*) AS orders"
        " FROM public.orders AS o JOIN public.customers AS c ON c.id = o.customer_id GROUP BY c.country",
    )


def downgrade() -> None:
    phased.rollback()
