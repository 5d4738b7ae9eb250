"""The shop: an application process that reads and writes all the time, and never tries anything twice.

::

    DATABASE_URL=… python -m migrator.demo.shop --version 1 --records FILE …

Versions 1 and 2 differ in their SQL only, ``queries/shop_1.sql`` and ``queries/shop_2.sql``. It is an ordinary
application: psycopg as it comes, prepared statements included, and ``migrator.client`` for the heartbeat. It stops at
SIGTERM and when its standard input ends, so that it never outlives who started it.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from migrator.client import Fenced, Heartbeat, application_name
from migrator.demo.records import Operation, Recorder, Seen
from migrator.postgres.queries import load

SERVICE = "shop"
LEVELS = {1: 0, 2: 1}
"""The schema level each version of the code was built at."""

_FENCED_EXIT = 13
_HOT_ORDERS = 200
_CARTS = 500
_PRODUCTS = ("apple", "bread", "cheese", "dates", "eggs")

Connection = psycopg.Connection[Any]
Connect = Callable[[], Connection]
Result = tuple[tuple[Seen, ...], tuple[Seen, ...]]
"""What was written, what was read."""


@dataclass(frozen=True, slots=True)
class Goods:
    """What there is to work on.

    Attributes:
        orders: number of orders that were there at the beginning, ids from 1.
        customers: number of customers, ids from 1.
    """

    orders: int
    customers: int


class Shop:
    """The requests one process answers, one after the other, on one connection."""

    def __init__(self, connect: Connect, version: int, name: str, goods: Goods, choice: random.Random) -> None:
        texts = load("migrator.demo.queries", f"shop_{version}.sql")
        self._sql = {key: text.encode() for key, text in texts.items()}
        self._connect, self._name, self._goods, self._random = connect, name, goods, choice
        self._connection: Connection | None = None
        self._placed: list[int] = []
        self._kinds: dict[str, tuple[Callable[[Connection], Result], int]] = {
            "place": (self._place, 15),
            "change": (self._change, 20),
            "move": (self._move, 10),
            "cart": (self._cart, 10),
            "read": (self._read, 30),
            "summary": (self._summary, 15),
        }

    def answer(self) -> tuple[str, str | None, Result]:
        """One request: its kind, the error if it failed, what it wrote and read."""
        weights = [weight for _, weight in self._kinds.values()]
        kind = self._random.choices(list(self._kinds), weights)[0]
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._connect()
            return kind, None, self._kinds[kind][0](self._connection)
        except psycopg.Error as error:
            text = error.diag.message_primary or str(error).strip()
            return kind, f"{error.sqlstate or 'lost'} {text}", ((), ())

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def _place(self, connection: Connection) -> Result:
        """A transaction over three tables."""
        reference = f"{self._name}-{time.time_ns()}"
        order = {"customer": self._customer(), "reference": reference, "total": self._total()}
        with connection.transaction():
            row = connection.execute(self._sql["place"], order).fetchone()
            line = {"order": row.id, "product": self._random.choice(_PRODUCTS)} if row else {}
            connection.execute(self._sql["add_line"], line)
            connection.execute(self._sql["count_order"], order)
        written = _seen([row])
        self._placed.append(written[0].order)
        return written, ()

    def _change(self, connection: Connection) -> Result:
        """One statement."""
        change = {"order": self._order(), "total": self._total()}
        return _seen(connection.execute(self._sql["change"], change).fetchall()), ()

    def _move(self, connection: Connection) -> Result:
        """A transaction that reads two orders under lock and moves an amount from one to the other."""
        chosen = list({self._order(), self._order()})
        with connection.transaction():
            read = _seen(connection.execute(self._sql["lock_two"], {"orders": chosen}).fetchall())
            totals = [each.total for each in read]
            if len(read) != 2 or totals[0] is None or totals[1] is None:
                return (), read
            amount = min(totals[0], self._random.randrange(1, 1000))
            written = []
            for each, total in zip(read, (totals[0] - amount, totals[1] + amount), strict=True):
                change = {"order": each.order, "total": total}
                written += connection.execute(self._sql["change"], change).fetchall()
        return _seen(written), read

    def _cart(self, connection: Connection) -> Result:
        """An upsert of one of a few keys that all processes share."""
        cart = {
            "customer": self._customer(),
            "reference": f"cart-{self._random.randrange(_CARTS)}",
            "total": self._total(),
        }
        return _seen(connection.execute(self._sql["cart"], cart).fetchall()), ()

    def _read(self, connection: Connection) -> Result:
        """A read by key."""
        return (), _seen(connection.execute(self._sql["read"], {"order": self._order()}).fetchall())

    def _summary(self, connection: Connection) -> Result:
        """An aggregate through an index that mentions the column."""
        connection.execute(self._sql["summary"], {"customer": self._customer()}).fetchone()
        return (), ()

    def _order(self) -> int:
        """A few orders are wanted by every process, others by chance, others are this process's own."""
        kind = self._random.random()
        if kind < 0.3:
            return self._random.randint(1, min(_HOT_ORDERS, self._goods.orders))
        if kind < 0.5 and self._placed:
            return self._random.choice(self._placed[-100:])
        return self._random.randint(1, self._goods.orders)

    def _customer(self) -> int:
        return self._random.randint(1, self._goods.customers)

    def _total(self) -> int:
        return self._random.randrange(100_000)


