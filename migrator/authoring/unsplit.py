"""What is said of a statement that no kind splits: why, what to write instead, and in which phase it can run as it is.

The phase follows from what it does to code that is running: what adds and is named by nobody yet is for expand, and
comes with what undoes it; what takes away, renames or changes is for contract; where only the author knows, both are
named. Locks: ALTER TABLE as in ``sql.effects``; objects that are no tables lock themselves alone.
"""

from __future__ import annotations

from typing import NamedTuple

from migrator.authoring.implied import set_values
from migrator.errors import Refused
from migrator.sql.actions import Action
from migrator.sql.parser import pb, unwrap


class _Said(NamedTuple):
    """Why it is not split, what instead, and its phase.

    Attributes:
        phase: ``expand``, ``contract``, ``backfill``, ``either`` where only the author knows which of them, or an empty
            string where it runs in none.
        undo: what undoes it in expand.
    """

    why: str
    instead: str = ""
    phase: str = ""
    undo: str = "SQL"


_OF_SERVER = _Said(
    "it is about the whole server, whose other databases have no part in the migration",
    "run it by hand, or where your servers are set up",
    "either",
)
_OF_DATABASES = _OF_SERVER._replace(phase="")
"""What cannot run in a transaction, or from within the database it is about."""
_OF_SESSION = _Said("it is about the session, which is the tool's own", "leave it out")
_SETTING = _Said("it changes what the statements after it mean; write the schema before each name instead")
_IN_HAND = "run it by hand, when it suits"
_CREATE_ANOTHER = "create one of the new name, and drop the old one, in the same migration"
_REWRITES = _Said("it writes every row anew while others wait", "create another table, and move to it", "contract")
_ADDS = _Said("no kind is about it; it only adds, and no code that is running names it", "", "expand", "DROP …")
_USED = _Said("running code may still use what would be dropped", "", "contract")
_RENAMES = _Said("running code knows it by its old name", _CREATE_ANOTHER, "contract")
_ONE_NAME = _Said("running code knows it by its old name, and it has but one at a time", "", "contract")
_IN_ORDER = _Said("they take effect in the order of their names", "", "contract")
_FOREIGN = _Said("no kind is about foreign tables; a foreign table lies on another server", "", "contract")
_REMOTE = _Said("code of both versions reaches the other server by it", "", "contract")
_SUBSCRIBES = _Said("what a subscription sends is as another server has it", _IN_HAND)
_FIRES = _Said("it fires for the steps of migrations, this tool's among them, and can make them fail", "", "contract")
_BELONGS = _Said("what belongs to an extension is dropped and updated with it", "", "contract")
_PLANS = _Said(
    "no kind is about it; no answer changes, only what the planner makes of it", "", "expand", "ALTER … SET …"
)
_COMMANDS: dict[int, _Said] = {
    pb.AT_AddConstraint: _Said(
        "the constraint refuses what old code may still write, and its check scans the table", "", "contract"
    ),
    pb.AT_SetExpression: _Said(
        "it writes every row anew while others wait, and old code reads another value",
        "add another generated column, and drop this one in the same migration",
        "contract",
    ),
    pb.AT_SetLogged: _REWRITES,
    pb.AT_SetUnLogged: _Said(
        "it writes every row anew while others wait, and a crash of the server empties it", "", "contract"
    ),
    pb.AT_SetAccessMethod: _REWRITES,
    pb.AT_DropOids: _Said("no table has them any more", "leave it out"),
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
    pb.AT_EnableAlwaysRule: _Said("the rule changes statements of old code, too", "", "contract"),
    pb.AT_EnableReplicaRule: _Said("old code counts on what the rule makes of its statements", "", "contract"),
    pb.AT_AddOf: _Said("no kind is about typed tables; no answer changes", "", "expand", "ALTER TABLE … NOT OF"),
    pb.AT_DropOf: _Said("no kind is about typed tables; no answer changes", "", "expand", "ALTER TABLE … OF the type"),
}
"""Of ALTER TABLE of tables."""
_VIEWS = {
    pb.AT_ColumnDefault: _Said("inserts of old code through the view get the default, too", "", "contract"),
}
"""Of ALTER VIEW."""
_INDEXES = {
    pb.AT_SetStatistics: _Said(
        "no kind is about statistics of an index; no answer changes", "", "expand", "ALTER INDEX … SET STATISTICS -1"
    ),
    pb.AT_AttachPartition: _Said(
        "no kind is about it; it only joins indexes that are there, and an index cannot be taken out again",
        "CREATE INDEX of the partitioned table builds and joins them, and is a kind of its own",
        "expand",
        "none",
    ),
}
"""Of ALTER INDEX."""
_TYPE = _Said(
    "rows of the type that code writes and takes apart have another shape from then on; the server refuses it while "
    "a column is of the type",
    "create another type, let what uses it use that, and drop this one in the same migration",
    "contract",
)
_RELATIONS: dict[int, dict[int, _Said] | _Said] = {
    pb.OBJECT_TYPE: _TYPE,
    pb.OBJECT_FOREIGN_TABLE: _FOREIGN,
    pb.OBJECT_INDEX: _INDEXES,
    pb.OBJECT_VIEW: _VIEWS,
    pb.OBJECT_SEQUENCE: {
        pb.AT_SetLogged: _Said("no kind is about it; no answer changes", "", "expand", "ALTER SEQUENCE … SET UNLOGGED"),
        pb.AT_SetUnLogged: _Said("a crash of the server resets it, and numbers come twice", "", "contract"),
    },
    pb.OBJECT_MATVIEW: _COMMANDS
    | dict.fromkeys((pb.AT_SetStatistics, pb.AT_SetStorage, pb.AT_SetCompression, pb.AT_SetOptions), _PLANS)
    | {pb.AT_SetAccessMethod: _REWRITES._replace(instead="create another one, and drop this in the same migration")},
}
"""Of ALTER … of what is no table; what the server lets nobody alter in this way is left out."""
_RENAMED: dict[int, _Said] = {
    **dict.fromkeys((pb.OBJECT_ROLE, pb.OBJECT_TABLESPACE), _OF_SERVER),
    pb.OBJECT_DATABASE: _OF_DATABASES,
    pb.OBJECT_SUBSCRIPTION: _SUBSCRIBES,
    pb.OBJECT_ATTRIBUTE: _TYPE,
    pb.OBJECT_COLUMN: _Said(
        "running code knows the column by its old name",
        "create another view of the new column, and drop this one in the same migration",
        "contract",
    ),
    **dict.fromkeys((pb.OBJECT_EVENT_TRIGGER, pb.OBJECT_RULE), _IN_ORDER),
    **dict.fromkeys(
        (
            pb.OBJECT_TYPE, pb.OBJECT_DOMAIN, pb.OBJECT_COLLATION, pb.OBJECT_OPCLASS, pb.OBJECT_OPFAMILY, pb.OBJECT_FDW,
            pb.OBJECT_FOREIGN_SERVER, pb.OBJECT_LANGUAGE, pb.OBJECT_PUBLICATION, pb.OBJECT_DOMCONSTRAINT,
            pb.OBJECT_FOREIGN_TABLE, pb.OBJECT_EXTENSION, pb.OBJECT_CONVERSION, pb.OBJECT_SEQUENCE, pb.OBJECT_OPERATOR,
            pb.OBJECT_TSPARSER, pb.OBJECT_TSTEMPLATE, pb.OBJECT_TSDICTIONARY,
        ),
        _ONE_NAME,
    ),
}  # fmt: skip
"""By what is renamed or gets another schema, where another one beside it would not do, since what uses it stays with
the old one; of the others ``_RENAMES`` is said."""
_OWNED: dict[int, _Said] = {
    pb.OBJECT_DATABASE: _OF_SERVER,
    pb.OBJECT_TABLESPACE: _OF_SERVER,
    pb.OBJECT_SUBSCRIPTION: _SUBSCRIBES,
    pb.OBJECT_EVENT_TRIGGER: _FIRES,
}
_SETS_VALUE = _Said("it takes place at once, and nothing undoes it", "", "expand", "none")
_STATEMENTS: dict[str, _Said] = {
    "drop_stmt": _USED,
    "drop_user_mapping_stmt": _USED,
    "update_stmt": _Said(
        "over many rows it locks them all to its end, and only you know whether old code can read what it writes",
        "",
        "backfill",
    ),
    "insert_stmt": _Said("it reads and writes in one statement what may be large", "", "backfill"),
    "delete_stmt": _Said("one statement over many rows locks them all until it ends", "", "contract"),
    "merge_stmt": _Said("over many rows it locks them all to its end", "write it as INSERT and UPDATE", "contract"),
    "truncate_stmt": _Said("running code loses its rows and waits for an exclusive lock", "", "contract"),
    "do_stmt": _Said("what the block does cannot be read off its text", "", "either"),
    "call_stmt": _Said("what the procedure does cannot be read off its text", "", "either"),
    "select_stmt": _Said("what the query does besides reading cannot be read off its text", "", "either"),
    "variable_set_stmt": _SETTING,
    "copy_stmt": _Said("its rows come from outside, or go there", _IN_HAND),
    "vacuum_stmt": _Said(
        "no shape changes by it", f"{_IN_HAND}; after a backfill it comes by itself", "expand", "none"
    ),
    "check_point_stmt": _Said("no shape changes by it", _IN_HAND),
    "notify_stmt": _Said("no shape changes by it", "", "either"),
    **dict.fromkeys(
        (
            "explain_stmt", "prepare_stmt", "execute_stmt", "deallocate_stmt", "load_stmt", "listen_stmt",
            "unlisten_stmt", "discard_stmt", "variable_show_stmt", "declare_cursor_stmt", "fetch_stmt",
            "close_portal_stmt", "constraints_set_stmt",
        ),
        _OF_SESSION,
    ),
    "cluster_stmt": _Said(
        "it writes every row anew while reads and writes wait", "pg_repack orders a table while they go on", "contract"
    ),
    "create_table_as_stmt": _Said(
        "it reads in one statement what may be large",
        "CREATE TABLE, and fill it by INSERT … SELECT with phase = backfill",
        "expand",
        "DROP TABLE …",
    ),
    "rule_stmt": _Said(
        "a rule changes statements of old code, too: nobody but you knows whether it can live with that",
        "a trigger does the same, and is a kind of its own",
        "contract",
    ),
    "alter_function_stmt": _Said(
        "code of both versions calls the function",
        "replace_function does it with a database to look at, and puts back what stood there",
        "contract",
    ),
    "alter_owner_stmt": _Said("what its owner may do, old code may rely on", "", "contract"),
    "alter_object_depends_stmt": _Said("it goes with the extension from then on", "", "contract"),
    "alter_extension_contents_stmt": _BELONGS,
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
    "alter_tsdictionary_stmt": _Said("searches of old code go by it, and stored tsvectors do not", "", "contract"),
    "alter_operator_stmt": _PLANS,
    "alter_type_stmt": _Said("what the server makes of its values, code of both versions relies on", "", "contract"),
    "create_event_trig_stmt": _FIRES,
    "alter_event_trig_stmt": _FIRES,
    "sec_label_stmt": _Said("what a label allows is up to its provider", "", "contract"),
    "reassign_owned_stmt": _Said(
        "what it changes is not named", "ALTER TABLE … OWNER TO for each object is a kind of its own", "contract"
    ),
    "drop_owned_stmt": _Said("what it drops is not named", "drop each object by its name", "contract"),
    **dict.fromkeys(
        (
            "alter_database_set_stmt", "alter_database_stmt", "alter_role_set_stmt", "create_role_stmt",
            "alter_role_stmt", "drop_role_stmt", "grant_role_stmt", "alter_table_space_options_stmt",
            "alter_database_refresh_coll_stmt",
        ),
        _OF_SERVER,
    ),
    **dict.fromkeys(
        ("alter_system_stmt", "createdb_stmt", "dropdb_stmt", "create_table_space_stmt", "drop_table_space_stmt"),
        _OF_DATABASES,
    ),
    **dict.fromkeys(
        ("create_subscription_stmt", "alter_subscription_stmt", "drop_subscription_stmt"), _SUBSCRIBES
    ),
    **dict.fromkeys(("alter_fdw_stmt", "alter_foreign_server_stmt", "alter_user_mapping_stmt"), _REMOTE),
    "create_cast_stmt": _Said(
        "no kind is about it; it changes what casts in statements of old code mean: written ones, and with AS IMPLICIT "
        "or AS ASSIGNMENT those that are not",
        "",
        "contract",
    ),
    **dict.fromkeys(
        (
            "define_stmt", "create_fdw_stmt", "create_foreign_server_stmt", "create_foreign_table_stmt",
            "create_user_mapping_stmt", "create_op_class_stmt", "create_op_family_stmt", "create_conversion_stmt",
            "create_transform_stmt", "create_am_stmt", "create_plang_stmt", "create_range_stmt",
            "import_foreign_schema_stmt",
        ),
        _ADDS,
    ),
}  # fmt: skip
"""Of other statements, by node type."""
_REPLACES = _Said("code of both versions uses what it replaces", _CREATE_ANOTHER, "contract")
_MOVES = _Said(
    "running code knows it where it is",
    "create one in the new schema, and drop the old one, in the same migration",
    "contract",
)
_DEFAULT_CONVERSION = _Said("it converts what old code sends and reads, too", "", "contract")
_INSERTS_VALUES = _Said(
    "old code reads the rows too, and only you know whether it can live with them", "", "either", "DELETE FROM …"
)
_FAMILY_GETS = _ADDS._replace(undo="ALTER OPERATOR FAMILY … DROP …")
_FAMILY_LOSES = _Said("indexes and statements of old code may need what goes", "", "contract")
_UNKNOWN = _Said("it is of no kind that is known here", '"migrator explain" lists the kinds that can', "either")


