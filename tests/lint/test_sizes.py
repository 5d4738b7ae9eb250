from __future__ import annotations

import json
from datetime import date

import pytest

from migrator.config import LintSizes
from migrator.errors import UsageError
from migrator.lint.engine import lint
from migrator.lint.report import Report
from migrator.lint.selection import select
from migrator.lint.sizes import Sizes, read, thresholds
from migrator.lint.sources import Source
from migrator.model.finding import Finding, Severity, fingerprints
from migrator.model.stats import Database, RelationStats, Stats, TableSize, Writes, rows_title
from migrator.reporting import lint_json, lint_text, stats_json
from tests.lint.linting import TODAY

MB, GB = 1 << 20, 1 << 30


def relation(name: str, rows: int | None, total: int, schema: str = "public") -> RelationStats:
    return RelationStats(schema, name, "table", rows, total, 0, 0, total, Writes(300.0, 40.0, 0.0))


RELATIONS = (
    relation("tiny", 200, 64 * 1024),
    relation("few_wide", 200, 3 * GB),
    relation("many_narrow", 2_000_000, 8 * MB),
    relation("fresh", None, 0),
    relation("middle", 12_000_000, int(4.1 * GB)),
    relation("huge", 3_000_000_000, 500 * GB),
    relation("tiny", 900_000_000, 700 * GB, schema="archive"),
)


def report(
    sql: str, *, taken_at: str = "2026-05-31T10:00:00Z", path: tuple[str, ...] = ("public",), **options: object
) -> Report:
    stats = Stats(1, taken_at, Database("18.4"), path, RELATIONS)
    sizes = Sizes(stats, thresholds(LintSizes(**options)), TODAY)  # type: ignore[arg-type]
    return lint([Source("a.sql", sql)], select(), pg_version=14, today=TODAY, sizes=sizes)


def one(sql: str, code: str, **options: object) -> Finding:
    (finding,) = [each for each in report(sql, **options).findings if each.code == code]  # type: ignore[arg-type]
    return finding


@pytest.mark.parametrize(
    ("table", "severity"),
    [
        ("tiny", Severity.INFO),
        ("few_wide", Severity.ERROR),
        ("many_narrow", Severity.ERROR),
        ("fresh", Severity.ERROR),
        ("middle", Severity.ERROR),
        ("unknown", Severity.ERROR),
        ("archive.tiny", Severity.ERROR),
        ('"tiny"', Severity.INFO),
        ('"Tiny"', Severity.ERROR),
    ],
)
def test_a_scan_is_a_note_only_where_rows_and_bytes_are_few(table: str, severity: Severity):
    assert one(f"ALTER TABLE {table} ALTER c SET NOT NULL;", "LK011").severity is severity


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("ALTER TABLE tiny RENAME COLUMN a TO b;", "BC003"),
        ("ALTER TABLE tiny DROP COLUMN a;", "BC001"),
        ("DROP TABLE tiny;", "BC002"),
        ("TRUNCATE tiny;", "DL001"),
        ("ALTER TABLE tiny ADD COLUMN a int NOT NULL;", "BC005"),
        (
            "CREATE INDEX CONCURRENTLY i ON tiny (a);\nBEGIN;\nCREATE INDEX CONCURRENTLY j ON tiny (a);\nCOMMIT;",
            "LK002",
        ),
    ],
)
def test_what_breaks_code_or_loses_data_stays_an_error_on_a_small_table(sql: str, code: str):
    assert one(sql, code).severity is Severity.ERROR


def test_a_warning_about_a_large_table_is_an_error_with_an_estimate():
    sql = "ALTER TABLE {} ATTACH PARTITION middle FOR VALUES IN (1);"
    assert one(sql.format("unknown"), "LK022").severity is Severity.WARNING

    found = one(sql.format("huge"), "LK022")

    assert found.severity is Severity.ERROR
    assert found.headline.endswith(" (about 3 billion rows, 500 GB, 340 writes/s; reading it takes about 28 min)")


def test_a_rewrite_of_500_gb_says_how_long_it_takes():
    found = one("ALTER TABLE huge ALTER a TYPE bigint;", "LK012")

    assert found.severity is Severity.ERROR
    assert "about 3 billion rows, 500 GB, 340 writes/s; rewriting it takes about 9 h" in found.headline


def test_the_largest_of_the_tables_that_are_locked_counts():
    sql = "ALTER TABLE tiny ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES {} (id);"

    assert one(sql.format("tiny"), "LK013").severity is Severity.INFO
    assert one(sql.format("unknown"), "LK013").severity is Severity.ERROR
    large = one(sql.format("huge"), "LK013")
    assert (large.severity, large.size and large.size.rows) == (Severity.ERROR, 3_000_000_000)


def test_the_table_a_file_made_of_another_name_is_unknown():
    sql = "ALTER TABLE tiny RENAME TO other;\nALTER TABLE other ALTER c SET NOT NULL;"
    assert one(sql, "LK011").severity is Severity.ERROR


