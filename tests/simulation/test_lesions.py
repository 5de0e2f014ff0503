"""Synthetic lesions hold the truth that they state: in the voxels, in the effects, and in the files."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from scipy import ndimage

from bayesrg.errors import SettingsError
from bayesrg.imaging import STANDARD_PERTURBATIONS, Interpolation, ProcessingSettings, perturb, process
from bayesrg.simulation.lesions import SIZE, SPACING, SyntheticCohort, simulate_lesions, write_lesions

EFFECTS = ["subject_effect", "session_effect", "scanner_effect", "residual"]

# 32-bit voxels round intensities below 256 by less than 8e-6; the mean over hundreds of them by far less.
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def cohort() -> SyntheticCohort:
    return simulate_lesions(n_subjects=5, n_sessions=2, n_scanners=3, seed=11)


def region_values(image: sitk.Image, mask: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)[sitk.GetArrayFromImage(mask) == 1].astype(np.float64)


def test_region_means_are_the_sum_of_the_effects(cohort):
    means = [region_values(*pair).mean() for pair in zip(cohort.images, cohort.masks, strict=True)]
    np.testing.assert_allclose(means, cohort.table["region_mean"], atol=ROUNDING)
    np.testing.assert_allclose(cohort.table["region_mean"], cohort.mean + cohort.table[EFFECTS].sum(axis=1), atol=1e-12)


def test_effects_belong_to_their_levels(cohort):
    table = cohort.table
    assert len(table) == len(cohort.images) == len(cohort.masks) == 5 * 2 * 3
    assert not table.duplicated(["subject", "session", "scanner"]).any()
    for levels, effect in [("subject", "subject_effect"), ("scanner", "scanner_effect")]:
        assert (table.groupby(levels)[effect].nunique() == 1).all()
    assert (table.groupby(["subject", "session"])["session_effect"].nunique() == 1).all()
    assert table["session_effect"].nunique() == 10
    assert table["residual"].nunique() == len(table)
    offsets = table.drop_duplicates("scanner").set_index("scanner")["scanner_effect"]
    pd.testing.assert_series_equal(offsets, cohort.scanners.set_index("scanner")["offset"], check_names=False)


def test_effects_have_the_stated_sds():
    many_subjects = simulate_lesions(n_subjects=30, n_sessions=2, n_scanners=1, seed=8)
    many_scanners = simulate_lesions(n_subjects=1, n_sessions=1, n_scanners=30, seed=9)
    cases = [(many_subjects, {"subject": 29, "session": 59, "residual": 59}), (many_scanners, {"scanner": 29})]
    for drawn, freedom in cases:
        for name, degrees in freedom.items():
            ratio = drawn.realised_sds[name] / drawn.sds[name]
            # The standard error of a standard deviation's logarithm.
            assert abs(math.log(ratio)) < 4 / math.sqrt(2 * degrees), name


def test_realised_sds_are_those_of_the_levels_drawn(cohort):
    drawn = cohort.realised_sds
    assert drawn["subject"] == pytest.approx(np.std(cohort.table["subject_effect"][::6], ddof=1))
    assert drawn["session"] == pytest.approx(np.std(cohort.table["session_effect"][::3], ddof=1))
    assert drawn["scanner"] == pytest.approx(np.std(cohort.scanners["offset"], ddof=1))
    assert math.isnan(simulate_lesions(n_subjects=2, n_scanners=1, seed=1).realised_sds["scanner"])


def test_sd_of_zero_leaves_only_the_mean():
    flat = simulate_lesions(
        n_subjects=2, n_sessions=1, mean=7.0, subject_sd=0, session_sd=0, scanner_sd=0, residual_sd=0, seed=3
    )
    assert flat.table["region_mean"].tolist() == [7.0] * 4
    for image, mask in zip(flat.images, flat.masks, strict=True):
        assert region_values(image, mask).mean() == pytest.approx(7.0, abs=ROUNDING)


def test_lesions_are_one_piece_away_from_the_border(cohort):
    for mask in cohort.masks:
        region = sitk.GetArrayFromImage(mask) == 1
        assert region.shape == SIZE
        assert mask.GetSpacing() == SPACING
        assert ndimage.label(region)[1] == 1
        assert 200 < region.sum() < 6000
        assert region[2:-2, 2:-2, 2:-2].sum() == region.sum()


def test_lesions_have_texture_beyond_noise(cohort):
    noise = cohort.scanners.set_index("scanner")["noise"]
    for image, mask, scanner in zip(cohort.images, cohort.masks, cohort.table["scanner"], strict=True):
        assert region_values(image, mask).std() > 1.1 * noise[scanner]


def test_images_of_a_subject_resemble_each_other_more_than_those_of_others(cohort):
    volumes = np.array([region_values(*pair).size for pair in zip(cohort.images, cohort.masks, strict=True)])
    by_subject = volumes.reshape(5, 6)
    assert by_subject.std(axis=1).max() < 0.03 * volumes.mean()
    assert by_subject.mean(axis=1).std() > 0.1 * volumes.mean()


def test_processing_moves_the_mean_by_little(cohort):
    settings = ProcessingSettings(interpolation=Interpolation(spacing=(2.0, 2.0, 2.0)))
    for name in ("original", "rotate_6_degrees", "noise", "grow_10_percent"):
        moved = []
        for image, mask, truth in zip(cohort.images, cohort.masks, cohort.table["region_mean"], strict=True):
            processed = process(*perturb(image, mask, STANDARD_PERTURBATIONS[name], settings, 1))
            moved.append(processed["intensity"].values[processed["intensity_mask"].values].mean() - truth)
        assert np.sqrt(np.mean(np.square(moved))) < 1.0, name


def test_same_seed_same_cohort_other_seed_other_cohort():
    first, again, other = (simulate_lesions(n_subjects=2, seed=seed) for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(first.table, again.table)
    for image, same, different in zip(first.images, again.images, other.images, strict=True):
        voxels = sitk.GetArrayViewFromImage(image)
        np.testing.assert_array_equal(voxels, sitk.GetArrayViewFromImage(same))
        assert (voxels != sitk.GetArrayViewFromImage(different)).any()
    assert first.sds == other.sds == {"subject": 15.0, "session": 5.0, "scanner": 8.0, "residual": 1.0}


def test_manifest_reads_back(cohort, tmp_path: Path):
    path = write_lesions(cohort, tmp_path / "lesions")
    manifest = pd.read_csv(path)
    assert path.name == "manifest.csv"
    assert list(manifest.columns) == ["image", "mask", "label", "subject", "session", "scanner"]
    factors = ["subject", "session", "scanner"]
    assert manifest[factors].to_numpy().tolist() == cohort.table[factors].to_numpy().tolist()
    for row, image, mask in zip(manifest.itertuples(), cohort.images, cohort.masks, strict=True):
        assert not Path(row.image).is_absolute()
        for name, expected in ((row.image, image), (row.mask, mask)):
            written = sitk.ReadImage(str(path.parent / name))
            np.testing.assert_array_equal(sitk.GetArrayViewFromImage(written), sitk.GetArrayViewFromImage(expected))
            assert written.GetPixelID() == expected.GetPixelID()
            for geometry in ("GetSpacing", "GetOrigin", "GetDirection"):
                assert getattr(written, geometry)() == pytest.approx(getattr(expected, geometry)())
    truth = pd.read_csv(path.parent / "truth.csv")
    pd.testing.assert_frame_equal(truth, cohort.table, check_dtype=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_subjects": 0}, "n_subjects must be a whole number of at least 1; found 0"),
        ({"n_scanners": 1.5}, "n_scanners must be a whole number"),
        ({"n_sessions": True}, "n_sessions must be a whole number"),
        ({"scanner_sd": -1.0}, "scanner_sd must be zero or a positive number; found -1.0"),
        ({"mean": math.nan}, "mean must be finite"),
    ],
)
def test_what_cannot_be_is_refused(options, message: str):
    with pytest.raises(SettingsError, match=message):
        simulate_lesions(seed=1, **options)
