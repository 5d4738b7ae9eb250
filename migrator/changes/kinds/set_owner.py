"""Give a table, view, sequence or schema another owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from migrator.changes.kind import Context, Draft, Obstacle, Spec
from migrator.changes.policy import require_roles, roles_of
from migrator.changes.privilege import On, Privileges, held, listed
from migrator.changes.sequence import placed
from migrator.changes.statement import OneStatement, require_known
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, qualified
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import slug

_Of = Literal["table", "view", "materialized view", "foreign table", "sequence", "schema"]
_RELATIONS: dict[int, _Of] = {
    pb.OBJECT_TABLE: "table",
    pb.OBJECT_VIEW: "view",
    pb.OBJECT_MATVIEW: "materialized view",
    pb.OBJECT_FOREIGN_TABLE: "foreign table",
    pb.OBJECT_SEQUENCE: "sequence",
}
_RIGHTS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "USAGE", "CREATE"})
"""Rights on tables, sequences and schemas (GRANT)."""
_ON: dict[_Of, On] = {"sequence": "sequence", "schema": "schema"}
"""What GRANT calls what is no relation of rows; the others are tables there."""
_KINDS = {"table": ("table", "partitioned table", "partition")}
"""What a relation may be called in the catalog, where it is called otherwise."""


class Ownership(Spec, frozen=True):
    """Parameters of ``set_owner``.

    Attributes:
        of: what kind of object it is.
        name: of the object.
        owner: the role that is to own it.
        schema: of the object; without meaning for a schema.
        phase: ``contract``, or ``expand`` where old code can do without what ownership allows.
        keep: rights that the role before is granted: ``SELECT``, ``INSERT``.
    """

    of: _Of
    name: str
    owner: str
    schema: str = ""
    phase: Literal["expand", "contract"] = "contract"
    keep: tuple[str, ...] = ()

    @property
    def target(self) -> TableName:
        """Schema and name."""
        return TableName(self.schema or "public", self.name)

    @property
    def sql(self) -> Sql:
        """The object as written in SQL."""
        return ident(self.name) if self.of == "schema" else qualified(self.target.schema, self.name)

    def __str__(self) -> str:
        return f'{self.of} "{self.name if self.of == "schema" else self.target}"'


class SetOwner(OneStatement[Ownership]):
    """Give a table, view, sequence or schema another owner.

    What happens
        The role that owned it loses every right on it, also those it was granted, which go to the new owner; row
        security binds it from there on. A view reads with the rights of its new owner. So contract changes the owner
        once no old code is left, with a lock for a moment. Where the code of either version comes as another role, or
        needs no more than rights that are said, a directive ``phase = expand`` changes it at once. Rollback gives it
        back, and the new owner what it was granted before, which the server merges with the rights of an owner
        (``aclnewowner`` in its ``acl.c``). What is created by the same migration gets its owner in expand.

    What the role before keeps
        A directive ``keep = SELECT, INSERT, UPDATE, DELETE`` grants it these rights in the same transaction.

    What is refused
        A role that is not there. A role that whoever runs the migration is no member of, or that may not create in the
        schema: found before the phase begins. A sequence that a column owns, which follows its table. CURRENT_USER.
        In expand, a new owner that was granted rights on columns alone: where a column goes meanwhile, rollback could
        not give them back. Nor one that has granted rights on it, was granted some by others than the owner, or some
        that the owner has taken from itself: the server mixes these with the owner's.
        Without a database: what rollback restores is not known.

    What new code must do
        It does with ``keep``, or comes as another role.

    Limits
        Indexes, and sequences of columns, follow their table; partitions do not. Functions, types and whatever else has
        an owner: ``-- migrator: phase = contract``.

    Example:
        ALTER TABLE orders OWNER TO pg_database_owner
    """

    name = "set_owner"
    spec = Ownership
    options = frozenset({"phase", "keep"})
    gives_way_to_phase = False
    verb = "owner"
    why = "what its owner may do, the role before may not any more"

    def recognise(self, action: Action, schema: Schema) -> Ownership | None:
        """``ALTER TABLE … OWNER TO …``, the same of views and sequences, and ``ALTER SCHEMA … OWNER TO …``."""
        found = _named(action, schema)
        if found is None or "undo" in action.options:
            return None
        of, place, name, role = found
        phase = action.options.get("phase", "contract")
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: an owner changes in expand or in contract")
        (owner,) = roles_of([role])
        return Ownership(
            of=of,
            name=name,
            owner=owner,
            schema=place,
            phase="expand" if phase == "expand" else "contract",
            keep=tuple(right.strip().upper() for right in action.options.get("keep", "").split(",") if right.strip()),
        )

    def touched(self, change: Ownership) -> dict[TableName, tuple[str, ...]]:
        """The relation."""
        return {} if change.of in ("schema", "sequence") else {change.target: ()}

    def assumes(self, change: Ownership, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        facts = {f"owner of {change}": _owner(change, schema) or "unknown"}
        if change.phase == "expand":
            facts |= {
                f'rights of "{change.owner}" on {each}': str(listed(sorted(held(each, schema, change.owner)))) or "none"
                for each in _following(change, schema)
            }
        return facts

    def validate(self, change: Ownership, context: Context) -> Iterator[str]:
        """It is there, and belongs to somebody else."""
        if strange := sorted(set(change.keep) - _RIGHTS):
            raise Refused(f"keep = {strange[0]}: there are {', '.join(sorted(_RIGHTS))}")
        if _is_made(change, context):
            require_roles([change.owner], context)
            return
        require_known(context, f"the owner of {change}")
        before = _owner(change, context.schema)
        if before is None:
            raise Refused(f"{change} does not exist")
        require_roles([change.owner], context)
        if before == change.owner:
            raise Refused(f'{change} belongs to "{before}" already')
        sequence = context.schema.objects.sequences.get((change.target.schema, change.name))
        if change.of == "sequence" and sequence is not None and sequence.owned_by:
            raise Refused(
                f'{change} is owned by column "{sequence.owned_by[2]}", and belongs to whom its table belongs',
                hint=f"ALTER TABLE {qualified(*sequence.owned_by[:2])} OWNER TO …",
            )
        if change.phase == "expand":
            _require_no_rights_on_columns(change, context.schema)
        yield f"from {change.phase} on role {before} may do with {change}: {', '.join(change.keep) or 'nothing'}"

    def obstacles(self, change: Ownership, context: Context) -> Iterator[Obstacle]:
        """What the server asks of both roles."""
        phase = self.phase(change, context)
        if phase is Phase.EXPAND and not _is_made(change, context):
            for each in _following(change, context.schema):
                yield Obstacle(
                    self.template("mixed", owner=change.owner, on=each.on, schema=each.schema, bare=each.name),
                    f'rights on {each} were granted by "{change.owner}", to it by others than the owner, or to it and '
                    "not to the owner: rollback could not tell them from those of the owner",
                    "leave out -- migrator: phase = expand, or let the owner grant them before",
                    phase,
                )
        yield Obstacle(
            self.template("not_a_member", owner=change.owner),
            f'roles "{change.owner}" are there that whoever runs this is no member of',
            f"GRANT {ident(change.owner)} TO the role that runs migrations",
            phase,
        )
        if change.of != "schema" and change.schema in context.schema.objects.schemas:
            yield Obstacle(
                self.template("may_not_create", owner=change.owner, schema=change.target.schema),
                f'roles "{change.owner}" may not create in schema "{change.target.schema}"',
                f"GRANT CREATE ON SCHEMA {ident(change.target.schema)} TO {ident(change.owner)}",
                phase,
            )

    def phase(self, change: Ownership, context: Context) -> Phase:
        """As its author says."""
        return Phase.EXPAND if change.phase == "expand" or _is_made(change, context) else Phase.CONTRACT

    def expand(self, change: Ownership, context: Context) -> Iterator[Draft]:
        """The new owner, if it belongs there, and what the one before keeps."""
        yield from super().expand(change, context)
        if self.phase(change, context) is Phase.EXPAND:
            yield from self._kept(change, context)

    def contract(self, change: Ownership, context: Context) -> Iterator[Draft]:
        """The new owner, if it belongs there, and what the one before keeps."""
        yield from super().contract(change, context)
        if self.phase(change, context) is Phase.CONTRACT:
            yield from self._kept(change, context)

    def statement(self, change: Ownership, context: Context) -> Sql:
        """The new owner."""
        del context
        return self._set(change, change.owner)

    def undo(self, change: Ownership, context: Context) -> Iterable[Sql]:
        """The one before, and what the new one was granted then."""
        before = _owner(change, context.schema)
        if before is None or _is_made(change, context):
            return
        yield self._set(change, before)
        for each in _following(change, context.schema):
            rights = held(each, context.schema, change.owner)
            for grantable in (False, True):
                if had := sorted(right for right in rights if rights[right] is grantable):
                    yield self.template(
                        "grant", privileges=listed(had), object=each.sql, role=change.owner, grantable=grantable
                    )

    def subject(self, change: Ownership) -> str:
        """The object."""
        return change.name

    def _kept(self, change: Ownership, context: Context) -> Iterator[Draft]:
        before = _owner(change, context.schema)
        if change.keep and before is not None:
            what = change.of.upper() if change.of in ("schema", "sequence") else "TABLE"
            rights = Sql(", ".join(right for right in change.keep if right in _RIGHTS))
            text = self.template("keep", rights=rights, kind=Sql(what), named=change.sql, role=before)
            yield Draft(f"keep-{slug(change.name)}", text, "what the owner before goes on to do", self._group(change))

    def _group(self, change: Ownership) -> str:
        return slug(change.name)

    def _set(self, change: Ownership, owner: str) -> Sql:
        return self.template("set", kind=Sql(change.of.upper()), named=change.sql, owner=owner)


def _following(change: Ownership, schema: Schema) -> Iterator[Privileges]:
    """What the new owner is the owner of: the object, and the sequences of its columns; as GRANT names them."""
    on, roles = _ON.get(change.of, "table"), (change.owner,)
    yield Privileges(on=on, schema=change.schema, name=change.name, privileges=(), roles=roles)
    for (place, name), facts in sorted(schema.objects.sequences.items()):
        if on == "table" and facts.owned_by and facts.owned_by[:2] == (change.schema, change.name):
            yield Privileges(on="sequence", schema=place, name=name, privileges=(), roles=roles)


def _require_no_rights_on_columns(change: Ownership, schema: Schema) -> None:
    """Refuse a new owner with rights that hang on columns, which may be gone by the time of a rollback."""
    rights = sorted(right for each in _following(change, schema) for right in held(each, schema, change.owner))
    if of_columns := [right for right in rights if right[1]]:
        raise Refused(
            f'role "{change.owner}" was granted {listed(of_columns)} on {change}: as the owner it has them anyway, and '
            "rollback could not give them back where a column is gone by then",
            hint="leave out -- migrator: phase = expand, or grant them on the whole table before",
        )


def _is_made(change: Ownership, context: Context) -> bool:
    """Whether the same migration creates it."""
    place = (change.name,) if change.of == "schema" else (change.target.schema, change.name)
    return change.target in context.created or (change.of.upper(), *place) in context.made


def _named(action: Action, schema: Schema) -> tuple[_Of, str, str, Any] | None:
    """Kind, schema and name of what is to have another owner, and the role."""
    if action.kind == "alter_owner_stmt" and action.node.object_type == pb.OBJECT_SCHEMA:
        return "schema", "", unwrap(action.node.object).sval, _wrapped(action.node.newowner)
    command = action.command
    if command is None or command.subtype != pb.AT_ChangeOwner or action.node.objtype not in _RELATIONS:
        return None
    of, relation = _RELATIONS[action.node.objtype], action.node.relation
    if of == "sequence":
        place, name = placed(schema, relation.schemaname or None, relation.relname)
    else:
        found = schema.resolve(relation.schemaname or None, relation.relname)
        place, name = found.schema, found.name
    return of, place, name, _wrapped(command.newowner)


def _wrapped(role: Any) -> Any:
    node = pb.Node()
    node.role_spec.CopyFrom(role)
    return node


def _owner(change: Ownership, schema: Schema) -> str | None:
    """Who owns it; None: it is not there, or not known."""
    if change.of == "schema":
        return schema.objects.owners.get(("SCHEMA", change.name))
    if change.of == "sequence":
        return schema.objects.owners.get(("SEQUENCE", change.target.schema, change.name))
    relation = schema.relation(change.target)
    return relation.owner if relation and relation.kind in _KINDS.get(change.of, (change.of,)) else None
