"""The register of features is what the kernels compute, what IBSI calls it, and findable by the article's names."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from bayesrg import datasets
from bayesrg.errors import SettingsError
from bayesrg.radiomics import FAMILIES, FEATURES, Settings, find_feature, select_features
from bayesrg.radiomics.families.glcm import count_cooccurrences, merge_cooccurrences
from bayesrg.radiomics.families.histogram import compute_histogram

LEVELS = np.random.default_rng(7).integers(1, 6, (4, 5, 6))


def test_features_come_by_family_then_aggregation():
    order = [(feature.family, feature.aggregation) for feature in FEATURES.values()]
    assert list(dict.fromkeys(order)) == [
        (family, aggregation) for family, about in FAMILIES.items() for aggregation in about.aggregations
    ]
    assert len(order) == sum(len(list(group)) for _, group in itertools.groupby(order))


@pytest.mark.parametrize(
    ("family", "count"),
    [
        ("morphology", 29),
        ("local_intensity", 2),
        ("statistics", 18),
        ("histogram", 23),
        ("intensity_volume_histogram", 15),
        ("glcm", 25),
        ("glrlm", 16),
        ("glszm", 16),
        ("gldzm", 16),
        ("ngtdm", 5),
        ("ngldm", 17),
    ],
)
def test_every_feature_that_ibsi_defines_is_there(family, count):
    first = next(iter(FAMILIES[family].aggregations))
    codes = [feature.ibsi_code for feature in select_features({family: (first,)}) if feature.ibsi_code]
    assert len(codes) == count
    # Intensities at fractions of the volume share a code, and so do their kin and differences.
    assert len(set(codes)) == (5 if family == "intensity_volume_histogram" else count)


def test_families_of_the_settings_are_those_of_the_register():
    assert Settings().features.families == tuple(FAMILIES)


def test_units_and_ranges_are_of_a_few_kinds():
    units = {feature.unit for feature in FEATURES.values()}
    assert units <= {
        "", "intensity", "intensity^2", "grey level", "grey level^2", "grey level^3", "grey level^4", "bit", "voxel",
        "voxel^2", "mm", "mm^2", "mm^3", "mm^-1", "intensity mm^3",
    }  # fmt: skip
    for feature in FEATURES.values():
        assert re.fullmatch(r"[\[(]-?(inf|[\d.]+), (inf|[\d.]+)[\])]", feature.range), feature
        assert feature.definition, feature


@pytest.mark.data
def test_codes_are_those_of_the_reference_table():
    table = pd.read_csv(datasets.path("ibsi1/ibsi1_reference_values.csv"), keep_default_na=False)
    registered = {feature.ibsi_code for feature in FEATURES.values()} - {""}
    # The table has GPMT, the code of the 10th percentile of the histogram, for the 90th too, and no values of the
    # oriented minimum bounding box, the minimum volume enclosing ellipsoid and the area under the volume histogram.
    assert registered - set(table.ibsi_code) == {"OZ0C", "ZH1A", "IQYR", "SWZ1", "BRI8", "9CMM"}
    assert set(table.ibsi_code) <= registered


def test_only_the_articles_kurtosis_has_no_code():
    assert [name for name, feature in FEATURES.items() if not feature.ibsi_code] == [
        "statistics_kurtosis",
        "histogram_kurtosis",
    ]


def test_selection_keeps_the_order_and_the_aggregations_asked_for():
    names = [feature.name for feature in select_features({"glcm": ["3d_averaged"], "histogram": [""]})]
    assert names[0] == "histogram_mean"
    assert names[24] == "glcm_joint_maximum_3d_averaged"
    assert len(names) == 49


def article_values():
    """The article's features by their names there, straight from its formulas, for a single offset."""
    p_i = np.bincount(LEVELS.ravel()) / LEVELS.size
    i = np.arange(p_i.size)
    mu = i @ p_i
    sigma = np.sqrt((i - mu) ** 2 @ p_i)
    pairs = np.zeros((p_i.size,) * 2)
    np.add.at(pairs, (LEVELS[:, :, :-1].ravel(), LEVELS[:, :, 1:].ravel()), 1)
    p = (pairs + pairs.T) / (2 * pairs.sum())
    row, column = np.indices(p.shape)
    mu_x = np.sum(row * p)
    variance_x = np.sum((row - mu_x) ** 2 * p)
    return {
        "mean": mu,
        "variance": sigma**2,
        "skewness": p_i @ (i - mu) ** 3 / sigma**3,
        "kurtosis": p_i @ (i - mu) ** 4 / sigma**4,
        "contrast": np.sum((row - column) ** 2 * p),
        "correlation": np.sum((row - mu_x) * (column - mu_x) * p) / variance_x,
        "homogeneity": np.sum(p / (1 + (row - column) ** 2)),
        "idm": np.sum(p / (1 + (row - column) ** 2)),
    }


@pytest.mark.parametrize(("name", "expected"), article_values().items())
def test_the_articles_names_find_the_articles_formulas(name, expected):
    merged = merge_cooccurrences(count_cooccurrences(LEVELS, [(0, 0, 1)]))._asdict()
    values = {f"glcm_{key}_3d_merged": value for key, value in merged.items()}
    values |= {f"histogram_{key}": value for key, value in compute_histogram(LEVELS)._asdict().items()}
    assert values[find_feature(name).name] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("statistics_mean", "statistics_mean"),
        ("glcm_contrast", "glcm_contrast_3d_merged"),
        ("glcm_homogeneity_3d_averaged", "glcm_inverse_difference_moment_3d_averaged"),
        ("inverse_difference_moment", "glcm_inverse_difference_moment_3d_merged"),
    ],
)
def test_aliases(alias, name):
    assert find_feature(alias).name == name


def test_no_alias_is_another_features_name_or_alias():
    aliases = [alias for feature in FEATURES.values() for alias in feature.aliases]
    assert len(aliases) == len(set(aliases))
    assert not set(aliases) & set(FEATURES)


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [("glcm_contrast_3d_mergd", "glcm_contrast_3d_merged"), ("homogenity", "homogeneity"), ("@", "")],
)
def test_an_unknown_feature_names_its_nearest_neighbour(unknown, nearest):
    with pytest.raises(SettingsError, match=f"no feature '{unknown}'; did you mean '{nearest}"):
        find_feature(unknown)
