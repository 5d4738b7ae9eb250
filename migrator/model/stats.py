"""How large and how busy relations are: what ``migrator stats`` writes and lint weighs findings by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Writes:
    """Rows written in a second, on average since the server began to count."""

    inserted: float
    updated: float
    deleted: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True, slots=True)
class Scans:
    """Scans begun in a second, on average since the server began to count."""

    sequential: float
    index: float


@dataclass(frozen=True, slots=True)
class RelationStats:
    """One relation; of a partitioned table and of a parent by INHERITS, what all below it have together.

    Attributes:
        kind: ``table``, ``partitioned table``, ``partition``, ``materialized view``.
        rows: the planner's estimate; None: it was never analyzed.
        table_bytes: without indexes and TOAST.
        index_bytes: of all its indexes.
        toast_bytes: of its large values, with their index.
        total_bytes: of all three.
        writes_per_s: None where the server counts none, as a standby.
        scans_per_s: likewise.
    """

    schema: str
    name: str
    kind: str
    rows: int | None
    table_bytes: int
    index_bytes: int
    toast_bytes: int
    total_bytes: int
    writes_per_s: Writes | None = None
    scans_per_s: Scans | None = None


@dataclass(frozen=True, slots=True)
class Database:
    """The server that was asked."""

    server_version: str
    system_identifier: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """What ``migrator stats`` found.

    Attributes:
        schema_version: of the file.
        taken_at: ISO 8601, UTC.
        database: the server.
        search_path: schemas in which names without one are looked up.
        relations: those of users, largest first.
        counted_since: since when the server counts what the rates are of, ISO 8601; empty: it does not tell.
    """

    schema_version: int
    taken_at: str
    database: Database
    search_path: tuple[str, ...]
    relations: tuple[RelationStats, ...]
    counted_since: str = ""


@dataclass(frozen=True, slots=True)
class TableSize:
    """The size of a table as a finding tells it.

    Attributes:
        rows: None: not known.
        total_bytes: with indexes and TOAST.
        writes_per_s: rows written in a second; None: not known.
        estimate_s: how long the work under the lock may take, from the rates of the configuration; None: none is done.
        work: what takes so long: ``reading``, ``building``, ``rewriting``.
    """

    rows: int | None
    total_bytes: int
    writes_per_s: float | None = None
    estimate_s: float | None = None
    work: str = ""

    @property
    def title(self) -> str:
        """``about 12 million rows, 4.1 GB, 340 writes/s; rewriting it takes about 2 min``."""
        parts = [size_title(self.total_bytes)]
        if self.rows is not None:
            parts.insert(0, f"about {rows_title(self.rows)}")
        if self.writes_per_s is not None and self.writes_per_s >= 1:
            parts.append(f"{self.writes_per_s:,.0f} writes/s")
        text = ", ".join(parts)
        if self.estimate_s is None:
            return text
        takes = "less than a second" if self.estimate_s < 1 else f"about {duration_title(self.estimate_s)}"
        return f"{text}; {self.work} it takes {takes}"


def rows_title(rows: int) -> str:
    """A number of rows to two digits: ``200 rows``, ``12,000 rows``, ``4.1 million rows``."""
    if rows >= 1_000_000:
        word, unit = ("billion", 10**9) if rows >= 10**9 else ("million", 10**6)
        return f"{_two_digits(rows / unit)} {word} rows"
    step = max(1, 10 ** (len(str(rows)) - 2))
    rounded = round(rows / step) * step
    return "1 row" if rows == 1 else f"{rounded:,} rows"


def size_title(size: int) -> str:
    """A size with PostgreSQL's units: ``40 kB``, ``4.1 GB``."""
    for unit, least in (("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20)):
        if size >= least:
            return f"{_two_digits(size / least)} {unit}"
    return f"{-(-size // 1024)} kB"


def _two_digits(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0") if number < 10 else f"{number:,.0f}"


def duration_title(seconds: float) -> str:
    """A duration to its largest unit: ``45 s``, ``20 min``, ``3 h``, ``12 days``."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} s"
