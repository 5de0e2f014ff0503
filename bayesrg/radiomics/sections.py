"""Options of the feature families: one frozen dataclass per family that has any, one TOML section per dataclass.

Distances are in voxels of the grid, not in millimetres, as IBSI defines them; a neighbourhood of distance 1 by the
Chebyshev norm holds the 26 voxels around a voxel (8 within a slice).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayesrg.errors import SettingsError
from bayesrg.settings import check_that, check_types

Directional = Literal[
    "3d_merged", "3d_averaged", "2p5d_merged", "2p5d_direction_merged", "2d_slice_merged", "2d_averaged"
]
Undirected = Literal["3d", "2p5d", "2d"]
Norm = Literal["chebyshev", "euclidean", "manhattan"]
Weighting = Literal["none", "inverse", "gaussian"]


@dataclass(frozen=True)
class IntensityVolumeHistogram:
    """Discretisation for the intensity-volume histogram (IBSI 3.5, P88C), apart from that of the textures.

    Attributes
    ----------
    method
        ``"none"``: intensities as they are, in steps of 1, which suits Hounsfield units; ``"fixed_bin_size"`` with
        ``width``, for continuous calibrated intensities such as SUV; ``"fixed_bin_number"`` with ``number``, IBSI's is
        1000, for arbitrary intensities such as those of MR.
    number
        Number of bins.
    width
        Bin width in the image's units.
    """

    method: Literal["none", "fixed_bin_size", "fixed_bin_number"] = "none"
    number: int | None = None
    width: float | None = None

    def __post_init__(self) -> None:
        """Check types and ranges, and refuse options of the other method; raises SettingsError."""
        check_types(self)
        for name, owner in {"number": "fixed_bin_number", "width": "fixed_bin_size"}.items():
            given = getattr(self, name) is not None
            if given != (self.method == owner):
                raise SettingsError(
                    f'[intensity_volume_histogram] {name} and method = "{owner}" belong together, but method = '
                    f'"{self.method}" and {name} is {"given" if given else "not given"}; add or remove {name}.'
                )
        if self.number is not None:
            check_that(2 <= self.number <= 1_000_000, self, "number", "a whole number from 2 to 1000000")
        if self.width is not None:
            check_that(0 < self.width < math.inf, self, "width", "positive")


@dataclass(frozen=True)
class Glcm:
    """Which voxels are neighbours for the grey level co-occurrence matrix (IBSI 3.6, LFYI), and how matrices combine.

    Attributes
    ----------
    distance
        Chebyshev distance in voxels (IBSI PVMT): the 13 directions of the 26-neighbourhood (4 within a slice), times
        this.
    offsets
        Instead of those directions, any offsets ``[z, y, x]`` in voxels; one alone will do. An offset and its
        opposite make the same symmetric matrix, so only one of the two may be named. By slice (2D and 2.5D), only
        offsets within the slice count.
    weighting
        Weight of a matrix where matrices of directions are merged, by the length m of its offset: ``"none"`` (1),
        ``"inverse"`` (1 / m) or ``"gaussian"`` (exp(-m^2)).
    norm
        The norm of that length: ``"chebyshev"``, ``"euclidean"`` or ``"manhattan"``.
    aggregation
        Any of ``"3d_merged"`` (IBSI IAZD; features of the sum of all matrices), ``"3d_averaged"`` (ITBB; mean over the
        matrices of the features of each), ``"2p5d_merged"`` (ZW7Z), ``"2p5d_direction_merged"`` (JJUI),
        ``"2d_slice_merged"`` (SUJT), ``"2d_averaged"`` (BTW3).
    """

    distance: int = 1
    offsets: tuple[tuple[int, int, int], ...] | None = None
    weighting: Weighting = "none"
    norm: Norm = "chebyshev"
    aggregation: tuple[Directional, ...] = ("3d_merged", "3d_averaged")

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError."""
        check_types(self)
        check_that(self.distance >= 1, self, "distance", "a whole number of voxels, 1 or more")
        _check_aggregation(self, self.aggregation)
        if self.offsets is not None:
            if self.distance != 1:
                raise SettingsError(
                    f"[glcm] offsets and distance = {self.distance} exclude each other, because offsets are in voxels; "
                    "remove distance, or multiply the offsets by it."
                )
            both_ways = [way for offset in self.offsets for way in (offset, tuple(-step for step in offset))]
            distinct = 0 < len(both_ways) == len(set(both_ways))
            check_that(distinct, self, "offsets", "one or more [z, y, x], none of them zero, repeated or opposite")
            planar = [name for name in self.aggregation if not name.startswith("3d")]
            if planar and all(offset[0] != 0 for offset in self.offsets):
                raise SettingsError(
                    f"[glcm] aggregation {planar[0]} counts pairs within a slice, but none of the offsets stays there; "
                    "add an offset [0, y, x], or leave that aggregation out."
                )

    @property
    def offset_array(self) -> NDArray[np.int64]:
        """Offsets in voxels, shape (offset, 3), columns z, y, x."""
        if self.offsets is not None:
            return np.array(self.offsets, dtype=np.int64)
        return self.distance * directions()


