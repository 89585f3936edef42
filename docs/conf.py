"""How the documentation is built: Sphinx, with pages in MyST and Furo's looks."""

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "backends"), str(ROOT / "plugins")]

from tracker_core import __version__  # noqa: E402 - found on the path set above

project = "Tracker"
author = "The Tracker developers"
copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Tracker"
html_static_path = ["_static"]
html_css_files = ["tables.css"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

nitpicky = True
# The standard library and other packages, whose names begin with a small letter and
# are dotted or built in: the build needs no network, so it cannot look them up.
nitpick_ignore_regex = [(r"py:.*", r"(?!tracker_)[a-z_].*")]
# What a signature names without its module, and type variables, which are private.
nitpick_ignore_regex += [(r"py:class", r"PathLike|.*\.(_[A-Z]\w*|BodyT)")]


def look_everywhere(_: Sphinx, document: nodes.document) -> None:
    """Let docstrings name a class without its module, as Python code does."""
    for reference in document.findall(addnodes.pending_xref):
        if reference.get("refdomain") == "py":
            reference["refspecific"] = True


_CODE = re.compile(r'(?<=<span class="pre">)[^<]+')
_PLACE = re.compile(r"[._/(,=]+(?=\D)")


def let_code_break(
    _: Sphinx, page: str, template: str, context: dict[str, Any], tree: object
) -> None:
    """Mark where code may go on in the next line: after dots, brackets and their like.

    Not before a digit, since ``0.001`` and ``epoch=1`` are read as one.

    The mark ``<wbr>`` is no letter: what is copied from a page is the code as it is.
    """
    del page, template, tree
    if "body" in context:
        context["body"] = _CODE.sub(_with_breaks, context["body"])


def _with_breaks(code: re.Match[str]) -> str:
    return _PLACE.sub(r"\g<0><wbr>", code[0])


def setup(app: Sphinx) -> None:
    """Take part in the build; Sphinx calls this by its name."""
    app.connect("doctree-read", look_everywhere)
    app.connect("html-page-context", let_code_break)
