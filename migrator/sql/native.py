"""libpg_query, PostgreSQL's own parser as a library, and the protobuf messages that its trees are made of.

Both come with postgast, whose modules are left aside: its nodes, formatter and helpers, and what protobuf loads to make
messages by its public interface, take longer to import than all of lint. Where protobuf is not as it is known here,
postgast makes the messages.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from ctypes import POINTER, Structure, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError as _TreeTooDeep
from msgspec import DecodeError as BrokenTree
from msgspec.json import decode

__all__ = [
    "DEEP_TEXT",
    "BrokenTree",
    "PgQueryError",
    "deparse",
    "fingerprint",
    "knows",
    "normalize",
    "parse",
    "parse_plpgsql",
    "pb",
    "scan",
    "serialized",
    "take_known",
]

_HOME = Path(*(find_spec("postgast").submodule_search_locations or ()))  # type: ignore[union-attr]


class PgQueryError(Exception):
    """libpg_query refuses a text.

    Attributes:
        message: PostgreSQL's own.
        cursorpos: 1-based character where it was detected; 0: not known.
    """

    def __init__(self, message: str, cursorpos: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.cursorpos = cursorpos


# -- the library: the structures of pg_query.h


class _Error(Structure):
    _fields_ = (
        ("message", c_char_p), ("funcname", c_char_p), ("filename", c_char_p), ("lineno", c_int), ("cursorpos", c_int),
        ("context", c_char_p),
    )  # fmt: skip


class _Protobuf(Structure):
    _fields_ = (("len", c_size_t), ("data", c_void_p))


class _Tree(Structure):
    """Of ``pg_query_parse_protobuf`` and ``pg_query_scan``."""

    _fields_ = (("protobuf", _Protobuf), ("stderr_buffer", c_char_p), ("error", POINTER(_Error)))


class _Text(Structure):
    """Of ``pg_query_normalize``, ``pg_query_deparse_protobuf`` and ``pg_query_parse_plpgsql``."""

    _fields_ = (("text", c_char_p), ("error", POINTER(_Error)))


class _Fingerprint(Structure):
    _fields_ = (
        ("fingerprint", c_uint64), ("hexadecimal", c_char_p), ("stderr_buffer", c_char_p), ("error", POINTER(_Error)),
    )  # fmt: skip


def _loaded() -> ctypes.CDLL:
    names = {"linux": "libpg_query.so", "darwin": "libpg_query.dylib", "win32": "pg_query.dll"}
    vendored = _HOME / names.get(sys.platform, "")
    if vendored.is_file():
        return ctypes.CDLL(str(vendored))
    from postgast import native  # it was built without one, and knows where to look

    return ctypes.CDLL(native.lib._name)  # noqa: SLF001 - where it found it


_library = _loaded()


def _function(name: str, result: type[Structure], free: str, argument: Any = c_char_p) -> tuple[Any, Any]:
    call, release = getattr(_library, name), getattr(_library, free)
    call.argtypes, call.restype = [argument], result
    release.argtypes, release.restype = [result], None
    return call, release


_parse, _free_parsed = _function("pg_query_parse_protobuf", _Tree, "pg_query_free_protobuf_parse_result")
_scan, _free_scanned = _function("pg_query_scan", _Tree, "pg_query_free_scan_result")
_normalize, _free_normalized = _function("pg_query_normalize", _Text, "pg_query_free_normalize_result")
_plpgsql, _free_plpgsql = _function("pg_query_parse_plpgsql", _Text, "pg_query_free_plpgsql_parse_result")
_fingerprint, _free_fingerprint = _function("pg_query_fingerprint", _Fingerprint, "pg_query_free_fingerprint_result")
_deparse, _free_deparsed = _function(
    "pg_query_deparse_protobuf", _Text, "pg_query_free_deparse_result", argument=_Protobuf
)


DEEP_TEXT = 32_000
"""Characters from which on a text may hold nesting that an ordinary stack does not: two for each level (``1+1+…``);
8 MB are too small for more than 20,000 levels: measured."""

_DEEP_STACK = 512 << 20
"""Of the address space alone: pages that are not used are not made."""

_stacks = threading.Lock()


def _on_deep_stack(call: Callable[[Any], Any], argument: Any) -> Any:
    """What a function returns or raises, on a stack on which long chains of operators do not end the process."""
    answers: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call(argument))
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            errors.append(error)

    thread = threading.Thread(target=run)
    with _stacks:
        usual = threading.stack_size(_DEEP_STACK)
        try:
            thread.start()
        except RuntimeError:  # no address space: with the stack that there is
            return call(argument)
        finally:
            threading.stack_size(usual)
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]


_NEAR = ' at or near "'
_SHOWN = 60
"""Characters of the place that a message quotes: what has no end is quoted up to the end of the text."""


def _refused(error: Any) -> PgQueryError:
    found = error.contents
    message, near, place = (found.message or b"unknown error").decode().partition(_NEAR)
    first_line = place.partition("\n")[0].rstrip()[:_SHOWN]
    if len(first_line) < len(place) - 1:
        place = f'{first_line}…"'
    return PgQueryError(message + near + place, found.cursorpos)


def parse(sql: str) -> Any:
    """The trees of all statements of a text.

    Raises:
        PgQueryError: it does not parse.
    """
    known = _known.pop(sql, None)
    if known is not None:
        return _tree(known)
    return _on_deep_stack(_parsed, sql) if len(sql) >= DEEP_TEXT else _parsed(sql)


def _parsed(sql: str) -> Any:
    return _tree(serialized(sql))


def _tree(data: bytes) -> Any:
    try:
        return _parse_result(data)
    except _TreeTooDeep:
        raise PgQueryError("nested too deeply", 1) from None


def serialized(sql: str) -> bytes:
    """As ``parse`` of a text shorter than ``DEEP_TEXT``, as protobuf writes it.

    Raises:
        PgQueryError: it does not parse.
    """
    result = _parse(sql.encode())
    try:
        if result.error:
            raise _refused(result.error)
        found = result.protobuf
        return ctypes.string_at(found.data, found.len)
    finally:
        _free_parsed(result)


def take_known(trees: Mapping[str, bytes]) -> None:
    """Trees of texts that another process had serialized: ``parse`` takes each instead of making it, once."""
    _known.update(trees)


def knows(sql: str) -> bool:
    """Whether the trees of a text are among those."""
    return sql in _known


_known: dict[str, bytes] = {}


def scan(sql: str) -> Any:
    """The words of a text with their places in bytes, comments among them.

    Raises:
        PgQueryError: a quote or comment has no end, or a character cannot be.
    """
    result = _scan(sql.encode())
    try:
        if result.error:
            raise _refused(result.error)
        found = result.protobuf
        return _scan_result(ctypes.string_at(found.data, found.len))
    finally:
        _free_scanned(result)


def parse_plpgsql(sql: str) -> Any:
    """What a CREATE FUNCTION in PL/pgSQL does, as its own parser has it.

    Raises:
        PgQueryError: it does not parse.
        BrokenTree: libpg_query wrote it wrongly.
    """
    try:
        return decode(_text(_plpgsql, _free_plpgsql, sql.encode()))
    except RecursionError:
        raise PgQueryError("nested too deeply") from None


def normalize(sql: str) -> str:
    """A text with a parameter in the place of each constant.

    Raises:
        PgQueryError: it does not parse.
    """
    return _text(_normalize, _free_normalized, sql.encode()).decode()


def deparse(tree: Any) -> str:
    """The SQL of trees, in libpg_query's canonical form.

    Raises:
        PgQueryError: it has no SQL for them.
    """
    data = tree.SerializeToString()
    buffer = ctypes.create_string_buffer(data)
    return _text(_deparse, _free_deparsed, _Protobuf(len(data), ctypes.cast(buffer, c_void_p).value)).decode()


def _text(call: Callable[[Any], Any], free: Callable[[Any], None], argument: Any) -> bytes:
    size = argument.len if isinstance(argument, _Protobuf) else len(argument)
    result = _on_deep_stack(call, argument) if size >= DEEP_TEXT else call(argument)
    try:
        if result.error:
            raise _refused(result.error)
        return bytes(result.text)
    finally:
        free(result)


def fingerprint(sql: str) -> str:
    """16 hexadecimal digits that are the same for statements of one shape, whatever their constants.

    Raises:
        PgQueryError: it does not parse.
    """
    text = sql.encode()
    result = _on_deep_stack(_fingerprint, text) if len(text) >= DEEP_TEXT else _fingerprint(text)
    try:
        if result.error:
            raise _refused(result.error)
        return str(result.hexadecimal.decode())
    finally:
        _free_fingerprint(result)


# -- the messages


class _Names:
    """The names that a ``pg_query_pb2`` has. A class is made when a tree has one of its messages, or it is asked for.

    To make all 270 takes a fifteenth of the time in which lint starts.
    """

    def __init__(self, file: Any, message: Callable[[Any], Any], enumeration: Callable[[Any], Any]) -> None:
        self.DESCRIPTOR = file
        self._descriptors = file.message_types_by_name
        self._message = message
        for name, kind in file.enum_types_by_name.items():
            setattr(self, name, enumeration(kind))
            for value in kind.values:
                setattr(self, value.name, value.number)

    def __getattr__(self, name: str) -> Any:
        descriptor = self._descriptors.get(name)
        if descriptor is None:
            raise AttributeError(name)
        made = self.__dict__[name] = self._message(descriptor)
        return made


def _made() -> Any:
    """The names, by what protobuf's own modules in C do beneath its public interface.

    Raises:
        Exception: protobuf or postgast is not as it is known here.
    """
    from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
    from google.protobuf.message import Message

    from google._upb import _message  # isort: skip - it looks for the modules above

    # else a tree may be 100 messages deep, and a chain of 50 operators or UNIONs is deeper
    _message.SetAllowOversizeProtos(True)
    pool = _message.DescriptorPool(None)
    for description in _files((_HOME / "pg_query.desc").read_bytes()):
        pool.AddSerializedFile(description)

    def message(descriptor: Any) -> Any:
        """The class; the same again if a tree had it made before."""
        own = {"DESCRIPTOR": descriptor, "__module__": "postgast.pg_query_pb2"}
        return _message.MessageMeta(descriptor.name, (Message,), own)

    names = _Names(pool.FindFileByName("pg_query.proto"), message, EnumTypeWrapper)
    if type(names.ParseResult().stmts.add()) is not names.RawStmt:
        raise TypeError("trees are not made of these classes")
    return names


def _files(data: bytes) -> Iterator[bytes]:
    """The files of a serialized ``FileDescriptorSet``: field 1, each with its length before it."""
    place = 0
    while place < len(data):
        if data[place] != 0x0A:
            raise ValueError("no FileDescriptorSet")
        length = shift = 0
        while True:
            place += 1
            length |= (data[place] & 0x7F) << shift
            shift += 7
            if data[place] < 0x80:
                break
        place += 1
        yield data[place : place + length]
        place += length


def _messages() -> Any:
    try:
        return _made()
    except Exception:  # noqa: BLE001 - whatever is different there, the public interface is the same
        from postgast import pg_query_pb2

        return pg_query_pb2


pb: Any = _messages()
_parse_result: Callable[[bytes], Any] = pb.ParseResult.FromString
_scan_result: Callable[[bytes], Any] = pb.ScanResult.FromString
