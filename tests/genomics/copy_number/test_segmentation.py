"""Circular binary segmentation: breakpoints that are known, noise without any, and data that are refused."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.copy_number.altered_genome import measure_altered_genome
from bayesrg.genomics.copy_number.bin_noise import estimate_noise, smooth_outliers
from bayesrg.genomics.copy_number.encoding import encode_copy_number
from bayesrg.genomics.copy_number.permuting import RISK
from bayesrg.genomics.copy_number.segment_table import check_segments
from bayesrg.genomics.copy_number.segmentation import find_change_points, segment, undo_changes

WIDTH = 50_000


def make_ratios(values, *, chromosomes=None, samples=None):
    values = np.atleast_2d(values)
    n = values.shape[1]
    chromosomes = np.array(["1"] * n if chromosomes is None else chromosomes)
    start = np.concatenate([np.arange(np.sum(chromosomes == one)) * WIDTH + 1 for one in pd.unique(chromosomes)])
    coords = {
        "sample": [f"P{row + 1}" for row in range(len(values))] if samples is None else samples,
        "chromosome": ("bin", chromosomes),
        "start": ("bin", start),
        "end": ("bin", start + WIDTH - 1),
    }
    return xr.Dataset({"log2_ratio": (("sample", "bin"), values)}, coords)


def test_simulated_breakpoints_are_found():
    random = np.random.default_rng(2)
    truth = [400, 460, 1_200, 1_500]
    for seed in range(10):
        values = random.normal(scale=0.25, size=2_000)
        values[400:460] -= 0.8
        values[1_200:1_500] += 0.45
        found = find_change_points(values, 0.01, 10_000, 2, RISK, seed)
        for place in truth:
            assert np.min(np.abs(found - place)) <= 8
        assert len(found) <= 8


def test_single_change_point_is_one_cut():
    values = np.r_[np.zeros(30), np.ones(40)] + np.random.default_rng(3).normal(scale=0.1, size=70)
    assert find_change_points(values, 0.01, 10_000, 2, RISK, 1).tolist() == [30]


@pytest.mark.parametrize("distribution", ["normal", "exponential", "standard_cauchy"])
def test_pure_noise_is_cut_at_about_alpha(distribution):
    random = np.random.default_rng(4)
    draw = getattr(random, distribution)
    cut = sum(find_change_points(draw(size=120), 0.05, 2_000, 2, RISK, seed).size > 0 for seed in range(600))
    # Binomial(600, 0.05) lies below 49 with 99.98 %; the tests of both edges may only take cuts away.
    assert 5 <= cut <= 49


@pytest.mark.parametrize("n", [1, 2, 3, 4, 50])
def test_constant_values_are_one_segment(n):
    table = segment(make_ratios(np.full(n, 0.1)), seed=1)
    assert len(table) == 1
    assert table.loc[0, "n_markers"] == n
    assert table.loc[0, "log2_ratio"] == pytest.approx(0.1)
    assert table.loc[0, "end"] == n * WIDTH


def test_two_bins_are_too_few_to_cut():
    assert find_change_points(np.array([0.0, 5.0]), 0.01, 10_000, 1, RISK, 1).size == 0


def test_ties_count_as_reached():
    # Of the arrangements of one 1 among nine 0 all have an arc as good as any: never significant.
    assert find_change_points(np.r_[np.zeros(9), 1.0], 0.3, 1_000, 1, RISK, 1).size == 0


def test_two_levels_without_noise_are_cut_where_they_meet():
    values = np.r_[np.zeros(50), np.ones(50), np.zeros(50)]
    assert find_change_points(values, 0.01, 10_000, 2, RISK, 1).tolist() == [50, 100]


def test_no_segment_is_shorter_than_the_minimum_width():
    random = np.random.default_rng(6)
    values = random.normal(scale=0.1, size=200)
    values[50:53] += 3.0
    values[120:160] += 1.0
    wide = segment(make_ratios(values), seed=1, minimum_width=10)
    assert wide["n_markers"].min() >= 10
    assert 3 in segment(make_ratios(values), seed=1, minimum_width=2)["n_markers"].tolist()


def test_same_seed_same_segments_in_any_order_of_samples_and_bins():
    random = np.random.default_rng(8)
    values = random.normal(scale=0.3, size=(4, 300))
    values[1, 100:130] += 0.5
    values[2, 200:] -= 0.3
    data = make_ratios(values, chromosomes=["1"] * 150 + ["X"] * 150)
    first = segment(data, seed=5)
    again = segment(data.isel(sample=[3, 1, 0, 2], bin=random.permutation(300)), seed=5)
    ordered = again.sort_values("sample", kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(first, ordered)
    with ThreadPoolExecutor(2) as executor:
        pd.testing.assert_frame_equal(first, segment(data, seed=5, executor=executor))


def test_chromosomes_are_segmented_apart_and_missing_bins_left_out():
    values = np.r_[np.zeros(40), np.full(40, 1.0)]
    values[10:15] = np.nan
    data = make_ratios(values, chromosomes=["chr2"] * 40 + ["chrX"] * 40)
    table = segment(data, seed=1)
    assert table["chromosome"].tolist() == ["2", "X"]
    assert table["n_markers"].tolist() == [35, 40]
    assert table["end"].tolist() == [40 * WIDTH, 40 * WIDTH]
    assert "segment: alpha=0.01" in table.attrs["history"]


def test_a_chromosome_without_values_has_no_segment():
    values = np.r_[np.zeros(5), np.full(5, np.nan)]
    data = make_ratios(np.stack([values, np.full(10, np.nan)]), chromosomes=["1"] * 5 + ["2"] * 5)
    with pytest.warns(UserWarning, match="1 of 2 samples have no value in any bin, and so no segment: P2"):
        table = segment(data, seed=1)
    assert table[["sample", "chromosome"]].to_numpy().tolist() == [["P1", "1"]]
    assert "without_segments=['P2']" in table.attrs["history"]


def test_a_sample_without_values_stays_in_the_cohort():
    values = np.stack([np.full(10, np.nan), np.zeros(10)])
    with pytest.warns(UserWarning, match="no segment: P1"):
        table = segment(make_ratios(values), seed=1)
    genes = pd.DataFrame({"gene": ["A"], "chromosome": ["1"], "start": [1], "end": [100]})
    # Selecting rows and columns keeps the attribute, and so does checking.
    for kept in (table, check_segments(table), table[table["n_markers"] > 1], table.copy()):
        found = encode_copy_number(kept, genes)["log2_ratio"]
        assert found["patient"].values.tolist() == ["P2", "P1"]
        np.testing.assert_array_equal(found, [[0.0], [np.nan]])
    altered = measure_altered_genome(table)["fraction_genome_altered"]
    np.testing.assert_array_equal(altered.sel(patient=["P1", "P2"]), [np.nan, 0.0])


def test_small_changes_are_undone():
    random = np.random.default_rng(9)
    values = random.normal(scale=0.1, size=600)
    values[200:400] += 0.2
    values[400:] += 1.0
    assert len(segment(make_ratios(values), seed=1)) == 3
    undone = segment(make_ratios(values), seed=1, undo_sd=3.0)
    assert undone["start"].tolist() == [1, 400 * WIDTH + 1]
    assert undo_changes(values, np.array([], dtype=int), 1.0).size == 0


def test_noise_is_estimated_beside_change_points():
    random = np.random.default_rng(10)
    values = random.normal(scale=0.3, size=20_000) + np.repeat(random.normal(scale=2.0, size=20), 1_000)
    assert estimate_noise(values, np.zeros(20_000)) == pytest.approx(0.3, rel=0.03)
    assert estimate_noise(np.array([1.0]), np.zeros(1)) == 0.0


def test_single_outliers_are_smoothed_and_counted():
    random = np.random.default_rng(12)
    values = random.normal(scale=0.1, size=200)
    values[[50, 120]] = [3.0, -4.0]
    values[150:160] += 2.0
    values[60] = np.nan
    smooth = smooth_outliers(make_ratios(values))
    found = smooth["log2_ratio"].to_numpy()[0]
    assert smooth.attrs["n_smoothed"] == np.sum(found[~np.isnan(found)] != values[~np.isnan(values)])
    assert 0.0 < found[50] < 0.5
    assert -0.5 < found[120] < 0.0
    assert np.isnan(found[60])
    np.testing.assert_array_equal(found[150:160], values[150:160])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"permutations": 50}, "cannot reach alpha"),
        ({"minimum_width": 0}, "minimum_width is 0"),
        ({"undo_sd": -1.0}, "undo_sd is -1.0"),
        ({"seed": 1.5}, "seed is 1.5"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        segment(make_ratios(np.zeros(5)), **({"seed": 1} | options))


def test_wrong_data_are_refused():
    with pytest.raises(TableError, match=r"P1, bin 1:50001: the log2 ratio is infinite"):
        segment(make_ratios(np.array([0.0, -np.inf])), seed=1)
    with pytest.raises(TableError, match="no 'log2_ratio'"):
        segment(xr.Dataset(), seed=1)
    with pytest.raises(TableError, match="chromosome, start, end along 'bin'"):
        segment(xr.Dataset({"log2_ratio": (("sample", "bin"), [[0.0]])}), seed=1)
    data = make_ratios(np.zeros(3))
    with pytest.raises(TableError, match=r"2 of 3 bins have bases that the bin before it has too"):
        segment(data.assign_coords(end=("bin", [200_000] * 3)), seed=1)
    with pytest.raises(TableError, match=r"unknown chromosome; expected 1 to 22.*bin 2 \(GL1"):
        segment(data.assign_coords(chromosome=("bin", ["1", "GL1", "1"])), seed=1)
