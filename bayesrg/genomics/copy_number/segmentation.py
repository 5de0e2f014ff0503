"""Circular binary segmentation: where along the genome the log2 ratio changes.

The values of a chromosome are closed to a circle and the arc is sought whose mean differs most from the rest
(`bayesrg.genomics.copy_number.arcs`). If fewer than a share alpha of permutations have an arc as good
(`bayesrg.genomics.copy_number.permuting`), the chromosome is cut at the ends of the arc, each of which has to hold for
itself in a permutation test of the pieces on its two sides, and every piece is treated alike (Olshen et al. 2004,
doi:10.1093/biostatistics/kxh008; Venkatraman & Olshen 2007, doi:10.1093/bioinformatics/btl646).
"""

import hashlib
import warnings
from concurrent.futures import Executor
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr
from numba import njit
from rich.console import Console
from rich.progress import track

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.genomics.chromosomes import rank_chromosomes
from bayesrg.genomics.copy_number.arcs import ARITHMETIC, accumulate, find_arc, limit_by_length, weigh_lengths
from bayesrg.genomics.copy_number.bin_noise import estimate_noise
from bayesrg.genomics.copy_number.bins import bin_places
from bayesrg.genomics.copy_number.permuting import RISK, begin_random, is_arc_significant, is_change_significant
from bayesrg.genomics.copy_number.segment_table import COLUMNS, WITHOUT_SEGMENTS
from bayesrg.history import step, with_step
from bayesrg.samples import unit_dim


