"""Make an identity column of a column that is there, serial ones among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.changes.identity import ALWAYS, is_of_column, is_serial
from migrator.changes.kind import Context, Draft, Kind, Obstacle, altered_table, require_column, require_table
from migrator.changes.kinds.add_identity.addition import (
    IdentityAddition,
    place_of,
    require_fit,
    require_index,
    require_own,
)
from migrator.changes.sequence import BOUNDS, as_before, elements_of, number, written_options
from migrator.changes.statement import require_known
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Column, Schema, Sequence, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, bounded_name, qualified
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import slug

_NOT_GIVEN = frozenset({"as", "restart", "owned_by", "sequence_name"})
"""Options that follow the column."""


class AddIdentity(Kind[IdentityAddition]):
    """Make an identity column of a column that is there, serial ones among them.

    What happens to a serial column
        To code that leaves the column out, a serial and an identity column are the same, so expand changes nothing:
        old code may draw from the sequence by its name, or name values. Contract, once no old code is left, puts the
        identity in the place of the default in one short transaction: its sequence has the name, the options, the
        privileges and the comment of the one before, and goes on where that stands. ``DROP DEFAULT``, ``DROP SEQUENCE``
        and ``SELECT setval(…)`` of the same migration come with it.

    What happens to another column
        Old code makes the values up itself, and code that leaves the column out may be given one of them: no phase is
        late enough, since the code of this migration names values too, until contract. Only where the numbers of the
        sequence are none that code makes up is there a way, and only its author knows: with the directive
        ``phase = expand`` expand adds the identity BY DEFAULT, and its sequence begins behind the greatest value, or at
        ``START WITH``. New code may leave the column out at once, rollback drops the identity, and contract sets ALWAYS
        if that is wanted. Where code draws the values from a sequence, make the column serial first: ``ALTER SEQUENCE …
        OWNED BY`` the column, and ``SET DEFAULT nextval(…)`` with ``phase = expand``.

    What is refused
        A column that may be NULL, has another default, or is of another type than smallint, integer or bigint. A column
        that is not serial, without the directive; with it, where neither ``START WITH`` is said nor the column leads an
        index: the greatest value would be looked for in every row under the lock. Rows that hold a number from ``START
        WITH`` on. A sequence that other objects draw from. Partitioned tables. Without a database: what fills the
        column is not known.

    What new code must do
        Of a serial column: it leaves the column out, and neither calls ``nextval`` by the name of the sequence nor
        relies on ``currval`` and ``lastval`` while contract runs: the sequence is another one then.

    Limits
        Numbers that sessions keep in the CACHE of a sequence are drawn no more.

    Example:
        ALTER TABLE orders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY
    """

    name = "add_identity"
    spec = IdentityAddition
    options = frozenset({"phase"})
    unknown_without_tables = frozenset({Phase.CONTRACT})

    def recognise(self, action: Action, schema: Schema) -> IdentityAddition | None:
        """``ALTER TABLE … ALTER COLUMN … ADD GENERATED … AS IDENTITY``."""
        if not is_of_column(action, pb.AT_AddIdentity) or "undo" in action.options:
            return None
        target = altered_table(action.node.relation, schema)
        command = action.command
        phase = action.options.get("phase", "contract")
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: an identity is added in expand or in contract")
        given = unwrap(getattr(command, "def"))
        elements = {each.defname: each for each in map(unwrap, given.options)}
        follow = _NOT_GIVEN & elements.keys()
        if follow:
            raise Refused(
                f'identity of column "{command.name}" of table "{target}": {min(follow).replace("_", " ").upper()} is '
                "not for you to say: its sequence has the type of the column, and the name of the one before",
                hint="leave it out; ALTER SEQUENCE … RENAME TO … in a migration after this one",
            )
        return IdentityAddition(
            schema=target.schema,
            table=target.name,
            column=command.name,
            identity="always" if given.generated_when == ALWAYS else "by default",
            options=written_options(elements, schema),
            phase="expand" if phase == "expand" else "contract",
        )

    def touched(self, change: IdentityAddition) -> dict[TableName, tuple[str, ...]]:
        """The column."""
        return {change.target: (change.column,)}

    def assumes(self, change: IdentityAddition, schema: Schema) -> dict[str, str]:
        """The sequence that the identity takes the place of."""
        column = _column(change, schema)
        found = column.sequence if column else None
        options = f"{found.name} {found.options}".strip() if found else "none"
        return {f'sequence of column "{change.target}.{change.column}"': options}

    def validate(self, change: IdentityAddition, context: Context) -> Iterator[str]:
        """The column is there and may be an identity column."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates', hint="write the identity there"
            )
        require_known(context, f'what fills column "{change.column}" of table "{change.target}" now')
        if follow := _NOT_GIVEN & elements_of(change.options).keys():
            raise Refused(f'options "{change.options}": {min(follow)} follows the column', hint="leave it out")
        relation = require_table(
            change,
            context,
            instead="an identity is for a partitioned table that is created with it: before PostgreSQL 17 its "
            "partitions do not follow",
        )
        column = require_column(relation, change, change.column)
        if relation is None or column is None:
            return
        require_fit(change, column)
        if is_serial(column):
            require_own(change, column, context)
            if change.phase == "expand":
                raise Refused(
                    f'column "{change.column}" of table "{change.target}" is serial, and gives code that leaves it out '
                    "what an identity would: there is nothing to do before contract",
                    hint="leave -- migrator: phase out",
                )
        else:
            if "start" not in elements_of(change.options):
                require_index(change, relation)
            yield (
                f"from expand on new code may leave {change.table}.{change.column} out; values that code names must be "
                "none that the sequence comes to"
            )
        if change.identity == "always":
            yield f"new code must leave {change.table}.{change.column} out of its inserts before contract"

    def obstacles(self, change: IdentityAddition, context: Context) -> Iterator[Obstacle]:
        """Rows that hold numbers which the sequence is to give."""
        column = _column(change, context.schema)
        if change.phase == "contract" or column is None or column.type_name not in BOUNDS:
            return
        given = elements_of(change.options)
        first, last = _first(given), _last(given, column.type_name)
        from_on = first if "start" in given else last
        yield Obstacle(
            self.template(
                "beyond", table=change.sql, column=change.column, first=min(from_on, last), last=max(from_on, last)
            ),
            f"rows of {change.target} hold numbers in {change.column} that the sequence would give"
            if "start" in given
            else f"rows of {change.target} hold the last number in {change.column} that the sequence could give",
            "say other bounds: (START WITH … MAXVALUE …)",
            Phase.EXPAND,
        )

    def expand(self, change: IdentityAddition, context: Context) -> Iterator[Draft]:
        """The identity, where it gives none of the values that old code names."""
        del context
        if change.phase == "expand":
            yield from self._behind_all(change)

    def contract(self, change: IdentityAddition, context: Context) -> Iterator[Draft]:
        """The identity in the place of what filled the column, or ALWAYS."""
        column = _column(change, context.schema)
        if column is not None and column.sequence is not None and is_serial(column):
            yield from self._instead_of_default(change, column.sequence)
        elif change.phase == "expand" and change.identity == "always":
            yield Draft(
                f"always-{slug(change.column)}",
                self.template("always", table=change.sql, column=change.column),
                "no code is left that names a value",
                slug(change.table),
            )

    def before_contract(self, change: IdentityAddition, context: Context) -> None:
        """The column is filled as it was, and its sequence counts as it did."""
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        if relation is None or column is None:
            return
        anew = "roll back this migration, and plan it anew"
        if bool(column.identity) != (change.phase == "expand"):
            state = "an identity column already" if column.identity else "no identity column any more"
            raise Refused(f'column "{change.column}" of table "{change.target}" is {state}', hint=anew)
        if change.phase == "expand":
            return
        if is_serial(column) and column.sequence is not None:
            require_own(change, column, context)
            if context.contract_sql and _options(change, column.sequence) not in context.contract_sql:
                raise Refused(f"sequence {column.sequence.name} counts in another way than at expand", hint=anew)
        else:
            raise Refused(f'column "{change.column}" of table "{change.target}" is not serial any more', hint=anew)

    def rollback(self, change: IdentityAddition, context: Context) -> Iterator[Draft]:
        """The identity goes again."""
        del context
        if change.phase == "expand":
            step = f"identity-{slug(change.column)}"
            text = self.template("drop", table=change.sql, column=change.column)
            yield Draft(f"drop-{step}", text, "as it was before expand", slug(change.table), undoes=step)

    def _instead_of_default(self, change: IdentityAddition, sequence: Sequence) -> Iterator[Draft]:
        """Takes the table before the sequence, as inserts do."""
        name, group = slug(change.column), slug(change.table)
        named, aside = _sql(place_of(sequence)), _aside(change, sequence)
        yield Draft(
            f"drop-default-{name}",
            self.template("drop_default", table=change.sql, column=change.column),
            "the identity takes its place; nobody inserts until then",
            group,
        )
        yield Draft(
            f"set-aside-{name}",
            self.template("rename_sequence", sequence=named, new_name=aside.name),
            "the sequence of the identity has its name; nobody draws from it until then",
            group,
        )
        yield self._add(change, _options(change, sequence), change.identity)
        yield Draft(
            f"go-on-{name}",
            self.template(
                "go_on", new=named, old=_sql(aside), start=_start(change), reaches=_reaches(_given(change, sequence))
            ),
            "the next number is the one that would have come",
            group,
        )
        yield Draft(
            f"drop-sequence-{name}",
            self.template("drop_sequence", sequence=_sql(aside)),
            "nothing draws from it any more",
            group,
        )
        for step, text in as_before(sequence):
            yield Draft(step, text, "as of the sequence before", group)

    def _behind_all(self, change: IdentityAddition) -> Iterator[Draft]:
        given = elements_of(change.options)
        yield self._add(change, change.options, "by default")
        if "start" in given:
            return
        yield Draft(
            f"position-{slug(change.column)}",
            self.template(
                "behind_all",
                table=change.sql,
                column=change.column,
                greatest=Sql("min" if _step(given) < 0 else "max"),
                reaches=_reaches(given),
                first=_first(given),
            ),
            "the next number comes after every value, the last of which an index tells; nobody inserts meanwhile",
            slug(change.table),
        )

    def _add(self, change: IdentityAddition, options: str, identity: str) -> Draft:
        return Draft(
            f"identity-{slug(change.column)}",
            self.template(
                "add",
                table=change.sql,
                column=change.column,
                identity=Sql(identity.upper()),
                options=Sql(options),
            ),
            "inserts need not name values" + (", and may" if identity == "by default" else " any more, and may not"),
            slug(change.table),
        )


