"""Other tools' features under our names, so that values can be compared; and why those differ that do.

pyradiomics and MIRP are translated by `bayesrg.radiomics` itself, pictologics by the IBSI codes in its names, and Nyxus
by the list below.
"""

import re

import pandas as pd

from bayesrg.radiomics import FEATURES, features_from_mirp, features_from_pyradiomics

_NYXUS = {
    "statistics": {
        "ENERGY": "energy",
        "EXCESS_KURTOSIS": "excess_kurtosis",
        "INTERQUARTILE_RANGE": "interquartile_range",
        "KURTOSIS": "kurtosis",
        "MEAN_ABSOLUTE_DEVIATION": "mean_absolute_deviation",
        "MEDIAN_ABSOLUTE_DEVIATION": "median_absolute_deviation",
        "RANGE": "range",
        "ROBUST_MEAN_ABSOLUTE_DEVIATION": "robust_mean_absolute_deviation",
        "SKEWNESS": "skewness",
        "VARIANCE_BIASED": "variance",
    },
    "morphology": {
        "AREA": "surface_area_mesh",
        "AREA_2_VOLUME": "surface_to_volume_ratio",
        "MESH_VOLUME": "volume_mesh",
        "SPHERICITY": "sphericity",
        "VOXEL_VOLUME": "volume_voxel_counting",
        "MAJOR_AXIS_LEN": "major_axis_length",
        "MINOR_AXIS_LEN": "minor_axis_length",
        "LEAST_AXIS_LEN": "least_axis_length",
        "ELONGATION": "elongation",
        "FLATNESS": "flatness",
    },
    "glcm": {
        "ACOR": "autocorrelation",
        "ASM": "angular_second_moment",
        "CLUPROM": "cluster_prominence",
        "CLUSHADE": "cluster_shade",
        "CLUTEND": "cluster_tendency",
        "CONTRAST": "contrast",
        "CORRELATION": "correlation",
        "DIFAVE": "difference_average",
        "DIFENTRO": "difference_entropy",
        "DIFVAR": "difference_variance",
        "DIS": "dissimilarity",
        "ID": "inverse_difference",
        "IDN": "normalised_inverse_difference",
        "IDM": "inverse_difference_moment",
        "IDMN": "normalised_inverse_difference_moment",
        "INFOMEAS1": "information_correlation_1",
        "INFOMEAS2": "information_correlation_2",
        "IV": "inverse_variance",
        "JAVE": "joint_average",
        "JE": "joint_entropy",
        "JMAX": "joint_maximum",
        "JVAR": "joint_variance",
        "SUMAVERAGE": "sum_average",
        "SUMENTROPY": "sum_entropy",
        "SUMVARIANCE": "sum_variance",
    },
    "glrlm": {
        "SRE": "short_runs_emphasis",
        "LRE": "long_runs_emphasis",
        "GLN": "grey_level_non_uniformity",
        "GLNN": "normalised_grey_level_non_uniformity",
        "RLN": "run_length_non_uniformity",
        "RLNN": "normalised_run_length_non_uniformity",
        "RP": "run_percentage",
        "GLV": "grey_level_variance",
        "RV": "run_length_variance",
        "RE": "run_entropy",
        "LGLRE": "low_grey_level_run_emphasis",
        "HGLRE": "high_grey_level_run_emphasis",
        "SRLGLE": "short_run_low_grey_level_emphasis",
        "SRHGLE": "short_run_high_grey_level_emphasis",
        "LRLGLE": "long_run_low_grey_level_emphasis",
        "LRHGLE": "long_run_high_grey_level_emphasis",
    },
    "glszm": {
        "SAE": "small_zone_emphasis",
        "LAE": "large_zone_emphasis",
        "GLN": "grey_level_non_uniformity",
        "GLNN": "normalised_grey_level_non_uniformity",
        "SZN": "zone_size_non_uniformity",
        "SZNN": "normalised_zone_size_non_uniformity",
        "ZP": "zone_percentage",
        "GLV": "grey_level_variance",
        "ZV": "zone_size_variance",
        "ZE": "zone_size_entropy",
        "LGLZE": "low_grey_level_zone_emphasis",
        "HGLZE": "high_grey_level_zone_emphasis",
        "SALGLE": "small_zone_low_grey_level_emphasis",
        "SAHGLE": "small_zone_high_grey_level_emphasis",
        "LALGLE": "large_zone_low_grey_level_emphasis",
        "LAHGLE": "large_zone_high_grey_level_emphasis",
    },
    "gldzm": {
        "SDE": "small_distance_emphasis",
        "LDE": "large_distance_emphasis",
        "LGLZE": "low_grey_level_zone_emphasis",
        "HGLZE": "high_grey_level_zone_emphasis",
        "SDLGLE": "small_distance_low_grey_level_emphasis",
        "SDHGLE": "small_distance_high_grey_level_emphasis",
        "LDLGLE": "large_distance_low_grey_level_emphasis",
        "LDHGLE": "large_distance_high_grey_level_emphasis",
        "GLNU": "grey_level_non_uniformity",
        "GLNUN": "normalised_grey_level_non_uniformity",
        "ZDNU": "zone_distance_non_uniformity",
        "ZDNUN": "normalised_zone_distance_non_uniformity",
        "ZP": "zone_percentage",
        "GLV": "grey_level_variance",
        "ZDV": "zone_distance_variance",
        "ZDE": "zone_distance_entropy",
    },
    "ngtdm": {name.upper(): name for name in ("coarseness", "contrast", "busyness", "complexity", "strength")},
    "ngldm": {
        "LDE": "low_dependence_emphasis",
        "HDE": "high_dependence_emphasis",
        "LGLCE": "low_grey_level_count_emphasis",
        "HGLCE": "high_grey_level_count_emphasis",
        "LDLGLE": "low_dependence_low_grey_level_emphasis",
        "LDHGLE": "low_dependence_high_grey_level_emphasis",
        "HDLGLE": "high_dependence_low_grey_level_emphasis",
        "HDHGLE": "high_dependence_high_grey_level_emphasis",
        "GLNU": "grey_level_non_uniformity",
        "GLNUN": "normalised_grey_level_non_uniformity",
        "DCNU": "dependence_count_non_uniformity",
        "DCNUN": "normalised_dependence_count_non_uniformity",
        "DCP": "dependence_count_percentage",
        "GLV": "grey_level_variance",
        "DCV": "dependence_count_variance",
        "DCENT": "dependence_count_entropy",
        "DCENE": "dependence_count_energy",
    },
}
_PREFIX = {"statistics": "3", "morphology": "3"}
_SUFFIX = {"glcm": "_AVE", "glrlm": "_AVE"}
_AGGREGATION = {"glcm": "_3d_averaged", "glrlm": "_3d_averaged", "statistics": "", "morphology": ""}

