"""Log2 ratios of binned read depth: normalised, guarded against bins without reads, matched to their normals."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.copy_number.depth import log2_ratio_of_depth, pool_normals


def make_depth(values, *, chromosomes=None, samples=None):
    values = np.atleast_2d(np.asarray(values, dtype=float))
    n = values.shape[1]
    start = np.arange(n) * 100 + 1
    coords = {
        "sample": samples or [f"P{row + 1}" for row in range(len(values))],
        "chromosome": ("bin", chromosomes or ["1"] * n),
        "start": ("bin", start),
        "end": ("bin", start + 99),
    }
    return xr.DataArray(values, dims=("sample", "bin"), coords=coords)


def test_ratio_is_to_the_median_of_each_library():
    tumor = make_depth([[10, 10, 20, 10, 5]])
    normal = make_depth([[300, 600, 300, 300, 300]])
    found = log2_ratio_of_depth(tumor, normal)["log2_ratio"]
    np.testing.assert_allclose(found.values, [[0.0, -1.0, 1.0, 0.0, -1.0]])
    assert found.attrs["units"] == "log2 ratio to normal"


def test_total_divides_by_all_reads():
    tumor, normal = make_depth([[1, 1, 2]]), make_depth([[1, 1, 1]])
    found = log2_ratio_of_depth(tumor, normal, normalise="total")["log2_ratio"]
    np.testing.assert_allclose(found.values, np.log2([[0.75, 0.75, 1.5]]))


def test_sex_chromosomes_do_not_enter_the_median_and_the_centre():
    chromosomes = ["1", "1", "chrX", "X", "X"]
    tumor = make_depth([[10, 10, 40, 40, 40]], chromosomes=chromosomes)
    normal = make_depth([[10, 10, 10, 10, 10]], chromosomes=["1", "1", "X", "X", "X"])
    found = log2_ratio_of_depth(tumor, normal, centre=True)["log2_ratio"]
    np.testing.assert_allclose(found.values, [[0.0, 0.0, 2.0, 2.0, 2.0]])
    assert found["chromosome"].values.tolist() == ["1", "1", "X", "X", "X"]


@given(scale=st.floats(0.01, 1000.0), other=st.floats(0.01, 1000.0))
def test_sequencing_deeper_changes_nothing(scale, other):
    random = np.random.default_rng(1)
    tumor, normal = make_depth(random.uniform(5, 50, (2, 9))), make_depth(random.uniform(5, 50, (2, 9)))
    for normalise in ("median", "total"):
        once = log2_ratio_of_depth(tumor, normal, normalise=normalise)["log2_ratio"]
        deep = log2_ratio_of_depth(tumor * scale, normal * other, normalise=normalise)["log2_ratio"]
        np.testing.assert_allclose(once, deep, atol=1e-9)


def test_bins_without_reads_are_missing_and_counted():
    tumor = make_depth([[10, 0, 10, 10, 10, np.nan]])
    normal = make_depth([[30, 30, 0, 4, 30, 30]])
    found = log2_ratio_of_depth(tumor, normal, minimum_normal_depth=5)["log2_ratio"]
    assert np.isnan(found.values[0]).tolist() == [False, True, True, True, False, True]
    assert {name: found.attrs[name] for name in ("n_tumor_zero", "n_normal_low", "n_missing")} == {
        "n_tumor_zero": 1,
        "n_normal_low": 2,
        "n_missing": 4,
    }


def test_a_deletion_of_both_copies_is_kept_if_asked():
    found = log2_ratio_of_depth(make_depth([[10, 0, 10]]), make_depth([[9, 9, 9]]), lowest_ratio=0.01)["log2_ratio"]
    np.testing.assert_allclose(found.values, [[0.0, np.log2(0.01), 0.0]])
    assert found.attrs["n_tumor_zero"] == 1


def test_normals_are_matched_by_label_by_pairs_or_are_one_for_all():
    tumor = make_depth([[10, 20, 10], [10, 10, 40]], samples=["A", "B"])
    normal = make_depth([[1, 1, 2], [5, 10, 5]], samples=["B", "A"])
    expected = [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    np.testing.assert_allclose(log2_ratio_of_depth(tumor, normal)["log2_ratio"], expected)
    renamed = normal.assign_coords(sample=["NB", "NA"])
    paired = log2_ratio_of_depth(tumor, renamed, pairs={"A": "NA", "B": "NB"})
    np.testing.assert_allclose(paired["log2_ratio"], expected)
    with pytest.raises(TableError, match="2 of 2 tumours have no normal: A, B"):
        log2_ratio_of_depth(tumor, renamed)
    pooled = pool_normals(make_depth([[2, 4, 2], [10, 20, 10], [7, 7, 7]]))
    assert pooled.dims == ("bin",)
    assert pooled.attrs["n_normals"] == 3
    np.testing.assert_allclose(pooled, [1.0, 2.0, 1.0])
    np.testing.assert_allclose(log2_ratio_of_depth(tumor, pooled)["log2_ratio"], [[0, 0, 0], [0, -1, 2]])
    by_mean = pool_normals(make_depth([[2, 4, 3]]), normalise="total")
    np.testing.assert_allclose(by_mean, [2 / 3, 4 / 3, 1.0])


def test_tables_with_a_bin_a_row_are_read_alike():
    tumor, normal = make_depth([[10, 20, 10]]), make_depth([[5, 5, 5]])
    tables = []
    for data in (tumor, normal):
        frame = pd.DataFrame({name: data[name].values for name in ("chromosome", "start", "end")})
        tables.append(frame.assign(P1=data.values[0]))
    xr.testing.assert_equal(log2_ratio_of_depth(*tables), log2_ratio_of_depth(tumor, normal))
    with pytest.raises(TableError, match="tumour sample P1, row 2: 'many' is no depth"):
        log2_ratio_of_depth(tables[0].astype(object).assign(P1=[1, "many", 2]), tables[1])
    with pytest.raises(TableError, match="one column per sample"):
        log2_ratio_of_depth(tables[0].drop(columns="P1"), tables[1])


def test_wrong_depths_and_bins_are_refused():
    good = make_depth([[10, 20, 10]])
    with pytest.raises(TableError, match=r"tumour sample P1, bin 1:101-200: the depth is -1 \(1 such bins\)"):
        log2_ratio_of_depth(make_depth([[10, -1, 10]]), good)
    with pytest.raises(TableError, match="normal sample P1, bin 1:1-100: the depth is inf"):
        log2_ratio_of_depth(good, make_depth([[np.inf, 1, 10]]))
    with pytest.raises(TableError, match="the tumours have 3 bins, the normals 2"):
        log2_ratio_of_depth(good, make_depth([[1, 2]]))
    with pytest.raises(TableError, match=r"3 of 3 bins differ.*bin 1 is 1:1-100 of the tumours and 2:1-100"):
        log2_ratio_of_depth(good, make_depth([[1, 2, 3]], chromosomes=["2"] * 3))
    with pytest.raises(TableError, match=r"1 tumour libraries have a median depth of 0: P1; give normalise='total'"):
        log2_ratio_of_depth(make_depth([[0, 0, 10]]), good)
    with pytest.raises(TableError, match="1 normal libraries have a total depth of 0"):
        log2_ratio_of_depth(good, make_depth([[0, 0, 0]]), normalise="total")
    with pytest.raises(TableError, match="tumour sample A is there twice"):
        log2_ratio_of_depth(make_depth([[1, 1], [1, 1]], samples=["A", "A"]), make_depth([[1, 1]]))
    with pytest.raises(TableError, match="expected sample and bin"):
        log2_ratio_of_depth(good.rename(sample="reader"), good)


@pytest.mark.parametrize(
    "options", [{"normalise": "mode"}, {"minimum_normal_depth": -1.0}, {"lowest_ratio": 2.0}, {"lowest_ratio": 0.0}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(SettingsError, match=f"{next(iter(options))} is"):
        log2_ratio_of_depth(make_depth([[1, 1]]), make_depth([[1, 1]]), **options)


def test_history_tells_the_step():
    history = (
        log2_ratio_of_depth(make_depth([[1, 1]]), pool_normals(make_depth([[1, 1]]))).attrs["history"].splitlines()
    )
    assert history[0] == "pool_normals: normalise='median', n_normals=1"
    assert history[1].startswith("log2_ratio_of_depth: normalise='median', minimum_normal_depth=0.0")


def test_one_patients_own_normal_is_not_every_patients():
    tumor = make_depth([[10, 20, 10], [10, 10, 40]])
    own = make_depth([[5, 5, 5]], samples=["P1"])
    with pytest.raises(
        TableError, match=r"1 of 2 tumours have no normal: P2; the one normal, P1, is by its label that"
    ):
        log2_ratio_of_depth(tumor, own)
    for one in (own.assign_coords(sample=["pool"]), own.isel(sample=0)):
        data = log2_ratio_of_depth(tumor, one)
        np.testing.assert_allclose(data["log2_ratio"], [[0, 1, 0], [0, 0, 2]])
        assert " for all'" in data.attrs["history"]
    paired = log2_ratio_of_depth(tumor, own, pairs={"P1": "P1", "P2": "P1"})
    assert "normals='by pairs'" in paired.attrs["history"]
    assert "normals='P1 for all'" in log2_ratio_of_depth(tumor[:1], own).attrs["history"]


def test_a_barcode_tells_whose_the_one_normal_is():
    tumors = ["TCGA-AB-2988-03A", "TCGA-AB-2869-03A"]
    own = make_depth([[5, 5, 5]], samples=["TCGA-AB-2988-11A"])
    with pytest.raises(TableError, match="is by its label that of patient TCGA-AB-2988 alone; give pairs"):
        log2_ratio_of_depth(make_depth([[1, 2, 1]] * 2, samples=tumors), own)
    found = log2_ratio_of_depth(make_depth([[1, 2, 1]], samples=tumors[:1]), own)["log2_ratio"]
    np.testing.assert_allclose(found, [[0, 1, 0]])


def test_words_for_missing_are_missing():
    place = {"chromosome": ["1"] * 4, "start": [1, 11, 21, 31], "end": [10, 20, 30, 40]}
    tumor = pd.DataFrame(place | {"P1": ["10", "NA", "", "20"]})
    found = log2_ratio_of_depth(tumor, pd.DataFrame(place | {"P1": [5, 5, 5, 5]}))["log2_ratio"]
    assert np.isnan(found.values[0]).tolist() == [False, True, True, False]
