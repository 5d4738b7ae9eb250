"""What is known at the place where a statement runs: phase, transaction, timeouts, and what came before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from migrator.lint import replay, replay_actions
from migrator.lint.catalog import BASE, TEMPORARY, Catalog, Column, Table
from migrator.lint.surroundings import NOTHING, Surroundings
from migrator.lint.transactions import Event, Membership, Transactions
from migrator.model.effects import Effects, TableLock
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.effects import effects_of, relation_name
from migrator.sql.parser import Block, Script, Statement, pb, unwrap

if TYPE_CHECKING:
    from migrator.model.manifest import Manifest

_MAY_LOCK = frozenset(
    {"alter_table_stmt", "drop_stmt", "rename_stmt", "truncate_stmt", "index_stmt", "lock_stmt", "create_trig_stmt",
     "cluster_stmt", "rule_stmt", "create_policy_stmt", "alter_object_schema_stmt", "refresh_mat_view_stmt"}
)  # fmt: skip


class Held(Struct, frozen=True):
    """A lock on an existing table that an earlier statement of the same transaction took."""

    lock: TableLock
    statement: Statement


class Alteration(Struct, frozen=True, gc=False):
    """One action of ALTER TABLE.

    Attributes:
        statement: the whole statement.
        command: the ``AlterTableCmd`` node.
        definition: what its ``def`` holds: ``ColumnDef``, ``Constraint``, an expression; None if nothing.
        relation: the table as SQL, quoted where needed.
        table: what is known of it.
        is_new: whether nobody else can be using it yet.
        number: of the action in its statement, from 0.
    """

    statement: Statement
    command: Any
    definition: Any
    relation: str
    table: Table
    is_new: bool
    number: int

    @property
    def column(self) -> Column:
        """What is known of the column the action names; empty knowledge if nothing."""
        return self.table.columns.get(self.command.name) or Column(self.command.name)


class Context(Surroundings):
    """State of one history of files; the engine moves it forward, rules only read it.

    Attributes:
        catalog: the schema as it is just before the current statement.
        file: number of the current file.
        pg_version: oldest server in use.
        phase: phase of the current file; None: an ordinary file.
        phased: whether migrator itself runs the file, with its timeouts.
        held: strong locks on existing tables that the current transaction holds already.
        timeout_set: whether a ``lock_timeout`` is in force.
        utc: whether the file set TimeZone to UTC.
        settings: what the file SET, by lower-case name; an empty string where it went back to the default.
        earlier_phases: statements of the expand and of the backfill of the same migration.
        change_kinds: kinds of change that the migration says it makes.
        unchecked: places of the current part of the file that run SQL which was not looked at, as offsets.
        reported_once: rules that speak once per file note it here.
        manifests: what releases that run, or will, use of the database.
        level: of the migration that the current file belongs to; None: not known.
    """

    def __init__(self, pg_version: int, manifests: Sequence[Manifest] = ()) -> None:
        super().__init__()
        self.manifests = manifests
        self.level: int | None = None
        self.catalog = Catalog()
        self.file = self._deploy = 0
        self.pg_version = pg_version
        self.phase: Phase | None = None
        self.phased = False
        self.held: list[Held] = []
        self.timeout_set = False
        self.utc = False
        self.settings: dict[str, str] = {}
        self.unchecked: list[int] = []
        self.reported_once: set[str] = set()
        self._transactions = Transactions(phased=False, wrapped=None)
        self._begun_at = 0
        self._savepoints: dict[str, int] = {}
        self._timeout_before = False
        self._effects: dict[int, Effects] = {}
        self._block: Block | None = None
        self._migration = ""
        self.earlier_phases: list[str] = []
        self._earlier_blocks: list[str] = []
        self.change_kinds: frozenset[str] = frozenset()

    # -- for the engine

    def start_file(
        self,
        script: Script,
        *,
        phase: Phase | None,
        phased: bool,
        wrapped: bool | None,
        is_of_the_deploy: bool = False,
        level: int | None = None,
        migration: str = "",
        change_kinds: frozenset[str] = frozenset(),
    ) -> None:
        """Move on to the next file of the history.

        Args:
            level: of its migration; None: not known.
            migration: identifies the one whose phases come one after another; empty: it is no phase of any.
            change_kinds: what its migration says it makes.
            is_of_the_deploy: whether it goes out at once with the others of which this is true.
        """
        self.file += 1
        if is_of_the_deploy:
            self._deploy = self._deploy or self.file
        self.catalog.start_file(self._deploy if is_of_the_deploy else self.file)
        self.phase, self.phased, self.level = phase, phased, level
        self.change_kinds = change_kinds
        if migration != self._migration or not migration:
            self._migration, self.earlier_phases, self._earlier_blocks = migration, [], []
        if migration and phase in (None, Phase.EXPAND, Phase.BACKFILL):
            self.earlier_phases.append("\n".join(statement.text for statement in script.statements))
            self._earlier_blocks += [each.text for each in script.statements if each.kind == "do_stmt"]
        self._look_at(script)
        self._transactions = Transactions(phased=phased, wrapped=wrapped)
        self.held.clear()
        self.timeout_set = phased
        self.utc = False
        self.settings = {}
        self.reported_once = set()
        self._new_transaction()

    def start_base(self, script: Script) -> None:
        """Move on to the schema that is there before the first file."""
        self.catalog.start_file(BASE)
        self._look_at(script)
        self._transactions = Transactions(phased=False, wrapped=False)
        self._new_transaction()

    def continue_file(self, script: Script) -> None:
        """Move on to what runs in one go with the statements before it."""
        self._look_at(script)

    def end_of_part(self) -> None:
        """Let go of the trees of what was looked at: they take a hundred times the text."""
        self._look_at(NOTHING)

    def _look_at(self, script: Script) -> None:
        super()._look_at(script)
        self._effects = {}

    def enter(self, index: int) -> None:
        """Move on to a statement of the file."""
        self.index = index
        statement = self.statements[index]
        # A block is left before the next step begins, which says by itself whether it is in a transaction.
        if statement.block is None and self._block is not None and self._transactions.enter_block(None):
            self._new_transaction()
        if self.phased and statement.block is None and self._transactions.enter_step(statement):
            self._new_transaction()
        if (
            statement.block is not None
            and statement.block is not self._block
            and self._transactions.enter_block(statement.block)
        ):
            self._new_transaction()
        self._block = statement.block

    def leave(self) -> None:
        """Take in what the current statement did; ALTER TABLE's actions were taken in one by one."""
        statement = self.current
        kind, node = statement.kind, statement.node
        if kind == "transaction_stmt":
            self._follow(node)
            return
        if kind == "variable_set_stmt":
            self._set(node)
            return
        if kind == "select_stmt" and "set_config" in statement.text:
            self._set_config(node)
        if kind in _MAY_LOCK and self.membership is Membership.INSIDE:
            self._hold(statement)
        if kind != "alter_table_stmt":
            replay.apply(self.catalog, kind, node, self.transaction)

    def alterations(self) -> Iterator[Alteration]:
        """The actions of the current ALTER TABLE, each taken in after it was looked at."""
        statement = self.current
        node = statement.node
        if node.objtype != pb.OBJECT_TABLE:
            return
        relation, is_new = relation_name(node.relation), self.is_new(node.relation)
        for number, wrapped in enumerate(node.cmds[:]):
            command = wrapped.alter_table_cmd
            definition = unwrap(getattr(command, "def"))
            table = self.catalog.table_or_assumed(node.relation)
            yield Alteration(statement, command, definition, relation, table, is_new, number)
            replay_actions.apply_action(self.catalog, node.relation, command, self.transaction)

    def alter(self) -> None:
        """Take in the current ALTER TABLE, at whose actions nobody looks."""
        node = self.current.node
        if node.objtype == pb.OBJECT_TABLE:
            for wrapped in node.cmds[:]:
                replay_actions.apply_action(self.catalog, node.relation, wrapped.alter_table_cmd, self.transaction)

    # -- for rules

    @property
    def membership(self) -> Membership:
        """Whether it runs in a transaction with others."""
        return self._transactions.membership

    @property
    def inside_begin(self) -> bool:
        """Whether a BEGIN of the file itself is open."""
        return self._transactions.begun

    @property
    def transaction(self) -> tuple[int, int]:
        """Identifies the file and the transaction in it."""
        return (self.file, self._transactions.number)

    @property
    def effects(self) -> Effects:
        """Locks, scans and rewrites of the current statement."""
        return self.effects_at(self.index)

    def effects_at(self, index: int) -> Effects:
        """Likewise, of another statement of the file."""
        effects = self._effects.get(index)
        if effects is None:
            effects = self._effects[index] = effects_of(self.statements[index])
        return effects

    def may_share_transaction(self, transaction: tuple[int, int]) -> bool:
        """Whether something done in ``transaction`` may be uncommitted still."""
        return transaction == self.transaction and self.membership is not Membership.OUTSIDE

    def is_new(self, range_var: Any) -> bool:
        """Whether the current file made this table (or it is temporary): nobody else uses it yet."""
        table = self.catalog.table(range_var)
        return range_var.relpersistence == "t" or (table is not None and self.made_here(table))

    def made_here(self, table: Table) -> bool:
        """Whether the current file made the table, or it is temporary."""
        return table.file == self.catalog.file or table.key[0] == TEMPORARY

    def repaired_by_trigger(self, table: Table) -> bool:
        """Whether the current file put a trigger on the table, which may repair what old code writes."""
        return table.trigger_file == self.catalog.file

    def all_new(self, table: Table, columns: Sequence[str]) -> bool:
        """Whether the current file added all these columns (and there is at least one)."""
        known = table.columns
        return bool(columns) and all(name in known and known[name].file == self.catalog.file for name in columns)

    def name_is_new(self, parts: Sequence[str]) -> bool:
        """Likewise as ``is_new``, for the name parts that DROP carries."""
        key = self.catalog.resolve(parts[-2] if len(parts) > 1 else "", parts[-1])
        table = self.catalog.tables.get(key)
        return table is not None and self.made_here(table)

    def relation_is_new(self, lock: TableLock) -> bool:
        """Whether the relation of a lock was made by the current file."""
        parts = [quoted.replace('""', '"') or plain for quoted, plain in _NAME_PART.findall(lock.relation)]
        return self.name_is_new(parts)

    def is_mentioned_before(self, name: str, *, in_block: bool = False) -> bool:
        """Whether an earlier phase of the migration mentions a name; a DO block of it, which may make what it is of."""
        word = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])", re.IGNORECASE)
        return any(word.search(text) for text in (self._earlier_blocks if in_block else self.earlier_phases))

    # -- inside

    def _new_transaction(self) -> None:
        self._begun_at = self.catalog.mark()
        self._savepoints = {}
        self.held.clear()

    def _follow(self, node: Any) -> None:
        event = self._transactions.follow(node)
        if event is Event.BEGUN:
            self._timeout_before = self.timeout_set
            self._new_transaction()
        elif event is Event.COMMITTED:
            self.timeout_set = self._timeout_before
            self._new_transaction()
        elif event is Event.ROLLED_BACK:
            self.timeout_set = self._timeout_before
            self.catalog.rewind(self._begun_at)
            self._new_transaction()
        elif event is Event.SAVED:
            self._savepoints[node.savepoint_name] = self.catalog.mark()
        elif event is Event.ROLLED_BACK_TO and node.savepoint_name in self._savepoints:
            self.catalog.rewind(self._savepoints[node.savepoint_name])

    def _set(self, node: Any) -> None:
        name = node.name.lower()
        values = [_constant(argument) for argument in node.args]
        self._take_setting(name, values if node.kind == pb.VAR_SET_VALUE else [], local=node.is_local)
        if node.kind == pb.VAR_RESET_ALL:
            self._take_setting("lock_timeout", [], local=False)

    def _set_config(self, node: Any) -> None:
        for target in map(unwrap, node.target_list):
            call = unwrap(target.val)
            if not isinstance(call, pb.FuncCall) or unwrap(call.funcname[-1]).sval != "set_config":
                continue
            name, value, *_ = (*map(_constant, call.args), "", "")
            values = [part.strip().strip('"') for part in value.split(",") if part.strip()]
            self._take_setting(name.lower(), values, local=False)

    def _take_setting(self, name: str, values: list[str], *, local: bool) -> None:
        self.settings[name] = values[0].strip() if values else ""
        if name == "lock_timeout":
            limits = bool(values) and re.match(r"0+\s*[a-z]*\Z", values[0].strip()) is None
            if local and self.membership is Membership.OUTSIDE:
                return  # PostgreSQL warns that SET LOCAL has no effect here
            self.timeout_set = self.phased or limits
            if not local:
                self._timeout_before = self.timeout_set
        elif name == "search_path":
            self.catalog.search_path = tuple(path for path in values if path not in ("", "$user"))
            if not values:
                self.catalog.search_path = ("public",)
        elif name == "timezone":
            self.utc = bool(values) and values[0].upper() in ("UTC", "GMT", "ETC/UTC")

    def _hold(self, statement: Statement) -> None:
        for lock in self.effects.locks:
            if lock.mode >= LockMode.SHARE_ROW_EXCLUSIVE and not self.relation_is_new(lock):
                self.held.append(Held(lock, statement))


_NAME_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


def _constant(argument: Any) -> str:
    node = unwrap(argument)
    if isinstance(node, pb.TypeCast):
        return _constant(node.arg)
    if not isinstance(node, pb.A_Const):
        return ""
    if node.HasField("ival"):
        return str(node.ival.ival)
    return str(node.sval.sval) if node.HasField("sval") else ""
