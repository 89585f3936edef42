"""``tracker get``: the content of an artifact, to a file or to the output."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from tracker_core.cli.artifacts import find_artifact
from tracker_core.cli.border import Failure, Misuse, examples, say
from tracker_core.cli.options import given, tracker_option
from tracker_core.cli.printing import is_terminal
from tracker_core.cli.saving import (
    checked_pieces,
    new_file,
    print_text,
    refusals,
    save_file,
    write_output,
)
from tracker_core.cli.selection import select_run
from tracker_core.cli.stores import open_store
from tracker_core.datatypes import TrackerArtifact

__all__ = ["get"]

_OUTPUT = "-"
# What people read, beside ``text/…`` and whatever is JSON or XML inside.
_TEXTS = ("json", "jsonl", "sql", "toml", "xml", "yaml")


@click.command(
    epilog=examples(
        "tracker get @last model.pt -o .     write the file model.pt",
        "tracker get @last results           print a text",
        "tracker get @last results | jq .    hand it to a program",
    ),
)
@click.argument("wanted", metavar="RUN")
@click.argument("artifact", metavar="NAME_OR_DIGEST")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default=_OUTPUT,
    callback=given,
    help="The file to write, or a folder for a file of the artifact's name in it.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@tracker_option
def get(
    wanted: str, artifact: str, output: str, backend: str | None, *, force: bool
) -> None:
    """Write the content of an artifact to the output, or to a file.

    RUN is an id, the beginning of one, a name, or @last for the newest run.
    NAME_OR_DIGEST is the name of one of its artifacts, or the beginning of a digest.
    """
    with open_store(backend) as store:
        tracker = store.tracker
        run = select_run(store, wanted)
        found = find_artifact(tracker, run, artifact)
        # By its name, unless an older artifact of that name is meant.
        is_name = artifact == found.name
        key = artifact if is_name else str(found.digest)
        with closing(tracker.open_artifact(run.run_id, key)) as file:
            _put(found, checked_pieces(file, found.size_bytes), output, force=force)


def _put(
    item: TrackerArtifact, content: Iterator[bytes], output: str, *, force: bool
) -> None:
    if output != _OUTPUT:
        path = _path(output, item.name, force=force)
        save_file(content, path)
        say(f"wrote {str(path)!r}")
    elif not is_terminal():
        write_output(content)
    elif _is_text(item.media_type or ""):
        print_text(content)
    else:
        kind = item.media_type or "of an unknown kind"
        message = f"artifact {item.name!r} is {kind}, which a terminal cannot show"
        raise Misuse(f"{message}; write it to a file by -o FILE, or into a pipe")


def _path(output: str, name: str, *, force: bool) -> Path:
    path = Path(output)
    with refusals(path):
        if path.is_dir():
            path /= _file_name(name)
        elif output.endswith("/"):
            raise Failure(f"there is no folder {str(path)!r}; make it first")
    return new_file(path, force=force)


def _file_name(artifact: str) -> str:
    """Return the end of an artifact's name as a name that leads nowhere else."""
    end = artifact.rstrip("/").rpartition("/")[2]
    name = "".join(letter if letter.isprintable() else "_" for letter in end)
    if name in ("", ".", ".."):
        raise Misuse(f"{artifact!r} is no name for a file; give one by -o FILE")
    return name


def _is_text(media_type: str) -> bool:
    kind, _, rest = media_type.partition(";")[0].strip().lower().partition("/")
    inside = rest.rpartition("+")[2].removeprefix("x-")
    return kind == "text" or inside in _TEXTS
