"""a view, a function, a trigger and a comment"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE VIEW revenue AS SELECT customer_id, count(*) AS orders FROM orders GROUP BY customer_id")
    op.execute("""
        CREATE FUNCTION positive_amount() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.amount < 1 THEN
                RAISE EXCEPTION 'amount %, one or more is wanted', NEW.amount;
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER positive BEFORE INSERT OR UPDATE ON order_lines
        FOR EACH ROW EXECUTE FUNCTION positive_amount()
    """)
    op.alter_column("products", "title", comment="as shown in the shop")
    op.create_table("carts", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("content", sa.Text))
    op.create_index("customers_fax_idx", "customers", ["fax"])


def downgrade() -> None:
    op.drop_index("customers_fax_idx")
    op.drop_table("carts")
    op.execute("DROP TRIGGER positive ON order_lines")
    op.execute("DROP FUNCTION positive_amount()")
    op.execute("DROP VIEW revenue")
