"""The register of features: for each column name its family, IBSI code, unit, aggregation and definition.

A feature is called ``<family>_<IBSI's name>``, for the GLCM with the aggregation behind it, such as
``glcm_contrast_3d_merged``. Symbols: X the intensities, d the grey levels of the N voxels, mu and sigma their mean and
standard deviation (no bias correction), M their median, P_q the q-th percentile; n_i voxels have grey level i and
p_i = n_i / N; p_ij and the other GLCM probabilities as in `bayesrg.radiomics.glcm`. Codes are those of the IBSI
reference manual (arXiv:1612.07003); the two kurtosis features without 3 subtracted are the article's and have none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from bayesrg.errors import SettingsError

AGGREGATIONS = MappingProxyType({"3d_merged": "IAZD", "3d_averaged": "ITBB"})
"""How GLCM matrices combine, with IBSI's codes. Names without an aggregation mean the first."""

NO_PAIRS = "no two voxels of the region are neighbours along any of the offsets"
_ZERO_VARIANCE = "the variance is zero, and the fourth moment over its square is 0/0"
_NONE_BETWEEN = "neither of the two voxels lies between the 10th and 90th percentiles"
_ONE_BIN = "a histogram with a single bin has no gradient"
_ONE_LEVEL = "all neighbouring voxels have the same grey level, which makes this 0/0"


@dataclass(frozen=True)
class Feature:
    """What one column of a feature table holds.

    Attributes
    ----------
    name
        The column's name.
    family
        ``"statistics"``, ``"histogram"`` or ``"glcm"``.
    ibsi_code
        IBSI's code; empty where IBSI does not define the feature.
    unit
        Unit of the value; empty for a plain number. ``"intensity"`` is the image's own unit.
    aggregation
        ``"3d_merged"`` or ``"3d_averaged"`` for the GLCM; empty for the other families.
    definition
        The formula, in one line.
    undefined
        When the value is NaN; empty if never (GLCM features are also NaN where no voxels are neighbours).
    aliases
        Other names by which `find_feature` knows the feature.
    """

    name: str
    family: str
    ibsi_code: str
    unit: str
    aggregation: str
    definition: str
    undefined: str = ""
    aliases: tuple[str, ...] = ()


# name: IBSI code, unit, definition, when undefined
_STATISTICS = {
    "mean": ("Q4LE", "intensity", "mu = sum X / N"),
    "variance": ("ECT3", "intensity^2", "sigma^2 = sum (X - mu)^2 / N"),
    "skewness": ("KE2A", "", "sum (X - mu)^3 / N / sigma^3; 0 if sigma = 0"),
    "excess_kurtosis": ("IPH6", "", "sum (X - mu)^4 / N / sigma^4 - 3; 0 if sigma = 0"),
    "median": ("Y12H", "intensity", "M = P_50"),
    "minimum": ("1GSF", "intensity", "min X"),
    "percentile_10": ("QG58", "intensity", "P_10"),
    "percentile_90": ("8DWT", "intensity", "P_90"),
    "maximum": ("84IY", "intensity", "max X"),
    "interquartile_range": ("SALO", "intensity", "P_75 - P_25"),
    "range": ("2OJQ", "intensity", "max X - min X"),
    "mean_absolute_deviation": ("4FUA", "intensity", "sum |X - mu| / N"),
    "robust_mean_absolute_deviation": (
        "1128",
        "intensity",
        "mean of |X - their mean| over the X in [P_10, P_90]",
        _NONE_BETWEEN,
    ),
    "median_absolute_deviation": ("N72L", "intensity", "sum |X - M| / N"),
    "coefficient_of_variation": ("7TET", "", "sigma / mu", "the mean intensity is zero"),
    "quartile_coefficient_of_dispersion": (
        "9S40",
        "",
        "(P_75 - P_25) / (P_75 + P_25)",
        "the 25th and 75th percentiles add up to zero",
    ),
    "energy": ("N8CA", "intensity^2", "sum X^2"),
    "root_mean_square": ("5ZWQ", "intensity", "(sum X^2 / N)^(1/2)"),
    "kurtosis": ("", "", "sum (X - mu)^4 / N / sigma^4", _ZERO_VARIANCE),
}

