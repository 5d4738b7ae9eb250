"""What the first release knows of the database, and what it does all day."""

from __future__ import annotations

import random

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

LEVEL = 0


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
    name: Mapped[str] = mapped_column(sa.Text)
    email: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    newsletter: Mapped[bool] = mapped_column(server_default=sa.false())
    fax: Mapped[str | None] = mapped_column(sa.Text)


class Product(Base):
    """Something to buy."""

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    sku: Mapped[str] = mapped_column(sa.Text, unique=True)
    title: Mapped[str] = mapped_column(sa.Text, comment="as shown in the shop")
    price: Mapped[int] = mapped_column(sa.Integer)


class Order(Base):
    """What a customer bought."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"), index=True)
    state: Mapped[str] = mapped_column(ENUM("open", "paid", "sent", name="order_state"), server_default="open")
    total: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    placed_at: Mapped[str] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    note: Mapped[str | None] = mapped_column(sa.Text)


class OrderLine(Base):
    """A product in an order."""

    __tablename__ = "order_lines"
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"), primary_key=True)
    amount: Mapped[int] = mapped_column(sa.Integer, server_default="1")


def work(session: Session, choice: random.Random, who: str) -> None:
    """One customer signs up, orders, pays; old orders are looked at and changed."""
    customer = Customer(name=f"{who} {choice.random()}", fax=choice.choice([None, "+49 1"]))
    product = session.scalars(sa.select(Product).order_by(sa.func.random()).limit(1)).one()
    session.add(customer)
    session.flush()
    order = Order(customer_id=customer.id, total=product.price, note=choice.choice([None, "gift"]))
    session.add(order)
    session.flush()
    session.add(OrderLine(order_id=order.id, product_id=product.id, amount=choice.randint(1, 9)))
    order.state = "paid"
    session.flush()
    session.refresh(customer)
    if not customer.name.startswith(who):
        raise AssertionError(f"customer {customer.id} was written as {who} and is read as {customer.name}")
    known = session.get(Customer, choice.randint(1, 200))
    if known is None or not known.name:
        raise AssertionError("a customer of old has no name")
    known.newsletter = not known.newsletter
    session.flush()
    session.execute(sa.select(sa.func.sum(Order.total)).where(Order.customer_id == customer.id)).one()
