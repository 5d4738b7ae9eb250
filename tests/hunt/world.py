"""Writes of an application in several versions, what they must come to, and whether every version reads it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from migrator.client import application_name
from tests.hunt.state import ANYTHING, COMPUTED, Attribute, Row, State, Table, Values, quoted

YIELDS = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)
"""A write that waits for the tool is given up, so that both may be in one thread; others would be repeated."""
MOODS = ["glad", "sad", "calm"]


class Wrong(AssertionError):
    """A write was lost, or a query failed."""


@dataclass
class Pending:
    """What is between two versions.

    Attributes:
        number: counts expands, over all the time.
        stand_ins: what old code finds where new code writes nothing.
    """

    number: int
    stand_ins: dict[str, str] = field(default_factory=dict)
    is_filled: bool = False


@dataclass
class World:
    """The rows, and the versions that write them.

    Attributes:
        states: what is there for good, then one more for each migration that is pending.
        pending: between them.
        active: versions that run, as positions in ``states``.
        levels: of the versions, by position, for the gate.
        coming: what is being expanded: what it fills may be filled already.
        expands: how many there were; ``counted``: numbers that values were made of.
        log: the statements.
    """

    url: str
    role: str
    chance: random.Random
    states: list[State]
    pending: list[Pending] = field(default_factory=list)
    active: list[int] = field(default_factory=lambda: [0])
    levels: list[int] = field(default_factory=lambda: [0])
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    coming: State | None = None
    expands: int = 0
    counted: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    connections: dict[int, psycopg.Connection[Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    isolation: str = "read committed"

    # Sessions

    def connection(self, level: int) -> psycopg.Connection[Any]:
        if level not in self.connections or self.connections[level].closed:
            name = application_name("web", level=level, version=f"v{level}")
            connection = psycopg.connect(self.url, user=self.role, autocommit=True, application_name=name)
            connection.prepare_threshold = None
            connection.execute("SET lock_timeout = '60ms'")
            connection.execute(sql.SQL("SET default_transaction_isolation = {}").format(self.isolation))
            self.connections[level] = connection
        return self.connections[level]

    def leave(self) -> None:
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()

    def send(self, position: int, statement: str) -> list[tuple[Any, ...]] | None:
        """The rows; None: it had to wait and was given up."""
        level = self.levels[position]
        try:
            cursor = self.connection(level).execute(statement)  # type: ignore[call-overload]
        except YIELDS:
            self.ended["given up"] += 1
            return None
        except psycopg.Error as error:
            raise Wrong(f"version {level}: {error.sqlstate} {error}\n  {statement}") from error
        self.log.append(f"v{level}: {statement}")
        self.ended["sent"] += 1
        return cursor.fetchall() if cursor.description else []

    # What is true of an attribute while several versions run

    def known(self, table_id: str, name: str) -> list[Attribute]:
        return [
            state.tables[table_id].attributes[name]
            for state in (*self.states, *([self.coming] if self.coming else []))
            if name in state.tables[table_id].attributes
        ]

    def names(self, table_id: str) -> list[str]:
        return list(dict.fromkeys(name for state in self.states for name in state.tables[table_id].attributes))

    def omitted(self, table_id: str, name: str) -> Values:
        found: Values = frozenset()
        for each in self.known(table_id, name):
            found |= each.omitted
            if each.fill is not None:
                found |= {each.fill}
        return found | {each.stand_ins[name] for each in self.pending if name in each.stand_ins}

    def value(self, table_id: str, name: str, *, new: bool) -> str | None:
        known, chance = self.known(table_id, name), self.chance
        first = known[0]
        may_be_null = all(each.nullable for each in known) and (new or all(each.is_filled for each in self.pending))
        if first.kind == "ref":
            ids = list(self.rows[first.refers])
            may_be_null = may_be_null or not ids
            return None if not ids or (may_be_null and chance.random() < 0.3) else chance.choice(ids)
        if may_be_null and chance.random() < 0.2:
            return None
        self.counted += 1
        match first.kind:
            case "number":
                return str(chance.randrange(1000))
            case "pair":
                return f"a{chance.randrange(50)} b{self.counted}"
            case "mood":
                return chance.choice(MOODS)
        return f"w{self.counted}" if any(each.unique for each in known) else f"w{chance.randrange(9)}"

    def activate(self) -> None:
        """Every version runs but those that look for rows by a name that is not filled yet."""
        self.active = [0]
        for position, pending in enumerate(self.pending, 1):
            old, new = self.states[position - 1 : position + 1]
            if not pending.is_filled and any(new.tables[each].key != old.tables[each].key for each in new.tables):
                break
            self.active.append(position)

    # Writes

    def seed(self, rows: int) -> None:
        for table_id in self.states[0].tables:
            self.rows[table_id] = {}
        for _ in range(rows):
            for table_id in self.rows:
                self.insert(0, table_id)

    def write(self, operations: int = 1) -> None:
        for _ in range(operations):
            position = self.chance.choice(self.active)
            table_id = self.chance.choice(list(self.rows))
            what = self.chance.choices([self.insert, self.update, self.upsert, self.delete], [4, 7, 2, 1])[0]
            what(position, table_id)

    def writable(self, position: int, table_id: str) -> list[str]:
        table = self.states[position].tables[table_id]
        return [name for name, each in table.attributes.items() if each.kind != "computed"]

    def insert(self, position: int, table_id: str) -> None:
        table = self.states[position].tables[table_id]
        row = Row({}, self.expands)
        columns: dict[str, str] = {}
        writable = self.writable(position, table_id)
        for name in self.names(table_id):
            attribute = table.attributes.get(name)
            known = self.known(table_id, name)
            # What old code leaves out is filled; new code knows that it has to be there.
            required = any(each.required and (each is attribute or each.fill is None) for each in known)
            if attribute is None or name not in writable or not (required or self.chance.random() < 0.7):
                row.values[name] = self.omitted(table_id, name)
                continue
            value = self.value(table_id, name, new=True)
            if value is None and required:
                value = "w0"
            row.values[name] = frozenset([value])
            row.written[name] = self.expands
            columns.update(attribute.view.writes(value))
        body = f"({', '.join(map(quoted, columns))}) VALUES ({', '.join(columns.values())})"
        if not columns:
            body = "DEFAULT VALUES"
        answer = self.send(position, f"INSERT INTO {table.sql} {body} RETURNING {quoted(table.key)}")
        if answer:
            self.rows[table_id][str(answer[0][0])] = row

    def update(self, position: int, table_id: str) -> None:
        table, chance = self.states[position].tables[table_id], self.chance
        ids = list(self.rows[table_id])
        writable = self.writable(position, table_id)
        if not ids or not writable:
            return
        chosen = chance.choices(ids, k=chance.choice([1, 1, 1, 2, 4]))
        names = chance.sample(writable, k=min(len(writable), chance.choice([1, 1, 2])))
        if any(each.unique for name in names for each in self.known(table_id, name)):
            chosen = chosen[:1]
        values = {name: self.value(table_id, name, new=False) for name in names}
        columns = {
            column: text for name, value in values.items() for column, text in table.attributes[name].view.writes(value)
        }
        if chance.random() < 0.15:
            values, columns = {}, {"counted": "counted + 1"}
        what = ", ".join(f"{quoted(column)} = {text}" for column, text in columns.items())
        answer = self.send(
            position,
            f"UPDATE {table.sql} SET {what} WHERE {quoted(table.key)} IN ({', '.join(chosen)})"
            f" RETURNING {quoted(table.key)}",
        )
        if answer is None:
            return
        if {str(key) for (key,) in answer} != set(chosen):
            raise Wrong(f"{table.sql}: {answer} updated of {chosen}")
        for key in dict.fromkeys(chosen):
            row = self.rows[table_id][key]
            row.touched = self.expands
            for name, value in values.items():
                row.values[name] = frozenset([value])
                row.written[name] = self.expands

    def upsert(self, position: int, table_id: str) -> None:
        """A row that is there already, by another key than its own."""
        table = self.states[position].tables[table_id]
        arbiters = [name for name, each in table.attributes.items() if each.is_arbiter]
        if not arbiters or not all(each.is_filled for each in self.pending[:position]):
            return
        arbiter = self.chance.choice(arbiters)
        there = {
            value: key
            for key, row in self.rows[table_id].items()
            if len(values := row.values.get(arbiter, ())) == 1
            for value in values
            if value is not None
        }
        names = [name for name in self.writable(position, table_id) if name != arbiter]
        if not there or not names:
            return
        taken, changed = self.chance.choice(list(there)), self.chance.choice(names)
        values: dict[str, str | None] = {arbiter: taken}
        for name in names:
            if name == changed or any(each.required for each in self.known(table_id, name)):
                values[name] = self.value(table_id, name, new=False)
        columns = {
            column: text for name, value in values.items() for column, text in table.attributes[name].view.writes(value)
        }
        what = ", ".join(f"{each} = EXCLUDED.{each}" for each in map(quoted, table.attributes[changed].view.columns))
        body = f"({', '.join(map(quoted, columns))}) VALUES ({', '.join(columns.values())})"
        on = quoted(table.attributes[arbiter].column)
        answer = self.send(
            position,
            f"INSERT INTO {table.sql} {body} ON CONFLICT ({on}) DO UPDATE SET {what} RETURNING {quoted(table.key)}",
        )
        if answer is None:
            return
        key = there[taken]
        if answer != [(int(key),)]:
            raise Wrong(f"{table.sql}: upsert of row {key} came to {answer}")
        row = self.rows[table_id][key]
        row.touched, row.values[changed], row.written[changed] = (
            self.expands,
            frozenset([values[changed]]),
            self.expands,
        )

    def delete(self, position: int, table_id: str) -> None:
        if not self.rows[table_id]:
            return
        key = self.chance.choice(list(self.rows[table_id]))
        gone, emptied = {(table_id, key)}, set[tuple[str, str, str]]()
        before = 0
        while len(gone) != before:
            before = len(gone)
            for other, name, other_key in self.referring(gone):
                match self.states[0].tables[other].attributes[name].on_delete:
                    case "CASCADE":
                        gone.add((other, other_key))
                    case "SET NULL":
                        emptied.add((other, name, other_key))
                    case _:
                        return
        table = self.states[position].tables[table_id]
        if self.send(position, f"DELETE FROM {table.sql} WHERE {quoted(table.key)} = {key}") is None:
            return
        for other, name, other_key in emptied:
            row = self.rows[other][other_key]
            row.values[name], row.touched = frozenset([None]), self.expands
            row.written[name] = self.expands
        for other, other_key in gone:
            self.rows[other].pop(other_key)

    def referring(self, gone: set[tuple[str, str]]) -> list[tuple[str, str, str]]:
        """Rows that point to rows that go, in any version."""
        found = []
        for table_id, rows in self.rows.items():
            for name in self.names(table_id):
                known = self.known(table_id, name)
                if known[0].kind != "ref":
                    continue
                found += [
                    (table_id, name, key)
                    for key, row in rows.items()
                    for value in row.values.get(name, ())
                    if value is not None and (known[0].refers, value) in gone and (table_id, key) not in gone
                ]
        if any(name not in self.states[0].tables[table_id].attributes for table_id, name, _ in found):
            return [("", "", "")]
        return found

    def keep_filled(self, position: int) -> None:
        """What was filled stays so when the migration after this version is undone."""
        old, new = self.states[position : position + 2]
        for table_id, table in new.tables.items():
            for name, each in table.attributes.items():
                if each.fill is not None and name in old.tables[table_id].attributes:
                    for row in self.rows[table_id].values():
                        found = row.values.get(name) or self.omitted(table_id, name)
                        row.values[name] = found | {each.fill} if None in found else found

    # Reads

    def check(self) -> None:
        """Every version that runs reads what was committed."""
        for table_id, rows in self.rows.items():
            read: dict[str, dict[str, str | None]] = {}
            for position in sorted(self.active):
                self.compare(position, table_id, rows, read)

    def compare(
        self, position: int, table_id: str, rows: dict[str, Row], read: dict[str, dict[str, str | None]]
    ) -> None:
        table = self.states[position].tables[table_id]
        names = list(table.attributes)
        what = ", ".join([quoted(table.key), *(each.view.select for each in table.attributes.values())])
        answer = self.send(position, f"SELECT {what} FROM {table.sql}")
        if answer is None:
            return
        seen = {str(key): dict(zip(names, values, strict=True)) for key, *values in answer}
        if seen.keys() != rows.keys():
            lost, more = rows.keys() - seen.keys(), seen.keys() - rows.keys()
            raise Wrong(f"version {self.levels[position]} of {table.sql}: lost {lost}, too many {more}")
        for key, row in rows.items():
            for name in names:
                found, before = seen[key][name], read.setdefault(key, {})
                allowed = self.allowed(table_id, name, row)
                if self.fits(found, allowed, before, name):
                    before.setdefault(name, found)
                    if allowed != COMPUTED and found is not None:
                        row.values[name] = frozenset([found])
                elif not (found is None and self.may_be_unfilled(position, table_id, name, row)):
                    told = sorted(map(str, allowed))
                    raise Wrong(
                        f"version {self.levels[position]} of {table.sql}, row {key}: {name} is {found!r},"
                        f" committed {told}, others read {before.get(name)!r}"
                    )

    def allowed(self, table_id: str, name: str, row: Row) -> Values:
        """What was committed, and what the author's triggers and fillings make of it."""
        found, known = row.values.get(name) or self.omitted(table_id, name), self.known(table_id, name)
        if None in found:
            found |= {each.fill for each in known if each.fill is not None}
        if any(each.loud for each in known):
            found |= {value.upper() for value in found if value is not None}
        return found

    @staticmethod
    def fits(found: str | None, allowed: Values, before: dict[str, str | None], name: str) -> bool:
        if name in before and found != before[name]:
            return False
        return allowed == COMPUTED or found in allowed or (found is not None and bool(ANYTHING & allowed))

    def may_be_unfilled(self, position: int, table_id: str, name: str, row: Row) -> bool:
        """Whether a backfill has yet to come to it."""
        for number in range(1, position + 1):
            pending = self.pending[number - 1]
            old, new = (self.states[each].tables[table_id] for each in (number - 1, number))
            if pending.is_filled or row.written.get(name, 0) >= pending.number:
                continue
            if name not in old.attributes or row.touched < pending.number:
                was = old.attributes.get(name)
                if was is None or was.view != new.attributes[name].view or was.type != new.attributes[name].type:
                    return True
        return False

    def table(self, position: int, table_id: str) -> Table:
        return self.states[position].tables[table_id]
