from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ROW = re.compile(r"^\| (\d\d) \|.*\| `(test_\w+\.py)` \|$", re.MULTILINE)
TEST = re.compile(r"^def test_scenario_(\d\d)_", re.MULTILINE)


def test_every_scenario_has_its_test_where_the_table_says() -> None:
    table = dict(ROW.findall((HERE / "README.md").read_text()))
    found = {number: path.name for path in HERE.glob("test_*.py") for number in TEST.findall(path.read_text())}
    assert found == table
    assert sorted(found) == [f"{number:02}" for number in range(1, 46)]
