"""What is reported of a document, with what the configuration names."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from migrator.config import load
from migrator.integrations.lsp.documents import Document, check
from migrator.model.stats import Database, RelationStats, Stats
from migrator.reporting import stats_json

TODAY = date(2026, 6, 1)
SCANS = "ALTER TABLE t ALTER a SET NOT NULL;\nALTER TABLE t ALTER b SET NOT NULL;\n"


def test_the_base_and_the_sizes_of_the_configuration_count_in_an_editor(tmp_path: Path):
    config = '[lint]\nselect = ["LK011"]\nbase = "schema.sql"\nstats = "stats.json"\n'
    (tmp_path / "migrator.toml").write_text(config)
    document = Document(tmp_path / "a.sql", SCANS, load(tmp_path, {}), {})
    assert [each.severity for each in check(document, TODAY)] == ["error", "error"]

    (tmp_path / "schema.sql").write_text("CREATE TABLE t (a int CHECK (a IS NOT NULL), b int);")
    assert [(each.severity, each.line) for each in check(document, TODAY)] == [("error", 2)]

    relation = RelationStats("public", "t", "table", 9, 8192, 0, 0, 8192)
    stats = Stats(1, "2026-05-31", Database("18.4"), ("public",), (relation,))
    (tmp_path / "stats.json").write_text(stats_json.text(stats))
    assert [(each.severity, each.line) for each in check(document, TODAY)] == [("info", 2)]
