"""``tracker import``: taking runs that others keep in another form."""

import click

from tracker_core.cli.border import Misuse, examples
from tracker_core.cli.copy import copy_from
from tracker_core.cli.options import given
from tracker_core.cli.stores import open_stores
from tracker_core.configfile import BackendSetting
from tracker_core.registry import installed_importers

__all__ = ["import_command"]


@click.command(
    "import",
    epilog=examples(
        "tracker import mlflow http://localhost:5000 --to sqlite",
        "tracker import torchx s3://bucket/torchx --to lake",
    ),
)
@click.argument("form")
@click.argument("place", required=False)
@click.option(
    "--to",
    "target_name",
    metavar="NAME",
    required=True,
    callback=given,
    help="The backend that is to hold them, configured or only installed.",
)
@click.option(
    "--where",
    "query",
    metavar="QUERY",
    help="Which runs, as in `tracker list`; without it all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def import_command(
    form: str, place: str | None, target_name: str, query: str | None, *, as_json: bool
) -> None:
    """Import runs that were not logged with Tracker.

    FORM is what keeps them, for example mlflow or torchx, and PLACE where: what the
    config of the backend would be, such as a URL. Importing again, or going on after an
    interruption, doubles nothing. The exit code is 1 when a run failed.
    """
    factory = _factory(form)
    source = BackendSetting(form, factory, place)
    with open_stores([], [source]) as (store,):
        copy_from(store, target_name, query, as_json=as_json)


def _factory(form: str) -> str:
    known = installed_importers()
    if form not in known:
        from difflib import get_close_matches

        near = get_close_matches(form, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise Misuse(f"runs in the form {form!r} cannot be imported; {hint}")
    return known[form]
