"""``migrator explain``."""

from __future__ import annotations

import inspect
from typing import NamedTuple

import click

from migrator.cli.options import emit_json, json_option


class Page(NamedTuple):
    """What ``explain`` shows: what the page is about, its name there, and its text."""

    about: str
    name: str
    text: str


@click.command()
@click.argument("code", required=False)
@json_option
def command(code: str | None, as_json: bool) -> None:
    """Show the page of a lint rule, a change kind or an exit code; without CODE, list them all.

    \b
    Example:
      migrator explain LK001
      migrator explain index-without-concurrently
      migrator explain rename_column
      migrator explain 14
    """
    if code is None:
        _list(as_json)
        return
    page = _find(code)
    if as_json:
        emit_json(page._asdict())
    else:
        click.echo(page.text)


def _find(code: str) -> Page:
    from migrator.changes.keys import page_of_keys
    from migrator.changes.phases_of_example import page_of_phases
    from migrator.changes.registry import all_kinds
    from migrator.errors import UsageError
    from migrator.lint import registry
    from migrator.lint.pages import page

    wanted = code.strip()
    rule = registry.find(wanted)
    if rule is not None:
        return Page("rule", rule.code, page(rule))
    kind = all_kinds().get(wanted.lower())
    if kind is not None:
        about = inspect.getdoc(type(kind)) or ""
        sections = (f"{kind.name} (change kind)", about, page_of_phases(kind.name), page_of_keys(kind))
        return Page("kind", kind.name, "\n\n".join(filter(None, sections)))
    if wanted in _exit_codes():
        return Page("exit code", wanted, f"exit code {wanted}\n\n{_exit_codes()[wanted]}")
    near = _nearest(wanted)
    raise UsageError(
        f'there is no rule, change kind or exit code "{code}"',
        hint=f'did you mean "{near}"?' if near else 'all of them: "migrator explain"',
    )


def _exit_codes() -> dict[str, str]:
    from migrator.errors import MigratorError, all_error_classes

    pages = {"0": "Done, clean or passed."}
    for error_class in all_error_classes():
        pages[str(error_class.exit_code)] = inspect.cleandoc(error_class.__doc__ or "")
    # the docstring of the base class speaks to who writes the code
    pages[str(MigratorError.exit_code)] = (
        "A bug in migrator. State in the database is kept. Run again with MIGRATOR_DEBUG=1 to see the traceback, and "
        "report it."
    )
    return pages


def _nearest(wanted: str) -> str | None:
    import difflib

    from migrator.changes.registry import all_kinds
    from migrator.lint.registry import all_rules

    rules = all_rules().values()
    known = [*(rule.code for rule in rules), *(rule.name for rule in rules), *all_kinds(), *_exit_codes()]
    for spelling in (wanted, wanted.upper(), wanted.lower()):
        close = difflib.get_close_matches(spelling, known, n=1, cutoff=0.5)
        if close:
            return close[0]
    return None


def _list(as_json: bool) -> None:
    from migrator.changes.registry import all_kinds
    from migrator.lint.pages import summary
    from migrator.lint.registry import all_rules, dialect_rules

    rules = [*all_rules().values(), *dialect_rules().values()]
    if as_json:
        emit_json(
            {
                "rules": [
                    {
                        "code": rule.code,
                        "rule": rule.name,
                        "severity": rule.severity.value,
                        "category": rule.category.value,
                        "summary": summary(rule),
                    }
                    for rule in rules
                ],
                "kinds": list(all_kinds()),
                "exit_codes": [int(code) for code in _exit_codes()],
            }
        )
        return
    width = max(len(rule.name) for rule in rules)
    for rule in rules:
        click.echo(f"{rule.code}  {rule.name:{width}}  {rule.severity:7}  {summary(rule)}")
    click.echo("\nChange kinds:")
    width = max(map(len, all_kinds()))
    for name, kind in all_kinds().items():
        click.echo(f"{name:{width}}  {(inspect.getdoc(type(kind)) or '').splitlines()[0]}")
    click.echo("\nExit codes:")
    for code in sorted(_exit_codes(), key=int):
        click.echo(f"{code:>3}  {_exit_codes()[code].splitlines()[0]}")
