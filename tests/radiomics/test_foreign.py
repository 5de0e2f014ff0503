"""Tables of pyradiomics and MIRP come out under IBSI's names, and what cannot be translated is said."""

import warnings

import numpy as np
import pandas as pd
import pytest

from bayesrg import datasets
from bayesrg.errors import TableError
from bayesrg.radiomics.features import FEATURES
from bayesrg.radiomics.foreign import (
    MIRP,
    PYRADIOMICS,
    family_of,
    features_from_mirp,
    features_from_pyradiomics,
    unit_of,
)

IBSI_FAMILIES = {
    "morphology",
    "local_intensity",
    "statistics",
    "histogram",
    "intensity_volume_histogram",
    "glcm",
    "glrlm",
    "glszm",
    "gldzm",
    "ngtdm",
    "ngldm",
}


def row(*columns: str) -> pd.DataFrame:
    """A table of one row, in which every column has another value."""
    return pd.DataFrame({column: [float(value)] for value, column in enumerate(columns)})


def renamed(translate, *columns: str) -> list[str]:
    return list(translate(row(*columns)).columns)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("original_firstorder_Mean", "statistics_mean"),
        ("original_firstorder_10Percentile", "statistics_percentile_10"),
        ("original_firstorder_Kurtosis", "statistics_kurtosis"),
        ("original_firstorder_Entropy", "histogram_entropy"),
        ("original_firstorder_Uniformity", "histogram_uniformity"),
        ("original_firstorder_Energy", "statistics_energy"),
        ("original_firstorder_TotalEnergy", "pyradiomics_firstorder_TotalEnergy"),
        ("original_shape_MeshVolume", "morphology_volume_mesh"),
        ("original_shape_VoxelVolume", "morphology_volume_voxel_counting"),
        ("original_shape_Volume", "morphology_volume_voxel_counting"),
        ("original_shape_MajorAxis", "morphology_major_axis_length"),
        ("original_shape_Maximum2DDiameterSlice", "pyradiomics_shape_Maximum2DDiameterSlice"),
        ("original_shape2D_Elongation", "pyradiomics_shape2D_Elongation"),
        ("original_glcm_JointEnergy", "glcm_angular_second_moment_3d_averaged"),
        ("original_glcm_SumSquares", "glcm_joint_variance_3d_averaged"),
        ("original_glcm_Homogeneity2", "pyradiomics_glcm_Homogeneity2"),
        ("original_glcm_SumVariance", "pyradiomics_glcm_SumVariance"),
        ("original_glrlm_RunEntropy", "glrlm_run_entropy_3d_averaged"),
        ("original_glszm_ZoneVariance", "glszm_zone_size_variance_3d"),
        ("original_ngtdm_Busyness", "ngtdm_busyness_3d"),
        ("original_gldm_SmallDependenceEmphasis", "ngldm_low_dependence_emphasis_3d"),
        ("wavelet-LHL_firstorder_Mean", "wavelet-LHL_statistics_mean"),
        ("log-sigma-3-0-mm-3D_glcm_Contrast", "log-sigma-3-0-mm-3D_glcm_contrast_3d_averaged"),
        ("square_glcm_MCC", "square_pyradiomics_glcm_MCC"),
        ("T2_original_glcm_Id", "T2_glcm_inverse_difference_3d_averaged"),
        ("T2_square_glcm_Id", "T2_square_glcm_inverse_difference_3d_averaged"),
        ("glcm_Id", "glcm_inverse_difference_3d_averaged"),
    ],
)
def test_pyradiomics_names_become_ibsis(theirs: str, ours: str):
    assert renamed(features_from_pyradiomics, theirs) == [ours]


def test_textures_measured_slice_by_slice_are_2p5d():
    table = row("original_glcm_Id", "original_glrlm_RunVariance", "original_glszm_ZoneEntropy", "original_gldm_X0")
    with pytest.warns(UserWarning, match="1 columns look like features of pyradiomics .* original_gldm_X0"):
        translated = features_from_pyradiomics(table, force_2d=True)
    assert list(translated.columns) == [
        "glcm_inverse_difference_2p5d_direction_merged",
        "glrlm_run_length_variance_2p5d_direction_merged",
        "glszm_zone_size_entropy_2p5d",
        "original_gldm_X0",
    ]