def refusal_of(action: Action, at: str) -> Refused:
    """Why a statement is not split, what to write instead, and how to run it as it is.

    Args:
        action: that no kind is about.
        at: where it stands.
    """
    said = _said(action)
    undone = f"expand, and what undoes it: -- migrator: undo = {said.undo}"
    phases = {
        "expand": undone,
        "either": f"contract, or phase = {undone}",
        "": "",
    }
    phase = phases.get(said.phase, said.phase)
    by_hand = f"say yourself when it runs: -- migrator: phase = {phase}" if phase else ""
    return Refused(
        f"this statement cannot be split safely: {said.why}",
        at=at,
        detail=" ".join(action.text.split())[:300],
        hint="; or ".join(filter(None, (said.instead, by_hand))) or None,
    )


def _said(action: Action) -> _Said:
    node = action.node
    if action.command is not None:
        of = _RELATIONS.get(node.objtype, _COMMANDS)
        return of if isinstance(of, _Said) else of.get(action.command.subtype, _UNKNOWN)
    if action.kind == "rename_stmt":
        return _RENAMED.get(node.rename_type, _RENAMES)
    if action.kind == "alter_object_schema_stmt":
        return _RENAMED.get(node.object_type, _MOVES)
    if action.kind == "alter_owner_stmt":
        return _OWNED.get(node.object_type, _STATEMENTS[action.kind])
    if set_values(action):
        return _SETS_VALUE
    if action.kind == "insert_stmt" and (not node.HasField("select_stmt") or unwrap(node.select_stmt).values_lists):
        return _INSERTS_VALUES
    if action.kind == "define_stmt" and node.replace:
        return _REPLACES
    if action.kind == "create_conversion_stmt" and getattr(node, "def"):
        return _DEFAULT_CONVERSION
    if action.kind == "alter_op_family_stmt":
        return _FAMILY_LOSES if node.is_drop else _FAMILY_GETS
    return _STATEMENTS.get(action.kind, _UNKNOWN)