def _column(change: IdentityAddition, schema: Schema) -> Column | None:
    relation = schema.relation(change.target)
    return relation.column(change.column) if relation else None


def _given(change: IdentityAddition, sequence: Sequence) -> dict[str, Any]:
    """How the sequence of the identity counts: as the one before, but for what the author says."""
    return elements_of(sequence.options) | elements_of(change.options)


def _options(change: IdentityAddition, sequence: Sequence) -> str:
    name = _sql(place_of(sequence))
    return f"SEQUENCE NAME {name} {written_options(_given(change, sequence), Schema())}".strip()


def _sql(name: TableName) -> Sql:
    return qualified(name.schema, name.name)


def _aside(change: IdentityAddition, sequence: Sequence) -> TableName:
    place = place_of(sequence)
    over = (change.schema, change.table, change.column, "aside")
    return TableName(place.schema, bounded_name(place.name, "before", over=over))


def _step(options: Mapping[str, Any]) -> int:
    return (number(options["increment"]) if "increment" in options else None) or 1


def _start(change: IdentityAddition) -> int | None:
    given = elements_of(change.options)
    return number(given["start"]) if "start" in given else None


def _reaches(options: Mapping[str, Any]) -> Sql:
    """How a number compares to one that it is at, or has passed."""
    return Sql("<=" if _step(options) < 0 else ">=")


def _first(options: Mapping[str, Any]) -> int:
    """The first number a sequence gives (CREATE SEQUENCE, START)."""
    bound = "maxvalue" if _step(options) < 0 else "minvalue"
    given = (number(options[each]) for each in ("start", bound) if each in options)
    return next((each for each in given if each is not None), -1 if _step(options) < 0 else 1)


def _last(options: Mapping[str, Any], type_name: str) -> int:
    """The last number a sequence of a type gives (CREATE SEQUENCE, MAXVALUE)."""
    bound = "minvalue" if _step(options) < 0 else "maxvalue"
    given = number(options[bound]) if bound in options else None
    return BOUNDS[type_name][0 if _step(options) < 0 else 1] if given is None else given
