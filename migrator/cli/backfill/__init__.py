"""``migrator backfill``: move the data, and what may be ordered while it is moved. One subcommand a file."""

from __future__ import annotations

import importlib
import pkgutil

import click

from migrator.cli.options import write_options

_RUN = "run"


class BackfillGroup(click.Group):
    """A group whose first word may be a TARGET or an option: whatever is no subcommand means ``run``.

    Subcommands are the modules of this folder, imported when they are needed. The options of ``run`` are shown as the
    group's own.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All subcommands but the one that is meant without a name."""
        return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != _RUN)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand; None if there is none of that name."""
        if cmd_name not in (_RUN, *self.list_commands(ctx)):
            return None
        found: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with ``run`` put in front where no subcommand is named."""
        if not args or (args[0] not in (_RUN, *self.list_commands(ctx)) and args[0] not in ctx.help_option_names):
            args = [_RUN, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both forms."""
        formatter.write_usage(ctx.command_path, "[TARGET] [OPTIONS] | COMMAND TARGET [OPTIONS]")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of ``run``, then the subcommands."""
        command = self.get_command(ctx, _RUN)
        if command is not None:
            write_options(command, ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group("backfill", cls=BackfillGroup)
def command() -> None:
    """Move the data in small batches, and verify that no row was missed.

    Any number of these processes on any number of machines help each other. Ctrl-C and SIGTERM stop after the current
    batch; running it again goes on there, as it does after a crash. It holds back by itself while standbys, slots, the
    archive or the application fall behind: "migrator status" shows the reason.

    backfill.sql holds ordinary UPDATE … [FROM …] WHERE … and INSERT … SELECT … ON CONFLICT …, of which the batches are
    made here. What cannot be batched is refused with its line and the reason: docs/backfill.md lists it.

    TARGET is a migration id, a unique prefix of one, or a folder; without it, all data that is waiting is moved. Exit
    codes: 0 done; 4 rows are left that cannot be updated; 14 stopped before the end, try again; 130 Ctrl-C.

    \b
    Examples:
      migrator backfill --workers 2 --target-ms 50
      migrator backfill pause 20261124T031245
      migrator backfill set 20261124T031245 --workers 4 --max-lag 5s
      migrator backfill resume 20261124T031245
    """
