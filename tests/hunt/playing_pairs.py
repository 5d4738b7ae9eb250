"""Pairs of changes on one table are played: in one migration, and as two that are pending at once.

Expanded, written by code of all versions, undone: the schema is as before. Expanded, filled, contracted: the schema is
what the plain SQL makes. Or refused before anything is changed. Nothing runs beside; lives do that.

What is undone, when the second of two is filled, and whether it is written in the names from before the first, is drawn
by the name of the pair.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from migrator.errors import MigratorError
from migrator.model.plan import Migration
from tests.hunt.forms import FIRST, ROWS, Gone, Names, beginning
from tests.hunt.pairs import Pair
from tests.hunt.play import unplaced
from tests.hunt.world import Wrong
from tests.support.sandbox import Sandbox, open_sandbox

OFFLINE = "nobody is connected in this test"
REFUSED, OUT_OF_ORDER = 1, 5
"""Exit codes of what nothing was changed by."""


@dataclass
class Play:
    """One pair in a database of its own.

    Attributes:
        versions: names that code goes by: the old, and the new of each migration that is expanded.
        rows: by key, what was written; of new code that is not filled yet, see ``filled``.
        outcome: what it came to, in a word or two; what went wrong, if it ``failed``.
        refusal: what the tool said, if it refused it.
    """

    sandbox: Sandbox
    pair: Pair
    versions: list[Names] = field(default_factory=list)
    rows: dict[int, str] = field(default_factory=dict)
    counted: int = FIRST + ROWS
    outcome: str = ""
    refusal: str = ""
    failed: bool = False

    def play(self) -> None:
        first, second = self.pair.first, self.pair.second
        begun = beginning(first, second)
        assert begun is not None
        setup, names = begun
        after = first.after(names, 1)
        written_in, last = self.names_of_second(names, after)
        sqls = first.written(names, 1), second.written(written_in, 2)
        try:
            self.sandbox.execute(setup)
        except MigratorError as error:
            self.outcome = f"no schema for both: {error.message}"
            return
        self.rows = {number: str(FIRST - 1 + number) for number in range(1, ROWS + 1)}
        self.versions = [names]
        self.sandbox.install()
        plain = first.written(names, 1, plainly=True), second.written(written_in, 2, plainly=True)
        self.plain = self.plainly(*(plain if written_in is after else reversed(plain)))
        self.first_alone = self.plainly(plain[0], "SELECT 1")
        if self.plain is None and "" not in (first.naive, second.naive) and not self.pair.carries:
            self.outcome = "the plain SQL fails, "
        if self.pair.way == "together":
            self.together(";\n".join(sqls), last)
        else:
            self.apart(sqls, after, last)

    def names_of_second(self, names: Names, after: Names) -> tuple[Names, Names]:
        """Those that the second is written in, and those after both.

        What is called as before until contract may be called so by a change that is planned meanwhile.
        """
        first, second = self.pair.first, self.pair.second
        if self.pair.way != "together" and self.pair.draw("names from before", 3) == 0:
            with contextlib.suppress(Gone):
                if second.written(names, 2) != second.written(after, 2):
                    return names, first.after(second.after(names, 2), 1)
        return after, second.after(after, 2)

    def plainly(self, first: str, second: str) -> frozenset[str] | None:
        """The shape that the SQL alone makes, if it makes one."""
        if not first or not second or self.pair.carries:
            return None
        try:
            return self.sandbox.shape_after(f"{first};\n{second}")
        except MigratorError:
            return None

    # In one migration

    def together(self, sql: str, names: Names) -> None:
        before = self.sandbox.snapshot()
        migration = self.expanded(sql, before)
        if migration is None:
            return
        self.versions.append(names)
        self.work()
        self.undo(migration, before)
        self.sandbox.expand(migration)
        self.versions.append(names)
        self.work()
        self.sandbox.backfill(migration)
        self.work(filled=True)
        self.contract(migration)
        self.end()

    # In two

    def apart(self, sqls: tuple[str, str], after: Names, last: Names) -> None:
        before = self.sandbox.snapshot()
        first = self.expanded(sqls[0], before)
        if first is None:
            self.outcome += " the first"
            return
        self.versions.append(after)
        self.work()
        between = self.sandbox.snapshot()
        second = self.expanded(sqls[1], between)
        if second is None:
            self.outcome = "waits, "
            self.finish(first)
            sql = self.pair.second.written(after, 2)
            if (second := self.expanded(sql, self.sandbox.snapshot())) is not None:
                self.versions.append(last)
                self.finish(second)
                self.end()
            return
        self.versions.append(last)
        self.work()
        self.undone(first, second, before, between)
        if self.pair.way == "apart:first":
            self.in_order(first, second)
        else:
            self.out_of_order(first, second)

    def in_order(self, first: Migration, second: Migration) -> None:
        """Contract the first, then the second, or undo that: filled before, or behind."""
        early = self.pair.draw("both filled", 2) == 0
        for each in (first, second) if early else (first,):
            self.sandbox.backfill(each)
        self.work(filled=early)
        if not self.tried(self.sandbox.contract, first, offline=OFFLINE):
            self.outcome += f"the first cannot be contracted first ({self.refusal}), "
            self.refusal = ""
            self.sandbox.backfill(second)
            self.contract(second)
            self.contract(first)
            self.end()
            return
        del self.versions[0]
        self.work(filled=early)
        if self.pair.draw("the second undone", 4) == 0 and self.second_undone(second):
            return
        self.sandbox.backfill(second)
        self.work(filled=True)
        self.contract(second)
        self.end()

    def out_of_order(self, first: Migration, second: Migration) -> None:
        """Contract the second first, if that can be."""
        for each in (first, second):
            self.sandbox.backfill(each)
        self.work(filled=True)
        if self.tried(self.sandbox.contract, second, offline=OFFLINE):
            self.outcome += "the second contracted first, "
            self.versions[:] = [self.versions[-1]]
            self.contract(first)
        else:
            self.refusal = ""
            self.contract(first)
            del self.versions[0]
            self.work(filled=True)
            self.contract(second)
        self.end()

    def second_undone(self, second: Migration) -> bool:
        """Undo it behind the contract of the first, unless it is too late: what is left is what that makes, alone."""
        if not self.tried(self.sandbox.rollback, second, offline=OFFLINE, yes=True):
            self.outcome += "the second cannot be undone behind the first, "
            return False
        self.versions.pop()
        self.plain = self.first_alone
        self.end(stays=self.pair.second.stays)
        self.outcome += " with the first, the second undone"
        return True

    def undone(self, first: Migration, second: Migration, before: frozenset[str], between: frozenset[str]) -> None:
        """Undo both, the second one, or neither, and expand them again; the first one alone cannot be."""
        how = self.pair.draw("undone", 6)
        if how > 2:
            return
        _, after, last = self.versions
        if how == 1 and self.tried(self.sandbox.rollback, first, offline=OFFLINE, yes=True):
            raise Wrong("the first was undone below the second")
        self.refusal = ""
        self.undo(second, between)
        if how == 2:
            self.undo(first, before)
            self.sandbox.expand(first)
            self.versions.append(after)
            self.work()
        self.sandbox.expand(second)
        self.versions.append(last)

    def finish(self, migration: Migration) -> None:
        self.sandbox.backfill(migration)
        self.work(filled=True)
        self.contract(migration)
        del self.versions[0]
        self.work(filled=True)

    # Steps

    def expanded(self, sql: str, before: frozenset[str]) -> Migration | None:
        phase = "new"
        try:
            migration = self.sandbox.new(f"number {len(self.sandbox.migrations())}", sql)
            phase = "expand"
            self.sandbox.expand(migration)
        except MigratorError as error:
            self.outcome += f"refused by {phase}"
            self.refusal = error.render()
            if error.exit_code == 70:
                raise Wrong(f"a bug: {self.refusal}") from error
            self.same(before, self.sandbox.snapshot(), "after it was refused")
            return None
        return migration

    def undo(self, migration: Migration, before: frozenset[str]) -> None:
        self.sandbox.rollback(migration, offline=OFFLINE, yes=True)
        self.versions.pop()
        self.as_before(before)
        self.work()

    def as_before(self, before: frozenset[str]) -> None:
        stays = "|".join(filter(None, [self.pair.first.stays, self.pair.second.stays]))
        wanted, seen = (without(stays, shape) for shape in (before, self.sandbox.snapshot()))
        self.same(wanted, seen, "after rollback")

    def tried(self, run: Callable[..., None], migration: Migration, **options: Any) -> bool:
        before = self.sandbox.snapshot()
        try:
            run(migration, **options)
        except MigratorError as error:
            if error.exit_code not in (REFUSED, OUT_OF_ORDER):
                raise
            self.refusal = error.render()
            self.same(before, self.sandbox.snapshot(), f"after {error.render()}")
            return False
        return True

    def contract(self, migration: Migration) -> None:
        try:
            self.sandbox.contract(migration, offline=OFFLINE)
        except MigratorError as error:
            raise Wrong(f"contract: {error.render()}") from error

    def end(self, stays: str = "") -> None:
        self.versions[:-1] = []
        self.work(filled=True)
        left = self.sandbox.leftovers()
        if left:
            raise Wrong(f"left: {left}")
        if self.plain is not None:
            wanted, seen = (without(stays, shape) for shape in (self.plain, self.sandbox.snapshot()))
            self.same(wanted, seen, "at the end, plain SQL and migrations", placed=False)
        self.outcome += "done"

    def same(self, wanted: frozenset[str], seen: frozenset[str], when: str, *, placed: bool = True) -> None:
        first, second = (Counter(wanted), Counter(seen)) if placed else (unplaced(wanted), unplaced(seen))
        if first != second:
            missing, more = sorted((first - second).elements()), sorted((second - first).elements())
            raise Wrong(f"{when}:\n  missing: " + "\n    ".join(missing) + "\n  too many: " + "\n    ".join(more))

    # Code

    def work(self, *, filled: bool = False) -> None:
        """Writes of every version, and what every version reads afterwards."""
        with psycopg.connect(self.sandbox.url, autocommit=True) as connection:
            # Code that looks for rows by what is not filled yet does not run.
            running = [each for each in self.versions if filled or each.given["key"] == self.versions[0].given["key"]]
            for names in running:
                self.write(connection, names, is_old=names is self.versions[0])
            for names in running:
                self.read(connection, names, filled=filled or names is self.versions[0])

    def write(self, connection: psycopg.Connection[Any], names: Names, *, is_old: bool) -> None:
        if not names.has("table"):
            return
        keys = sorted(self.rows)
        table, key = names["t"], names["key"]
        if names.has("n"):
            self.send(connection, f"UPDATE {table} SET {names['n']} = {names['n']} WHERE {key} = {keys[1]}")
        if not names.has("reads"):
            return
        w = self.fresh()
        given = names.but(w=w, w1=w[0], w2=w[1:])
        changed = keys[self.counted % 5]
        sql = f"UPDATE {table} SET ({given['columns']}) = ROW({given['values']}) WHERE {key} = {changed}"
        if not self.send(connection, f"{sql} RETURNING {key}"):
            raise Wrong(f"no row: {sql}")
        self.rows[changed] = w
        if names.has("inserts"):
            w = self.fresh()
            given = names.but(w=w, w1=w[0], w2=w[1:])
            columns, values = (given[each] + given[f"more_{each}"] for each in ("columns", "values"))
            sql = f"INSERT INTO {table} ({columns}) VALUES ({values}) RETURNING {key}"
            ((number,),) = self.send(connection, sql)
            self.rows[number] = w
        if is_old and len(keys) > 8:
            self.send(connection, f"DELETE FROM {table} WHERE {key} = {keys[6]}")
            del self.rows[keys[6]]

    def fresh(self) -> str:
        self.counted += 1
        return str(self.counted)

    def read(self, connection: psycopg.Connection[Any], names: Names, *, filled: bool) -> None:
        if not names.has("table") or not names.has("reads"):
            return
        seen = dict(self.send(connection, f"SELECT {names['key']}, {names['reads']} FROM {names['t']}"))
        if names.has("inserts") and seen.keys() != self.rows.keys():
            raise Wrong(f"{names['t']}: rows {sorted(seen)}, committed {sorted(self.rows)}")
        for key, value in seen.items():
            if value != self.rows.get(key) and not (value is None and not filled):
                raise Wrong(f"{names['t']}.{names['value']} of {key}: {value!r}, committed {self.rows.get(key)!r}")

    def send(self, connection: psycopg.Connection[Any], sql: str) -> list[tuple[Any, ...]]:
        try:
            cursor = connection.execute(sql)  # type: ignore[call-overload]
        except psycopg.Error as error:
            raise Wrong(f"a query failed: {error.sqlstate} {error}\n  {sql}") from error
        return cursor.fetchall() if cursor.description else []


def without(pattern: str, shape: frozenset[str]) -> frozenset[str]:
    """The lines of a shape that do not begin with what the pattern matches, if there is one."""
    return frozenset(line for line in shape if not pattern or not re.match(pattern, line))


def play(admin: psycopg.Connection[Any], url_of: Callable[[str], str], folder: Path, pair: Pair) -> Play:
    """Play one in a database that goes with it."""
    name = f"pair_{secrets.token_hex(5)}"
    admin.execute(f"CREATE DATABASE {name}")
    try:
        with open_sandbox(folder, url_of(name)) as sandbox:
            played = Play(sandbox, pair)
            try:
                played.play()
            except (AssertionError, MigratorError, psycopg.Error, KeyError) as error:
                told = error.render() if isinstance(error, MigratorError) else str(error)
                played.failed, played.outcome = True, f"FAILED: {type(error).__name__}: {told}"
                if not isinstance(error, Wrong):
                    played.outcome += "\n" + traceback.format_exc(limit=-4)
            return played
    finally:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def sample(
    admin: psycopg.Connection[Any], url_of: Callable[[str], str], pairs: Iterable[Pair], deadline: float
) -> Iterator[Play]:
    """Play one after the other until a time of the monotonic clock."""
    for pair in pairs:
        if time.monotonic() > deadline:
            return
        with tempfile.TemporaryDirectory() as folder:
            yield play(admin, url_of, Path(folder), pair)
