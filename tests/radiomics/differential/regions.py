"""Four small synthetic regions whose features were computed with other tools; see ``make_values.py``.

Only NumPy, and only integers drawn from a seed, so that every interpreter makes the same arrays. Every region keeps
7 mm from the edges of its image, beyond which tools continue it differently.
"""

from dataclasses import dataclass

import numpy as np

EXCLUDED = 500
"""Intensity and grey level of voxels that re-segmentation is to exclude, in what other tools are given."""


@dataclass(frozen=True)
class Region:
    """One region, arrays with dims [z, y, x].

    Attributes
    ----------
    intensity
        Whole numbers as float64, also around the region.
    morphological_mask, intensity_mask
        bool; the second lacks some voxels in ``"resegmented"``, and equals the first in the others.
    level
        int32, 1 or more inside the intensity mask, 0 outside.
    spacing
        Along z, y and x, in mm.
    """

    intensity: np.ndarray
    morphological_mask: np.ndarray
    intensity_mask: np.ndarray
    level: np.ndarray
    spacing: tuple[float, float, float]


def make_regions() -> dict[str, Region]:
    """Return the regions by name.

    ``anisotropic``: an ellipsoid of 931 voxels of 3.0 x 0.9 x 1.3 mm; ``disconnected``: two parts, holes in one, and
    lone voxels; ``gaps``: grey levels 1, 2, 5, 9 and 12 only; ``resegmented``: an intensity mask smaller than the
    morphological one.
    """
    rng = np.random.default_rng(4)
    return {
        "anisotropic": _anisotropic(rng),
        "disconnected": _disconnected(rng),
        "gaps": _gaps(rng),
        "resegmented": _resegmented(rng),
    }


def _grid(shape: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    z, y, x = np.indices(shape)
    return z - shape[0] // 2, y - shape[1] // 2, x - shape[2] // 2


def _draw(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Return intensities that grow along the axes, with noise on top."""
    z, y, x = np.indices(shape)
    return (6 * z + 5 * y + 3 * x + rng.integers(-40, 41, shape)).astype(np.float64)


def _bin(intensity: np.ndarray, mask: np.ndarray, n_levels: int) -> np.ndarray:
    """Return grey levels in equal bins from the least to the greatest intensity."""
    low, high = intensity[mask].min(), intensity[mask].max()
    level = np.minimum((intensity - low) * n_levels // (high - low) + 1, n_levels)
    return np.where(mask, level, 0).astype(np.int32)


def _anisotropic(rng: np.random.Generator) -> Region:
    z, y, x = _grid((13, 31, 25))
    mask = z * z * 25 + y * y * 5 + x * x * 8 <= 360
    intensity = _draw(rng, mask.shape)
    return Region(intensity, mask, mask, _bin(intensity, mask, 8), (3.0, 0.9, 1.3))


def _disconnected(rng: np.random.Generator) -> Region:
    z, y, x = _grid((15, 27, 31))
    mask = (z * z + y * y + (x + 5) ** 2 <= 17) | ((np.abs(z) <= 2) & (np.abs(y - 1) <= 3) & (np.abs(x - 6) <= 2))
    mask &= ~((z == 0) & (y * y + (x + 5) ** 2 <= 2))
    mask &= ~((np.abs(z) <= 1) & (y == 1) & (x == 6))
    mask[3, 8, 15] = mask[4, 9, 16] = mask[11, 20, 20] = True
    intensity = _draw(rng, mask.shape)
    return Region(intensity, mask, mask, _bin(intensity, mask, 6), (2.0, 1.0, 1.0))


def _gaps(rng: np.random.Generator) -> Region:
    z, y, x = _grid((29, 29, 29))
    mask = (np.abs(z) + np.abs(y) + np.abs(x) <= 7) & ((x < 4) | (y < 0))
    intensity = _draw(rng, mask.shape)
    level = np.array([0, 1, 2, 5, 9, 12], dtype=np.int32)[_bin(intensity, mask, 5)]
    return Region(intensity, mask, mask, level, (1.0, 1.0, 1.0))


def _resegmented(rng: np.random.Generator) -> Region:
    z, y, x = _grid((14, 20, 22))
    mask = z * z + y * y + x * x * 2 <= 26
    intensity = _draw(rng, mask.shape)
    kept = mask & (rng.random(mask.shape) > 0.15)
    level = _bin(intensity, kept, 8)
    return Region(np.where(mask & ~kept, float(EXCLUDED), intensity), mask, kept, level, (2.5, 2.0, 2.0))
