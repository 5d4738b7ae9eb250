"""What is said of a statement that no kind splits: why, what to write instead, and in which phase it can run as it is.

The phase follows from what it does to code that is running: what adds and is named by nobody yet is for expand, and
comes with what undoes it; what takes away, renames or changes is for contract; where only the author knows, both are
named. Locks: ALTER TABLE as in ``sql.effects``; objects that are no tables lock themselves alone.
"""

from __future__ import annotations

from typing import NamedTuple

from migrator.errors import Refused
from migrator.sql.actions import Action
from migrator.sql.parser import pb


class _Said(NamedTuple):
    """Why it is not split, what instead, and its phase: ``expand``, ``contract`` or an empty string for no advice."""

    why: str
    instead: str = ""
    phase: str = ""
    undo: str = "SQL"


_OF_SERVER = _Said(
    "it is about the whole server, whose other databases have no part in the migration",
    "run it by hand, or where your servers are set up",
)
_REWRITES = _Said("it writes every row anew while others wait", "create another table, and move to it")
_ADDS = _Said("no kind is about it; it only adds, and no code that is running names it", "", "expand", "DROP …")
_FOREIGN = _Said("no kind is about foreign tables; a foreign table lies on another server", "", "contract")
_COMMANDS: dict[int, _Said] = {
    pb.AT_AddConstraint: _Said(
        "the constraint refuses what old code may still write, and its check scans the table",
        "ALTER TABLE … ALTER COLUMN … SET NOT NULL is a kind of its own",
    ),
    pb.AT_SetExpression: _Said(
        "it writes every row anew while others wait, and old code reads another value",
        "add another generated column, and drop this one in the same migration",
    ),
    pb.AT_AlterConstraint: _Said(
        "old code relies on when it is checked", "add another constraint, and drop this one", "contract"
    ),
    pb.AT_SetLogged: _REWRITES,
    pb.AT_SetUnLogged: _Said("it writes every row anew while others wait, and a crash of the server empties it"),
    pb.AT_SetAccessMethod: _REWRITES,
    pb.AT_ClusterOn: _Said(
        "no kind is about it; no answer changes until CLUSTER runs, which locks the table while it copies it",
        "",
        "expand",
        "ALTER TABLE … SET WITHOUT CLUSTER",
    ),
    pb.AT_DropCluster: _Said(
        "no kind is about it; no answer changes", "", "expand", "ALTER TABLE … CLUSTER ON the index before"
    ),
    pb.AT_AddInherit: _Said(
        "code of both versions that reads the parent sees the rows of the table from then on",
        "ATTACH PARTITION is a kind of its own, for partitioned tables",
        "contract",
    ),
    pb.AT_DropInherit: _Said(
        "old code that reads the parent sees the rows of the table no more",
        "DETACH PARTITION is a kind of its own, for partitioned tables",
        "contract",
    ),
    pb.AT_DisableRule: _Said("old code counts on what the rule makes of its statements", "", "contract"),
    pb.AT_EnableRule: _Said("the rule changes statements of old code, too", "", "contract"),
    pb.AT_AddOf: _Said("no kind is about typed tables; no answer changes", "", "expand", "ALTER TABLE … NOT OF"),
    pb.AT_DropOf: _Said("no kind is about typed tables; no answer changes", "", "expand", "ALTER TABLE … OF the type"),
}
"""Of ALTER TABLE of tables."""
_VIEWS = {
    pb.AT_ColumnDefault: _Said("inserts of old code through the view get the default, too", "", "contract"),
    pb.AT_SetRelOptions: _Said(
        "what the view is checked and read by, old code is bound by, too: security_invoker takes rights from it, "
        "check_option refuses its rows",
        "",
        "contract",
    ),
    pb.AT_ResetRelOptions: _Said("what the view is checked and read by, old code may count on", "", "contract"),
}
"""Of ALTER VIEW."""
_TYPE = _Said(
    "rows of the type that code writes and takes apart have another shape from then on; the server refuses it while "
    "a column is of the type",
    "create another type, let what uses it use that, and drop this one in the same migration",
    "contract",
)
_RELATIONS: dict[int, _Said] = {
    pb.OBJECT_TYPE: _TYPE,
    pb.OBJECT_FOREIGN_TABLE: _FOREIGN,
    pb.OBJECT_INDEX: _Said(
        "no kind is about statistics of an index; no answer changes", "", "expand", "ALTER INDEX … SET STATISTICS -1"
    ),
}
"""Of ALTER … of what is no table."""
_STATEMENTS: dict[str, _Said] = {
    "drop_stmt": _Said("running code may still use what would be dropped", "", "contract"),
    "rename_stmt": _Said(
        "running code knows it by its old name", "create one of the new name, and drop the old one", "contract"
    ),
    "update_stmt": _Said("over many rows it locks them all to its end; write it into backfill.sql, which is batched"),
    "delete_stmt": _Said("one statement over many rows locks them all until it ends"),
    "insert_stmt": _Said("data does not belong to a schema change; write it into backfill.sql of a folder of your own"),
    "truncate_stmt": _Said("running code loses its rows and waits for an exclusive lock"),
    "do_stmt": _Said("what the block does cannot be read off its text"),
    "variable_set_stmt": _Said(
        "it changes what the statements after it mean; write the schema before each name instead"
    ),
    "lock_stmt": _Said("steps take and give up their locks by themselves", "leave it out"),
    "vacuum_stmt": _Said(
        "no shape changes by it", "run it by hand, when it suits; after a backfill it comes by itself"
    ),
    "cluster_stmt": _Said(
        "it writes every row anew while reads and writes wait", "pg_repack orders a table while they go on"
    ),
    "create_table_as_stmt": _Said(
        "it reads in one statement what may be large",
        "CREATE TABLE, and fill it by INSERT … SELECT with phase = backfill",
    ),
    "rule_stmt": _Said(
        "a rule changes statements of old code, too: nobody but you knows whether it can live with that",
        "a trigger does the same, and is a kind of its own",
        "contract",
    ),
    "alter_function_stmt": _Said(
        "code of both versions calls the function",
        "CREATE OR REPLACE FUNCTION … with all of it, whose rollback puts back what stood there",
        "contract",
    ),
    "alter_owner_stmt": _Said("what its owner may do, old code may rely on", "", "contract"),
    "alter_object_schema_stmt": _Said("running code knows it where it is", "", "contract"),
    "alter_object_depends_stmt": _Said("it goes with the extension from then on", "", "contract"),
    "alter_default_privileges_stmt": _Said(
        "no kind is about it; it is for what is created from then on, and changes nothing that is there",
        "",
        "expand",
        "ALTER DEFAULT PRIVILEGES … the other way round",
    ),
    "alter_collation_stmt": _Said(
        "indexes that were sorted by the former version stay wrong, and are not warned of any more",
        "REINDEX INDEX CONCURRENTLY each of them before",
        "contract",
    ),
    "alter_tsconfiguration_stmt": _Said("searches of old code go by it, and stored tsvectors do not", "", "contract"),
    "create_event_trig_stmt": _Said(
        "it fires for the steps of migrations, this tool's among them, and can make them fail", "", "contract"
    ),
    "alter_event_trig_stmt": _Said(
        "it fires for the steps of migrations, this tool's among them, and can make them fail", "", "contract"
    ),
    "sec_label_stmt": _Said("what a label allows is up to its provider", "", "contract"),
    "reassign_owned_stmt": _Said(
        "what it changes is not named", "ALTER TABLE … OWNER TO for each object is a kind of its own"
    ),
    "drop_owned_stmt": _Said("what it drops is not named", "drop each object by its name"),
    "alter_system_stmt": _OF_SERVER,
    "alter_database_set_stmt": _OF_SERVER,
    "alter_role_set_stmt": _OF_SERVER,
    "create_role_stmt": _OF_SERVER,
    "alter_role_stmt": _OF_SERVER,
    "grant_role_stmt": _OF_SERVER,
    "define_stmt": _ADDS,
    "create_cast_stmt": _Said(
        "no kind is about it; one AS IMPLICIT or AS ASSIGNMENT changes what statements of old code mean",
        "",
        "contract",
    ),
    "create_fdw_stmt": _ADDS,
    "create_foreign_server_stmt": _ADDS,
    "create_foreign_table_stmt": _ADDS,
    "create_user_mapping_stmt": _ADDS,
    "create_op_class_stmt": _ADDS,
    "create_op_family_stmt": _ADDS,
    "create_conversion_stmt": _ADDS,
    "create_transform_stmt": _ADDS,
    "create_am_stmt": _ADDS,
    "import_foreign_schema_stmt": _ADDS,
}
"""Of other statements, by node type."""
_UNKNOWN = _Said("it is of no kind that is known here")


def refusal_of(action: Action, at: str) -> Refused:
    """Why a statement is not split, what to write instead, and how to run it as it is.

    Args:
        action: that no kind is about.
        at: where it stands.
    """
    said = _said(action)
    directives = (
        "-- migrator: phase = contract"
        if said.phase == "contract"
        else f"-- migrator: phase = expand, and what undoes it: -- migrator: undo = {said.undo}"
    )
    first = said.instead or ("" if said.phase else '"migrator explain" lists the kinds that can')
    return Refused(
        f"this statement cannot be split safely: {said.why}",
        at=at,
        detail=" ".join(action.text.split())[:300],
        hint=f"{first}; or say yourself when it runs: {directives}"
        if first
        else f"say yourself when it runs: {directives}",
    )


def _said(action: Action) -> _Said:
    if action.command is None:
        return _STATEMENTS.get(action.kind, _UNKNOWN)
    of, subtype = action.node.objtype, action.command.subtype
    if of == pb.OBJECT_VIEW:
        return _VIEWS.get(subtype, _UNKNOWN)
    return _RELATIONS.get(of) or _COMMANDS.get(subtype, _UNKNOWN)
