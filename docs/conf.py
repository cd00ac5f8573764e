"""Configuration of Sphinx; `make docs` builds the site from the Markdown pages beside it."""

import sys
from pathlib import Path

from pygments.lexers.data import JsonLexer
from sphinx.highlighting import lexers

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402 - beside this file

import facsim  # noqa: E402

project = "Facsim"
author = "The Facsim maintainers"
copyright = author
version = release = facsim.__version__

generate.write_all(HERE.parent / "build" / "docs" / "generated")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["_static"]
nitpicky = True
# Every link needs a target. Annotations may name foreign and internal types, which have no page.
nitpick_ignore_regex = [(r"py:.*", r".*")]

# The anchors that code hosts generate for headings.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"exclude-members": "model_config"}
toc_object_entries_show_parents = "hide"
autosummary_generate = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
# Docstrings write code in single backticks, as Markdown does.
default_role = "code"
add_module_names = False
python_maximum_signature_line_length = 88

smartquotes = False  # it would join the two dashes of --resume

html_theme = "furo"
html_title = "Facsim"
html_static_path = ["_static"]
html_css_files = ["facsim.css"]
html_logo = "_static/facsim.svg"
html_favicon = "_static/facsim.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"sidebar_hide_name": False}
pygments_style = "friendly"
pygments_dark_style = "monokai"


lexers["jsonl"] = JsonLexer()


def setup(app):
    """Connect the hooks that keep docstrings as they are written."""
    # Before and after napoleon, whose priority is 500.
    app.connect("autodoc-process-docstring", generate.keep_colon, priority=400)
    app.connect("autodoc-process-docstring", generate.mark_code, priority=600)
    return {"parallel_read_safe": True}
