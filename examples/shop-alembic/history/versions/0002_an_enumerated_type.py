"""an enumerated type"""

from alembic import op
from sqlalchemy.dialects.postgresql import ENUM

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ENUM("open", "paid", name="order_state").create(op.get_bind())


def downgrade() -> None:
    ENUM(name="order_state").drop(op.get_bind())
