"""A processed region as the families measure it: arrays, and what several families need of them, made once.

A family asks for what it needs; nothing is computed for a family that was not asked for.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr
from numba import njit
from numpy.typing import ArrayLike, NDArray

from bayesrg.errors import SettingsError
from bayesrg.radiomics.kernels.levels import check_levels
from bayesrg.radiomics.kernels.zones import Zones, find_zones

MOST_PRESENT = 65_535
"""Different grey levels that a region may hold; ranks of more would not fit into 16 bits."""


class Packed(NamedTuple):
    """Grey levels of a region in the fewest bits, in the region's box.

    Attributes
    ----------
    ranks : uint8 or uint16 array, dims [z, y, x]
        Which of ``levels`` a voxel has, counted from 1; 0 outside the region. The box of the region with ``margin``
        voxels of 0 on every side, so that no neighbour within that distance lies outside the array.
    levels : int64 array, shape (level,)
        The grey levels present, ascending; rank r is level ``levels[r - 1]``.
    margin : int
        Width of the border of 0, in voxels.
    corner : tuple of int
        Where the box without its margin begins in the array it was cut from, [z, y, x].
    """

    ranks: NDArray[np.uint8] | NDArray[np.uint16]
    levels: NDArray[np.int64]
    margin: int
    corner: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Region:
    """Intensities, masks and grey levels of one region, all of one shape, dims [z, y, x].

    Attributes
    ----------
    intensity
        float64, in the image's units; finite inside the masks.
    morphological_mask, intensity_mask
        bool; the second lacks the voxels that re-segmentation excluded. Neither is empty.
    level
        int32, 1 … inside the intensity mask and 0 outside; None without discretisation.
    spacing
        Of the grid along z, y and x, in mm.
    """

    intensity: NDArray[np.float64]
    morphological_mask: NDArray[np.bool_]
    intensity_mask: NDArray[np.bool_]
    level: NDArray[np.int32] | None
    spacing: tuple[float, float, float]

    @classmethod
    def of(cls, processed: xr.Dataset) -> "Region":
        """Return the region that `bayesrg.imaging.process` returned."""
        x, y, z = processed.attrs["spacing"]
        return cls(
            intensity=processed["intensity"].values,
            morphological_mask=processed["morphological_mask"].values,
            intensity_mask=processed["intensity_mask"].values,
            level=processed["level"].values if "level" in processed else None,
            spacing=(z, y, x),
        )

    @cached_property
    def intensities(self) -> NDArray[np.float64]:
        """Intensities inside the intensity mask, in reading order, shape (voxel,)."""
        return self.intensity[self.intensity_mask]

    @cached_property
    def ascending(self) -> NDArray[np.float64]:
        """Intensities inside the intensity mask in ascending order, shape (voxel,)."""
        return np.sort(self.intensities)

    @cached_property
    def packed(self) -> Packed:
        """Grey levels of the intensity mask with a border of one voxel."""
        return pack(self.grey_levels)

    @cached_property
    def zones(self) -> Zones:
        """Zones of equal grey level in three dimensions."""
        return find_zones(self.packed.ranks, self.packed.corner, self.morphological_mask)

    @cached_property
    def zones_by_slice(self) -> Zones:
        """Zones of equal grey level in each slice."""
        return find_zones(self.packed.ranks, self.packed.corner, self.morphological_mask, in_slice=True)

    @property
    def grey_levels(self) -> NDArray[np.int32]:
        """``level``; raises SettingsError where there was no discretisation."""
        if self.level is None:
            raise SettingsError('the region has no grey levels: discretisation was "none"')
        return self.level


def pack(levels: ArrayLike, margin: int = 1) -> Packed:
    """Return the grey levels of a region in the fewest bits, in its box, with a border.

    Parameters
    ----------
    levels : array_like of int, dims [z, y, x]
        Grey levels, 1 or more inside the region, 0 outside.
    margin
        Width of the border in voxels.

    Raises
    ------
    RegionError, TypeError
        As `check_levels` does: the region is empty, or the levels are none.
    SettingsError
        A level is above 1,000,000, or more than 65,535 different ones are present.
    """
    voxels, highest = check_levels(levels)
    present = np.zeros(highest + 1, dtype=np.bool_)
    box = _survey(voxels, present)
    found = np.flatnonzero(present)
    if found.size > MOST_PRESENT:
        raise SettingsError(
            f"the region holds {found.size} different grey levels, more than the {MOST_PRESENT} that texture can be "
            "computed for; discretise with fewer or wider bins"
        )
    ranks = np.zeros(highest + 1, dtype=np.uint8 if found.size <= 255 else np.uint16)
    ranks[found] = np.arange(1, found.size + 1)
    corner = (int(box[0, 0]), int(box[1, 0]), int(box[2, 0]))
    return Packed(_pack(voxels, ranks, box, margin), found, margin, corner)


@njit(cache=True, nogil=True, error_model="numpy")
def _survey(levels: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Mark the levels present, and return the region's box as [first, last] by axis."""
    box = np.array([[levels.shape[0], -1], [levels.shape[1], -1], [levels.shape[2], -1]])
    for z in range(levels.shape[0]):
        for y in range(levels.shape[1]):
            first, last = levels.shape[2], -1
            for x in range(levels.shape[2]):
                level = levels[z, y, x]
                if level > 0:
                    present[level] = True
                    first, last = min(first, x), x
            if last >= 0:
                box[0, 0], box[0, 1] = min(box[0, 0], z), z
                box[1, 0], box[1, 1] = min(box[1, 0], y), max(box[1, 1], y)
                box[2, 0], box[2, 1] = min(box[2, 0], first), max(box[2, 1], last)
    return box


@njit(cache=True, nogil=True, error_model="numpy")
def _pack(levels: np.ndarray, ranks: np.ndarray, box: np.ndarray, margin: int) -> np.ndarray:
    """Return the box as ranks of the levels present (0 outside the region), with ``margin`` voxels of 0 around it."""
    packed = np.zeros(
        (
            box[0, 1] - box[0, 0] + 1 + 2 * margin,
            box[1, 1] - box[1, 0] + 1 + 2 * margin,
            box[2, 1] - box[2, 0] + 1 + 2 * margin,
        ),
        ranks.dtype,
    )
    for z in range(box[0, 0], box[0, 1] + 1):
        for y in range(box[1, 0], box[1, 1] + 1):
            row = packed[z - box[0, 0] + margin, y - box[1, 0] + margin]
            for x in range(box[2, 0], box[2, 1] + 1):
                row[x - box[2, 0] + margin] = ranks[levels[z, y, x]]
    return packed
