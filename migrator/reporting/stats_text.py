"""Sizes and rates for people: a line for each relation, largest first."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.stats import Stats, rows_title, size_title

_HEAD = ("RELATION", "KIND", "ROWS", "SIZE", "INDEXES", "TOAST", "WRITES/S", "SCANS/S")
_LEFT = 2
"""Columns of words; the others are numbers."""


def lines(stats: Stats) -> Iterator[str]:
    """The lines of a table."""
    if not stats.relations:
        yield "no tables"
        return
    rows = [_HEAD]
    for each in stats.relations:
        writes, scans = each.writes_per_s, each.scans_per_s
        rows.append((
            f"{each.schema}.{each.name}",
            each.kind,
            "not analyzed" if each.rows is None else rows_title(each.rows).removesuffix(" rows").removesuffix(" row"),
            size_title(each.total_bytes),
            size_title(each.index_bytes),
            size_title(each.toast_bytes),
            "-" if writes is None else f"{writes.total:,.1f}",
            "-" if scans is None else f"{scans.sequential + scans.index:,.1f}",
        ))  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        cells = (
            cell.ljust(width) if number < _LEFT else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