def segment(
    log2_ratio: xr.Dataset,
    *,
    seed: int,
    alpha: float = 0.01,
    permutations: int = 10_000,
    minimum_width: int = 2,
    undo_sd: float | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the segments of constant copy number in each sample, a row per segment.

    Parameters
    ----------
    log2_ratio
        With the variable ``log2_ratio`` over (sample, bin) and the coordinates ``chromosome``, ``start``, ``end`` along
        bin, as `log2_ratio_of_depth` returns it. Bins may be in any order. NaN is a bin without a value: it is left
        out, and a segment runs over it. The rows may be of any unit (sample, patient, tumor, region).
    seed
        Of the permutations. The same seed gives the same segments, whatever the order of the samples, and whether or
        not an executor shares the work.
    alpha
        Level of each test.
    permutations
        The most permutations in a test. It stops before when the answer stands
        (`bayesrg.genomics.copy_number.permuting`).
    minimum_width
        The fewest bins in a segment.
    undo_sd
        Change points are taken back, the smallest first, until the medians on both sides of each differ by as many
        standard deviations of the sample's noise (`bayesrg.genomics.copy_number.bin_noise.estimate_noise`); 3 is usual.
        None takes none back.
    executor
        Shares the samples out; ``None`` works in this process. Threads help too: the kernels release the lock.
    progress
        Show on standard error how many of several samples are done.

    Returns
    -------
    pandas.DataFrame
        ``sample`` (the label of the row), ``chromosome``, ``start`` and ``end`` (of the first and last bin with a
        value), ``n_markers`` (bins with a value), ``log2_ratio`` (their mean); by sample in the order of the data,
        then by place. A chromosome without any value in a sample has no row. A sample without any value has none
        either: a warning names it, and ``attrs["samples_without_segments"]`` keeps it for the encoders
        (`bayesrg.genomics.copy_number.segment_table`). ``attrs["history"]`` tells the steps.

    Raises
    ------
    TableError
        A bin's place is wrong (`bin_places`), a value is infinite, or there is no variable ``log2_ratio``.
    SettingsError
        An option is out of its range, or there are too few permutations to reach ``alpha``.

    Examples
    --------
    >>> values = np.r_[np.zeros(20), np.ones(20)] + np.tile([0.1, -0.1], 20)
    >>> start = np.arange(40) * 50_000 + 1
    >>> coords = {
    ...     "sample": ["P1"], "chromosome": ("bin", ["7"] * 40), "start": ("bin", start), "end": ("bin", start + 49_999)
    ... }
    >>> data = xr.Dataset({"log2_ratio": (("sample", "bin"), values[np.newaxis])}, coords)
    >>> segment(data, seed=1)[["start", "end", "n_markers", "log2_ratio"]].round(2).to_numpy().tolist()
    [[1.0, 1000000.0, 20.0, 0.0], [1000001.0, 2000000.0, 20.0, 1.0]]
    """
    _check_options(seed, alpha, permutations, minimum_width, undo_sd)
    if "log2_ratio" not in log2_ratio:
        raise TableError(f"the data hold {', '.join(map(str, log2_ratio.data_vars)) or 'nothing'}, but no 'log2_ratio'")
    ratios = log2_ratio["log2_ratio"]
    unit = unit_dim(ratios)
    places = bin_places(ratios)
    ranks = rank_chromosomes(places["chromosome"])
    order = np.lexsort((places["start"], ranks))
    places, ranks = places.iloc[order].reset_index(drop=True), ranks[order]
    values = ratios.transpose(unit, "bin").to_numpy().astype(float)[:, order]
    labels = [str(label) for label in ratios[unit].values]
    if np.isinf(values).any():
        row, column = np.argwhere(np.isinf(values))[0]
        raise TableError(
            f"{unit} {labels[row]}, bin {places['chromosome'][column]}:{places['start'][column]}: the log2 ratio is "
            f"infinite ({int(np.isinf(values).sum())} such values); set bins without reads to NaN"
        )
    options = (float(alpha), int(permutations), int(minimum_width), undo_sd)
    tasks = [(row, ranks, _seed_of(seed, label), options) for row, label in zip(values, labels, strict=True)]
    # After Ctrl-C, or an error, an executor's map cancels what has not begun.
    done = (executor.map if executor else map)(segment_sample, *zip(*tasks, strict=True))
    found = list(
        track(
            done,
            description="segmenting",
            total=len(tasks),
            console=Console(stderr=True),
            disable=not progress or len(tasks) == 1,
        )
    )
    parts = [
        pd.DataFrame(
            {
                "sample": label,
                "chromosome": places["chromosome"].to_numpy()[first],
                "start": places["start"].to_numpy()[first],
                "end": places["end"].to_numpy()[last],
                "n_markers": n_markers,
                "log2_ratio": means,
            }
        )
        for label, (first, last, n_markers, means) in zip(labels, found, strict=True)
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    without = [label for label, part in zip(labels, parts, strict=True) if not len(part)]
    if without:
        table.attrs[WITHOUT_SEGMENTS] = without
        warnings.warn(
            f"{len(without)} of {len(labels)} {unit}s have no value in any bin, and so no segment: "
            f"{list_some(without)}; their genes are missing when segments are encoded",
            stacklevel=2,
        )
    line = step(
        "segment", alpha=alpha, permutations=permutations, minimum_width=minimum_width, undo_sd=undo_sd, seed=seed,
        without_segments=without,
    )  # fmt: skip
    table.attrs["history"] = with_step(xr.Dataset(), line, log2_ratio, ratios).attrs["history"]
    return table


Options = tuple[float, int, int, float | None]
Found = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def segment_sample(values: np.ndarray, ranks: np.ndarray, seed: int, options: Options) -> Found:
    """Return the segments of one sample: first bins, last bins, numbers of bins with a value, and means.

    Parameters
    ----------
    values
        Log2 ratios, shape (bin,), sorted by place; NaN is left out.
    ranks
        The chromosome of each bin, as a number that does not fall.
    seed
        Of this sample's permutations.
    options
        alpha, permutations, minimum_width and undo_sd.
    """
    alpha, permutations, minimum_width, undo_sd = options
    held = np.flatnonzero(~np.isnan(values))
    kept = np.ascontiguousarray(values[held])
    chromosome_of = ranks[held]
    bounds = np.flatnonzero(np.diff(chromosome_of, prepend=-1, append=np.iinfo(np.int64).max))
    smallest = undo_sd * estimate_noise(kept, chromosome_of) if undo_sd is not None else 0.0
    edges = []
    for begin, end in pairwise(bounds):
        mine = kept[begin:end]
        cuts = find_change_points(mine, alpha, permutations, minimum_width, RISK, seed + int(chromosome_of[begin]))
        if undo_sd is not None:
            cuts = undo_changes(mine, cuts, smallest)
        edges.append(np.r_[begin, begin + cuts])
    first = np.concatenate(edges) if edges else np.zeros(0, dtype=np.int64)
    last = np.r_[first[1:], len(kept)] - 1 if len(first) else first
    n_markers = last - first + 1
    totals = np.add.reduceat(kept, first) if len(first) else np.zeros(0)
    return held[first], held[last], n_markers, totals / np.maximum(n_markers, 1)


@njit(cache=True, nogil=True, **ARITHMETIC)
def find_change_points(values, alpha, permutations, minimum_width, risk, seed):
    """Return the places at which a chromosome is cut, ascending: each is the first value of a new segment.

    Parameters
    ----------
    values
        Shape (n,), without NaN.
    alpha, permutations, minimum_width
        As `segment` has them.
    risk
        As `bayesrg.genomics.copy_number.permuting` has it.
    seed
        A whole number from 0 to 2^64 - 1.
    """
    n = values.size
    is_cut = np.zeros(n + 1, np.bool_)
    waiting = np.empty((n + 3, 2), np.int64)
    waiting[0, 0] = 0
    waiting[0, 1] = n
    n_waiting = 1
    while n_waiting:
        n_waiting -= 1
        begin = waiting[n_waiting, 0]
        end = waiting[n_waiting, 1]
        size = end - begin
        if size < 2 * minimum_width:
            continue
        centred = values[begin:end] - values[begin:end].mean()
        spread = np.abs(centred).max()
        # What is left of constant values is the rounding of their mean.
        if spread <= 1e-12 * np.abs(values[begin:end]).max():
            continue
        sums = np.empty(size + 1)
        accumulate(centred, sums)
        weight = weigh_lengths(size)
        limit = limit_by_length(centred, weight)
        statistic, i, j = find_arc(sums, minimum_width, weight, limit, 0.0, False)
        if i < 0:
            continue
        state = begin_random(seed, begin, end)
        if not is_arc_significant(centred, statistic, minimum_width, weight, limit, alpha, permutations, risk, state):
            continue
        i += begin
        j += begin
        edges = np.zeros(2, np.int64)
        if i == begin:
            edges[0] = j
        else:
            if is_change_significant(values[begin:j], i - begin, alpha, permutations, risk, state):
                edges[0] = i
            if is_change_significant(values[i:end], j - i, alpha, permutations, risk, state):
                edges[1] = j
        previous = begin
        for edge in edges:
            if edge > 0:
                is_cut[edge] = True
                waiting[n_waiting, 0] = previous
                waiting[n_waiting, 1] = edge
                n_waiting += 1
                previous = edge
        if previous > begin:
            waiting[n_waiting, 0] = previous
            waiting[n_waiting, 1] = end
            n_waiting += 1
    return np.flatnonzero(is_cut)


def undo_changes(values: np.ndarray, cuts: np.ndarray, smallest: float) -> np.ndarray:
    """Return the change points whose sides differ in their medians by at least ``smallest``, in the values' units.

    The one with the smallest difference goes first; then medians are taken anew, until all that are left differ enough.

    Examples
    --------
    >>> undo_changes(np.array([0.0, 0.0, 0.1, 0.1, 2.0, 2.0]), np.array([2, 4]), smallest=0.5).tolist()
    [4]
    """
    cuts = np.asarray(cuts)
    while len(cuts):
        medians = np.array([np.median(piece) for piece in np.split(values, cuts)])
        differences = np.abs(np.diff(medians))
        weakest = int(np.argmin(differences))
        if differences[weakest] >= smallest:
            break
        cuts = np.delete(cuts, weakest)
    return cuts


def _seed_of(seed: int, label: str) -> int:
    """Return a number that the seed and the sample's name decide, so that the order of samples does not matter."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0{label}".encode()).digest()[:7], "big")


def _check_options(seed: int, alpha: float, permutations: int, minimum_width: int, undo_sd: float | None) -> None:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise SettingsError(f"seed is {seed!r}; expected a whole number")
    if not 0.0 < alpha < 1.0:
        raise SettingsError(f"alpha is {alpha!r}; expected a level between 0 and 1, such as 0.01")
    if permutations != int(permutations) or 1.0 / (permutations + 1.0) > alpha:
        raise SettingsError(
            f"permutations is {permutations!r}, which cannot reach alpha = {alpha}; expected a whole number of at "
            f"least {int(np.ceil(1.0 / alpha)) - 1}, and better ten times that"
        )
    if minimum_width != int(minimum_width) or minimum_width < 1:
        raise SettingsError(f"minimum_width is {minimum_width!r}; expected a whole number of bins from 1 on")
    if undo_sd is not None and not undo_sd > 0.0:
        raise SettingsError(f"undo_sd is {undo_sd!r}; expected a positive number such as 3, or None")
