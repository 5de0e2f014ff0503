"""`save` and `load`: a fit in one file, whole or not at all, the same after the round trip."""

import tempfile
import zipfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.files import replace_atomically


def save(tree: xr.DataTree, path: str | Path) -> Path:
    """Write a fit to one file (a zip of zarr arrays; nothing in it is executable) and return its path.

    The file appears whole: it is written beside its place and moved there, so an interruption leaves the old one.
    """
    from zarr.storage import LocalStore

    target = Path(path)
    with tempfile.TemporaryDirectory() as folder, replace_atomically(target) as unfinished:
        # A folder first: written straight into a zip, zarr's rewritten metadata would stand there twice.
        tree.to_zarr(LocalStore(folder), consolidated=False, zarr_format=3)
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder).as_posix())
    return target


def load(path: str | Path) -> xr.DataTree:
    """Read a fit that `save` wrote.

    Raises
    ------
    FitError
        If the file is absent, damaged, or not a fit.
    """
    from zarr.storage import ZipStore

    target = Path(path)
    if not target.is_file():
        raise FitError(f"no file {target}")
    if not zipfile.is_zipfile(target):
        raise FitError(f"{target} is not a saved fit (a zip of zarr arrays), or it is damaged: fit and save it again")
    try:
        with ZipStore(target, mode="r") as store:
            opened: Any = xr.open_datatree(cast(Any, store), engine="zarr", consolidated=False)
            tree = opened.load()
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, RuntimeError) as error:  # codecs raise RuntimeError
        raise FitError(f"{target} cannot be read as a saved fit ({error}): fit and save it again") from error
    tree = with_plain_labels(tree)
    missing = {"posterior", "estimands", "provenance"} - set(tree.children)
    if missing:
        raise FitError(f"{target} is not a bayesrg fit: it has no {', '.join(sorted(missing))}")
    return tree


def with_plain_labels(tree: xr.DataTree) -> xr.DataTree:
    """The tree itself, its labels now text of fixed width, which NumPy compares and joins with what people give.

    Samplers give labels as objects, and what was saved as such comes back as NumPy's variable-width strings.
    """
    for node in tree.subtree:
        dataset = node.to_dataset(inherit=False)
        text = [name for name, variable in dataset.variables.items() if variable.dtype.kind in "OT"]
        for name in text:
            own = dataset.variables[name]
            plain = (own.dims, np.array(own.values.ravel().tolist(), dtype=str).reshape(own.shape), own.attrs)
            dataset = (dataset.assign_coords if name in dataset.coords else dataset.assign)({name: plain})
        if text:
            node.dataset = dataset
    return tree
