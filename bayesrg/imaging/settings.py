"""What the image processing chain is asked to do: one frozen dataclass per step, one TOML section per dataclass."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from bayesrg.errors import SettingsError
from bayesrg.settings import check_that, check_types

Spacing = float | Literal["keep"]


@dataclass(frozen=True)
class Crop:
    """How much of the image around the region is processed and returned; it never changes a voxel's value.

    Attributes
    ----------
    extent
        ``"region"`` returns the bounding box of the (interpolated) region plus a margin, ``"image"`` the whole image.
    margin
        Width added on each side of the box, as far as the image reaches. The default of 8 mm holds the sphere of 1 cm³
        (radius 6.2 mm) that IBSI's local intensity peak averages over. The voxels that an interpolator needs beyond
        this box are read in any case.
    unit
        ``"mm"``, or ``"voxel"`` for voxels of the returned grid.
    """

    extent: Literal["region", "image"] = "region"
    margin: float = 8.0
    unit: Literal["mm", "voxel"] = "mm"

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError."""
        check_types(self)
        check_that(0 <= self.margin < math.inf, self, "margin", "zero or a positive number")


@dataclass(frozen=True)
class Normalisation:
    """Intensities of arbitrary units, as those of MR, brought to one scale before anything else is done to them.

    IBSI-1 leaves normalisation to the user and defines none. Here mean and standard deviation are taken over voxels of
    the whole image as it was scanned, before interpolation, so that neither crop nor grid changes them.

    Attributes
    ----------
    method
        ``"none"`` or ``"z_score"``: (X - mean) / standard deviation, both taken over ``reference``. Calibrated
        intensities (Hounsfield units, SUV) should not be normalised.
    reference
        Voxels that mean and standard deviation are taken over: ``"image"``, all of them (what pyradiomics'
        ``normalize`` does); ``"foreground"``, those above the mean of all, which leaves out the air around a body, so
        that the field of view counts less; ``"region"``, those of the region, which takes from its first-order features
        whatever tells one region from another.
    scale
        Factor on the z-score (pyradiomics' ``normalizeScale``); 100 makes a bin width of 5 a twentieth of a standard
        deviation.
    outlier_sigma
        Intensities farther from the mean than this many standard deviations are set to that limit (pyradiomics'
        ``removeOutliers``); they stay in the region. None sets no limit. It is not the key of the same name in
        re-segmentation, which excludes voxels from the region.
    """

    method: Literal["none", "z_score"] = "none"
    reference: Literal["image", "foreground", "region"] = "image"
    scale: float = 1.0
    outlier_sigma: float | None = None

    def __post_init__(self) -> None:
        """Check types and ranges, and refuse options of a normalisation that is not done; raises SettingsError."""
        check_types(self)
        check_that(0 < self.scale < math.inf, self, "scale", "a positive number")
        if self.outlier_sigma is not None:
            check_that(0 < self.outlier_sigma < math.inf, self, "outlier_sigma", "a positive number")
        given = {"reference": self.reference != "image", "scale": self.scale != 1, "outlier_sigma": self.outlier_sigma}
        for name, is_given in given.items():
            if self.method == "none" and is_given:
                raise SettingsError(
                    f'[normalisation] {name} belongs to method = "z_score", but method = "none"; remove {name} or '
                    "change the method."
                )


