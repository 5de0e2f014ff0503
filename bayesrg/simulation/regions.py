"""Synthetic tumours with several regions each: where the regions lie, and the genomes that clones leave there.

A tumour is an ellipsoid about the origin, its half-axes along x, y and z. Its clones divide it: each point belongs to
the clone whose seed is nearest, so that every territory is convex and in one piece, and a daughter's seed lies in what
was her mother's territory when she arose. Regions are specimens at random places; each shows its clone's genome,
diluted by normal cells (`bayesrg.simulation.clones`).

Image features are not made here. They follow from the genomes by a model: `bayesrg.models.MultiRegion` prepares the
table as a design and its ``simulate(design, rng, parameters)`` draws features with known coefficients.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from scipy.special import expit

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.simulation.clones import GENES, KINDS, SimulatedGene, grow_tree, name_clones, read_genes

MOST_REGIONS = 20
"""Regions of a tumour, at most."""

MOST_SUBCLONES = 10
"""Clones of a tumour beside its trunk, at most."""

CORE_DEPTH = 0.25
"""A region at least this part of the smallest half-axis below the surface is in the core, any other in the rim."""

COLUMNS = (
    "patient", "tumor", "region", "x", "y", "z", "half_axis_x", "half_axis_y", "half_axis_z",
    "distance_to_boundary", "compartment", "purity", "clone",
)  # fmt: skip
"""Columns of a simulated table before those of the genes."""

_ELONGATION = 1.25  # a half-axis is at most this many times longer or shorter than their typical one
_CANDIDATES = 4000  # places among which regions are chosen
_NUDGE = 1e-9  # mm by which points are moved off the planes of symmetry

Range = int | tuple[int, int]
"""A whole number, or the lowest and highest of its uniform distribution."""


@dataclass(frozen=True)
class _Tumor:
    half_axes: NDArray[np.float64]
    parents: NDArray[np.int_]
    points: NDArray[np.float64]  # [region, axis]
    clones: NDArray[np.int_]  # the clone of each region
    correlate: NDArray[np.float64]  # lower Cholesky factor [region, region] of the trends' correlation


def simulate_regions(
    n_tumors: int,
    n_regions: Range,
    *,
    genes: Mapping[str, SimulatedGene | str] = GENES,
    seed: int | np.random.Generator,
    tumors_per_patient: Range = 1,
    related: bool = True,
    subclones: Range = (0, 4),
    half_axes: tuple[float, float] = (10.0, 35.0),
    spacing: float = 4.0,
    trend_length: float = 10.0,
) -> pd.DataFrame:
    """Return a table of the regions of many tumours, a row a region, with their places and genomes.

    Features are not in it: prepare it with `bayesrg.models.MultiRegion` as a design, whose ``simulate(design, rng,
    parameters)`` draws them.

    Parameters
    ----------
    n_tumors
        Tumours altogether.
    n_regions
        Regions of each tumour, from 1 to 20: a number, or the lowest and highest of a uniform distribution.
    genes
        Kind of each gene by its name (HGNC symbol), which becomes a column: ``"mutation"``, ``"log2_ratio"``,
        ``"expression"``, or a `MutatedGene`, `CopyNumberGene` or `ExpressedGene` with settings of its own. Another
        gene at the end leaves what comes before as it was, and no gene alters the places.
    seed
        The same seed gives the same table.
    tumors_per_patient
        A number, or lowest and highest; the last patient has what is left of `n_tumors`.
    related
        Tumours of a patient share what their trunks have, as metastases do; else each has a trunk of its own.
    subclones
        Clones of each tumour beside its trunk, 0 to 10: a number, or lowest and highest. A clone may hold no region.
    half_axes
        The lowest and highest half-axis of a tumour in mm; within a tumour they differ by at most a factor of 1.5625.
    spacing
        Least distance between regions of a tumour in mm.
    trend_length
        Length-scale in mm of the genes' smooth trends (Matérn 3/2, standard normal at each place).

    Returns
    -------
    pandas.DataFrame
        ``patient``, ``tumor`` (its labels are unique in the cohort), ``region`` (in its tumour); ``x``, ``y``, ``z``
        from the tumour's centre, its ``half_axis_x``, ``half_axis_y``, ``half_axis_z`` and ``distance_to_boundary`` to
        its surface, all in mm; ``compartment`` (core or rim); ``purity`` (share of tumour cells, 0.05 to 0.95, higher
        in the depth, different between tumours); ``clone`` (A is the trunk, A.2.1 the first daughter of its second
        daughter); then a column a gene: 0 or 1 for mutations, log2 ratios to normal cells for the others.

    Raises
    ------
    SettingsError
        If an argument is out of its range, a gene is of no known kind or has the name of another column, or so many
        regions do not fit into a tumour at this spacing.

    Examples
    --------
    >>> table = simulate_regions(2, (2, 9), genes={"TP53": "mutation", "EGFR": "log2_ratio"}, seed=1)
    >>> table.columns[-3:].tolist()
    ['clone', 'TP53', 'EGFR']
    >>> table.groupby("tumor").size().to_dict()
    {'tumor_1': 4, 'tumor_2': 2}
    """
    kinds = read_genes(genes, COLUMNS)
    n_tumors = _read_count("n_tumors", n_tumors)
    regions_of = _read_range("n_regions", n_regions, 1, MOST_REGIONS)
    tumors_of = _read_range("tumors_per_patient", tumors_per_patient, 1)
    subclones_of = _read_range("subclones", subclones, 0, MOST_SUBCLONES)
    _check_lengths(half_axes, spacing, trend_length)

    rng = np.random.default_rng(seed)
    patients = _assign_patients(n_tumors, tumors_of, rng)
    tumors = [_draw_tumor(regions_of, subclones_of, half_axes, spacing, trend_length, rng) for _ in range(n_tumors)]
    table = _describe_places(tumors, patients, rng)
    purity = np.split(table["purity"].to_numpy(), np.cumsum([len(tumor.points) for tumor in tumors])[:-1])
    founders = patients if related else np.arange(n_tumors)
    return table.assign(**{name: _draw_gene(kind, tumors, purity, founders, rng) for name, kind in kinds.items()})


def distance_to_ellipsoid(points: ArrayLike, half_axes: ArrayLike) -> NDArray[np.float64]:
    """Return the distance in mm from points inside an ellipsoid about the origin to its surface [point].

    Parameters
    ----------
    points
        x, y and z in mm from the centre [point, axis].
    half_axes
        In mm along x, y and z: of one ellipsoid [axis], or of one for each point [point, axis].

    Raises
    ------
    SettingsError
        If a point lies outside, where this is no distance to the boundary from within.

    Notes
    -----
    The nearest point of the surface is y_i = a_i² x_i / (t + a_i²) with the one t from −min a_i² to 0 at which
    Σ (y_i / a_i)² = 1; t is bracketed as in Eberly, Distance from a Point to an Ellipse, an Ellipsoid, or a
    Hyperellipsoid (Geometric Tools), and bisected until rounding ends it.

    Examples
    --------
    >>> distance_to_ellipsoid([[0, 0, 0], [6, 0, 0]], [10, 10, 10]).round(6).tolist()
    [10.0, 4.0]
    """
    points, half_axes = np.broadcast_arrays(np.abs(np.asarray(points, dtype=float)), np.asarray(half_axes, dtype=float))
    outside = np.flatnonzero(~(np.sum((points / half_axes) ** 2, axis=-1) <= 1.0 + 1e-12))
    if len(outside):
        raise SettingsError(
            f"points: {len(outside)} of {len(points)} do not lie in their ellipsoid "
            f"({list_some(outside, show=lambda row: f'row {row}: {points[row].tolist()}', between='; ')}); expected "
            f"Σ (x_i / half_axes_i)² of at most 1"
        )
    # On a plane of symmetry the bracket would end at a pole. A point moved by so little is no further off than that.
    points = np.maximum(points, _NUDGE)
    smallest = half_axes.min(axis=-1, keepdims=True)
    # Bisected is s = t + min a_i², which has no cancellation where t nears its lower end.
    excess = (half_axes - smallest) * (half_axes + smallest)
    lower = smallest * np.max(np.where(excess == 0.0, points, 0.0), axis=-1, keepdims=True)
    upper = np.sqrt(np.sum((half_axes * points) ** 2, axis=-1, keepdims=True))
    for _ in range(100):
        middle = (lower + upper) / 2.0
        beyond = np.sum((half_axes * points / (middle + excess)) ** 2, axis=-1, keepdims=True) > 1.0
        lower, upper = np.where(beyond, middle, lower), np.where(beyond, upper, middle)
    nearest = half_axes**2 * points / (upper + excess)
    return np.linalg.norm(nearest - points, axis=-1)


def neighbours_of(
    table: pd.DataFrame,
    k: int = 3,
    *,
    tumor: str = "tumor",
    region: str = "region",
    coordinates: Sequence[str] = ("x", "y", "z"),
) -> pd.DataFrame:
    """Return which regions of a tumour are neighbours: the graph that ``MultiRegion(spatial="graph")`` takes.

    Two regions are neighbours if one is among the `k` nearest of the other, or if they are joined in the minimum
    spanning tree of their tumour, which makes of each tumour one connected piece.

    Parameters
    ----------
    table
        A row a region, with the columns `tumor`, `region` and `coordinates` (in mm).
    k
        How many nearest regions, at least 1; of a tumour with fewer, all.

    Returns
    -------
    pandas.DataFrame
        ``tumor``, ``region``, ``neighbour``: a row for each pair and direction. A tumour's only region has no row.

    Raises
    ------
    SettingsError
        If `k` is no whole number of at least 1.
    TableError
        If a column is absent, a coordinate is no finite number, or a tumour has a region twice.

    Examples
    --------
    >>> line = pd.DataFrame({"tumor": "T1", "region": ["a", "b", "c"], "x": [0.0, 1.0, 3.0]})
    >>> neighbours_of(line, 1, coordinates=["x"])[["region", "neighbour"]].to_numpy().tolist()
    [['a', 'b'], ['b', 'a'], ['b', 'c'], ['c', 'b']]
    """
    _read_count("k", k)
    _check_places(table, tumor, region, list(coordinates))
    pairs = []
    for label, rows in table.groupby(tumor, sort=False, observed=True):
        names = rows[region].to_numpy()
        first, second = np.nonzero(_join_nearest(rows[list(coordinates)].to_numpy(dtype=float), k))
        pairs.append(pd.DataFrame({"tumor": label, "region": names[first], "neighbour": names[second]}))
    return pd.concat(pairs, ignore_index=True) if pairs else pd.DataFrame(columns=["tumor", "region", "neighbour"])


def draw_seeds(
    parents: NDArray[np.int_], half_axes: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return where each clone began [clone, axis] in mm: a daughter anywhere in the territory of her mother."""
    seeds = _draw_points(1, half_axes, rng)
    for parent in parents[1:]:
        inside = np.empty((0, 3))
        while not len(inside):
            points = _draw_points(256, half_axes, rng)
            inside = points[find_clone(points, seeds) == parent]
        seeds = np.vstack([seeds, inside[:1]])
    return seeds


