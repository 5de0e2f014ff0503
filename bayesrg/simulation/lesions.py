"""Synthetic lesions with a known answer: images of subjects, scanned in sessions on scanners.

The mean intensity of each region (the feature ``statistics_mean``) is, up to the rounding of 32-bit voxels (1e-6),

    mean + subject_i + session_ij + scanner_s + residual_ijs

with effects drawn from normal distributions of known standard deviations, so that an analysis of the images can be held
against the truth. Everything else looks like a lesion and leaves that mean alone: a smooth random shape, texture whose
correlation length differs between subjects, and each scanner's blur, contrast and noise. Around the drawn contour the
lesion goes on for some millimetres, as if drawn a little inside its edge, so that preprocessing moves the mean by
little: interpolation, rotation, noise and growth by a tenth by 0.1 to 0.6 intensity units, a contour redrawn from
supervoxels by 2.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from bayesrg.errors import SettingsError

SIZE = (24, 40, 40)
"""Voxels along z, y and x."""

SPACING = (2.0, 2.0, 3.0)
"""Voxel spacing along x, y and z in mm."""

LABEL = 1
"""The lesion's label in every mask."""

_SURROUNDINGS = -80.0  # mean intensity around the lesion
_TEXTURE = 20.0  # standard deviation of the texture without blur, in intensity units; half of that around the lesion
_WAVES = 200  # plane waves in a random field: its values are close to normal
_ROUGHNESS = 0.15  # standard deviation of the lesion's radius over directions, as a part of it
_BEYOND_CONTOUR = 4.0  # mm by which the lesion reaches beyond its drawn contour
_EDGE_WIDTH = 3.0  # mm over which it then fades


@dataclass(frozen=True)
class SyntheticCohort:
    """Images, masks and the truth from which they were made.

    Attributes
    ----------
    images, masks
        SimpleITK images (32-bit float; 8-bit with label 1), in the order of the table's rows.
    table
        A row per image: ``subject``, ``session`` and ``scanner`` (labels), the effects ``subject_effect``,
        ``session_effect``, ``scanner_effect`` and ``residual``, and ``region_mean``, their sum with the mean. All in
        intensity units.
    scanners
        A row per scanner: ``scanner``, ``offset`` (its effect, in intensity units), ``gain`` (contrast of texture and
        surroundings about the region's mean), ``point_spread`` (standard deviation of its blur in mm), ``noise``
        (standard deviation of its white noise in intensity units).
    mean
        Mean of ``statistics_mean`` over the population, in intensity units.
    sds
        True standard deviations of the components ``subject``, ``session`` (nested in subject), ``scanner`` and
        ``residual`` of ``statistics_mean``. The residual belongs to one image, so preprocessings of an image share it.
    """

    images: tuple[sitk.Image, ...]
    masks: tuple[sitk.Image, ...]
    table: pd.DataFrame
    scanners: pd.DataFrame
    mean: float
    sds: dict[str, float]

    @property
    def realised_sds(self) -> dict[str, float]:
        """Standard deviations (n − 1) of the effects that were drawn, by component; NaN for a component with one level.

        With two scanners these can lie far from `sds`: a posterior of a superpopulation sd is about `sds`, one of a
        finite-population sd about these.
        """
        levels = {"subject": ["subject"], "session": ["subject", "session"], "scanner": ["scanner"]}
        drawn = {name: self.table.drop_duplicates(keys)[f"{name}_effect"] for name, keys in levels.items()}
        drawn["residual"] = self.table["residual"]
        return {
            name: float(np.std(effects, ddof=1)) if len(effects) > 1 else math.nan for name, effects in drawn.items()
        }


@dataclass(frozen=True)
class _Waves:
    """A smooth random field of unit variance, as a sum of plane waves: evaluated anywhere, and blurred exactly."""

    vectors: NDArray[np.float64]
    phases: NDArray[np.float64]

    def evaluate(self, centre: NDArray[np.float64], blur: float = 0.0) -> NDArray[np.float64]:
        """Return the field [z, y, x] about a centre (z, y, x in mm), seen with a Gaussian blur (sd in mm)."""
        amplitude = np.exp(-(blur**2) * (self.vectors**2).sum(axis=1) / 2) * math.sqrt(2 / len(self.phases))
        z, y, x = (np.exp(1j * np.outer(self.vectors[:, axis], _axis(axis) - centre[axis])) for axis in range(3))
        slices = (amplitude * np.exp(1j * self.phases))[:, None, None] * z[:, :, None] * y[:, None, :]
        return (slices.reshape(len(x), -1).T @ x).real.reshape(SIZE)


