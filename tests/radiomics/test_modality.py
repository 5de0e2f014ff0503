"""Settings to start from: what a modality changes and why, and IBSI-1's configurations as its manual has them."""

import numpy as np
import pytest

from bayesrg.errors import SettingsError
from bayesrg.imaging import process
from bayesrg.radiomics import FAMILIES, Settings
from bayesrg.radiomics.features import DIRECTIONAL, UNDIRECTED
from bayesrg.radiomics.modality import MODALITIES, find_modality, ibsi_settings, settings_for
from bayesrg.settings import to_dict

from .conftest import make_image

INFINITY = float("inf")


def differing(settings: Settings) -> dict:
    """Return the keys whose value is not the default, by section."""
    default, own = to_dict(Settings()), to_dict(settings)
    found = {name: {k: v for k, v in own[name].items() if default[name].get(k) != v} for name in own}
    return {name: keys for name, keys in found.items() if keys}


@pytest.mark.parametrize(
    ("modality", "expected"),
    [
        (
            "CT",
            {
                "rounding": {"intensity": True},
                "resegmentation": {"range": [-1000, 400]},
                "discretisation": {"method": "fixed_bin_size", "width": 25},
            },
        ),
        (
            "PT",
            {
                "resegmentation": {"range": [0, INFINITY]},
                "discretisation": {"method": "fixed_bin_size", "width": 0.5, "minimum": 0},
                "intensity_volume_histogram": {"method": "fixed_bin_size", "width": 0.1},
            },
        ),
        (
            "MR",
            {
                "normalisation": {"method": "z_score", "reference": "foreground"},
                "resegmentation": {"outlier_sigma": 3},
                "intensity_volume_histogram": {"method": "fixed_bin_number", "number": 1000},
            },
        ),
    ],
)
def test_what_a_modality_changes(modality, expected):
    assert differing(settings_for(modality)) == expected


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_section_that_changes_has_its_reason(modality):
    defaults = MODALITIES[modality]
    assert len(defaults.reasons) >= len(defaults.sections)
    assert all(reason.endswith(".") and len(reason) > 60 for reason in defaults.reasons)


@pytest.mark.parametrize(
    ("name", "modality"), [("PET", "PT"), ("pet", "PT"), ("ct", "CT"), ("MRI", "MR"), ("MR", "MR")]
)
def test_other_names_of_a_modality(name, modality):
    assert find_modality(name) == modality
    assert settings_for(name) == settings_for(modality)


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [(None, None), (2, (2.0, 2.0, 2.0)), (1.5, (1.5, 1.5, 1.5)), ([1, 1, "keep"], (1.0, 1.0, "keep"))],
)
def test_the_spacing_is_the_users(spacing, expected):
    assert settings_for("CT", spacing=spacing).interpolation.spacing == expected


def test_unknown_modalities_and_spacings_are_refused():
    with pytest.raises(SettingsError, match=r"modality 'US'; expected one of CT, PT, MR, PET, MRI"):
        settings_for("US")
    with pytest.raises(SettingsError, match="spacing must be positive"):
        settings_for("CT", spacing=-1)


def test_levels_mean_the_same_in_every_ct_and_pet():
    rng = np.random.default_rng(4)
    mask = make_image(np.ones((6, 6, 6), dtype=np.uint8))
    for modality, low, high, width, first in (("CT", 0, 60, 25, -1000), ("PT", 2.0, 9.0, 0.5, 0)):
        processed = process(make_image(rng.uniform(low, high, (6, 6, 6))), mask, settings_for(modality))
        expected = np.floor((processed.intensity - first) / width) + 1
        np.testing.assert_array_equal(processed.level, expected)
        assert processed.attrs["bin_minimum"] == first


def test_mr_forgets_the_scanners_unit():
    rng = np.random.default_rng(5)
    voxels = rng.normal(300, 60, (8, 8, 8))
    mask = make_image((np.indices((8, 8, 8)).sum(axis=0) > 9).astype(np.uint8))
    one, other = (process(make_image(image), mask, settings_for("MR")) for image in (voxels, 7 * voxels + 20))
    np.testing.assert_allclose(one.intensity, other.intensity, atol=1e-9)
    np.testing.assert_array_equal(one.level, other.level)


IN_SLICES = ({"2d_averaged", "2d_slice_merged", "2p5d_direction_merged", "2p5d_merged"}, {"2d", "2p5d"})
IN_VOLUME = ({"3d_averaged", "3d_merged"}, {"3d"})
# The manual's table of configurations (chapter 5), and how its aggregations are called here.
IBSI = {
    "A": ({"resegmentation": {"range": [-500, 400]}, "discretisation": ("fixed_bin_size", 25)}, IN_SLICES),
    "B": (
        {
            "interpolation": {"spacing": [2, 2, "keep"]},
            "rounding": {"intensity": True},
            "resegmentation": {"range": [-500, 400]},
        },
        IN_SLICES,
    ),
    "C": (
        {
            "interpolation": {"spacing": [2, 2, 2]},
            "rounding": {"intensity": True},
            "resegmentation": {"range": [-1000, 400]},
            "discretisation": ("fixed_bin_size", 25),
            "intensity_volume_histogram": {"method": "fixed_bin_size", "width": 2.5},
        },
        IN_VOLUME,
    ),
    "D": (
        {
            "interpolation": {"spacing": [2, 2, 2]},
            "rounding": {"intensity": True},
            "resegmentation": {"outlier_sigma": 3},
        },
        IN_VOLUME,
    ),
    "E": (
        {
            "interpolation": {"spacing": [2, 2, 2], "image": "cubic_bspline"},
            "rounding": {"intensity": True},
            "resegmentation": {"range": [-1000, 400], "outlier_sigma": 3},
            "intensity_volume_histogram": {"method": "fixed_bin_number", "number": 1000},
        },
        IN_VOLUME,
    ),
    "digital": ({"discretisation": ("fixed_bin_size", 1)}, (set(DIRECTIONAL), set(UNDIRECTED))),
}


@pytest.mark.parametrize("configuration", IBSI)
def test_configurations_of_ibsi(configuration):
    expected, (directional, undirected) = IBSI[configuration]
    settings = ibsi_settings(configuration)
    if "discretisation" in expected:
        method, width = expected["discretisation"]
        expected = {**expected, "discretisation": {"method": method, "width": width}}
    else:
        assert (settings.discretisation.method, settings.discretisation.number) == ("fixed_bin_number", 32)
    found = {name: keys for name, keys in differing(settings).items() if set(keys) != {"aggregation"}}
    assert found == expected
    assert settings.features == Settings().features
    for family, described in FAMILIES.items():
        if len(described.aggregations) > 1:
            wanted = directional if described.aggregations is DIRECTIONAL else undirected
            assert set(getattr(settings, family).aggregation) == wanted


def test_unknown_configurations_are_refused():
    with pytest.raises(SettingsError, match="no configuration 'F'; expected one of A, B, C, D, E, digital"):
        ibsi_settings("F")