# pictologics' code for a percentile of the histogram is cut short, and the next one's belongs to the 10th.
_PICTOLOGICS = {
    "10th_discretised_intensity_percentile_1PR": "histogram_percentile_10",
    "90th_discretised_intensity_percentile_GPMT": "histogram_percentile_90",
}
_FRACTIONS = {
    "BC2M_10": "volume_at_intensity_fraction_10",
    "BC2M_90": "volume_at_intensity_fraction_90",
    "GBPN_10": "intensity_at_volume_fraction_10",
    "GBPN_90": "intensity_at_volume_fraction_90",
    "DDTU": "volume_fraction_difference_between_intensity_fractions_10_90",
    "CNV2": "intensity_fraction_difference_between_volume_fractions_10_90",
}

_MESH = {
    "volume_mesh|surface|compactness|spher|convex_hull|axis_aligned|integrated": "other triangles in ambiguous cubes"
}
_ELLIPSOID = {"enclosing_ellipsoid": "stopped before the volume is the smallest; another series for the area; the mesh"}

REASONS = {
    "pictologics": {
        **_ELLIPSOID,
        "oriented_minimum": "axes of inertia instead of a search for the smallest box",
        **_MESH,
        "area_under_curve": "IBSI leaves open where the curve begins and ends",
        "percentile|quartile|robust": "a percentile is one of the intensities, without interpolation",
    },
    "pyradiomics": {
        "axis_length": "covariance divided by N, not by N - 1",
        **_MESH,
        "ngtdm": "voxels without a neighbour are counted",
    },
    "MIRP": {
        "morans_i_index|gearys_c_measure": "approximated on samples of voxels",
        "oriented_minimum": "not the smallest box; the area density repeats the volume density",
        **_ELLIPSOID,
        "skewness|kurtosis|asphericity": "single precision",
    },
    "Nyxus": {"": "does not follow IBSI"},
}
"""Why values differ, by a pattern in our name."""


def translate(tool: str, values: dict[str, float]) -> dict[str, float]:
    """Return a tool's values under our names, only those that IBSI or we define."""
    if tool == "bayesrg":
        return values
    if tool == "pictologics":
        named = {_from_pictologics(name): value for name, value in values.items()}
    elif tool == "Nyxus":
        named = {name: values[theirs] for theirs, name in _nyxus_names().items() if theirs in values}
    else:
        rename = {"pyradiomics": features_from_pyradiomics, "MIRP": features_from_mirp}[tool]
        named = rename(pd.DataFrame([values])).iloc[0].to_dict()
    return {name: float(value) for name, value in named.items() if name in FEATURES}


def find_reason(tool: str, name: str) -> str:
    """Return why a tool's value differs from ours; empty if that is not known."""
    return next((reason for pattern, reason in REASONS[tool].items() if re.search(pattern, name)), "")


def _from_pictologics(name: str) -> str:
    if name in _PICTOLOGICS:
        return _PICTOLOGICS[name]
    for code, fraction in _FRACTIONS.items():
        if name.endswith(f"_{code}"):
            return f"intensity_volume_histogram_{fraction}"
    code = name.rpartition("_")[2]
    return next(
        (f.name for f in FEATURES.values() if f.ibsi_code == code and f.aggregation in ("", "3d", "3d_merged")), ""
    )


def _nyxus_names() -> dict[str, str]:
    return {
        _PREFIX.get(family, f"3{family.upper()}_") + theirs + _SUFFIX.get(family, ""): (
            f"{family}_{name}{_AGGREGATION.get(family, '_3d')}"
        )
        for family, names in _NYXUS.items()
        for theirs, name in names.items()
    }
