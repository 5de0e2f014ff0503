"""`save` and `load`: a fit in one file, whole or not at all, the same after the round trip."""

from pathlib import Path

import xarray as xr

from bayesrg.errors import FitError
from bayesrg.storage import read_tree, write_tree


def save(tree: xr.DataTree, path: str | Path) -> Path:
    """Write a fit to one file (a zip of zarr arrays; nothing in it is executable) and return its path.

    The file appears whole: it is written beside its place and moved there, so an interruption leaves the old one.
    """
    return write_tree(tree, Path(path))


def load(path: str | Path) -> xr.DataTree:
    """Read a fit that `save` wrote.

    Raises
    ------
    FitError
        If the file is absent, damaged, or not a fit.
    """
    target = Path(path)
    tree = read_tree(target, what="a saved fit", error=FitError, mend="fit and save it again")
    missing = {"posterior", "estimands", "provenance"} - set(tree.children)
    if missing:
        raise FitError(f"{target} is not a bayesrg fit: it has no {', '.join(sorted(missing))}")
    return tree
