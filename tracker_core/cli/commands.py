"""Groups of commands, each loaded once it is used.

A command that lists runs should not wait for what copies them: of a group only the
names are known until one of its commands is asked for.
"""

import os
from collections.abc import Mapping
from importlib import import_module

import click

from tracker_core.cli.printing import clean
from tracker_core.cli.text import similar

__all__ = ["COMPLETION_VARIABLE", "Commands"]

COMPLETION_VARIABLE = "_TRACKER_COMPLETE"
"""The variable by which a shell asks for words."""


class Commands(click.Group):
    """Commands under one name; an unknown one is asked back about.

    Args:
        later: Where its commands lie by their names, as ``module:attribute``; the
            modules are those of :mod:`tracker_core.cli`.
        settings: What any group takes.
    """

    def __init__(
        self, *, later: Mapping[str, str] | None = None, **settings: object
    ) -> None:
        """Keep where the commands lie."""
        super().__init__(**settings)  # type: ignore[arg-type]  # click checks them
        self._later = dict(later or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, without loading any."""
        return sorted({*super().list_commands(ctx), *self._later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, which this loads."""
        place = self._later.pop(cmd_name, None)
        if place is not None:
            module, _, attribute = place.partition(":")
            loaded = getattr(import_module(f"tracker_core.cli.{module}"), attribute)
            self.add_command(loaded, cmd_name)
        found = super().get_command(ctx, cmd_name)
        if found is not None and COMPLETION_VARIABLE in os.environ:
            from tracker_core.cli.completing import teach

            teach(found)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            known = self.list_commands(ctx)
            hint = similar(name, known) or f"there are {', '.join(known)}"
            ctx.fail(f"no command {clean(name)!r}; {hint}")
        return super().resolve_command(ctx, args)
