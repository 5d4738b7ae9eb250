"""``migrator lsp``."""

from __future__ import annotations

import click


@click.command()
def command() -> None:
    """Serve an editor over standard input and output: what lint says, while the file is written.

    Speaks the Language Server Protocol: diagnostics, hover with the locks of a statement and whom they make wait, quick
    fixes, and all safe fixes at once. A file in the project's folder of migrations is judged with those before it as
    its history; of files that are open, what the editor holds counts.

    Needs the extra lsp: pip install 'expand-contract[lsp]'. templates/vscode is a client for VS Code.

    \b
    Example:
      migrator lsp

    \b
    In Neovim:
      vim.lsp.config("migrator", {cmd = {"migrator", "lsp"}, filetypes = {"sql"}, root_markers = {".git"}})
      vim.lsp.enable("migrator")
    """
    from migrator.errors import UsageError

    try:
        from migrator.integrations.lsp.server import server
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError("the language server is not installed", hint="pip install 'expand-contract[lsp]'") from None
    server().start_io()
