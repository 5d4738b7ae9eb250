"""``migrator gate``: who still runs old code, since when, and the command that clears it. One subcommand a file."""

from __future__ import annotations

import importlib
import pkgutil

import click

from migrator.cli.options import write_options

_SHOW = "show"


class GateGroup(click.Group):
    """A group whose first word may be a TARGET: whatever is no subcommand, or nothing at all, means ``show``.

    Subcommands are the modules of this folder, with dashes for underscores, and imported when they are needed.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All subcommands, by name."""
        return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand; None if there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        found: click.Command = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}").command
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with ``show`` put in front where no subcommand is named."""
        helps = set(ctx.help_option_names)
        if not args or (args[0] not in self.list_commands(ctx) and args[0] not in helps):
            args = [_SHOW, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both forms."""
        formatter.write_usage(ctx.command_path, "[TARGET] [OPTIONS] | COMMAND [ARGS]...")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of ``show``, then the subcommands."""
        command = self.get_command(ctx, _SHOW)
        if command is not None:
            write_options(command, ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group("gate", cls=GateGroup)
def command() -> None:
    """Show who still runs code that a contract would break, and the command that clears it.

    TARGET is a migration id, a unique prefix of one, or a folder; without it, every migration that waits for its
    contract is shown. The exit code is 0 when it may be contracted now, 10 when old code runs, 11 when there is no
    proof, 12 while it soaks.

    \b
    Examples:
      migrator gate 20261124T031245_rename_users_name
      migrator gate 20261124T031245 --json
      migrator gate wait 20261124T031245 --timeout 50min
      migrator gate retire web web-7 --reason "node 12 is gone for good"
      migrator gate can-deploy web 1.41.3
      migrator gate start-check web --level 41
    """
