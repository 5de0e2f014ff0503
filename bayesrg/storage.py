"""Datasets and trees in one file, whole or not at all, the same after the round trip; nothing in it is executable."""

import tempfile
import zipfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import BayesrgError, TableError
from bayesrg.files import replace_atomically

SUFFIX = ".zarr.zip"
"""Of files that hold a whole Dataset."""

WIDEST = 256
"""Characters of text up to which every cell of a variable is stored as wide as its widest."""

FLAT = (".csv", ".parquet")
"""Suffixes of files that hold one variable of a Dataset as a table."""


def write_tree(tree: xr.DataTree, path: Path) -> Path:
    """Write a tree as a zip of zarr arrays and return its path; an interruption leaves the old file."""
    from zarr.storage import LocalStore

    with tempfile.TemporaryDirectory() as folder, replace_atomically(path) as unfinished:
        # A folder first: written straight into a zip, zarr's rewritten metadata would stand there twice.
        tree.to_zarr(LocalStore(folder), consolidated=False, zarr_format=3)
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder).as_posix())
    return path


def read_tree(path: Path, *, what: str, error: type[BayesrgError], mend: str) -> xr.DataTree:
    """Read a tree that `write_tree` wrote, its labels as text of fixed width.

    Parameters
    ----------
    path
        An existing file.
    what, mend
        What the file should be, and how to get it, for messages.
    error
        What to raise if it is damaged or something else.
    """
    from zarr.storage import ZipStore

    if not path.is_file():
        raise error(f"no file {path}")
    if not zipfile.is_zipfile(path):
        raise error(f"{path} is not {what} (a zip of zarr arrays), or it is damaged: {mend}")
    try:
        with ZipStore(path, mode="r") as store:
            # Microseconds reach the 9999-12-31 that registries write for an open end; nanoseconds end in 2262.
            times: Any = xr.coders.CFDatetimeCoder(time_unit="us")
            opened: Any = xr.open_datatree(cast(Any, store), engine="zarr", consolidated=False, decode_times=times)
            tree = opened.load()
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, RuntimeError) as problem:  # codecs raise RuntimeError
        raise error(f"{path} cannot be read as {what} ({problem}): {mend}") from problem
    return with_plain_labels(tree)


def write_dataset(dataset: xr.Dataset, path: str | Path, *, variable: str | None = None) -> Path:
    """Write an encoded genome, or a cohort, to one file and return its path.

    Parameters
    ----------
    dataset
        Any Dataset of numbers, truth values and text.
    path
        ``.zarr.zip`` for the whole Dataset, read again by `read_dataset`; ``.csv`` or ``.parquet`` for one of its
        variables as a table, a row per unit and a column per gene.
    variable
        Of a table: which variable. It may be left out where the Dataset has only one.

    Raises
    ------
    TableError
        The suffix is another one, or a table was asked for and the variable is not said or not there.

    Examples
    --------
    >>> data = xr.Dataset({"tpm": (("patient", "gene"), [[5.0]])}, {"patient": ["P1"], "gene": ["TP53"]})
    >>> path = write_dataset(data, Path(tempfile.mkdtemp()) / "tpm.zarr.zip")
    >>> read_dataset(path).identical(data)
    True
    """
    target = Path(path)
    if target.name.lower().endswith(SUFFIX):
        return write_tree(xr.DataTree(dataset), target)
    check_suffix(target)
    if variable is None:
        if len(dataset.data_vars) != 1:
            raise TableError(
                f"{target}: a table holds one variable, and there are {', '.join(map(str, dataset.data_vars))}; name "
                "one, or "
                f"write all of them to a {SUFFIX} file"
            )
        variable = str(next(iter(dataset.data_vars)))
    if variable not in dataset.data_vars:
        raise TableError(f"there is no variable {variable!r}; there are {', '.join(map(str, dataset.data_vars))}")
    table = cast("pd.DataFrame | pd.Series", dataset[variable].reset_coords(drop=True).to_pandas())
    with replace_atomically(target) as unfinished:
        if target.suffix.lower() == ".csv":
            table.to_csv(unfinished)
        else:
            frame = table.to_frame(variable) if isinstance(table, pd.Series) else table
            frame.columns.name = None
            frame.reset_index().to_parquet(unfinished)
    return target


def check_suffix(path: Path) -> None:
    """Refuse a file whose ending `write_dataset` does not know, before any work is done.

    Raises
    ------
    TableError
        The suffix is another one.
    """
    if not path.name.lower().endswith((SUFFIX, *FLAT)):
        raise TableError(f"{path}: expected a file in one of {', '.join((SUFFIX, *FLAT))}")


def read_dataset(path: str | Path) -> xr.Dataset:
    """Read a Dataset that `write_dataset` wrote to a ``.zarr.zip`` file.

    Raises
    ------
    TableError
        The file is absent, damaged, or holds something else.
    """
    tree = read_tree(Path(path), what="a saved Dataset", error=TableError, mend="encode or join it again")
    if tree.children:
        raise TableError(f"{path} holds a tree of {', '.join(tree.children)}, not one Dataset; is it a saved fit?")
    return tree.to_dataset()


def with_plain_labels(tree: xr.DataTree) -> xr.DataTree:
    """The tree itself, its labels now text of fixed width, which NumPy compares and joins with what people give.

    Samplers give labels as objects, and what was saved as such comes back as NumPy's variable-width strings. Long text
    of a variable stays as objects: one remark of a thousand characters would make every cell as wide.
    """
    for node in tree.subtree:
        dataset = node.to_dataset(inherit=False)
        text = [name for name, variable in dataset.variables.items() if variable.dtype.kind in "OT"]
        for name in text:
            own = dataset.variables[name]
            words = [str(word) for word in own.values.ravel().tolist()]
            long = name not in dataset.coords and max(map(len, words), default=0) > WIDEST
            plain = (own.dims, np.array(words, dtype=object if long else str).reshape(own.shape), own.attrs)
            dataset = (dataset.assign_coords if name in dataset.coords else dataset.assign)({name: plain})
        if text:
            node.dataset = dataset
    return tree