def test_every_row_of_a_small_table_is_still_data():
    assert one("DELETE FROM tiny;", "LK019").severity is Severity.WARNING


def test_work_on_another_table_is_not_measured_by_the_one_that_is_locked():
    sql = "BEGIN;\nALTER TABLE tiny ADD COLUMN a int;\nUPDATE tiny SET b = 1 WHERE c IN (SELECT d FROM huge);\nCOMMIT;"
    assert one(sql, "LK024").severity is Severity.WARNING
    assert one("REFRESH MATERIALIZED VIEW tiny;", "LK021").severity is Severity.ERROR


def test_old_statistics_make_nothing_less_severe():
    old = report("ALTER TABLE tiny ALTER c SET NOT NULL;", taken_at="2026-01-01T00:00:00Z")
    assert next(each for each in old.findings if each.code == "LK011").severity is Severity.ERROR
    assert one("ALTER TABLE tiny ALTER c SET NOT NULL;", "LK011", max_age="1d").severity is Severity.INFO


def test_the_thresholds_are_those_of_the_configuration():
    sql = "ALTER TABLE middle ALTER c SET NOT NULL;"
    assert one(sql, "LK011", small_rows=12_000_000, small_size="5GB").severity is Severity.INFO
    assert one("ALTER TABLE tiny ALTER c SET NOT NULL;", "LK011", small_size="off").severity is Severity.ERROR
    assert one("ALTER TABLE huge ATTACH PARTITION p DEFAULT;", "LK022", large_size="off").severity is Severity.WARNING


def test_the_search_path_of_the_file_goes_before_that_of_the_database():
    sql = "ALTER TABLE tiny ALTER c SET NOT NULL;"
    assert one(sql, "LK011", path=("archive", "public")).severity is Severity.ERROR
    assert one("SET search_path = archive;\n" + sql, "LK011").severity is Severity.ERROR


def test_a_severity_of_the_configuration_goes_before_the_size():
    stats = Stats(1, "2026-05-31", Database("18.4"), ("public",), RELATIONS)
    sizes = Sizes(stats, thresholds(LintSizes()), TODAY)
    selection = select(severities={"LK011": "error"})
    source = Source("a.sql", "ALTER TABLE tiny ALTER c SET NOT NULL;")
    found = lint([source], selection, pg_version=14, today=TODAY, sizes=sizes).findings
    assert next(each for each in found if each.code == "LK011").severity is Severity.ERROR


def test_sizes_are_told_and_are_no_part_of_the_fingerprint():
    sql = "SET lock_timeout = '1s';\nALTER TABLE middle ALTER c SET NOT NULL;"
    with_sizes, source = report(sql), Source("a.sql", sql)
    without = lint([source], select(), pg_version=14, today=TODAY)

    assert fingerprints(with_sizes.findings) == fingerprints(without.findings)
    entry = next(each for each in lint_json.document(with_sizes)["findings"] if each["code"] == "LK011")
    assert entry["size"]["rows"] == 12_000_000
    assert "(about 12 million rows, 4.1 GB, 340 writes/s; reading it takes about 14 s)" in entry["message"]
    assert lint_text.summary(with_sizes).endswith("; sizes of 2026-05-31")


def test_what_stats_writes_is_what_lint_reads():
    stats = Stats(1, "2026-05-31T10:00:00Z", Database("18.4", "7"), ("public",), RELATIONS, "2026-01-01T00:00:00Z")
    assert read(stats_json.text(stats).encode(), "stats.json") == stats
    # later versions only add keys
    later = {**json.loads(stats_json.text(stats)), "more": 1}
    assert read(json.dumps(later).encode(), "stats.json") == stats


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 1, "taken_at": "soon"}', "RELATION  KIND", "\0"])
def test_another_file_is_no_statistics(text: str):
    with pytest.raises(UsageError, match="not statistics") as caught:
        read(text.encode(), "x.json")
    assert caught.value.hint == "write them: migrator stats --output x.json"


def test_a_later_version_is_refused():
    stats = Stats(2, "2026-05-31", Database("18.4"), ("public",), ())
    text = json.dumps({"schema_version": 2, **stats_json.document(stats)})
    with pytest.raises(UsageError, match="version 2"):
        read(text.encode(), "x.json")


@pytest.mark.parametrize(
    ("rows", "title"),
    [(0, "0 rows"), (1, "1 row"), (99, "99 rows"), (12_345, "12,000 rows"), (999_999, "1,000,000 rows"),
     (4_100_000, "4.1 million rows"), (12_000_000_000, "12 billion rows")],
)  # fmt: skip
def test_rows_in_words(rows: int, title: str):
    assert rows_title(rows) == title


def test_size_without_rows_or_work():
    assert TableSize(None, 40_960).title == "40 kB"
    assert date.fromisoformat("2026-05-31") < TODAY