@dataclass(frozen=True)
class Glrlm:
    """Options of the grey level run length matrix (IBSI 3.7, TP0I).

    Attributes
    ----------
    weighting, norm
        Weight of a matrix where matrices of directions are merged, as for the GLCM, by the length of its direction.
    aggregation
        As for the GLCM.
    """

    weighting: Weighting = "none"
    norm: Norm = "chebyshev"
    aggregation: tuple[Directional, ...] = ("3d_merged", "3d_averaged")

    def __post_init__(self) -> None:
        """Check types; raises SettingsError."""
        check_types(self)
        _check_aggregation(self, self.aggregation)


@dataclass(frozen=True)
class Glszm:
    """Options of the grey level size zone matrix (IBSI 3.8, 9SAK); zones are 26-connected, within a slice 8-connected.

    Attributes
    ----------
    aggregation
        Any of ``"3d"`` (IBSI KOBO), ``"2p5d"`` (62GR; zones by slice, one matrix) and ``"2d"`` (8QNN; mean of slices).
    """

    aggregation: tuple[Undirected, ...] = ("3d",)

    def __post_init__(self) -> None:
        """Check types; raises SettingsError."""
        check_types(self)
        _check_aggregation(self, self.aggregation)


@dataclass(frozen=True)
class Gldzm:
    """Options of the grey level distance zone matrix (IBSI 3.9, VMDZ); distances to the border are Manhattan.

    Attributes
    ----------
    aggregation
        As for the size zone matrix.
    """

    aggregation: tuple[Undirected, ...] = ("3d",)

    def __post_init__(self) -> None:
        """Check types; raises SettingsError."""
        check_types(self)
        _check_aggregation(self, self.aggregation)


@dataclass(frozen=True)
class Ngtdm:
    """Options of the neighbourhood grey tone difference matrix (IBSI 3.10, IPET).

    Attributes
    ----------
    distance, norm
        The neighbourhood: all voxels within this distance by this norm.
    weighting
        Weight of a neighbour in the neighbourhood's average, by its distance under ``norm``: ``"none"``, ``"inverse"``
        or ``"gaussian"``, as for the GLCM.
    aggregation
        As for the size zone matrix.
    """

    distance: int = 1
    norm: Norm = "chebyshev"
    weighting: Weighting = "none"
    aggregation: tuple[Undirected, ...] = ("3d",)

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError."""
        check_types(self)
        check_that(1 <= self.distance <= 10, self, "distance", "a whole number of voxels from 1 to 10")
        _check_aggregation(self, self.aggregation)


@dataclass(frozen=True)
class Ngldm:
    """Options of the neighbouring grey level dependence matrix (IBSI 3.11, REK0).

    Attributes
    ----------
    distance, norm
        The neighbourhood: all voxels within this distance by this norm.
    coarseness
        A neighbour depends on its centre if their grey levels differ by no more than this (IBSI's alpha).
    aggregation
        As for the size zone matrix.
    """

    distance: int = 1
    norm: Norm = "chebyshev"
    coarseness: int = 0
    aggregation: tuple[Undirected, ...] = ("3d",)

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError."""
        check_types(self)
        check_that(1 <= self.distance <= 10, self, "distance", "a whole number of voxels from 1 to 10")
        check_that(self.coarseness >= 0, self, "coarseness", "zero or a whole number of grey levels")
        _check_aggregation(self, self.aggregation)


def directions(*, in_slice: bool = False) -> NDArray[np.int64]:
    """Return the 13 directions to neighbours, of which 4 lie within the slice; shape (direction, 3), columns z, y, x.

    Each direction and its opposite count once: the half of the 26 that follows the centre in reading order, those
    within the slice first.
    """
    steps = np.array([(z, y, x) for z in (0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1)], dtype=np.int64)[5:]
    return steps[:4] if in_slice else steps


def neighbourhood(distance: int, norm: Norm, *, in_slice: bool = False) -> NDArray[np.int64]:
    """Return the offsets of all neighbours within a distance, both ways; shape (offset, 3), columns z, y, x."""
    reach = range(-distance, distance + 1)
    cube = np.array([(z, y, x) for z in ((0,) if in_slice else reach) for y in reach for x in reach], dtype=np.int64)
    # Compared in whole numbers where the norm allows it: the square of a Euclidean distance has no rounding.
    within = lengths(cube, norm) <= distance * (1 + 1e-12)
    return cube[within & cube.any(axis=1)]


def lengths(offsets: NDArray[np.int64], norm: Norm) -> NDArray[np.float64]:
    """Return the length of each offset (row) by a norm, in voxels."""
    order = {"chebyshev": np.inf, "euclidean": 2, "manhattan": 1}[norm]
    return np.linalg.norm(offsets, ord=order, axis=1)


def weigh(offsets: NDArray[np.int64], weighting: Weighting, norm: Norm) -> NDArray[np.float64]:
    """Return the weight of each offset (row)."""
    distance = lengths(offsets, norm)
    if weighting == "inverse":
        return 1.0 / distance
    return np.exp(-(distance**2)) if weighting == "gaussian" else np.ones(len(distance))


def _check_aggregation(section: object, aggregation: tuple[str, ...]) -> None:
    distinct = 0 < len(aggregation) == len(set(aggregation))
    check_that(distinct, section, "aggregation", "one or more aggregations, each once")
