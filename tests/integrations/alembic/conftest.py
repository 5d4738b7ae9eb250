"""An Alembic project of its own for each test, on a database of its own."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

import alembic.command
import pytest
from alembic.config import Config
from alembic.util import CommandError

from migrator.integrations.alembic.project import AlembicProject, open_project
from migrator.postgres.session import Session

CREATE = 'op.create_table("users", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("name", sa.Text))'
RENAME = 'phased.rename_column("users", "name", "full_name")'


@dataclass
class Shop:
    """A project and the database it migrates."""

    root: Path
    url: str
    session: Session
    template: str = "generic"

    @property
    def ini(self) -> Path:
        return self.root / "alembic.ini"

    @property
    def config(self) -> Config:
        return Config(str(self.ini))

    @property
    def project(self) -> AlembicProject:
        return open_project(self.ini)

    def revision(
        self,
        name: str,
        upgrade: str,
        downgrade: str = "phased.rollback()",
        *,
        after: str | None = None,
        header: str = "",
        **later: str,
    ) -> None:
        """Write a revision; ``backfill`` and ``contract`` are bodies of functions beside upgrade() and downgrade()."""
        down = f'"{after}"' if after else "None"
        text = (
            f'"""{name} it is"""\nimport sqlalchemy as sa\nfrom alembic import op\n'
            f"from migrator import alembic as phased\n"
            f'revision = "{name}"\ndown_revision = {down}\nbranch_labels = None\ndepends_on = None\n{header}\n'
            f"def upgrade():\n{textwrap.indent(upgrade, '    ')}\n"
            f"def downgrade():\n{textwrap.indent(downgrade, '    ')}\n"
        )
        text += "".join(f"def {name}():\n{textwrap.indent(body, '    ')}\n" for name, body in later.items())
        path = self.root / "history/versions" / f"{name}.py"
        path.write_text(text)
        # Python takes what it compiled for the same where size and second of writing are.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)

    def upgrade(self, target: str = "head") -> None:
        alembic.command.upgrade(self.config, target)

    def downgrade(self, target: str = "-1", **more: object) -> None:
        config = self.config
        config.cmd_opts = None
        if more:
            from argparse import Namespace

            config.cmd_opts = Namespace(x=[f"migrator.{key}={value}" for key, value in more.items()])
        alembic.command.downgrade(config, target)

    def refused(self, target: str = "head") -> str:
        """What Alembic's command line would print."""
        with pytest.raises(CommandError) as caught:
            self.upgrade(target)
        return str(caught.value)

    def columns(self, table: str = "users") -> list[str]:
        rows = self.session.query(
            "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = to_regclass(%(t)s) AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum",
            {"t": table},
        )
        return [row.name for row in rows]

    def version(self) -> list[str]:
        return [row.v for row in self.session.query("SELECT version_num AS v FROM alembic_version")]

    def state(self, revision: str) -> str:
        return self.session.one("SELECT state AS s FROM migrator.migration WHERE id = %(id)s", {"id": revision}).s


@pytest.fixture
def shop(tmp_path: Path, database_url: str, session: Session, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return make_shop(tmp_path / "shop", database_url, session, monkeypatch)


def make_shop(
    root: Path,
    url: str,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    *,
    template: str = "generic",
    driver: str = "psycopg",
) -> Shop:
    root.mkdir()
    monkeypatch.chdir(root)
    for name in ("DATABASE_URL", "MIGRATOR_DATABASE_URL", "PGHOST", "PGDATABASE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    (root / "migrator.toml").write_text("")
    alembic.command.init(Config(str(root / "alembic.ini")), "history", template=template)
    plain = url.replace("postgresql://", f"postgresql+{driver}://").replace("%", "%%")
    text = (root / "alembic.ini").read_text()
    text = "\n".join(
        f"sqlalchemy.url = {plain}" if line.startswith("sqlalchemy.url") else line for line in text.splitlines()
    )
    (root / "alembic.ini").write_text(text)
    environment = root / "history/env.py"
    # It would disable the loggers of other tests.
    environment.write_text(environment.read_text().replace("fileConfig(config.config_file_name)", "pass"))
    return Shop(root, url, session, template)
