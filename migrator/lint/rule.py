"""What a rule is: a stable code and name, a page, examples that are its tests, and ``check``.

The docstring of a rule is its page (``migrator explain CODE``): one line of what is wrong, then **Why it matters**,
**What to do** and **Source**. ``good`` must be clean, each ``bad`` must be reported with exactly the fix it shows,
and that fix must be clean: one parametrised test holds every rule to this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from migrator.lint.repairs import Fixable, Repair
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase

if TYPE_CHECKING:
    from migrator.lint.context import Alteration, Context
    from migrator.sql.parser import Statement

BEFORE_THE_DEPLOY: frozenset[Phase | None] = frozenset({None, Phase.EXPAND, Phase.BACKFILL})
"""Where old code still runs: unphased files are judged as running before the deploy."""

EVERYWHERE: frozenset[Phase | None] = frozenset({None, *Phase})


class Good(Struct, frozen=True):
    """SQL that the rule must not report.

    Attributes:
        sql: one file.
        earlier: a file of the same history before it, or an empty string.
        phase: the phase ``sql`` belongs to; None: an ordinary file.
        pg_version: oldest server in use.
    """

    sql: str
    earlier: str = ""
    phase: Phase | None = None
    pg_version: int = 14


class Bad(Struct, frozen=True):
    """SQL that the rule must report, with the fix it must suggest; other fields as in ``Good``."""

    sql: str
    fix: str
    earlier: str = ""
    phase: Phase | None = None
    pg_version: int = 14


class Problem(Struct, frozen=True, gc=False):
    """What a rule found in one statement.

    Attributes:
        message: object and what happens to it; lower case, no full stop.
        why: who is harmed, and how.
        fix: SQL to put in the statement's place; what is not SQL stands in it as comments.
        lock: the lock mode that does the harm, where it is not the rule's own.
        blocks: whom it makes wait, where the mode alone does not tell.
        severity: where it differs from the rule's own.
        span: first and last (exclusive) character in the source; None: the whole statement.
        work: what the server does under the lock, where it is not what the rule says.
        breaks: what fails, where it is not what the rule says.
        repair: the rewrite as edits, where it is mechanical.
    """

    message: str
    why: str
    fix: str = ""
    lock: LockMode | None = None
    blocks: str = ""
    severity: Severity | None = None
    span: tuple[int, int] | None = None
    work: Effort | None = None
    breaks: tuple[Breaks, ...] | None = None
    repair: Repair | None = None


class Rule:
    """A rule over whole statements.

    Attributes:
        code: stable, unique: two letters and three digits.
        name: stable, unique; says what is wrong.
        severity: ``error`` means that production is harmed.
        lock: the lock mode that does the harm, at its worst; ``NONE`` if it is not about a lock.
        work: what the server does while it holds that lock.
        breaks: what fails because of it.
        versions: first and last major version of PostgreSQL that it holds for.
        kinds: node types of the statements it looks at.
        phases: where it applies.
        opt_in: reported only if selected by code or prefix.
        fixable: whether some of its problems carry a repair.
        grows_with_table: whether the tables that the statement locks say how long its work takes.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity]
    category: ClassVar[Category]
    lock: ClassVar[LockMode] = LockMode.NONE
    work: ClassVar[Effort] = Effort.NONE
    breaks: ClassVar[tuple[Breaks, ...]] = ()
    versions: ClassVar[tuple[int, int]] = (14, 18)
    kinds: ClassVar[tuple[str, ...]] = ()
    phases: ClassVar[frozenset[Phase | None]] = EVERYWHERE
    opt_in: ClassVar[bool] = False
    fixable: ClassVar[Fixable] = Fixable.NEVER
    grows_with_table: ClassVar[bool] = True
    good: ClassVar[tuple[Good, ...]] = ()
    bad: ClassVar[tuple[Bad, ...]] = ()

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """Problems of one statement; ``context`` is what holds just before it runs."""
        raise NotImplementedError


class AlterTableRule(Rule):
    """A rule over the single actions of ALTER TABLE.

    Attributes:
        subtypes: the ``AT_…`` actions it looks at.
    """

    subtypes: ClassVar[tuple[int, ...]] = ()

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """Problems of one action; ``context`` is what holds after the actions before it."""
        raise NotImplementedError


class ReportedByEngine(Rule):
    """A rule whose findings come from the engine itself: syntax errors, waivers.

    Attributes:
        why: who is harmed, and how.
    """

    why: ClassVar[str] = ""


class ReportedOfFiles(ReportedByEngine):
    """A rule about a file as a whole, or about what could not be read of it.

    It has no examples of its own: what it reports depends on more than SQL, such as what stood there at a reference.
    """


class ReportedByTrace(Rule):
    """A rule whose findings come from a scratch server that ran the files: ``migrator lint --app-sql``.

    It has no examples of its own: what it reports depends on the statements of the application.
    """


class ReportedOfRelease(Rule):
    """A rule that holds a statement against the manifests of releases: ``migrator lint --manifest``.

    It has no examples of its own: what it reports depends on the manifests in ``Context.manifests``.
    """
