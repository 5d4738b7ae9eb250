"""How lint alone does against what the servers did."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.lint.acceptance.probes import (
    VERSIONS,
    Probe,
    lint_findings,
    of_version,
    says_breaking,
    says_long,
    truth,
)

LONG_FOUND = BREAKING_FOUND = 0.97
HARMLESS_FLAGGED = 0.07


@dataclass
class Score:
    """Counts over both versions, and what went wrong by name."""

    long: int = 0
    long_missed: list[str] = field(default_factory=list)
    breaking: int = 0
    breaking_missed: list[str] = field(default_factory=list)
    harmless: int = 0
    harmless_flagged: list[str] = field(default_factory=list)
    kind_: int = 0
    kind_flagged: list[str] = field(default_factory=list)

    @property
    def long_share(self) -> float:
        return 1 - len(self.long_missed) / self.long

    @property
    def breaking_share(self) -> float:
        return 1 - len(self.breaking_missed) / self.breaking

    @property
    def harmless_share(self) -> float:
        return len(self.harmless_flagged) / self.harmless

    def report(self) -> str:
        lines = [
            f"long locks found:      {self.long_share:6.1%} of {self.long} (at least {LONG_FOUND:.0%})",
            *(f"    missed: {name}" for name in self.long_missed),
            f"breaking changes found:{self.breaking_share:6.1%} of {self.breaking} (at least {BREAKING_FOUND:.0%})",
            *(f"    missed: {name}" for name in self.breaking_missed),
            f"harmless flagged:      {self.harmless_share:6.1%} of {self.harmless} (at most {HARMLESS_FLAGGED:.0%})",
            *(f"    flagged: {name}" for name in self.harmless_flagged),
            f"changes that broke none of the statements, and were flagged: {len(self.kind_flagged)} of {self.kind_}",
            *(f"    {name}" for name in self.kind_flagged),
        ]
        return "\n".join(lines)


def score() -> Score:
    found = Score()
    for major in VERSIONS:
        known = truth()[str(major)]
        for probe in of_version("long", major):
            found.long += 1
            findings = lint_findings(probe, major)
            if not says_long(findings):
                found.long_missed.append(_line(major, probe, findings))
        for probe in of_version("harmless", major):
            found.harmless += 1
            findings = lint_findings(probe, major)
            if findings:
                found.harmless_flagged.append(_line(major, probe, findings))
        for probe in of_version("changes", major):
            findings = lint_findings(probe, major)
            if known["changes"][probe.name]["broken"]:
                found.breaking += 1
                if not says_breaking(findings):
                    found.breaking_missed.append(_line(major, probe, findings))
            else:
                found.kind_ += 1
                if says_breaking(findings):
                    found.kind_flagged.append(_line(major, probe, findings))
    return found


def _line(major: int, probe: Probe, findings: list) -> str:
    said = ", ".join(sorted({f"{finding.code} {finding.severity}" for finding in findings})) or "nothing"
    return f"PostgreSQL {major}: {probe.name}: lint says {said}"
