"""Reading objects that are no tables from the catalog."""

from __future__ import annotations

from collections import defaultdict

from migrator.model.objects import (
    AvailableExtension,
    Domain,
    DomainColumn,
    Extension,
    Grant,
    Namespace,
    Objects,
    PublicationFacts,
    SequenceFacts,
    StatisticsFacts,
)
from migrator.postgres.publishing import read_generated_identity, read_schemas, read_without_identity
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.postgres.queries", "objects.sql")


def read_objects(session: Session, *, available: bool = True) -> Objects:
    """All of them; to be called in a transaction with an empty ``search_path``, so that every name is qualified.

    Args:
        session: in that transaction.
        available: whether the server reads its files of extensions that could be installed, too.
    """
    rights = session.one(_SQL["rights"])
    versions: dict[str, list[AvailableExtension]] = defaultdict(list)
    for row in session.query(_SQL["available_extensions"]) if available else ():
        versions[row.name].append(
            AvailableExtension(
                row.version, row.is_default, row.needs_superuser, row.is_trusted, tuple(row.requires)
            )
        )  # fmt: skip
    published = read_schemas(session)
    owned = list(session.query(_SQL["grants"]))
    return Objects(
        sequences={
            (row.schema, row.name): SequenceFacts(
                row.type_name, row.start, row.increment, row.minimum, row.maximum, row.cache, row.cycles,
                tuple(row.owned_by) if row.owned_by else None, row.is_identity, tuple(row.users),
            )
            for row in session.query(_SQL["sequences"])
        },
        schemas={
            row.name: Namespace(
                tuple(row.contents),
                row.is_usable,
                tuple(row.relations),
                tuple(row.others),
                tuple(row.extensions),
                tuple(row.searched_by),
                tuple(row.routines),
                tuple(row.unspoken),
            )
            for row in session.query(_SQL["schemas"])
        },
        extensions={
            row.name: Extension(row.schema, row.version, tuple(row.updates), tuple(row.users))
            for row in session.query(_SQL["extensions"])
        },
        available={name: tuple(found) for name, found in versions.items()},
        comments={(row.kind, *row.names): row.text for row in session.query(_SQL["comments"])},
        roles=frozenset(rights.roles),
        is_superuser=rights.is_superuser,
        grants={(row.kind, *row.names): tuple(Grant(**grant) for grant in row.grants) for row in owned},
        owners={(row.kind, *row.names): row.owner for row in owned},
        publications={
            row.name: PublicationFacts(
                tuple((schema, name) for schema, name in row.tables), row.sends_all, tuple(row.operations),
                row.sends_generated, published.get(row.name, ()),
            )
            for row in session.query(_SQL["publications"])
        },
        domains={
            (row.schema, row.name): Domain(
                row.base,
                row.not_null,
                tuple(row.constraints),
                tuple(DomainColumn(**column) for column in row.columns),
                row.is_nested,
            )
            for row in session.query(_SQL["domains"])
        },
        without_identity=read_without_identity(session),
        generated_identity=read_generated_identity(session),
        wal_level=rights.wal_level,
        compressions=tuple(rights.compressions or ()),
        may_create_in_database=rights.may_create_in_database,
        tablespaces={row.name: row.is_usable for row in session.query(_SQL["tablespaces"])},
        default_tablespace=rights.default_tablespace,
        statistics={
            (row.schema, row.name): StatisticsFacts((row.table_schema, row.table), row.target)
            for row in session.query(_SQL["statistics"])
        },
    )  # fmt: skip