def work(shop: Shop, heartbeat: Heartbeat, recorder: Recorder, stop: threading.Event, pause_s: float) -> None:
    """Answer requests until told to stop, while the heartbeat's lease is valid."""
    while not stop.is_set():
        if heartbeat.lease_valid:
            started = time.monotonic()
            kind, error, (writes, reads) = shop.answer()
            ms = (time.monotonic() - started) * 1000
            recorder.add(Operation("", 0, kind, started, ms, error, writes, reads))
        stop.wait(pause_s)


def main() -> int:
    """Run one process; its exit code, 13 when the database refuses this version of the code."""
    options = _options()
    level = LEVELS[options.version]
    version = f"{options.version}.0"
    name = application_name(SERVICE, level=level, version=version)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()

    def connect() -> Connection:
        return psycopg.connect(
            os.environ["DATABASE_URL"], autocommit=True, application_name=name, row_factory=namedtuple_row
        )

    choice = random.Random(options.seed)  # noqa: S311 - which order is read is no secret
    shop = Shop(connect, options.version, options.name, Goods(options.orders, options.customers), choice)
    try:
        with (
            Recorder(options.records) as recorder,
            Heartbeat(
                connect,
                service=SERVICE,
                level=level,
                version=version,
                instance=options.name,
                on_fenced=lambda _: stop.set(),
            ) as heartbeat,
        ):
            recorder.started()
            try:
                work(shop, heartbeat, recorder, stop, options.pause_ms / 1000)
            finally:
                shop.close()
            if heartbeat.refused:
                raise Fenced(heartbeat.refused)
    except Fenced as error:
        print(f"{options.name}: the database refuses version {version}: {error}", file=sys.stderr)
        return _FENCED_EXIT
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="shop", description="A process of the demonstration's shop.")
    parser.add_argument("--version", type=int, choices=sorted(LEVELS), required=True, help="of the code")
    parser.add_argument("--name", required=True, help="of this process, for people")
    parser.add_argument("--records", type=Path, required=True, help="file to write down every operation in")
    parser.add_argument("--orders", type=int, required=True, help="how many orders there are")
    parser.add_argument("--customers", type=int, required=True, help="how many customers there are")
    parser.add_argument("--seed", type=int, required=True, help="of the random choices")
    parser.add_argument("--pause-ms", type=float, default=4.0, help="between two requests")
    return parser.parse_args()


def _stop_at_end_of_input(stop: threading.Event) -> None:
    # Not through sys.stdin: a thread that sits in its buffer's lock makes the interpreter's exit fail.
    while os.read(0, 1024):
        pass
    stop.set()


def _seen(rows: list[Any]) -> tuple[Seen, ...]:
    return tuple(Seen(*row) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
