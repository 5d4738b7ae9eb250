"""The keys of a change, as the page of its kind tells them."""

from __future__ import annotations

import re

import msgspec
import pytest

from migrator import cli
from migrator.changes.keys import page_of_keys
from migrator.changes.registry import all_kinds, kind_named


@pytest.mark.parametrize("name", list(all_kinds()))
def test_every_key_of_every_kind_is_told(name: str):
    told = re.findall(r"^    (\w+)(?: \([^)]+\))?: \S", page_of_keys(kind_named(name)), re.MULTILINE)

    assert sorted(told) == sorted(each.encode_name for each in msgspec.structs.fields(kind_named(name).spec))


def test_needed_keys_come_first_with_their_form(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["explain", "move_column"]) == 0

    needed, optional = (
        capsys.readouterr().out.partition("\nKeys, in --change as ")[2].split("\nKeys that may be left out\n")
    )
    assert "    columns (a list): those that move; they keep their names.\n" in needed
    assert "    schema: of the table; with --change, public where it is left out.\n" in optional
    assert "    many (true or false): whether several rows" in optional
