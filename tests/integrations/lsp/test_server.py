"""The language server as an editor meets it: a process that speaks over its standard input and output."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

BAD = "CREATE INDEX users_email ON users (email);\n"
FIXED = "-- migrator: transaction = false\nCREATE INDEX CONCURRENTLY users_email ON users (email);\n"
PATIENCE_S = 30


class Editor(LanguageClient):
    """An editor that waits for what is shown of a document."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self._shown: dict[str, asyncio.Queue[types.PublishDiagnosticsParams]] = {}
        self.messages: asyncio.Queue[str] = asyncio.Queue()
        self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._of(params.uri).put_nowait(params))
        self.feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self.messages.put_nowait(params.message))

    def _of(self, uri: str) -> asyncio.Queue[types.PublishDiagnosticsParams]:
        return self._shown.setdefault(uri, asyncio.Queue())

    async def shown(self, uri: str, version: int | None) -> list[types.Diagnostic]:
        """What is shown of a version of a document."""
        while True:
            params = await asyncio.wait_for(self._of(uri).get(), PATIENCE_S)
            if params.version == version:
                return list(params.diagnostics)

    def open(self, uri: str, text: str) -> None:
        document = types.TextDocumentItem(uri, "sql", 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(document))

    def change(self, uri: str, version: int, text: str) -> None:
        document = types.VersionedTextDocumentIdentifier(version=version, uri=uri)
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.text_document_did_change(types.DidChangeTextDocumentParams(document, [whole]))

    async def actions(self, uri: str, line: int, only: str | None = None) -> list[types.CodeAction]:
        place = types.Range(types.Position(line, 0), types.Position(line, 200))
        context = types.CodeActionContext([], only=[only] if only else None)
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), place, context)
        found = await self.text_document_code_action_async(params)
        return [each for each in found or () if isinstance(each, types.CodeAction)]


def session(folder: Path, story: Callable[[Editor], Awaitable[Any]], encoding: str | None = None) -> None:
    """Start the server, tell a story, and end it in order."""

    async def told() -> None:
        editor = Editor()
        await editor.start_io(sys.executable, "-c", "from migrator.cli import main; main()", "lsp", cwd=folder)
        general = (
            types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind(encoding)])
            if encoding
            else None
        )
        await editor.initialize_async(
            types.InitializeParams(types.ClientCapabilities(general=general), root_uri=folder.as_uri())
        )
        editor.initialized(types.InitializedParams())
        try:
            await story(editor)
        finally:
            await asyncio.wait_for(editor.shutdown_async(None), PATIENCE_S)
            editor.exit(None)
            await editor.stop()

    asyncio.run(told())


def applied(text: str, action: types.CodeAction) -> str:
    """The text with the edits of an action, as an editor applies them (positions in UTF-16)."""
    assert action.edit is not None
    (change,) = action.edit.document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    lines = text.split("\n")

    def place(position: types.Position) -> int:
        before = lines[position.line].encode("utf-16-le")[: 2 * position.character].decode("utf-16-le")
        return sum(len(line) + 1 for line in lines[: position.line]) + len(before)

    for edit in sorted(change.edits, key=lambda each: place(each.range.start), reverse=True):
        text = text[: place(edit.range.start)] + edit.new_text + text[place(edit.range.end) :]
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "migrator.toml").write_text("")
    (tmp_path / "migrations").mkdir()
    return tmp_path


def test_a_session_from_finding_to_fix(folder: Path):
    uri = (folder / "migrations" / "2.sql").as_uri()
    (folder / "migrations" / "1.sql").write_text("CREATE TABLE users (name varchar(10), email text);\n")
    astral = "/* 𝄞é */ "

    async def story(editor: Editor) -> None:
        editor.open(uri, astral + BAD)
        shown = await editor.shown(uri, 1)
        index = next(each for each in shown if each.code == "LK001")
        assert index.severity is types.DiagnosticSeverity.Error
        assert index.range.start == types.Position(0, len(astral) + 1)  # the clef is two units of UTF-16
        assert "lock: SHARE on users, blocks writes" in index.message

        fix, waiver = (each for each in await editor.actions(uri, 0, "quickfix") if "LK001" in each.title)
        assert (fix.title, fix.is_preferred) == ("LK001: write the safe form", True)
        assert applied(astral + BAD, fix) == FIXED.replace("CREATE", astral + "CREATE")
        assert applied(astral + BAD, waiver).startswith("-- migrator: allow LK001 because \n")
        (everything,) = await editor.actions(uri, 0, "source.fixAll")
        assert applied(astral + BAD, everything) == FIXED.replace("CREATE", astral + "CREATE")

        editor.change(uri, 2, FIXED)
        assert [each.code for each in await editor.shown(uri, 2)] == []
        assert await editor.actions(uri, 1) == []

        # of all earlier files lint knows that this column holds shorter values
        editor.change(uri, 3, "SET lock_timeout = '1s';\nALTER TABLE users ALTER name TYPE varchar(20);\nANALYZE;\n")
        assert [each.code for each in await editor.shown(uri, 3)] == []
        editor.change(uri, 4, "SET lock_timeout = '1s';\nALTER TABLE users ALTER name TYPE varchar(5);\nANALYZE;\n")
        assert "LK012" in {each.code for each in await editor.shown(uri, 4)}

        editor.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
        assert await editor.shown(uri, None) == []

    session(folder, story)