_HISTOGRAM = {
    "mean": ("X6K6", "grey level", "mu = sum i p_i"),
    "variance": ("CH89", "grey level^2", "sigma^2 = sum (i - mu)^2 p_i"),
    "skewness": ("88K1", "", "sum (i - mu)^3 p_i / sigma^3; 0 if sigma = 0"),
    "excess_kurtosis": ("C3I7", "", "sum (i - mu)^4 p_i / sigma^4 - 3; 0 if sigma = 0"),
    "median": ("WIFQ", "grey level", "M = P_50"),
    "minimum": ("1PR8", "grey level", "min d"),
    "percentile_10": ("GPMT", "grey level", "P_10"),
    "percentile_90": ("OZ0C", "grey level", "P_90"),
    "maximum": ("3NCY", "grey level", "max d = N_g"),
    "mode": ("AMMC", "grey level", "the i of greatest n_i; of several the nearest to mu, then the lower"),
    "interquartile_range": ("WR0O", "grey level", "P_75 - P_25"),
    "range": ("5Z3W", "grey level", "max d - min d"),
    "mean_absolute_deviation": ("D2ZX", "grey level", "sum |d - mu| / N"),
    "robust_mean_absolute_deviation": (
        "WRZB",
        "grey level",
        "mean of |d - their mean| over the d in [P_10, P_90]",
        _NONE_BETWEEN,
    ),
    "median_absolute_deviation": ("4RNL", "grey level", "sum |d - M| / N"),
    "coefficient_of_variation": ("CWYJ", "", "sigma / mu"),
    "quartile_coefficient_of_dispersion": ("SLWD", "", "(P_75 - P_25) / (P_75 + P_25)"),
    "entropy": ("TLU2", "bit", "-sum p_i log2 p_i"),
    "uniformity": ("BJ5W", "", "sum p_i^2"),
    "maximum_gradient": ("12CE", "voxel", "max H'_i, H'_i = (n_(i+1) - n_(i-1)) / 2, one-sided at the ends", _ONE_BIN),
    "maximum_gradient_intensity": ("8E6O", "grey level", "the (lowest) i of greatest H'_i", _ONE_BIN),
    "minimum_gradient": ("VQB3", "voxel", "min H'_i", _ONE_BIN),
    "minimum_gradient_intensity": ("RHQZ", "grey level", "the (lowest) i of smallest H'_i", _ONE_BIN),
    "kurtosis": ("", "", "sum (i - mu)^4 p_i / sigma^4", _ZERO_VARIANCE),
}

_GLCM = {
    "joint_maximum": ("GYBY", "", "max p_ij"),
    "joint_average": ("60VM", "grey level", "sum i p_ij = mu"),
    "joint_variance": ("UR99", "grey level^2", "sum (i - mu)^2 p_ij"),
    "joint_entropy": ("TU9B", "bit", "HXY = -sum p_ij log2 p_ij"),
    "difference_average": ("TF7R", "grey level", "sum k p_(i-j),k"),
    "difference_variance": ("D3YU", "grey level^2", "sum (k - difference average)^2 p_(i-j),k"),
    "difference_entropy": ("NTRS", "bit", "-sum p_(i-j),k log2 p_(i-j),k"),
    "sum_average": ("ZGXS", "grey level", "sum k p_(i+j),k"),
    "sum_variance": ("OEEB", "grey level^2", "sum (k - sum average)^2 p_(i+j),k"),
    "sum_entropy": ("P6QZ", "bit", "-sum p_(i+j),k log2 p_(i+j),k"),
    "angular_second_moment": ("8ZQL", "", "sum p_ij^2"),
    "contrast": ("ACUI", "grey level^2", "sum (i - j)^2 p_ij"),
    "dissimilarity": ("8S9J", "grey level", "sum |i - j| p_ij"),
    "inverse_difference": ("IB1Z", "", "sum p_ij / (1 + |i - j|)"),
    "normalised_inverse_difference": ("NDRX", "", "sum p_ij / (1 + |i - j| / N_g)"),
    "inverse_difference_moment": ("WF0Z", "", "sum p_ij / (1 + (i - j)^2)"),
    "normalised_inverse_difference_moment": ("1QCO", "", "sum p_ij / (1 + (i - j)^2 / N_g^2)"),
    "inverse_variance": ("E8JP", "", "2 sum_(j > i) p_ij / (i - j)^2"),
    "correlation": ("NI2N", "", "sum (i - mu) (j - mu) p_ij / sigma^2", _ONE_LEVEL),
    "autocorrelation": ("QWB0", "grey level^2", "sum i j p_ij"),
    "cluster_tendency": ("DG8W", "grey level^2", "sum (i + j - 2 mu)^2 p_ij"),
    "cluster_shade": ("7NFM", "grey level^3", "sum (i + j - 2 mu)^3 p_ij"),
    "cluster_prominence": ("AE86", "grey level^4", "sum (i + j - 2 mu)^4 p_ij"),
    "information_correlation_1": (
        "R8DG",
        "",
        "(HXY - HXY1) / HX, HX = -sum p_i. log2 p_i., HXY1 = -sum p_ij log2 (p_i. p_.j)",
        _ONE_LEVEL,
    ),
    "information_correlation_2": (
        "JN9H",
        "",
        "(1 - exp(-2 (HXY2 - HXY)))^(1/2), HXY2 = -sum p_i. p_.j log2 (p_i. p_.j)",
    ),
}

