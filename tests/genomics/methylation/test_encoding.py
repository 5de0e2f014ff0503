"""Methylation: Du's worked values, round trips, means over genes and intervals by hand, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.methylation.encoding import encode_methylation
from bayesrg.genomics.methylation.intervals import assign_to_genes, assign_to_intervals, find_positions
from bayesrg.genomics.methylation.means import average_methylation
from bayesrg.genomics.methylation.values import (
    beta_of_counts,
    beta_of_intensities,
    beta_value,
    m_of_intensities,
    m_value,
)

BETAS = arrays(float, (3, 5), elements=st.floats(0, 1))


def table(values: list[list[float]], prefix: str = "cg") -> pd.DataFrame:
    """Return values with a CpG a row and a sample a column."""
    frame = pd.DataFrame(values, dtype=float)
    return frame.set_axis([f"{prefix}{i}" for i in frame.index]).set_axis([f"P{i}" for i in frame.columns], axis=1)


def cohort(shape: tuple[int, int] = (20, 6), seed: int = 1) -> xr.DataArray:
    """Return made beta-values of patients, a tenth of them missing."""
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(shape) < 0.1, np.nan, rng.beta(0.5, 0.5, size=shape))
    labels = {"patient": [f"P{i}" for i in range(shape[0])], "cpg": [f"cg{i}" for i in range(shape[1])]}
    return xr.DataArray(values, labels, ("patient", "cpg"))


@pytest.mark.parametrize(("beta", "m"), [(0.2, -2.0), (0.5, 0.0), (0.8, 2.0)])
def test_published_pairs_of_beta_and_m(beta: float, m: float):
    # Du et al. (2010): a beta of 0.2 is an M-value of -2, and 0.8 of 2.
    assert m_value(xr.DataArray(beta)).item() == pytest.approx(m, abs=1e-12)
    assert beta_value(xr.DataArray(m)).item() == pytest.approx(beta, abs=1e-12)


@given(BETAS)
def test_beta_to_m_and_back(values: np.ndarray):
    beta = xr.DataArray(values, dims=("patient", "cpg"))
    m = m_value(beta)
    np.testing.assert_allclose(beta_value(m), np.clip(values, 0.001, 0.999), rtol=1e-9)
    assert m.attrs["n_guarded"] == np.sum((values < 0.001) | (values > 0.999))
    np.testing.assert_allclose(m_value(1 - beta), -m, atol=1e-6)
    order = np.argsort(values, axis=None)
    assert np.all(np.diff(m.values.ravel()[order]) >= 0)


@given(st.floats(-1e6, 1e6))
def test_m_to_beta_stays_between_0_and_1(m: float):
    assert 0 <= beta_value(xr.DataArray(m)).item() <= 1


def test_guard_is_an_option_and_missing_stays():
    beta = xr.DataArray([0.0, np.nan, 1.0, 0.4])
    assert m_value(beta, guard=0.2).values.tolist() == pytest.approx([-2, np.nan, 2, np.log2(0.4 / 0.6)], nan_ok=True)
    with pytest.raises(TableError, match=r"beta-values: 0 for dim_0 0 \(2 such values\), expected more than 0"):
        m_value(beta, guard=0)
    assert m_value(beta[3:], guard=0).item() == pytest.approx(np.log2(0.4 / 0.6))
    with pytest.raises(SettingsError, match=r"guard=0\.5"):
        m_value(beta, guard=0.5)


def test_intensities_with_offset_and_none_below_zero():
    methylated, unmethylated = table([[900, -50], [300, np.nan]]), table([[0, 900], [-20, 10]])
    beta = beta_of_intensities(methylated, unmethylated)
    np.testing.assert_allclose(beta.values, [[0.9, 0.75], [0.0, np.nan]])
    assert beta.attrs["n_negative_intensities"] == 2
    np.testing.assert_allclose(beta_of_intensities(methylated, unmethylated, offset=0).values, [[1, 1], [0, np.nan]])
    m = m_of_intensities(methylated, unmethylated)
    np.testing.assert_allclose(m.values, np.log2([[901, 301], [1 / 901, np.nan]]))
    both_dark = beta_of_intensities(table([[0]]), table([[-1]]), offset=0)
    assert np.isnan(both_dark.item())


@given(arrays(float, (2, 4), elements=st.floats(0, 1e5)), arrays(float, (2, 4), elements=st.floats(0, 1e5)))
def test_m_of_intensities_is_the_logit_of_beta_where_its_offset_is_2(methylated: np.ndarray, unmethylated: np.ndarray):
    # (M + 1) / (M + U + 2) has the odds (M + 1) / (U + 1).
    first, second = table(methylated.tolist()), table(unmethylated.tolist())
    beta = beta_of_intensities(first + 1, second + 1, offset=0)
    np.testing.assert_allclose(m_value(beta, guard=0), m_of_intensities(first, second), atol=1e-8)


def test_counts_need_coverage():
    data = beta_of_counts(table([[5, 4], [0, 9]]), table([[10, 4], [0, 9]]), minimum_coverage=5)
    np.testing.assert_allclose(data["beta_value"].values, [[0.5, np.nan], [np.nan, 1.0]])
    assert data["beta_value"].attrs["n_below_coverage"] == 1
    np.testing.assert_array_equal(data["coverage"].values, [[10, 0], [4, 9]])
    with pytest.raises(SettingsError, match="minimum_coverage=0"):
        beta_of_counts(table([[5]]), table([[5]]), minimum_coverage=0)


@pytest.mark.parametrize(
    ("reads", "coverage", "message"),
    [
        (
            [[6.0]],
            [[5.0]],
            r"methylated reads: 6 for sample 'P0' and cpg 'cg0' \(1 such value\), expected at most the coverage",
        ),
        ([[0.5]], [[5.0]], "methylated reads: 0.5 for sample 'P0' and cpg 'cg0'.*whole number"),
        ([[1.0]], [[5.5]], "coverage: 5.5 for sample 'P0' and cpg 'cg0'.*whole number"),
        ([[-1.0]], [[5.0]], "-1 for sample .P0. and cpg .cg0."),
        ([[1.0]], [[np.inf]], "inf for sample .P0. and cpg .cg0."),
    ],
)
def test_damaged_counts_are_named(reads, coverage, message):
    with pytest.raises(TableError, match=message):
        beta_of_counts(table(reads), table(coverage))


def test_encoding_of_beta_keeps_units_and_tells_what_it_did():
    beta = cohort().assign_attrs(history="read_matrix: beta.csv").assign_coords(patient_label=("patient", ["x"] * 20))
    before = beta.copy(deep=True)
    data = encode_methylation(beta, exclude=["cg1", "cg3", "rs1"])
    xr.testing.assert_identical(beta, before)
    assert data["cpg"].values.tolist() == ["cg0", "cg2", "cg4", "cg5"]
    assert (data.attrs["n_cpgs_excluded"], data.attrs["n_excluded_absent"]) == (2, 1)
    assert data["beta_value"].dims == data["m_value"].dims == ("patient", "cpg")
    assert "patient_label" in data.coords
    assert data.attrs["history"].splitlines()[0] == "read_matrix: beta.csv"
    assert "given='beta'" in data.attrs["history"]
    np.testing.assert_array_equal(data["beta_value"].isnull(), data["m_value"].isnull())
    np.testing.assert_allclose(data["beta_value"], beta.sel(cpg=data["cpg"]))


@pytest.mark.parametrize("m_from", ["beta", "intensities"])
def test_encoding_of_intensities_leaves_out_what_was_not_detected(m_from):
    methylated, unmethylated = table([[900, 50], [300, 70]]), table([[0, 900], [20, 10]])
    detection = table([[0.001, 0.5], [0.01, np.nan]])
    data = encode_methylation(
        methylated=methylated, unmethylated=unmethylated.iloc[::-1], detection_p=detection.iloc[:, ::-1], m_from=m_from
    )
    assert data.attrs["n_undetected"] == 2
    for name in ("beta_value", "m_value"):
        np.testing.assert_array_equal(data[name].isnull(), [[False, False], [True, True]])
    np.testing.assert_allclose(data["beta_value"].values[0], [0.9, 300 / 420])
    expected = [9, 300 / 120] if m_from == "beta" else [901, 301 / 21]
    np.testing.assert_allclose(data["m_value"].values[0], np.log2(expected))


def test_encoding_of_bisulfite_counts_has_the_coverage():
    reads = table([[5, 4], [0, 9]])
    data = encode_methylation(methylated_reads=reads.T, coverage=(reads * 2).T, across="columns")
    np.testing.assert_allclose(data["beta_value"], [[0.5, np.nan], [0.5, 0.5]])
    assert set(data.data_vars) == {"beta_value", "m_value", "coverage"}
    assert data["coverage"].attrs["units"] == "reads"


@given(random=st.randoms(use_true_random=False))
def test_order_of_cpgs_and_patients_does_not_matter(random):
    beta = cohort()
    patients, cpgs = (random.sample(list(beta[dim].values), beta.sizes[dim]) for dim in ("patient", "cpg"))
    shuffled = encode_methylation(beta.sel(patient=patients, cpg=cpgs))
    xr.testing.assert_allclose(shuffled, encode_methylation(beta).sel(patient=patients, cpg=cpgs))
    genes = {f"cg{i}": "A" if i < 4 else "A;B" for i in range(6)}
    xr.testing.assert_allclose(
        average_methylation(shuffled, genes).sel(patient=beta["patient"]),
        average_methylation(encode_methylation(beta), genes),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.assign(P1=1.5),
            r"beta-values: 1.5 for sample 'P1' and cpg 'cg0' \(2 such values\), expected 0 to 1",
        ),
        (lambda t: t.assign(P1=-0.1), "beta-values: -0.1 for sample 'P1'"),
        (lambda t: t.astype(object).assign(P1="high"), "row 'cg0', column 'P1' holds 'high'"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "cg0"),
        (lambda t: t.iloc[:0], "0 rows"),
    ],
    ids=["above", "below", "text", "twice", "empty"],
)
def test_damaged_beta_is_named(change, message):
    with pytest.raises(TableError, match=message):
        encode_methylation(change(table([[0.1, 0.2], [0.3, 0.4]])))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (table([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), "cpg 'cg2' in unmethylated.*but not in methylated"),
        (table([[1.0, 2.0]]), "cpg 'cg1' in methylated.*but not in unmethylated"),
        (table([[1.0], [2.0]]), "sample 'P1' in methylated"),
    ],
)
def test_tables_of_other_labels_are_refused(other, message):
    with pytest.raises(TableError, match=message):
        encode_methylation(methylated=table([[1.0, 2.0], [3.0, 4.0]]), unmethylated=other)


def test_tables_of_other_units_are_refused():
    with pytest.raises(
        TableError, match="unmethylated intensities are over patient, methylated intensities over sample"
    ):
        beta_of_intensities(table([[1.0]]), cohort())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "given: nothing; expected beta, or methylated and unmethylated"),
        ({"methylated": table([[1.0]])}, "given: methylated; expected"),
        ({"beta": table([[1.0]]), "coverage": table([[1.0]])}, "given: beta, coverage"),
        ({"beta": table([[1.0]]), "m_from": "intensities"}, "m_from='intensities'"),
        ({"beta": table([[1.0]]), "maximum_p": 0.0}, "maximum_p=0"),
        ({"beta": table([[1.0]]), "exclude": "cg0"}, r"write \['cg0'\]"),
        ({"methylated": table([[1.0]]), "unmethylated": table([[1.0]]), "offset": -1.0}, "offset=-1"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(SettingsError, match=message):
        encode_methylation(**options)


@pytest.mark.parametrize(("p", "expected"), [(7.0, "at most 1"), (-3.0, "at least 0")])
def test_detection_p_values_are_from_0_to_1(p, expected):
    with pytest.raises(TableError, match=f"detection p: {p:g} for sample 'P0' and cpg 'cg0'.*{expected}"):
        encode_methylation(table([[0.5]]), detection_p=table([[p]]))


def test_samples_become_patients():
    beta = table([[0.2, 0.4, 0.9]])
    samples = {"P0": "A", "P1": "A", "P2": "B"}
    data = encode_methylation(beta, samples=samples, several="mean")
    assert data["patient"].values.tolist() == ["A", "B"]
    np.testing.assert_allclose(data["beta_value"][:, 0], [0.3, 0.9])
    by_sample = encode_methylation(beta, level="sample")
    assert by_sample["sample"].values.tolist() == ["P0", "P1", "P2"]
    np.testing.assert_allclose(data["m_value"][0], by_sample["m_value"][:2].mean("sample"))
    with pytest.raises(TableError, match="A for one: P0, P1"):
        encode_methylation(beta, samples=samples)


def test_tables_and_datasets_are_taken_for_beta_and_m():
    frame = table([[0.2, 0.5]])
    first = encode_methylation(frame)
    xr.testing.assert_identical(encode_methylation(first).drop_attrs(deep=False), first.drop_attrs(deep=False))
    assert encode_methylation(first).attrs["history"].count("encode_methylation") == 2
    np.testing.assert_allclose(m_value(frame), [[-2], [0]])
    np.testing.assert_allclose(beta_value(m_value(frame)), [[0.2], [0.5]])
    np.testing.assert_allclose(beta_value(first), [[0.2], [0.5]])


def test_alpha_is_above_zero_and_some_cpgs_stay():
    with pytest.raises(SettingsError, match="alpha=0"):
        m_of_intensities(table([[1.0]]), table([[1.0]]), alpha=0)
    with pytest.raises(TableError, match="all 1 CpGs are excluded"):
        encode_methylation(table([[0.5]]), exclude=["cg0"])


@pytest.mark.parametrize("of", ["beta_value", "m_value"])
def test_means_over_genes_by_hand(of):
    data = encode_methylation(cohort())
    genes = pd.Series({"cg0": "TP53", "cg1": "TP53;WRAP53;TP53", "cg3": "TP53", "cg4": np.nan, "cg99": "EGFR"})
    means = average_methylation(data, genes, of=of)
    assert means["gene"].values.tolist() == ["TP53", "WRAP53"]
    np.testing.assert_allclose(means[of].sel(gene="TP53"), data[of].sel(cpg=["cg0", "cg1", "cg3"]).mean("cpg"))
    np.testing.assert_allclose(means[of].sel(gene="WRAP53"), data[of].sel(cpg="cg1"))
    assert means["n_cpg"].values.tolist() == [3, 1]
    assert means.attrs["n_cpgs_unassigned"] == 3
    kind = "beta-values" if of == "beta_value" else "M-values"
    assert means[of].attrs["long_name"] == f"mean of {kind} of the gene's CpGs"
    assert means.attrs["history"].splitlines()[-1].startswith("average_methylation: by='gene'")


def test_genes_with_few_cpgs_are_left_out_and_units_with_few_are_missing():
    data = cohort()
    data[0, :2] = np.nan
    means = average_methylation(data, {"cg0": ["A", "B"], "cg1": ["A"], "cg2": ["A"]}, minimum_cpgs=2)
    assert (means.attrs["left_out"], means.attrs["n_left_out"]) == ("B", 1)
    enough = data[:, :3].notnull().sum("cpg") >= 2
    np.testing.assert_array_equal(means["beta_value"].sel(gene="A").notnull(), enough)
    assert not enough[0]


def test_illuminas_manifest_and_its_groups():
    manifest = pd.DataFrame(
        {
            "IlmnID": ["cg0", "cg1", "cg2"],
            "Name": ["other", "names", "here"],
            "UCSC_RefGene_Name": ["A;A;B", "A", None],
            "UCSC_RefGene_Group": ["TSS200;Body;TSS200", "Body", None],
        }
    )
    beta = cohort()
    means = average_methylation(beta, manifest, groups=["TSS200"])
    np.testing.assert_allclose(means["beta_value"], np.stack([beta.sel(cpg="cg0")] * 2, axis=1))
    assert average_methylation(beta, manifest)["n_cpg"].values.tolist() == [2, 1]
    with pytest.raises(TableError, match="group 'TSS1500' in no row of the annotation, whose groups are Body, TSS200"):
        average_methylation(beta, manifest, groups=["TSS1500"])
    with pytest.raises(TableError, match="annotation of CpG 'cg0': the numbers of genes and of groups differ"):
        assign_to_genes(manifest.replace("TSS200;Body;TSS200", "TSS200"), ["cg0"], groups=["TSS200"])
    with pytest.raises(TableError, match="no column 'group'"):
        assign_to_genes({"cg0": "A"}, ["cg0"], groups=["TSS200"])


@given(
    places=st.lists(st.integers(1, 60), min_size=1, max_size=15),
    starts=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 30)), min_size=1, max_size=6),
)
def test_cpgs_of_intervals_are_those_between_their_ends(places: list[int], starts: list[tuple[int, int]]):
    chromosomes = ["1" if place % 3 else "X" for place in places]
    positions = pd.DataFrame(
        {"cpg": [f"c{i}" for i in range(len(places))], "chromosome": chromosomes, "position": places}
    )
    intervals = pd.DataFrame(
        [(f"i{k}", "chrX" if k % 2 else "1", start, start + length) for k, (start, length) in enumerate(starts)],
        columns=["name", "chromosome", "start", "end"],
    )
    expected = {
        (f"c{i}", f"i{k}")
        for i, (place, chromosome) in enumerate(zip(places, chromosomes, strict=True))
        for k, (start, length) in enumerate(starts)
        if start <= place <= start + length and chromosome == ("X" if k % 2 else "1")
    }
    pairs = list(assign_to_intervals(positions, intervals).itertuples(index=False, name=None))
    assert len(pairs) == len(expected)
    assert set(pairs) == expected


def test_means_over_intervals_by_names_or_positions():
    beta = cohort().assign_coords(cpg=[f"chr17:{place}" for place in (10, 20, 30, 40, 50, 60)])
    intervals = pd.DataFrame(
        {"name": ["P", "Q", "R"], "chromosome": ["17", "chr17", "X"], "start": [15, 40, 1], "end": [40, 40, 9]}
    )
    means = average_methylation(beta, intervals, by="interval")
    assert means["interval"].values.tolist() == ["P", "Q"]
    np.testing.assert_allclose(means["beta_value"].sel(interval="P"), beta[:, 1:4].mean("cpg"))
    assert means["n_cpg"].values.tolist() == [3, 1]
    assert (means["chromosome"].values.tolist(), means["start"].values.tolist()) == (["17", "17"], [15, 40])
    assert (means.attrs["left_out"], means.attrs["n_left_out"], means.attrs["n_cpgs_unassigned"]) == ("R", 1, 3)
    table = pd.DataFrame({"IlmnID": cohort()["cpg"].values, "CHR": "17", "MAPINFO": [10, 20, 30, 40, 50, 60]})
    named = average_methylation(cohort(), intervals, by="interval", positions=table)
    np.testing.assert_allclose(named["beta_value"], means["beta_value"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ["P", "P"]}, "row 2: 'P' is there twice"),
        ({"name": ["P", ""]}, "row 2: '' is empty"),
        ({"chromosome": ["1", "GL000220.1"]}, "column chromosome: 'GL000220.1' in interval 'Q'"),
        ({"start": [5, "x"]}, "column start: 'x' for interval 'Q'"),
        ({"start": [5, 300]}, "interval 'Q' from 300 to 20, expected 1 <= start <= end"),
        ({"start": [0, 5]}, "interval 'P' from 0 to 20.*BED"),
    ],
)
def test_damaged_intervals_are_named(change, message):
    intervals = pd.DataFrame({"name": ["P", "Q"], "chromosome": "1", "start": 5, "end": 20}).assign(**change)
    with pytest.raises(TableError, match=message):
        average_methylation(cohort(), intervals, by="interval")


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (None, "no CpG of the data has a position.*like cg0, cg1"),
        (pd.DataFrame({"cpg": ["cg0", "cg0"], "chromosome": "1", "position": 5}), "CpG 'cg0' in more than one row"),
        (pd.DataFrame({"cpg": ["cg0"], "chromosome": "1", "position": "far"}), "'far' for CpG 'cg0'"),
        (pd.DataFrame({"cpg": ["cg0"], "place": 5}), "positions of CpGs: no column 'chromosome'"),
    ],
)
def test_damaged_positions_are_named(positions, message):
    with pytest.raises(TableError, match=message):
        find_positions(["cg0", "cg1"], positions)


def test_cpgs_without_a_position_are_in_no_interval():
    table = pd.DataFrame({"cpg": ["a", "b", "c"], "chromosome": ["1", None, "17_random"], "position": [5, np.nan, 7]})
    assert find_positions(["a", "b", "c"], table)["cpg"].tolist() == ["a"]


@pytest.mark.parametrize(
    ("annotation", "options", "error", "message"),
    [
        ({"cg9": "A"}, {}, TableError, "no CpG of the data has a gene"),
        ({"cg1": "A"}, {"minimum_cpgs": 2}, TableError, "no gene of 1 has 2 CpGs"),
        ({"cg1": "A"}, {"minimum_cpgs": 0}, SettingsError, "minimum_cpgs=0"),
        ({"cg1": "A"}, {"by": "promoter"}, SettingsError, "by='promoter'"),
        ({"cg1": "A"}, {"of": "beta"}, SettingsError, "of='beta'"),
        ({"cg1": "A"}, {"by": "interval"}, SettingsError, "needs a table"),
        ({"cg1": "A"}, {"by": "interval", "groups": ["Body"]}, SettingsError, "groups are parts of genes"),
        ({"cg1": "A"}, {"positions": pd.DataFrame()}, SettingsError, "positions are for by='interval'"),
        (pd.DataFrame({"cpg": ["cg1"]}), {}, TableError, "annotation of CpGs: no column 'gene'"),
        (pd.DataFrame({"name": ["P"]}), {"by": "interval"}, TableError, "expected at least one, with name, chromosome"),
    ],
)
def test_averages_that_cannot_be_taken(annotation, options, error, message):
    with pytest.raises(error, match=message):
        average_methylation(cohort(), annotation, **options)


def test_average_of_a_variable_that_is_not_there():
    with pytest.raises(TableError, match="the dataset has no variable 'm_value', only beta_value"):
        average_methylation(xr.Dataset({"beta_value": cohort()}), {"cg0": "A"}, of="m_value")
