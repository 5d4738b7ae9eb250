"""The folder with the client for VS Code says what the server and the program understand."""

from __future__ import annotations

import json
import shutil
import subprocess

from migrator.cli import COMMANDS
from migrator.integrations.lsp.answers import FIX_ALL
from migrator.templating import templates_folder

CLIENT = templates_folder() / "vscode"


def test_the_manifest_and_the_code_agree():
    manifest = json.loads((CLIENT / "package.json").read_text())
    code = (CLIENT / manifest["main"]).read_text()

    for command in manifest["contributes"]["commands"]:
        assert f'registerCommand("{command["command"]}"' in code
    (setting,) = manifest["contributes"]["configuration"]["properties"]
    assert setting == "migrator.command"
    assert 'getConfiguration("migrator").get("command"' in code
    assert 'args: [...first, "lsp"]' in code
    assert "lsp" in COMMANDS
    for module in manifest["dependencies"]:
        assert f'require("{module}/node")' in code


def test_the_readme_names_the_kind_of_action_that_the_server_offers():
    assert f'"{FIX_ALL}": "explicit"' in (CLIENT / "README.md").read_text()


def test_the_code_parses():
    node = shutil.which("node")
    if node is not None:
        subprocess.run([node, "--check", CLIENT / "extension.js"], check=True)
