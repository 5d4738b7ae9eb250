"""What one run of lint found, and in how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from migrator.model.finding import Finding, Severity

if TYPE_CHECKING:
    from migrator.model.trace import Trace


class Report(Struct):
    """What lint found.

    Attributes:
        findings: in the order of files and lines.
        files: number of files looked at.
        statements: number of statements in them.
        names: of the files, in order.
        waived: number of findings that a waiver took away.
        in_baseline: number of findings that a baseline took away.
        gone_from_baseline: number of entries of the baseline that nothing was found for.
        lines: by file and line number, the text of each line that a finding points to.
        trace: what a scratch server did; None without ``--trace``.
        dialect: title of the dialect it was read as, if that is not PostgreSQL's: then it is less exact.
        not_in_base: places and reasons of what could not be read of the schema that is there already.
        root: folder of the project, from which fingerprints count paths; empty: as files were named.
        sizes_taken_at: when the statistics were taken that findings were weighed by; empty: there were none.
    """

    findings: list[Finding] = field(default_factory=list)
    files: int = 0
    statements: int = 0
    names: list[str] = field(default_factory=list)
    waived: int = 0
    in_baseline: int = 0
    gone_from_baseline: int = 0
    lines: dict[tuple[str, int], str] = field(default_factory=dict)
    trace: Trace | None = None
    dialect: str = ""
    not_in_base: list[str] = field(default_factory=list)
    root: str = ""
    sizes_taken_at: str = ""

    def fails(self, fail_on: Severity) -> bool:
        """Whether any finding is at least as severe as ``fail_on``."""
        order = list(Severity)
        return any(order.index(finding.severity) <= order.index(fail_on) for finding in self.findings)
