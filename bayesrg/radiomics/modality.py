"""Settings to start from: for CT, PET and MR by what their intensities mean, and IBSI-1's own configurations.

A modality decides what intensities mean, and with that how they may be rounded, bounded and cut into grey levels. It
does not decide the voxel spacing: that depends on the scans of a cohort (a spacing near their own, the same for all),
so no interpolation is set unless a spacing is given. Without one, textures of images with different voxels, or with
slices much thicker than pixels are wide, are not comparable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from bayesrg.errors import SettingsError
from bayesrg.radiomics.features import DIRECTIONAL, UNDIRECTED
from bayesrg.radiomics.settings import Settings
from bayesrg.settings import from_dict

Modality = Literal["CT", "PT", "MR"]
Configuration = Literal["A", "B", "C", "D", "E", "digital"]


@dataclass(frozen=True)
class ModalityDefaults:
    """What a modality asks for.

    Attributes
    ----------
    title
        The modality and the unit that its intensities are expected in.
    sections
        Settings that differ from the defaults of `Settings`, by section.
    reasons
        Why, a sentence for each setting, with the source where there is one.
    """

    title: str
    sections: Mapping[str, Mapping[str, Any]]
    reasons: tuple[str, ...]


MODALITIES: Mapping[Modality, ModalityDefaults] = MappingProxyType(
    {
        "CT": ModalityDefaults(
            "computed tomography, in Hounsfield units (HU)",
            {
                "rounding": {"intensity": True},
                "resegmentation": {"range": [-1000, 400]},
                "discretisation": {"method": "fixed_bin_size", "width": 25},
                "intensity_volume_histogram": {"method": "none"},
            },
            (
                "Interpolated intensities are rounded, because Hounsfield units are stored as whole numbers (IBSI "
                "68QD).",
                "Voxels outside [-1000, 400] HU leave the intensity mask: below lies nothing, above lie bone, metal "
                "and dense contrast (the range of IBSI's configurations C and E). Widen it for regions of bone.",
                "Grey levels are 25 HU wide and start at -1000 HU, so that a level means the same in every image; "
                "calibrated units suit a fixed bin size (IBSI 2.7). 25 HU is the width of IBSI's configurations A and "
                "C and the default of pyradiomics.",
                "The intensity-volume histogram takes the whole Hounsfield units as they are (IBSI 3.5).",
            ),
        ),
        "PT": ModalityDefaults(
            "positron emission tomography, in standardised uptake values (SUV)",
            {
                "resegmentation": {"range": [0, float("inf")]},
                "discretisation": {"method": "fixed_bin_size", "width": 0.5, "minimum": 0},
                "intensity_volume_histogram": {"method": "fixed_bin_size", "width": 0.1},
            },
            (
                "The image must hold SUV: bayesrg does not convert stored activity (Bq/ml).",
                "Intensities stay as they are interpolated, because SUV are continuous.",
                "Voxels below 0 leave the intensity mask; they come of reconstruction and of spline interpolation, and "
                "no tissue takes up less than nothing.",
                "Grey levels are 0.5 SUV wide and start at 0, so that a level means the same in every image: "
                "Leijenaar et al. 2015, doi:10.1038/srep11075.",
                "The intensity-volume histogram is cut into steps of 0.1 SUV (IBSI 3.5 on continuous calibrated "
                "intensities).",
            ),
        ),
        "MR": ModalityDefaults(
            "magnetic resonance imaging, in arbitrary units",
            {
                "normalisation": {"method": "z_score", "reference": "foreground"},
                "resegmentation": {"outlier_sigma": 3},
                "discretisation": {"method": "fixed_bin_number", "number": 32},
                "intensity_volume_histogram": {"method": "fixed_bin_number", "number": 1000},
            },
            (
                "Intensities become standard deviations from the mean of the body, because the unit of the scanner "
                "means nothing from one image to the next; the air around the body is left out, so that the field of "
                "view counts less. IBSI-1 defines no normalisation. Quantitative maps (ADC, T1) need none.",
                "Voxels farther than 3 standard deviations from the region's mean leave the intensity mask: Collewet "
                "et al. 2004, doi:10.1016/j.mri.2003.09.001 (IBSI 7ACA).",
                "Grey levels are 32 bins between the region's extremes, because a fixed bin size needs calibrated "
                "units (IBSI 2.7).",
                "The intensity-volume histogram has 1000 bins, as IBSI 3.5 has it for arbitrary units.",
            ),
        ),
    }
)
"""The modalities by DICOM's name of them."""

_SYNONYMS = {"PET": "PT", "MRI": "MR"}


