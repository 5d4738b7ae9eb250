"""``examples/clients/README.md``: what it tells other languages to send is what the database answers."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from tests.gate.world import World

README = Path(__file__).resolve().parents[2] / "examples" / "clients" / "README.md"
ARGUMENTS = ("web", "web-1", "boot", 42, "1.0")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None, language
    return found[1]


@pytest.mark.parametrize("language", ["go", "java", "ruby"])
def test_each_language_sends_what_the_database_answers(world: World, language: str) -> None:
    code = block(language)
    [beat] = re.findall(r'"(SELECT [^"]* FROM migrator\.beat\([^"]*\))"', code)
    [bye] = re.findall(r'"(SELECT migrator\.bye\([^"]*\))"', code)
    with psycopg.connect(world.url, autocommit=True) as connection:
        for statement, answer in ((beat, (True, 3, "")), (bye, (True,))):
            adapted = re.sub(r"\$\d(::integer)?|\?", "%s", statement)
            count = adapted.count("%s")
            row = connection.execute(adapted.encode(), ARGUMENTS[:count]).fetchone()
            assert row == answer


def test_the_python_it_shows_compiles() -> None:
    for code in re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE):
        compile(code, str(README), "exec")