@dataclass(frozen=True)
class Interpolation:
    """The grid on which the region is analysed (IBSI VTM2, grid centres aligned: 3WE3).

    Attributes
    ----------
    spacing
        New voxel spacing in mm along x, y and z; ``"keep"`` leaves an axis as it is, so ``(2.0, 2.0, "keep")``
        interpolates in-plane only. None (the section or key left out) means no interpolation at all.
    image
        ``"linear"`` (trilinear), ``"cubic_bspline"`` (tricubic spline) or ``"nearest"``.
    mask
        ``"linear"``, binarised at a partial volume of one half (IBSI E8H9), or ``"nearest"``.
    """

    spacing: tuple[Spacing, Spacing, Spacing] | None = None
    image: Literal["linear", "cubic_bspline", "nearest"] = "linear"
    mask: Literal["linear", "nearest"] = "linear"

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError."""
        check_types(self)
        widths = [width for width in self.spacing or () if width != "keep"]
        positive = all(0 < width < math.inf for width in widths)
        check_that(positive, self, "spacing", 'positive millimetres (x, y, z); "keep" leaves an axis as it is')


@dataclass(frozen=True)
class Rounding:
    """Rounding of interpolated intensities (IBSI 68QD).

    Attributes
    ----------
    intensity
        Round to the nearest whole number (halves to even), as befits Hounsfield units; leave it off for PET and MR.
    """

    intensity: bool = False

    def __post_init__(self) -> None:
        """Check types; raises SettingsError."""
        check_types(self)


@dataclass(frozen=True)
class Resegmentation:
    """Which voxels stay in the intensity mask (IBSI IF9H); with both methods, those in the intersection.

    Attributes
    ----------
    range
        Closed interval of intensities kept, in the image's units; ``inf`` makes it half-open (IBSI USB3).
    outlier_sigma
        Keep intensities within this many standard deviations of the mean; IBSI's is 3 (7ACA).
    """

    range: tuple[float, float] | None = None
    outlier_sigma: float | None = None

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError."""
        check_types(self)
        if self.range is not None:
            check_that(self.range[0] < self.range[1], self, "range", "[lower, upper] with lower < upper")
        if self.outlier_sigma is not None:
            check_that(0 < self.outlier_sigma < math.inf, self, "outlier_sigma", "a positive number")


@dataclass(frozen=True)
class Discretisation:
    """How intensities become grey levels 1 … N (IBSI 4R0B).

    Attributes
    ----------
    method
        ``"fixed_bin_number"`` (IBSI K15C) needs ``number``; ``"fixed_bin_size"`` (IBSI Q3RU) needs ``width`` and takes
        ``minimum``; ``"none"`` makes no grey levels.
    number
        Number of grey levels.
    width
        Bin width in the image's units.
    minimum
        Lower edge of grey level 1 in the image's units. Left out: the lower bound of the re-segmentation range, or
        where there is none, the lowest intensity in the region (IBSI advises against that last case, because grey
        levels then mean something else in every image).
    """

    method: Literal["fixed_bin_number", "fixed_bin_size", "none"] = "fixed_bin_number"
    number: int | None = None
    width: float | None = None
    minimum: float | None = None

    def __post_init__(self) -> None:
        """Check types and ranges, and refuse options of the other method; raises SettingsError."""
        check_types(self)
        needed = {"fixed_bin_number": "number", "fixed_bin_size": "width", "none": ""}[self.method]
        owners = {"number": "fixed_bin_number", "width": "fixed_bin_size", "minimum": "fixed_bin_size"}
        for name, owner in owners.items():
            if getattr(self, name) is not None and self.method != owner:
                raise SettingsError(
                    f'[discretisation] {name} belongs to method = "{owner}", but method = "{self.method}"; '
                    f"remove {name} or change the method."
                )
        if needed and getattr(self, needed) is None:
            raise SettingsError(f'[discretisation] method = "{self.method}" needs {needed}; add it.')
        if self.number is not None:
            check_that(1 <= self.number < 2**31, self, "number", "a whole number of at least 1")
        if self.width is not None:
            check_that(0 < self.width < math.inf, self, "width", "positive")
        if self.minimum is not None:
            check_that(math.isfinite(self.minimum), self, "minimum", "finite")


@dataclass(frozen=True)
class ProcessingSettings:
    """Everything `bayesrg.imaging.process` does, in IBSI's order. The defaults change and exclude no intensity."""

    crop: Crop = field(default_factory=Crop)
    normalisation: Normalisation = field(default_factory=Normalisation)
    interpolation: Interpolation = field(default_factory=Interpolation)
    rounding: Rounding = field(default_factory=Rounding)
    resegmentation: Resegmentation = field(default_factory=Resegmentation)
    discretisation: Discretisation = field(default_factory=lambda: Discretisation(number=32))

    def __post_init__(self) -> None:
        """Check types; raises SettingsError."""
        check_types(self)