def settings_for(modality: str, *, spacing: float | Sequence[float | str] | None = None) -> Settings:
    """Return settings that suit a modality; `MODALITIES` says what differs from the defaults, and why.

    Parameters
    ----------
    modality
        ``"CT"``, ``"PT"`` (or ``"PET"``) or ``"MR"`` (or ``"MRI"``).
    spacing
        Voxel spacing to interpolate to, in mm: one number for all axes, or x, y and z, of which ``"keep"`` leaves an
        axis as it is. None interpolates nothing; see above why the modality does not say.

    Raises
    ------
    SettingsError
        The modality is another one, or the spacing no spacing.
    """
    defaults = MODALITIES[find_modality(modality)]
    axes = [spacing] * 3 if isinstance(spacing, int | float) else spacing
    interpolation = {} if axes is None else {"interpolation": {"spacing": list(axes)}}
    return from_dict(Settings, {**interpolation, **defaults.sections})


def find_modality(name: str) -> Modality:
    """Return DICOM's name of a modality, in any case or by its synonym; raises SettingsError for others."""
    known = _SYNONYMS.get(name.upper(), name.upper())
    for modality in MODALITIES:
        if modality == known:
            return modality
    raise SettingsError(
        f"there are no defaults for the modality {name!r}; expected one of {', '.join([*MODALITIES, *_SYNONYMS])}. "
        "For another one, start from Settings() and choose by what its intensities mean."
    )


_2D = {
    "directional": ["2d_averaged", "2d_slice_merged", "2p5d_direction_merged", "2p5d_merged"],
    "undirected": ["2d", "2p5d"],
}
_3D = {"directional": ["3d_averaged", "3d_merged"], "undirected": ["3d"]}
_EVERY = {"directional": list(DIRECTIONAL), "undirected": list(UNDIRECTED)}

_TWO_MM = {"spacing": [2, 2, 2]}
_WHOLE = {"rounding": {"intensity": True}}
_32_BINS = {"discretisation": {"method": "fixed_bin_number", "number": 32}}
_25_HU = {"discretisation": {"method": "fixed_bin_size", "width": 25}}

# Chain, intensity-volume histogram and aggregations. The manual's table of configurations leaves the histogram's
# discretisation out where intensities are whole numbers already.
_CONFIGURATIONS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, list[str]]]] = {
    "A": ({"resegmentation": {"range": [-500, 400]}, **_25_HU}, {}, _2D),
    "B": (
        {
            "interpolation": {"spacing": [2, 2, "keep"]},
            **_WHOLE,
            "resegmentation": {"range": [-500, 400]},
            **_32_BINS,
        },
        {},
        _2D,
    ),
    "C": (
        {"interpolation": _TWO_MM, **_WHOLE, "resegmentation": {"range": [-1000, 400]}, **_25_HU},
        {"method": "fixed_bin_size", "width": 2.5},
        _3D,
    ),
    "D": ({"interpolation": _TWO_MM, **_WHOLE, "resegmentation": {"outlier_sigma": 3}, **_32_BINS}, {}, _3D),
    "E": (
        {
            "interpolation": {**_TWO_MM, "image": "cubic_bspline"},
            **_WHOLE,
            "resegmentation": {"range": [-1000, 400], "outlier_sigma": 3},
            **_32_BINS,
        },
        {"method": "fixed_bin_number", "number": 1000},
        _3D,
    ),
    "digital": ({"discretisation": {"method": "fixed_bin_size", "width": 1}}, {}, _EVERY),
}


def ibsi_settings(configuration: str) -> Settings:
    """Return one of the configurations that IBSI-1's reference values were made with (manual, chapter 5).

    A and B are two-dimensional (texture by slice, averaged and merged in every way; A without interpolation), C to E
    three-dimensional, all for the CT phantom; ``"digital"`` is for the digital phantom, whose intensities are its grey
    levels, with every aggregation.

    Parameters
    ----------
    configuration
        ``"A"`` to ``"E"``, or ``"digital"``.

    Raises
    ------
    SettingsError
        IBSI-1 has no such configuration.
    """
    if configuration not in _CONFIGURATIONS:
        raise SettingsError(
            f"IBSI-1 has no configuration {configuration!r}; expected one of {', '.join(_CONFIGURATIONS)}"
        )
    chain, histogram, aggregation = _CONFIGURATIONS[configuration]
    families = {name: {"aggregation": aggregation["directional"]} for name in ("glcm", "glrlm")}
    families |= {name: {"aggregation": aggregation["undirected"]} for name in ("glszm", "gldzm", "ngtdm", "ngldm")}
    return from_dict(Settings, {**chain, "intensity_volume_histogram": histogram, **families})
