"""Bins of the genome: their places, checked once for all that is measured in bins."""

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import TableError, list_some
from bayesrg.genomics.chromosomes import name_chromosomes, rank_chromosomes

PLACE = ("chromosome", "start", "end")


def bin_places(data: xr.Dataset | xr.DataArray) -> pd.DataFrame:
    """Return where the bins are: a row per bin, in the data's order, with ``chromosome``, ``start`` and ``end``.

    Parameters
    ----------
    data
        With the dim ``bin`` and the coordinates ``chromosome``, ``start`` and ``end`` along it (1-based, inclusive).

    Returns
    -------
    pandas.DataFrame
        Chromosomes as `bayesrg.genomics.chromosomes` names them.

    Raises
    ------
    TableError
        A coordinate is absent, a chromosome is unknown, a place is no whole positive number, a bin ends before it
        starts, or two bins of one chromosome overlap.

    Examples
    --------
    >>> coords = {"chromosome": ("bin", ["chr1", "chr1"]), "start": ("bin", [1, 101]), "end": ("bin", [100, 200])}
    >>> bin_places(xr.DataArray([0.0, 0.1], dims="bin", coords=coords))["chromosome"].tolist()
    ['1', '1']
    """
    absent = [name for name in PLACE if name not in data.coords or data[name].dims != ("bin",)]
    if absent:
        raise TableError(
            f"the data have no coordinate {', '.join(absent)} along 'bin' (dims {', '.join(map(str, data.dims))}); "
            "give every bin its chromosome, start and end"
        )
    places = pd.DataFrame({name: data[name].values for name in PLACE})
    names = name_chromosomes(places["chromosome"])
    _refuse(names.isna().to_numpy(), places, "an unknown chromosome; expected 1 to 22, X, Y or MT, with or without chr")
    for name in ("start", "end"):
        numbers = np.asarray(pd.to_numeric(places[name], errors="coerce"), dtype=float)
        wrong = ~(numbers >= 1) | (numbers != np.floor(numbers)) | np.isinf(numbers)
        _refuse(wrong, places, f"a {name} that is no whole number from 1 on; places are 1-based and inclusive")
        places[name] = numbers.astype(np.int64)
    _refuse((places["end"] < places["start"]).to_numpy(), places, "an end before its start")
    places["chromosome"] = names
    order = np.lexsort((places["start"], rank_chromosomes(places["chromosome"])))
    ordered = places.iloc[order]
    same = (ordered["chromosome"] == ordered["chromosome"].shift()).to_numpy()
    overlapping = np.zeros(len(places), dtype=bool)
    overlapping[order] = same & (ordered["start"] <= ordered["end"].shift()).to_numpy()
    _refuse(overlapping, places, "bases that the bin before it has too; bins must not overlap")
    return places


def _refuse(wrong: np.ndarray, places: pd.DataFrame, what: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        chromosome, start, end = (places[name].to_numpy() for name in ("chromosome", "start", "end"))
        shown = list_some(rows, show=lambda row: f"bin {row + 1} ({chromosome[row]}:{start[row]}-{end[row]})")
        raise TableError(f"{len(rows)} of {len(places)} bins have {what}: {shown}")
