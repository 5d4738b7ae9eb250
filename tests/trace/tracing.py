"""What the tests of traces share: files given as text, run on a database of their own."""

from __future__ import annotations

from datetime import date

from migrator.lint.engine import lint
from migrator.lint.selection import everything
from migrator.lint.sources import Source
from migrator.model.plan import Phase
from migrator.model.trace import Trace, Traced
from migrator.sql.compose import ident
from migrator.trace.application.reading import of_text
from migrator.trace.history import Judged, Recorder
from migrator.trace.scratch import APPLICATION, RUNNER, Scratch
from migrator.trace.verify import Wish, run_on

TODAY = date(2026, 6, 1)


def judged(*sources: Source, pg_version: int = 14) -> list[Judged]:
    recorder = Recorder()
    lint(sources, everything(), pg_version=pg_version, today=TODAY, companion=recorder)
    return recorder.statements


def clean(scratch: Scratch) -> None:
    """Empty a scratch database."""
    admin = scratch.admin
    schemas = admin.query("SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'")
    admin.execute("SET client_min_messages = warning; RESET session_replication_role")
    for schema in schemas:
        admin.execute(f"DROP SCHEMA {ident(schema.name)} CASCADE")
    for row in admin.query("SELECT pubname AS name FROM pg_publication"):
        admin.execute(f"DROP PUBLICATION {ident(row.name)}")
    for row in admin.query("SELECT rolname AS name FROM pg_roles WHERE rolname !~ '^pg_|^postgres$|^migrator_trace'"):
        admin.execute(f"DROP ROLE {ident(row.name)}")
    scratch.forget_roles()
    admin.execute(f"CREATE SCHEMA public AUTHORIZATION {RUNNER}; GRANT ALL ON SCHEMA public TO {APPLICATION}")
    scratch.runner.execute("DISCARD ALL")


def trace(
    scratch: Scratch, *texts: str | Source, application: str = "", base: str = "", pg_version: int | None = None
) -> Trace:
    """Run files, named by their number, on an empty database."""
    sources = [text if isinstance(text, Source) else Source(f"{n}.sql", text) for n, text in enumerate(texts, 1)]
    if base:
        sources.insert(0, Source("base.sql", base))
    major = scratch.runner.server_version
    return run_judged(scratch, judged(*sources, pg_version=pg_version or major), application=application)


def run_judged(
    scratch: Scratch, statements: list[Judged], *, application: str = "", base: tuple[str, ...] = ()
) -> Trace:
    """Run statements on an empty database; files of the names in ``base``, and ``base.sql``, are only loaded."""
    clean(scratch)
    sent = list(of_text(application, "app.sql")) if application else []
    names = {"base.sql", *base}
    return run_on(scratch, statements, Wish(scratch.runner.server_version, sent, lambda source: source.name in names))


def last_file(traced: Trace) -> list[Traced]:
    """The statements of the last file."""
    name = traced.statements[-1].file
    return [each for each in traced.statements if each.file == name]


def locks(traced: Traced) -> dict[str, str]:
    return {lock.relation: lock.mode.title for lock in traced.locks}


def phase_file(folder: str, phase: Phase, text: str) -> Source:
    return Source(f"{folder}/{phase}.sql", text, phase, phased=True)