@pytest.mark.parametrize("settings", ["{'binWidth': 25, 'force2D': True}", '{"force2D": true, "label": 1}'])
def test_settings_in_the_table_must_agree_with_what_is_asked_for(settings: str):
    table = row("original_glcm_Id").assign(diagnostics_Configuration_Settings=settings)
    with pytest.raises(TableError, match=r"row 1 .*'diagnostics_Configuration_Settings' says that force2D was True"):
        features_from_pyradiomics(table)
    assert list(features_from_pyradiomics(table, force_2d=True).columns) == [
        "glcm_inverse_difference_2p5d_direction_merged"
    ]


def test_settings_of_three_dimensions_refuse_force_2d():
    table = row("original_glcm_Id").assign(diagnostics_Configuration_Settings="{'force2D': False}")
    with pytest.raises(TableError, match="says that force2D was False"):
        features_from_pyradiomics(table, force_2d=True)


def test_settings_are_dropped_and_other_columns_carried_through():
    table = pd.DataFrame(
        {
            "patient": ["007", "008"],
            "diagnostics_Versions_PyRadiomics": ["3.0.1", "3.0.1"],
            "general_info_VoxelNum": [10, 20],
            "original_firstorder_Mean": [1.5, 2.5],
            "histology": ["a", "b"],
        },
        index=[5, 3],
    )
    table.attrs["study"] = "mine"
    translated = features_from_pyradiomics(table)
    expected = pd.DataFrame(
        {"patient": ["007", "008"], "statistics_mean": [1.5, 2.5], "histology": ["a", "b"]}, index=[5, 3]
    )
    pd.testing.assert_frame_equal(translated, expected)
    assert translated.attrs == {
        "study": "mine",
        "tool": "pyradiomics",
        "dropped": ["diagnostics_Versions_PyRadiomics", "general_info_VoxelNum"],
        "unmapped": [],
        "not_ibsi": {},
    }
    assert "original_firstorder_Mean" in table.columns


def shifted_table(shift: float) -> pd.DataFrame:
    """First-order features of three regions, of which pyradiomics shifted the intensities before it squared them."""
    generator = np.random.default_rng(1)
    regions = [generator.normal(mean, 30.0, 500) for mean in (-40.0, 10.0, 120.0)]
    return pd.DataFrame(
        {
            "original_firstorder_Mean": [region.mean() for region in regions],
            "original_firstorder_Variance": [region.var() for region in regions],
            "original_firstorder_RootMeanSquared": [np.sqrt(((region + shift) ** 2).mean()) for region in regions],
            "original_firstorder_Energy": [((region + shift) ** 2).sum() for region in regions],
        }
    )


def test_shifted_energies_do_not_pass_for_ibsis():
    assert list(features_from_pyradiomics(shifted_table(0.0)).columns) == [
        "statistics_mean",
        "statistics_variance",
        "statistics_root_mean_square",
        "statistics_energy",
    ]
    translated = features_from_pyradiomics(shifted_table(1024.0))
    assert list(translated.columns) == [
        "statistics_mean",
        "statistics_variance",
        "pyradiomics_firstorder_RootMeanSquared",
        "pyradiomics_firstorder_Energy",
    ]
    assert set(translated.attrs["not_ibsi"]) == {"original_firstorder_RootMeanSquared", "original_firstorder_Energy"}
    assert family_of("pyradiomics_firstorder_Energy") == "statistics"


def test_two_columns_of_one_meaning_are_refused_by_name():
    table = row("original_glcm_JointEnergy", "original_glcm_Energy")
    with pytest.raises(TableError, match=r"'original_glcm_JointEnergy' and 'original_glcm_Energy' would both be"):
        features_from_pyradiomics(table)
    with pytest.raises(TableError, match=r"'statistics_mean' and 'original_firstorder_Mean' would both be called"):
        features_from_pyradiomics(row("statistics_mean", "original_firstorder_Mean"))


@pytest.mark.parametrize("translate", [features_from_pyradiomics, features_from_mirp])
def test_a_column_that_is_there_twice_is_refused(translate):
    table = pd.DataFrame([[1.0, 2.0]], columns=["mean", "mean"])
    with pytest.raises(TableError, match="two columns are called 'mean'"):
        translate(table)


