"""Settings of the documentation: `uv run --group docs sphinx-build -W docs docs/_build`."""

from bayesrg import __version__

project = "bayesrg"
author = "The bayesrg developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
default_role = "py:obj"
html_theme = "furo"
html_title = f"bayesrg {__version__}"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
