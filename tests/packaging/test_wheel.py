"""The wheel works where only the wheel is."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", folder, CHECKOUT], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``bin`` of a fresh environment that holds the wheel and what it requires, no extras."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel], check=True)
    return folder / "bin"


def migrator(programs: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PG", "PYTHON", "MIGRATOR"))
    }
    return subprocess.run(
        [programs / "migrator", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_it_holds_the_templates_and_the_queries(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    for folder in (CHECKOUT / "templates", *(CHECKOUT / "migrator").glob("*/queries")):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix in (".mako", ".sql", ".toml", ".yml", ".yaml"):
                assert f"migrator/{path.relative_to(CHECKOUT).as_posix().removeprefix('migrator/')}" in names
    assert not [name for name in names if "/tests/" in name or name.startswith("tests/")]


def test_help(programs: Path, tmp_path: Path):
    result = migrator(programs, tmp_path, "--help")

    assert (result.returncode, result.stderr) == (0, "")
    assert "Exit codes:" in result.stdout


def test_lint_of_a_file(programs: Path, tmp_path: Path):
    (tmp_path / "change.sql").write_text("ALTER TABLE users RENAME COLUMN name TO full_name;\n")

    result = migrator(programs, tmp_path, "lint", "change.sql")

    assert result.returncode == 1, result.stderr
    assert "change.sql:1" in result.stdout


def test_new_without_a_database(programs: Path, tmp_path: Path):
    (tmp_path / "migrator.toml").write_text("")

    result = migrator(
        programs, tmp_path, "new", "orders", "--sql", "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric)"
    )

    assert result.returncode == 0, result.stderr
    (folder,) = (tmp_path / "migrations").iterdir()
    assert "CREATE TABLE" in (folder / "expand.sql").read_text()
    assert (folder / "migration.toml").is_file()


def test_the_demo_says_which_extra_it_needs(programs: Path, tmp_path: Path):
    if Path("/usr/lib/postgresql").exists():
        pytest.skip("this machine has a PostgreSQL of its own")

    result = subprocess.run(
        [programs / "migrator", "demo"],
        cwd=tmp_path,
        env={"PATH": "/nonexistent"},
        capture_output=True,
        text=True,
    )

    assert result.returncode == 2
    assert "expand-contract[embedded]" in result.stderr