# The article's first-order features are those of the histogram; its homogeneity is the inverse difference moment.
_ARTICLE_HISTOGRAM = ("mean", "variance", "skewness", "kurtosis")
_ARTICLE_GLCM = {
    "contrast": (),
    "correlation": (),
    "inverse_difference_moment": ("homogeneity", "idm"),
}


def _register() -> dict[str, Feature]:
    registered = []
    for name, (code, unit, *rest) in _STATISTICS.items():
        registered.append(Feature(f"statistics_{name}", "statistics", code, unit, "", *rest))
    for name, (code, unit, definition, *undefined) in _HISTOGRAM.items():
        aliases = (name,) if name in _ARTICLE_HISTOGRAM else ()
        text = undefined[0] if undefined else ""
        registered.append(Feature(f"histogram_{name}", "histogram", code, unit, "", definition, text, aliases))
    first = next(iter(AGGREGATIONS))
    for aggregation in AGGREGATIONS:
        for name, (code, unit, definition, *undefined) in _GLCM.items():
            full = f"glcm_{name}_{aggregation}"
            other = _ARTICLE_GLCM.get(name, ())
            aliases = [f"glcm_{alias}_{aggregation}" for alias in other]
            if aggregation == first:
                aliases += [f"glcm_{alias}" for alias in (name, *other)]
                aliases += [name, *other] if name in _ARTICLE_GLCM else []
            text = undefined[0] if undefined else ""
            registered.append(Feature(full, "glcm", code, unit, aggregation, definition, text, tuple(aliases)))
    return {feature.name: feature for feature in registered}


FEATURES: Mapping[str, Feature] = MappingProxyType(_register())
"""Every feature by its column name, in the order of the columns."""

ALIASES = {alias: feature for feature in FEATURES.values() for alias in feature.aliases}


def select_features(families: Iterable[str], aggregations: Iterable[str]) -> list[Feature]:
    """Return the features of the given families, and of the GLCM's only those with the given aggregations, in order."""
    families, aggregations = set(families), {"", *aggregations}
    return [
        feature for feature in FEATURES.values() if feature.family in families and feature.aggregation in aggregations
    ]


def find_feature(name: str) -> Feature:
    """Return the feature with this column name or alias.

    Aliases, in any case, are the article's names: ``mean``, ``variance``, ``skewness``, ``kurtosis`` (histogram),
    ``contrast``, ``correlation``, ``homogeneity``, ``idm`` and ``inverse_difference_moment`` (of the GLCM, 3D merged,
    which for a single offset is all there is). GLCM names without an aggregation mean 3D merged.

    Raises
    ------
    SettingsError
        No feature has this name; the message names the nearest one.
    """
    found = FEATURES.get(name) or ALIASES.get(name.lower())
    if found is None:
        nearest = get_close_matches(name, [*FEATURES, *ALIASES], n=1, cutoff=0.0)[0]
        raise SettingsError(
            f"there is no feature {name!r}; did you mean {nearest!r}? bayesrg.radiomics.FEATURES lists all "
            f"{len(FEATURES)}"
        )
    return found