@pytest.mark.parametrize("translate", [features_from_pyradiomics, features_from_mirp])
def test_columns_without_text_as_name_are_carried_through(translate):
    assert list(translate(pd.DataFrame({3: [1.0], "patient": ["a"]})).columns) == [3, "patient"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("stat_mean", "statistics_mean"),
        ("stat_kurt", "statistics_excess_kurtosis"),
        ("stat_p10", "statistics_percentile_10"),
        ("morph_volume", "morphology_volume_mesh"),
        ("morph_vol_dens_ombb", "morphology_volume_density_oriented_minimum_bounding_box"),
        ("loc_peak_loc", "local_intensity_local_peak"),
        ("ivh_v10", "intensity_volume_histogram_volume_at_intensity_fraction_10"),
        (
            "ivh_diff_i25_i75",
            "intensity_volume_histogram_intensity_fraction_difference_between_volume_fractions_25_75",
        ),
        ("ih_mean_fbn_n32", "histogram_mean"),
        ("ih_max_grad_g_fbs_w25.0", "histogram_maximum_gradient_intensity"),
        ("cm_contrast_d1_3d_avg", "glcm_contrast_3d_averaged"),
        ("cm_contrast_d1_3d_v_mrg_fbn_n32", "glcm_contrast_3d_merged"),
        ("cm_inv_diff_mom_norm_d1_2d_s_mrg", "glcm_normalised_inverse_difference_moment_2d_slice_merged"),
        ("cm_contrast_d2_2.5d_d_mrg", "glcm_contrast_2p5d_direction_merged_d2"),
        ("rlm_sre_3d_v_mrg", "glrlm_short_runs_emphasis_3d_merged"),
        ("rlm_rl_entr_2.5d_v_mrg", "glrlm_run_entropy_2p5d_merged"),
        ("szm_zs_entr_3d", "glszm_zone_size_entropy_3d"),
        ("dzm_sde_2.5d", "gldzm_small_distance_emphasis_2p5d"),
        ("ngt_busyness_2d", "ngtdm_busyness_2d"),
        ("ngl_lde_d1_a0.0_3d", "ngldm_low_dependence_emphasis_3d"),
        ("ngl_lde_d1.0_a0.0_3d", "ngldm_low_dependence_emphasis_3d"),
        ("ngl_dc_energy_d1_a1.0_3d_fbs_w25.0", "ngldm_dependence_count_energy_3d_a1.0"),
        ("log_s_1.0_stat_mean", "log_s_1.0_statistics_mean"),
        ("mean_d_5_ih_mean_fbn_n32", "mean_d_5_histogram_mean"),
        (
            "laws_l5e5e5_energy_delta_7_invar_stat_energy",
            "laws_l5e5e5_energy_delta_7_invar_statistics_energy",
        ),
        ("wavelet_coif1_lll_level_1_cm_corr_d1_3d_avg", "wavelet_coif1_lll_level_1_glcm_correlation_3d_averaged"),
    ],
)
def test_mirp_names_become_ibsis(theirs: str, ours: str):
    assert renamed(features_from_mirp, theirs) == [ours]


def test_several_discretisations_stay_apart():
    one = features_from_mirp(row("ih_mean_fbn_n32", "stat_mean"))
    assert list(one.columns) == ["histogram_mean", "statistics_mean"]
    assert one.attrs["discretisation"] == ["fbn_n32"]
    two = features_from_mirp(row("ih_mean_fbn_n32", "ih_mean_fbs_w25.0", "stat_mean"))
    assert list(two.columns) == ["histogram_mean_fbn_n32", "histogram_mean_fbs_w25.0", "statistics_mean"]
    assert two.attrs["discretisation"] == ["fbn_n32", "fbs_w25.0"]


@pytest.mark.parametrize("column", ["cm_contrast_d1_3d_std", "stat_p25", "ih_mean_fbn", "szm_sze", "log_s_1.0_cm_new"])
def test_what_mirp_measures_otherwise_keeps_its_name_with_a_warning(column: str):
    with pytest.warns(UserWarning, match=rf"1 columns look like features of MIRP .*: {column}$"):
        translated = features_from_mirp(row(column, "stat_mean"))
    assert list(translated.columns) == [column, "statistics_mean"]
    assert translated.attrs["unmapped"] == [column]