def test_no_waiver_is_offered_for_what_none_holds_for(folder: Path):
    uri = (folder / "migrations" / "1.sql").as_uri()

    async def story(editor: Editor) -> None:
        editor.open(uri, "DROP TABEL t;\n-- migrator: allow BC002 because \nDROP TABLE t;\n")
        shown = {each.code for each in await editor.shown(uri, 1)}
        assert {"SY001", "WV001"} <= shown
        titles = [each.title for line in (0, 1) for each in await editor.actions(uri, line, "quickfix")]
        assert [title for title in titles if title.startswith(("SY001", "WV"))] == []

    session(folder, story)


def test_it_ends_as_it_was_told(folder: Path):
    def message(body: str) -> bytes:
        return f"Content-Length: {len(body)}\r\n\r\n{body}".encode()

    talk = (
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}',
        '{"jsonrpc":"2.0","id":2,"method":"shutdown","params":null}',
        '{"jsonrpc":"2.0","method":"exit","params":null}',
    )
    done = subprocess.run(
        [sys.executable, "-c", "from migrator.cli import main; main()", "lsp"],
        input=b"".join(map(message, talk)),
        cwd=folder,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)


def test_hover_shows_whom_a_statement_makes_wait(folder: Path):
    uri = (folder / "migrations" / "1.sql").as_uri()

    async def story(editor: Editor) -> None:
        editor.open(uri, f"SELECT 1;\n{BAD}")
        position = types.TextDocumentPositionParams(types.TextDocumentIdentifier(uri), types.Position(1, 10))
        hover = await editor.text_document_hover_async(types.HoverParams(position.text_document, position.position))
        assert hover is not None
        assert isinstance(hover.contents, types.MarkupContent)
        text = hover.contents.value
        (row,) = (line for line in text.splitlines() if "**SHARE** on `users`" in line)
        head = text.splitlines()[0].split("|")
        waiting = {head[n].strip() for n, cell in enumerate(row.split("|")) if cell.strip() == "waits"}
        assert "INSERT, UPDATE, DELETE" in waiting
        assert "SELECT" not in waiting
        assert "LK001 index-without-concurrently" in text
        nothing = types.HoverParams(position.text_document, types.Position(0, 2))
        hover = await editor.text_document_hover_async(nothing)
        assert hover is not None
        assert hover.contents.value == "locks no table"  # type: ignore[union-attr]

    session(folder, story)


def test_open_files_are_the_history_of_later_ones(folder: Path):
    first, second = ((folder / "migrations" / name).as_uri() for name in ("1.sql", "2.sql"))
    (folder / "migrations" / "1.sql").write_text("SELECT 1;\n")
    change = "ALTER TABLE users ALTER COLUMN age TYPE bigint;\n"

    async def story(editor: Editor) -> None:
        editor.open(second, change)
        assert "LK012" in {each.code for each in await editor.shown(second, 1)}
        editor.open(first, "CREATE TABLE users (age bigint);\n")
        await editor.shown(first, 1)
        editor.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(first)))
        assert "LK012" not in {each.code for each in await editor.shown(second, 1)}

    session(folder, story)


def test_a_broken_configuration_is_said_once_and_mended(folder: Path):
    uri = (folder / "migrations" / "1.sql").as_uri()
    (folder / "migrator.toml").write_text("[lint]\nselect = ['XX999']\n")

    async def story(editor: Editor) -> None:
        editor.open(uri, BAD)
        assert "XX999" in await asyncio.wait_for(editor.messages.get(), PATIENCE_S)
        assert await editor.actions(uri, 0) == []
        assert editor.messages.empty()
        (folder / "migrator.toml").write_text("[lint]\nselect = ['LK001']\n")
        changed = types.FileEvent((folder / "migrator.toml").as_uri(), types.FileChangeType.Changed)
        editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([changed]))
        assert [each.code for each in await editor.shown(uri, 1)] == ["LK001"]

    session(folder, story)


def test_a_document_that_was_never_saved_and_positions_in_utf_8(folder: Path):
    async def story(editor: Editor) -> None:
        editor.open("untitled:Untitled-1", "/* é */ " + BAD)
        (index,) = (each for each in await editor.shown("untitled:Untitled-1", 1) if each.code == "LK001")
        assert index.range.start == types.Position(0, len("/* é */ ".encode()))

    session(folder, story, encoding="utf-8")
