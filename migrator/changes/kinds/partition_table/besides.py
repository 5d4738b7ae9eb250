"""Extended statistics and tablespaces of a table that becomes a partition: the partitioned table has them, too.

The statistics of the partition stay what they are, under a name of their own. The server uses those of a partitioned
table for all partitions together. Its tablespaces are those in which later partitions and their indexes are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from migrator.changes.kind import Context
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, ident, qualified

Template = Callable[..., Sql]


def renamed(
    relation: Relation, name_on_partition: Callable[[str], str], template: Template
) -> Iterator[tuple[str, Sql]]:
    """What statistics of the partition are called, so that their names are free."""
    for each in relation.statistics:
        yield (
            f"statistics object {each.name}",
            template(
                "rename_statistics",
                statistics=qualified(each.schema, each.name),
                new_name=name_on_partition(each.name),
            ),
        )


def carried(relation: Relation, template: Template) -> Iterator[tuple[str, Sql]]:
    """What hangs on the table, and the statement that gives it to the partitioned table."""
    for each in relation.statistics:
        what, statistics = f"statistics object {each.name}", qualified(each.schema, each.name)
        yield what, Sql(each.definition)
        if each.target >= 0:
            yield what, template("statistics_target", statistics=statistics, target=Sql(str(each.target)))
        if each.comment is not None:
            yield what, template("comment", what=Sql(f"STATISTICS {statistics}"), text=each.comment)
    places = [("TABLE", relation.name.name, relation.tablespace)]
    places += [("INDEX", each.name, each.tablespace) for each in relation.indexes]
    for kind, name, tablespace in places:
        if tablespace:
            yield (
                f"tablespace of {kind.lower()} {name}",
                template(
                    "tablespace", kind=Sql(kind), where=qualified(relation.name.schema, name), tablespace=tablespace
                ),
            )


def require_places(relation: Relation, context: Context) -> None:
    """Make sure that this role may make something where the table and its indexes are.

    Raises:
        Refused: it may not.
    """
    for name in sorted({relation.tablespace, *(each.tablespace for each in relation.indexes)} - {""}):
        if not context.schema.objects.tablespaces.get(name, True):
            raise Refused(
                f'"{relation.name}" or an index of it is in tablespace "{name}", into which this role may not put '
                "anything: later partitions could not be made there",
                hint=f"as a superuser, with the name of this role: GRANT CREATE ON TABLESPACE {ident(name)} TO …",
            )