def test_mirp_metadata_are_carried_through():
    table = row("stat_mean").assign(sample_name="001", image_modality="ct", loc_centre="Basel", stat="n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        translated = features_from_mirp(table)
    assert list(translated.columns) == ["statistics_mean", "sample_name", "image_modality", "loc_centre", "stat"]


def test_both_tools_agree_with_our_register():
    ours = {**{name: (feature.family, feature.unit) for name, feature in FEATURES.items()}}
    stems = {name.removesuffix(f"_{feature.aggregation}"): feature for name, feature in FEATURES.items()}
    for counterpart in (*PYRADIOMICS.values(), *MIRP.values()):
        assert counterpart.family in IBSI_FAMILIES, counterpart
        own = counterpart.ours == f"pyradiomics_{counterpart.theirs}"
        assert own or counterpart.ours.startswith(f"{counterpart.family}_"), counterpart
        assert not own or (not counterpart.ibsi_code and counterpart.difference), counterpart
        described = ours.setdefault(counterpart.ours, (counterpart.family, counterpart.unit))
        assert described == (counterpart.family, counterpart.unit), counterpart
        if counterpart.family in ("statistics", "histogram", "glcm") and not own:
            feature = stems[counterpart.ours]
            assert (feature.ibsi_code, feature.unit) == (counterpart.ibsi_code, counterpart.unit), counterpart


def test_every_feature_of_ours_has_a_name_in_mirp_but_the_articles_kurtosis():
    named = {counterpart.ours for counterpart in MIRP.values()}
    missing = {name for name, feature in FEATURES.items() if name.removesuffix(f"_{feature.aggregation}") not in named}
    assert missing == {"statistics_kurtosis", "histogram_kurtosis"}


@pytest.mark.data
def test_codes_are_those_of_the_reference_values():
    table = pd.read_csv(datasets.path("ibsi1/ibsi1_reference_values.csv"), keep_default_na=False)
    reference = table.drop_duplicates("tag").set_index("tag")["ibsi_code"]
    differing = {tag: (code, MIRP[tag].ibsi_code) for tag, code in reference.items() if MIRP[tag].ibsi_code != code}
    # The manual's table repeats the code of the 10th percentile for the 90th, whose own section gives OZ0C.
    assert differing == {"ih_p90": ("GPMT", "OZ0C")}
    codes = {counterpart.ibsi_code for counterpart in MIRP.values()}
    assert {counterpart.ibsi_code for counterpart in PYRADIOMICS.values()} - codes == {""}


@pytest.mark.parametrize(
    ("name", "family", "unit"),
    [
        ("statistics_mean", "statistics", "intensity"),
        ("histogram_kurtosis", "histogram", ""),
        ("glcm_contrast_3d_merged", "glcm", "grey level^2"),
        ("glcm_contrast_2p5d_direction_merged_d2", "glcm", "grey level^2"),
        ("wavelet-LHL_glrlm_run_entropy_3d_averaged", "glrlm", "bit"),
        ("log_s_1.0_histogram_mean_fbn_n32", "histogram", "grey level"),
        ("morphology_volume_mesh", "morphology", "mm^3"),
        ("pyradiomics_shape_Maximum2DDiameterRow", "morphology", "mm"),
        ("square_pyradiomics_firstorder_TotalEnergy", "statistics", "intensity^2 mm^3"),
        ("original_gldm_DependenceEntropy", "ngldm", "bit"),
        ("szm_gl_var_3d_fbn_n32", "glszm", "grey level^2"),
        ("patient", "", ""),
        ("glcm_nonsense", "", ""),
        ("", "", ""),
    ],
)
def test_family_and_unit(name: str, family: str, unit: str):
    assert (family_of(name), unit_of(name)) == (family, unit)


@pytest.mark.data
@pytest.mark.parametrize(
    ("load", "features", "not_ibsi"),
    [
        (
            datasets.prostate_features,
            83,
            {
                "shape_Maximum2DDiameterSlice",
                "shape_Maximum2DDiameterColumn",
                "shape_Maximum2DDiameterRow",
                "firstorder_Energy",
                "firstorder_RootMeanSquared",
                "firstorder_TotalEnergy",
                "firstorder_Kurtosis",
            },
        ),
        (
            datasets.ccr_phantom_features,
            91,
            {"firstorder_Energy", "firstorder_RootMeanSquared", "firstorder_TotalEnergy", "firstorder_Kurtosis"},
        ),
        (datasets.ctp4r_features, 92, {"glcm_MCC", "firstorder_Kurtosis"}),
    ],
)
def test_real_tables_are_translated_whole(load, features: int, not_ibsi: set[str]):
    table = load()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        translated = features_from_pyradiomics(table)
    assert not translated.attrs["unmapped"]
    assert {column.removeprefix("original_") for column in translated.attrs["not_ibsi"]} == not_ibsi
    assert sum(family_of(column) != "" for column in translated.columns) == features
    assert not any(column.startswith("original_") for column in translated.columns)
    np.testing.assert_array_equal(translated.to_numpy(), table.to_numpy())