@dataclass(frozen=True)
class _Lesion:
    """What a subject's lesion looks like on every scan."""

    semi_axes: NDArray[np.float64]  # z, y, x in mm
    deformation: _Waves
    texture: _Waves


def simulate_lesions(
    *,
    n_subjects: int = 12,
    n_sessions: int = 2,
    n_scanners: int = 2,
    mean: float = 60.0,
    subject_sd: float = 15.0,
    session_sd: float = 5.0,
    scanner_sd: float = 8.0,
    residual_sd: float = 1.0,
    seed: int | np.random.Generator,
) -> SyntheticCohort:
    """Return a cohort in which every subject is scanned in every session on every scanner.

    The images have 40 x 40 x 24 voxels of 2 x 2 x 3 mm (x, y, z); the lesions are deformed ellipsoids with semi-axes of
    11 to 19 mm. Subjects differ in shape and in the texture's correlation length (3 to 9 mm), scanners in offset, gain,
    point spread and noise; on each scan the lesion lies up to a voxel elsewhere.

    Parameters
    ----------
    n_subjects, n_sessions, n_scanners
        How many; at least one of each.
    mean
        Mean of the region means, in intensity units (as of Hounsfield units: the surroundings have −80).
    subject_sd, session_sd, scanner_sd, residual_sd
        True standard deviations of the region mean's components, in intensity units.
    seed
        The same seed gives the same cohort.

    Raises
    ------
    SettingsError
        If a number is no whole number of at least 1, or a standard deviation negative.

    Sources
    -------
    Random fields from plane waves with normally distributed wave vectors have a Gaussian covariance function: Rahimi
    and Recht 2007, Random features for large-scale kernel machines.
    """
    sds = {"subject": subject_sd, "session": session_sd, "scanner": scanner_sd, "residual": residual_sd}
    _check({"n_subjects": n_subjects, "n_sessions": n_sessions, "n_scanners": n_scanners}, mean, sds)
    rng = np.random.default_rng(seed)
    scanners = _draw_scanners(n_scanners, scanner_sd, rng)
    images, masks, rows = [], [], []
    for subject in range(n_subjects):
        lesion = _draw_lesion(rng)
        subject_effect = rng.normal(0, subject_sd)
        for session in range(n_sessions):
            session_effect = rng.normal(0, session_sd)
            for scanner in scanners.to_dict("records"):
                effects = {
                    "subject_effect": subject_effect,
                    "session_effect": session_effect,
                    "scanner_effect": scanner["offset"],
                    "residual": rng.normal(0, residual_sd),
                }
                region_mean = mean + sum(effects.values())
                image, mask = _scan(
                    lesion, region_mean, scanner["gain"], scanner["point_spread"], scanner["noise"], rng
                )
                images.append(image)
                masks.append(mask)
                names = {"subject": f"subject_{subject + 1:02d}", "session": f"session_{session + 1}"}
                rows.append({**names, "scanner": scanner["scanner"], **effects, "region_mean": region_mean})
    return SyntheticCohort(tuple(images), tuple(masks), pd.DataFrame(rows), scanners, float(mean), sds)


def write_lesions(cohort: SyntheticCohort, folder: str | PathLike[str]) -> Path:
    """Write a cohort's images and masks (NIfTI) into a folder, and return the path of its manifest.

    Beside ``manifest.csv`` (columns image, mask, label, subject, session, scanner; paths relative to it), which
    `bayesrg.radiomics.extract_cohort` takes, ``truth.csv`` holds the effects behind every image.
    """
    folder = Path(folder)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for image, mask, truth in zip(cohort.images, cohort.masks, cohort.table.to_dict("records"), strict=True):
        factors = {name: truth[name] for name in ("subject", "session", "scanner")}
        stem = "images/" + "_".join(factors.values())
        paths = {"image": f"{stem}_image.nii.gz", "mask": f"{stem}_mask.nii.gz"}
        for voxels, path in zip((image, mask), paths.values(), strict=True):
            sitk.WriteImage(voxels, str(folder / path), useCompression=True)
        rows.append({**paths, "label": LABEL, **factors})
    manifest = folder / "manifest.csv"
    pd.DataFrame(rows).to_csv(manifest, index=False)
    cohort.table.to_csv(folder / "truth.csv", index=False)
    return manifest