def find_clone(points: NDArray[np.float64], seeds: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return the number of the clone to which each point [point, axis] belongs: the one whose seed is nearest."""
    return cdist(points, seeds).argmin(axis=1)


def _draw_tumor(
    n_regions: tuple[int, int],
    n_subclones: tuple[int, int],
    limits: tuple[float, float],
    spacing: float,
    trend_length: float,
    rng: np.random.Generator,
) -> _Tumor:
    low, high = limits
    elongation = min(_ELONGATION, np.sqrt(high / low))
    half_axes = rng.uniform(low * elongation, high / elongation) * rng.uniform(1 / elongation, elongation, 3)
    parents = grow_tree(int(rng.integers(*n_subclones, endpoint=True)), rng)
    seeds = draw_seeds(parents, half_axes, rng)
    points = _choose_places(int(rng.integers(*n_regions, endpoint=True)), half_axes, spacing, rng)
    scaled = np.sqrt(3.0) * cdist(points, points) / trend_length
    # The diagonal's addition keeps the factor in existence where the length-scale is so long that all are equal.
    correlation = (1.0 + scaled) * np.exp(-scaled) + 1e-9 * np.eye(len(points))
    return _Tumor(half_axes, parents, points, find_clone(points, seeds), np.linalg.cholesky(correlation))


def _describe_places(tumors: Sequence[_Tumor], patients: NDArray[np.int_], rng: np.random.Generator) -> pd.DataFrame:
    """Return the table without genes; `patients` numbers the patient of each tumour."""
    sizes = [len(tumor.points) for tumor in tumors]
    points = np.concatenate([tumor.points for tumor in tumors])
    half_axes = np.repeat([tumor.half_axes for tumor in tumors], sizes, axis=0)
    distance = distance_to_ellipsoid(points, half_axes)
    depth = distance / half_axes.min(axis=1)
    of_tumor = np.repeat(rng.normal(0.0, 0.3, len(tumors)), sizes)
    # About 0.4 of the cells at the surface are tumour cells, and 0.85 of those at the centre.
    purity = 0.05 + 0.9 * expit(-0.4 + 2.5 * depth + of_tumor + rng.normal(0.0, 0.4, len(points)))
    labels = {
        "patient": np.repeat(_label("patient", patients, patients[-1] + 1), sizes),
        "tumor": np.repeat(_label("tumor", np.arange(len(tumors)), len(tumors)), sizes),
        "region": _label("region", np.concatenate([np.arange(size) for size in sizes]), MOST_REGIONS),
    }
    described = {
        "distance_to_boundary": distance,
        "compartment": np.where(depth >= CORE_DEPTH, "core", "rim"),
        "purity": purity,
        "clone": np.concatenate([np.array(name_clones(tumor.parents))[tumor.clones] for tumor in tumors]),
    }
    places = dict(zip(COLUMNS[3:9], np.hstack([points, half_axes]).T, strict=True))
    return pd.DataFrame({**labels, **places, **described})


def _draw_gene(
    gene: SimulatedGene,
    tumors: Sequence[_Tumor],
    purity: Sequence[NDArray[np.float64]],
    founders: NDArray[np.int_],
    rng: np.random.Generator,
) -> NDArray:
    """Return one gene in the regions of all tumours; `founders` numbers the trunk from which each tumour comes."""
    trunks = [gene.draw_trunk(rng) for _ in range(founders.max() + 1)]
    columns = []
    for tumor, share, founder in zip(tumors, purity, founders, strict=True):
        genomes = gene.evolve(trunks[founder], tumor.parents, rng)[tumor.clones]
        trend = tumor.correlate @ rng.standard_normal(len(genomes))
        columns.append(gene.measure(genomes, trend, share, rng))
    column = np.concatenate(columns)
    return column.astype(np.int64) if isinstance(gene, KINDS["mutation"]) else column


def _draw_points(number: int, half_axes: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return points of uniform density in an ellipsoid [point, axis] in mm."""
    directions = rng.standard_normal((number, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return half_axes * directions * np.cbrt(rng.random((number, 1)))


def _choose_places(
    number: int, half_axes: NDArray[np.float64], spacing: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return so many points of an ellipsoid [point, axis] at random, no two closer than `spacing`."""
    candidates, places = _draw_points(_CANDIDATES, half_axes, rng), []
    while len(places) < number:
        if not len(candidates):
            raise SettingsError(
                f"spacing is {spacing:g} mm: {len(places)} of {number} regions fit into a tumour with half-axes of "
                f"{', '.join(f'{half_axis:.1f}' for half_axis in half_axes)} mm; expected all (lower spacing or "
                f"n_regions, or raise half_axes)"
            )
        places.append(candidates[0])
        candidates = candidates[np.linalg.norm(candidates - candidates[0], axis=1) >= spacing]
    return np.array(places)


def _assign_patients(n_tumors: int, tumors_of: tuple[int, int], rng: np.random.Generator) -> NDArray[np.int_]:
    """Return the number of the patient who has each tumour [tumor]."""
    counts = rng.integers(*tumors_of, n_tumors, endpoint=True)
    return np.searchsorted(np.cumsum(counts), np.arange(n_tumors), side="right")


def _label(name: str, numbers: NDArray[np.int_], most: int) -> list[str]:
    """Return labels that sort as their numbers do, if there are at most so many."""
    return [f"{name}_{number + 1:0{len(str(most))}d}" for number in numbers]


def _join_nearest(points: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    """Return whether two points are neighbours [point, point]."""
    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    rank = distances.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    joined = (rank < k) & ~np.eye(len(points), dtype=bool)
    # A spanning tree takes zero for no edge at all; adding to every distance does not change which tree is the least.
    np.fill_diagonal(distances, -1.0)
    joined |= minimum_spanning_tree(distances + 1.0).toarray() > 0.0
    return joined | joined.T


def _check_places(table: pd.DataFrame, tumor: str, region: str, coordinates: list[str]) -> None:
    absent = [name for name in (tumor, region, *coordinates) if name not in table]
    if absent:
        raise TableError(
            f"the table has no column {list_some(absent, show=repr)}; its columns are {list_some(table.columns)}"
        )
    names = np.array([f"{of_tumor}:{name}" for of_tumor, name in zip(table[tumor], table[region], strict=True)])
    twice = np.unique(names[table.duplicated([tumor, region]).to_numpy()])
    if len(twice):
        raise TableError(f"{list_some(twice)} stand in several rows; expected a row for each region")
    for name in coordinates:
        numbers = np.asarray(pd.to_numeric(table[name], errors="coerce"), dtype=float)
        bad = names[~np.isfinite(numbers)]
        if len(bad):
            raise TableError(f"column {name!r} is no place for {list_some(bad)}; expected a finite number of mm")


def _read_range(name: str, value: Range, lowest: int, highest: float = np.inf) -> tuple[int, int]:
    """Return lowest and highest of a number that is given as itself or as these two."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    whole = [isinstance(number, int | np.integer) and not isinstance(number, bool) for number in pair]
    if len(pair) != 2 or not all(whole) or not lowest <= pair[0] <= pair[1] <= highest:
        bounds = f"from {lowest} to {highest}" if np.isfinite(highest) else f"of at least {lowest}"
        raise SettingsError(f"{name} is {value!r}; expected a whole number {bounds}, or two, the lower first")
    return int(pair[0]), int(pair[1])


def _read_count(name: str, value: int) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"{name} is {value!r}; expected a whole number of at least 1")
    return int(value)


def _check_lengths(half_axes: tuple[float, float], spacing: float, trend_length: float) -> None:
    def is_length(value: object) -> bool:
        return isinstance(value, int | float | np.number) and bool(0.0 < value < np.inf)

    for name, value in {"spacing": spacing, "trend_length": trend_length}.items():
        if not is_length(value):
            raise SettingsError(f"{name} is {value!r}; expected a length above 0 mm")
    if (
        not isinstance(half_axes, tuple | list)
        or len(half_axes) != 2
        or not all(map(is_length, half_axes))
        or half_axes[0] > half_axes[1]
    ):
        raise SettingsError(f"half_axes is {half_axes!r}; expected two lengths above 0 mm, the lower first")
