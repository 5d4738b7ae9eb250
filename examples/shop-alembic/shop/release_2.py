"""What the second release knows of the database: names, types and rules that the first one does not have."""

from __future__ import annotations

import random

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

LEVEL = 9


NAMES = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """Tables as this release sees them."""

    metadata = sa.MetaData(naming_convention=NAMES)


class Customer(Base):
    """Somebody who buys."""

    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    full_name: Mapped[str] = mapped_column(sa.Text)
    email: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    newsletter: Mapped[bool] = mapped_column(server_default=sa.false())
    country: Mapped[str] = mapped_column(sa.Text, server_default="XX")

    __table_args__ = (sa.CheckConstraint("country <> ''", name="customers_country_check"),)


class Product(Base):
    """Something to buy."""

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    sku: Mapped[str] = mapped_column(sa.Text, unique=True)
    title: Mapped[str] = mapped_column(sa.Text, comment="as shown in the shop")
    price: Mapped[int] = mapped_column(sa.Integer)

    __table_args__ = (sa.CheckConstraint("price >= 0", name="products_price_check"),)


class Order(Base):
    """What a customer bought."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"), index=True)
    state: Mapped[str] = mapped_column(ENUM("open", "paid", "sent", name="order_state"), server_default="open")
    total: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    placed_at: Mapped[str] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now(), index=True)
    note: Mapped[str] = mapped_column(sa.Text, server_default="")


class OrderLine(Base):
    """A product in an order."""

    __tablename__ = "order_lines"
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"), primary_key=True)
    amount: Mapped[int] = mapped_column(sa.Integer, server_default="1")


def work(session: Session, choice: random.Random, who: str) -> None:
    """One customer signs up, orders, pays; old orders are looked at and changed."""
    customer = Customer(full_name=f"{who} {choice.random()}", country=choice.choice(["DE", "FR"]))
    product = session.scalars(sa.select(Product).order_by(sa.func.random()).limit(1)).one()
    session.add(customer)
    session.flush()
    order = Order(customer_id=customer.id, total=product.price, note=choice.choice(["", "gift"]))
    session.add(order)
    session.flush()
    session.add(OrderLine(order_id=order.id, product_id=product.id, amount=choice.randint(1, 9)))
    order.state = "paid"
    session.flush()
    session.refresh(customer)
    if not customer.full_name.startswith(who):
        raise AssertionError(f"customer {customer.id} was written as {who} and is read as {customer.full_name}")
    # Customers of the first release have a name here as soon as the column is there for them: by their backfill.
    recent = session.scalars(sa.select(Customer.full_name).order_by(Customer.id.desc()).limit(5)).all()
    if not all(recent):
        raise AssertionError(f"a recent customer has no name: {recent}")
    customer.newsletter = not customer.newsletter
    session.execute(sa.select(sa.func.sum(Order.total)).where(Order.customer_id == customer.id)).one()