def _check(numbers: Mapping[str, int], mean: float, sds: Mapping[str, float]) -> None:
    for name, number in numbers.items():
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < 1:
            raise SettingsError(f"{name} must be a whole number of at least 1; found {number!r}.")
    if not math.isfinite(mean):
        raise SettingsError(f"mean must be finite; found {mean!r}.")
    for name, sd in sds.items():
        if not 0 <= sd < math.inf:
            raise SettingsError(f"{name}_sd must be zero or a positive number; found {sd!r}.")


def _draw_scanners(count: int, offset_sd: float, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scanner": [f"scanner_{number + 1}" for number in range(count)],
            "offset": rng.normal(0, offset_sd, count),
            "gain": rng.uniform(0.85, 1.15, count),
            "point_spread": rng.uniform(1.0, 2.5, count),
            "noise": rng.uniform(4.0, 8.0, count),
        }
    )


def _draw_lesion(rng: np.random.Generator) -> _Lesion:
    semi_axes = rng.uniform(11.0, 19.0, 3)
    return _Lesion(
        semi_axes=semi_axes,
        deformation=_draw_waves(rng, length=0.6 * float(semi_axes.mean())),
        texture=_draw_waves(rng, length=rng.uniform(3.0, 9.0)),
    )


def _draw_waves(rng: np.random.Generator, *, length: float) -> _Waves:
    """Return a field whose correlation over a distance d is exp(−d² / (2 length²))."""
    return _Waves(rng.normal(0, 1 / length, (_WAVES, 3)), rng.uniform(0, 2 * math.pi, _WAVES))


def _scan(
    lesion: _Lesion, region_mean: float, gain: float, point_spread: float, noise: float, rng: np.random.Generator
) -> tuple[sitk.Image, sitk.Image]:
    centre = rng.uniform(-1, 1, 3) * SPACING[::-1]
    z, y, x = np.meshgrid(*[_axis(axis) - centre[axis] for axis in range(3)], indexing="ij", sparse=True)
    radius = np.sqrt((z / lesion.semi_axes[0]) ** 2 + (y / lesion.semi_axes[1]) ** 2 + (x / lesion.semi_axes[2]) ** 2)
    # The deformation is cut off at two standard deviations, so that every lesion fits into the image.
    region = _keep_largest(radius < 1 + _ROUGHNESS * np.clip(lesion.deformation.evaluate(centre), -2, 2))

    outside = np.asarray(ndimage.distance_transform_edt(~region, sampling=SPACING[::-1]))
    present = np.clip((_BEYOND_CONTOUR + _EDGE_WIDTH - outside) / _EDGE_WIDTH, 0, 1)
    detail = gain * _TEXTURE * lesion.texture.evaluate(centre, point_spread) * (1 + present) / 2
    detail += rng.normal(0, noise, SIZE)
    # What varies about the region's mean has mean zero in the region, exactly.
    detail -= detail[region].mean()
    intensity = region_mean + gain * (1 - present) * (_SURROUNDINGS - region_mean) + detail
    return _make_image(intensity.astype(np.float32)), _make_image(np.where(region, LABEL, 0).astype(np.uint8))


def _keep_largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected piece of a mask."""
    pieces = np.zeros(mask.shape, dtype=np.int32)
    ndimage.label(mask, output=pieces)
    return pieces == np.argmax(np.bincount(pieces.ravel())[1:]) + 1


def _axis(axis: int) -> NDArray[np.float64]:
    """Return the voxel centres along z, y or x (0, 1, 2) in mm from the image's centre."""
    return np.linspace(-0.5, 0.5, SIZE[axis]) * (SIZE[axis] - 1) * SPACING[2 - axis]


def _make_image(voxels: NDArray) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(SPACING)
    image.SetOrigin([float(_axis(axis)[0]) for axis in (2, 1, 0)])
    return image
