"""Expression from counts: published worked values, laws that hold for any counts, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bayesrg import datasets
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.expression.counts import keep_expressed
from bayesrg.genomics.expression.encoding import encode_expression
from bayesrg.genomics.expression.gene_lengths import find_lengths, strip_versions
from bayesrg.genomics.expression.library_sizes import effective_sizes, given_sizes
from bayesrg.genomics.expression.values import (
    counts_per_million,
    fragments_per_kilobase,
    log2_plus_one,
    scale_to_million,
    transcripts_per_million,
    undo_log2_plus_one,
)
from bayesrg.genomics.matrix import as_matrix

# The worked example of J. Starmer, "RPKM, FPKM and TPM, clearly explained" (StatQuest, 2015,
# youtube.com/watch?v=TTUrtCY2k-w), which scales to tens where sequencing scales to millions; the values below follow
# from its counts and lengths by hand, rounded as shown there.
GENES = ["A", "B", "C", "D"]
KILOBASES = [2.0, 4.0, 1.0, 10.0]
STATQUEST = pd.DataFrame({"rep1": [10, 20, 5, 0], "rep2": [12, 25, 8, 0], "rep3": [30, 60, 15, 1]}, index=GENES)
LENGTHS = pd.Series(KILOBASES, index=GENES) * 1000
RPKM_IN_TENS = [[1.43, 1.43, 1.43, 0], [1.33, 1.39, 1.78, 0], [1.42, 1.42, 1.42, 0.009]]
TPM_IN_TENS = [[3.33, 3.33, 3.33, 0], [2.96, 3.09, 3.95, 0], [3.326, 3.326, 3.326, 0.02]]


def matrix(values: np.ndarray, unit: str = "sample") -> xr.DataArray:
    """Return values as a matrix over units and genes with labels of their own."""
    rows, columns = values.shape
    labels = {unit: [f"S{i}" for i in range(rows)], "gene": [f"G{i}" for i in range(columns)]}
    return xr.DataArray(values.astype(float), labels, (unit, "gene"))


@st.composite
def counts_and_lengths(draw: st.DrawFn) -> tuple[xr.DataArray, xr.DataArray]:
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 8)))
    counts = matrix(draw(arrays(np.int64, shape, elements=st.integers(0, 10**6))))
    counts[:, 0] += 1
    lengths = draw(arrays(float, shape[1], elements=st.floats(20, 1e5)))
    return counts, xr.DataArray(lengths, {"gene": counts["gene"]})


def test_published_rpkm():
    data = encode_expression(STATQUEST, LENGTHS, measure="fpkm", counted="reads")
    np.testing.assert_allclose(data["fpkm"].values / 1e5, RPKM_IN_TENS, atol=0.005)
    assert data["fpkm"].attrs["long_name"] == "expression as RPKM"
    assert data["fpkm"].attrs["units"] == "reads per kilobase and million mapped reads"


def test_published_tpm():
    data = encode_expression(STATQUEST, LENGTHS)
    np.testing.assert_allclose(data["tpm"].values / 1e5, TPM_IN_TENS, atol=0.005)
    np.testing.assert_allclose(data["log2_tpm"].values, np.log2(1 + data["tpm"].values))
    assert data["length"].values.tolist() == LENGTHS.tolist()
    assert data["library_size"].values.tolist() == [35, 45, 106]
    assert data.attrs["history"].startswith("encode_expression: measure='tpm', log=True")
    assert data["tpm"].attrs == {"long_name": "expression as TPM", "units": "transcripts per million"}


@given(counts_and_lengths())
def test_tpm_sums_to_a_million_and_ignores_depth(case: tuple[xr.DataArray, xr.DataArray]):
    counts, lengths = case
    tpm = transcripts_per_million(counts, lengths)
    np.testing.assert_allclose(tpm.sum("gene"), 1e6)
    np.testing.assert_allclose(transcripts_per_million(counts * 7, lengths), tpm, rtol=1e-9)


@given(counts_and_lengths())
def test_fpkm_becomes_tpm_and_cpm_sums_to_a_million(case: tuple[xr.DataArray, xr.DataArray]):
    counts, lengths = case
    np.testing.assert_allclose(
        scale_to_million(fragments_per_kilobase(counts, lengths)), transcripts_per_million(counts, lengths), rtol=1e-9
    )
    cpm = counts_per_million(counts)
    np.testing.assert_allclose(cpm.sum("gene"), 1e6)
    np.testing.assert_allclose(
        transcripts_per_million(cpm, lengths), transcripts_per_million(counts, lengths), rtol=1e-9
    )


@given(arrays(float, 6, elements=st.floats(0, 1e6)))
def test_logarithm_is_undone(values: np.ndarray):
    there = log2_plus_one(xr.DataArray(values))
    np.testing.assert_allclose(there, np.log2(1 + values), atol=1e-12)
    np.testing.assert_allclose(undo_log2_plus_one(there), values, rtol=1e-9, atol=1e-12)


@given(counts_and_lengths(), st.randoms(use_true_random=False))
def test_order_of_genes_and_units_does_not_matter(case: tuple[xr.DataArray, xr.DataArray], random):
    counts, lengths = case
    units = random.sample(list(counts["sample"].values), counts.sizes["sample"])
    genes = random.sample(list(counts["gene"].values), counts.sizes["gene"])
    there = encode_expression(counts, lengths).sel(patient=units, gene=genes)
    shuffled = encode_expression(counts.sel(sample=units, gene=genes), lengths)
    xr.testing.assert_allclose(shuffled, there)


@pytest.mark.parametrize("measure", ["tpm", "fpkm", "cpm"])
def test_measured_values_give_back_themselves(measure):
    first = encode_expression(STATQUEST, LENGTHS, measure=measure)
    again = encode_expression(first, as_measured=f"log2_{measure}")
    np.testing.assert_allclose(again[measure], first[measure], rtol=1e-9)
    assert again.attrs["history"].count("encode_expression") == 2


@pytest.mark.parametrize(("start", "end"), [("fpkm", "tpm"), ("cpm", "tpm"), ("cpm", "fpkm")])
def test_measured_values_become_another_measure(start, end):
    measured = encode_expression(STATQUEST, LENGTHS, measure=start)
    found = encode_expression(measured, LENGTHS, as_measured=start, measure=end)[end]
    np.testing.assert_allclose(found, encode_expression(STATQUEST, LENGTHS, measure=end)[end])


def test_units_and_their_coordinates_stay():
    counts = matrix(np.array([[1, 3], [5, 2]]), "region").assign_coords(region_patient=("region", ["P1", "P1"]))
    data = encode_expression(counts, measure="cpm", log=False)
    assert data["cpm"].dims == ("region", "gene")
    assert data["region_patient"].values.tolist() == ["P1", "P1"]
    assert list(data.data_vars) == ["cpm"]


def test_input_stays_as_it_was():
    counts = matrix(np.array([[1, 3], [5, 2]]))
    before = counts.copy(deep=True)
    encode_expression(counts, {"G0": 100, "G1": 200}, counted="mates")
    xr.testing.assert_identical(counts, before)


def test_mates_are_halved_beside_library_sizes_in_fragments():
    sizes = {"rep1": 1000, "rep2": 1000, "rep3": 1000, "another": 5}
    mates = encode_expression(STATQUEST, measure="cpm", counted="mates", library_sizes=sizes)
    fragments = encode_expression(STATQUEST, measure="cpm", library_sizes=sizes)
    np.testing.assert_allclose(mates["cpm"] * 2, fragments["cpm"])
    assert fragments["cpm"].sel(patient="rep1", gene="A") == 10_000


@pytest.mark.parametrize("names", [["__no_feature", "__not_aligned"], ["N_unmapped", "N_noFeature"]])
def test_summary_rows_are_left_out_and_told(names):
    table = pd.concat([STATQUEST, pd.DataFrame(1000, index=names, columns=STATQUEST.columns)])
    data = encode_expression(table, LENGTHS)
    assert data["gene"].values.tolist() == GENES
    assert data.attrs["summary_rows_left_out"] == f"{names[0]}: 3000, {names[1]}: 3000"
    np.testing.assert_allclose(data["tpm"], encode_expression(STATQUEST, LENGTHS)["tpm"])


def test_table_by_feature_counts_brings_its_lengths():
    table = STATQUEST.rename_axis("Geneid").reset_index()
    for place, column in enumerate(["Chr", "Start", "End", "Strand", "Length"], start=1):
        table.insert(place, column, LENGTHS.to_numpy() if column == "Length" else "1")
    np.testing.assert_allclose(encode_expression(table)["tpm"], encode_expression(STATQUEST, LENGTHS)["tpm"])


def test_lengths_as_a_table_or_beside_the_counts():
    expected = encode_expression(STATQUEST, LENGTHS)["tpm"]
    table = pd.DataFrame({"gene_id": GENES, "Length": KILOBASES}).sample(frac=1, random_state=1)
    np.testing.assert_allclose(
        encode_expression(STATQUEST, table.assign(Length=table["Length"] * 1000))["tpm"], expected
    )
    counts = xr.DataArray(STATQUEST.T, dims=("sample", "gene")).assign_coords(length=("gene", LENGTHS.to_numpy()))
    np.testing.assert_allclose(encode_expression(counts)["tpm"], expected)


def test_genes_without_length_are_refused_or_left_out():
    with pytest.raises(TableError, match=r"no length for 2 genes \('B', 'D'\) of 4; add their lengths"):
        encode_expression(STATQUEST, LENGTHS.drop(["B", "D"]))
    data = encode_expression(STATQUEST, LENGTHS.drop(["B", "D"]), without_length="leave_out")
    assert data["gene"].values.tolist() == ["A", "C"]
    assert data.attrs["genes_without_length"] == "B, D"
    assert data.attrs["n_genes_without_length"] == 2
    np.testing.assert_allclose(data["tpm"].sum("gene"), 1e6)


def test_versions_of_ensembl_are_told_and_removed():
    names = [f"ENSG0000000000{i}" for i in range(4)]
    counts = STATQUEST.set_axis([f"{name}.{i + 1}" for i, name in enumerate(names)])
    lengths = dict(zip(names, LENGTHS, strict=True))
    with pytest.raises(TableError, match="4 of them are found when the version"):
        encode_expression(counts, lengths)
    assert encode_expression(counts, lengths, ignore_versions=True)["gene"].values.tolist() == names
    with pytest.raises(TableError, match="more than once: ENSG00000000001"):
        strip_versions(["ENSG00000000001.1", "ENSG00000000001.2"], "counts")


def test_a_length_that_is_missing_is_no_matter_of_versions():
    lengths = {"A": 2000.0, "B": np.nan, "C": 1000.0, "D": 10.0}
    with pytest.raises(TableError, match="no length for gene 'B' of 4; 1 of them have a missing length"):
        encode_expression(STATQUEST, lengths)


def test_samples_become_patients_with_their_library_sizes():
    samples = {"rep1": "P1", "rep2": "P1", "rep3": "P2"}
    with pytest.raises(TableError, match="1 of 2 patients have several samples, P1 for one: rep1, rep2"):
        encode_expression(STATQUEST, LENGTHS, samples=samples)
    data = encode_expression(STATQUEST, LENGTHS, samples=samples, several="mean")
    by_sample = encode_expression(STATQUEST, LENGTHS, level="sample")
    assert by_sample["tpm"].dims == ("sample", "gene")
    assert data["patient"].values.tolist() == ["P1", "P2"]
    np.testing.assert_allclose(data["tpm"].sel(patient="P1"), by_sample["tpm"][:2].mean("sample"))
    assert data["library_size"].dims == ("patient",)
    assert data["library_size"].values.tolist() == [40, 106]
    assert data["length"].values.tolist() == LENGTHS.tolist()
    assert "library_size" in data.coords


def test_history_has_the_lengths_and_every_option():
    lengths = LENGTHS.rename_axis("gene").rename("length").reset_index()
    lengths.attrs["history"] = "read_annotation: genes.gtf"
    data = encode_expression(STATQUEST, lengths, measure="fpkm", library_sizes={"rep1": 9, "rep2": 9, "rep3": 9})
    first, second, third = data.attrs["history"].splitlines()
    assert first == "read_annotation: genes.gtf"
    assert "estimated=False" in second
    assert "library_sizes='given'" in second
    assert third == "place_samples: level='patient'"
    counts = matrix(np.array([[1, 3], [5, 2]])).assign_attrs(history="read_counts: a.txt")
    kept = keep_expressed(xr.Dataset({"count": counts, "other": counts}))
    assert kept.attrs["history"].splitlines() == [
        "read_counts: a.txt",
        "keep_expressed: minimum_cpm=1.0, minimum_units=2, library_sizes='sums'",
    ]


def test_measures_take_tables_and_mappings():
    lengths = dict(LENGTHS)
    expected = encode_expression(STATQUEST, LENGTHS, level="sample")["tpm"]
    np.testing.assert_allclose(transcripts_per_million(STATQUEST, lengths), expected)
    cpm = counts_per_million(STATQUEST)
    np.testing.assert_allclose(cpm.sum("gene"), 1e6)
    sizes = {"rep3": 106, "rep2": 45, "rep1": 35}
    np.testing.assert_allclose(
        counts_per_million(xr.Dataset({"count": cpm * 0 + 1}), sizes)[:, 0], 1e6 / np.array([35, 45, 106])
    )
    np.testing.assert_allclose(
        fragments_per_kilobase(STATQUEST, lengths, sizes), encode_expression(STATQUEST, LENGTHS, measure="fpkm")["fpkm"]
    )
    # A gene without a length is named, and not left out in silence.
    with pytest.raises(TableError, match="no length for gene 'B' of 4"):
        transcripts_per_million(as_matrix(STATQUEST), xr.DataArray(LENGTHS.drop("B"), dims="gene"))


def test_rarely_expressed_genes_are_left_out_after_the_measure():
    counts = matrix(np.array([[500_000, 1, 499_999], [999_997, 3, 0], [999_999, 1, 0]]))
    lengths = {"G0": 1000, "G1": 1000, "G2": 500}
    whole = encode_expression(counts, lengths)
    data = encode_expression(counts, lengths, minimum_cpm=1, minimum_units=3)
    assert data["gene"].values.tolist() == ["G0", "G1"]
    assert (data.attrs["genes_left_out"], data.attrs["n_genes_left_out"]) == ("G2", 1)
    np.testing.assert_allclose(data["tpm"], whole["tpm"].sel(gene=["G0", "G1"]))
    assert keep_expressed(counts, minimum_cpm=2, minimum_units=1)["gene"].values.tolist() == ["G0", "G1", "G2"]
    with pytest.raises(TableError, match="no gene reaches 999999"):
        keep_expressed(counts, minimum_cpm=999_999.5, minimum_units=1)
    with pytest.raises(SettingsError, match=r"minimum_units=4: expected 1 to 3"):
        keep_expressed(counts, minimum_units=4)
    with pytest.raises(SettingsError, match="minimum_cpm=-1"):
        keep_expressed(counts, minimum_cpm=-1)


@pytest.mark.parametrize("method", ["tmm", "median_of_ratios"])
def test_one_abundant_gene_does_not_sway_the_effective_sizes(method):
    values = np.full((3, 100), 50)
    values[1, 0] = 50_000
    values[2] *= 3
    counts = matrix(values)
    sizes = effective_sizes(counts, method)
    # What all other genes say: the first two libraries are equally deep, the third has three times their depth.
    np.testing.assert_allclose(sizes / sizes[0], [1, 1, 3])
    np.testing.assert_allclose((sizes / counts.sum("gene")).prod(), 1)
    cpm = encode_expression(counts, measure="cpm", normalise=method)["cpm"]
    np.testing.assert_allclose(cpm[:, 1:], np.full((3, 99), cpm[0, 1]))


def test_effective_sizes_of_equal_composition_are_the_totals():
    counts = matrix(np.outer([1, 2, 5], [3, 70, 8, 15, 1000]))
    for method in ("tmm", "median_of_ratios"):
        np.testing.assert_allclose(effective_sizes(counts, method), counts.sum("gene"))


def test_effective_sizes_need_common_genes():
    apart = matrix(np.array([[5, 0], [0, 7]]))
    with pytest.raises(TableError, match="no gene has counts in all 2 samples"):
        effective_sizes(apart, "median_of_ratios")
    with pytest.raises(TableError, match="too few genes"):
        effective_sizes(apart, "tmm")
    with pytest.raises(SettingsError, match="normalise='upper'"):
        effective_sizes(apart, "upper")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            -1,
            r"counts: -1 for sample 'rep2' and gene 'B' \(1 such value\), expected 0 or more; if these are logarithms",
        ),
        (2.5, r"counts: 2.5 for sample 'rep2' and gene 'B'.*estimated=True.*as_measured"),
        (np.nan, r"counts: nan for sample 'rep2' and gene 'B'.*write 0"),
        (np.inf, "rep2.*B"),
        (2.0**53, r"counts: 9.0072e\+15 for sample 'rep2' and gene 'B'.*less than 2\^53"),
        ("many", "row 'B', column 'rep2' holds 'many'"),
    ],
)
def test_damaged_counts_are_named(value, message):
    table = STATQUEST.astype(object)
    table.loc["B", "rep2"] = value
    with pytest.raises(TableError, match=message):
        encode_expression(table, LENGTHS)


def test_estimated_counts_may_be_fractions():
    assert encode_expression(STATQUEST + 0.25, LENGTHS, estimated=True)["tpm"].sum("gene").values == pytest.approx(1e6)


def test_empty_libraries_duplicates_and_empty_tables_are_refused():
    with pytest.raises(TableError, match="sample 'rep2': every count is 0"):
        encode_expression(STATQUEST.assign(rep2=0), LENGTHS)
    with pytest.raises(TableError, match="more than once: A"):
        encode_expression(pd.concat([STATQUEST, STATQUEST.loc[["A"]]]), LENGTHS)
    with pytest.raises(TableError, match="0 rows"):
        encode_expression(STATQUEST.iloc[:0], LENGTHS)
    with pytest.raises(TableError, match="counts: 0 genes in 3 samples"):
        encode_expression(STATQUEST.set_axis(["__no_feature", "__ambiguous", "N_unmapped", "N_noFeature"]), LENGTHS)
    with pytest.raises(TableError, match="the dataset has no variable 'count', only cpm"):
        encode_expression(encode_expression(STATQUEST, measure="cpm", log=False), LENGTHS)


@pytest.mark.parametrize(
    ("value", "message"), [(0, "with 0 base pairs"), (-5, "with -5"), (np.inf, "inf"), ("x", "'x'")]
)
def test_damaged_lengths_are_named(value, message):
    with pytest.raises(TableError, match=f"gene lengths: gene 'B' with.*{message.removeprefix('with ')}"):
        find_lengths({"A": 1000, "B": value}, ["A"])


def test_lengths_twice_or_without_a_column_are_refused():
    with pytest.raises(TableError, match="gene lengths: 1 gene more than once: A"):
        find_lengths(pd.Series([1.0, 2.0], index=["A", "A"]), ["A"])
    with pytest.raises(TableError, match="no column 'length' among gene, bp"):
        find_lengths(pd.DataFrame({"gene": ["A"], "bp": [5]}), ["A"])


@pytest.mark.parametrize("sizes", [{"rep1": 5, "rep2": 0, "rep3": 5}, {"rep1": 5, "rep3": 5}])
def test_library_sizes_must_be_there(sizes):
    with pytest.raises(TableError, match="for sample 'rep2' of 3"):
        encode_expression(STATQUEST, measure="cpm", library_sizes=sizes)


def test_library_sizes_must_be_there_once():
    with pytest.raises(TableError, match="'S0' is there twice"):
        given_sizes(matrix(np.array([[1, 2]])), pd.Series([1, 2], index=["S0", "S0"]))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("tpm", [[9e5, -1.0]], r"tpm: -1 for sample 'S0' and gene 'G1' \(1 such value\), expected 0 or more"),
        ("tpm", [[9e5, 2.5e5 + 0.5]], "sum to more than a million"),
        ("log2_tpm", [[20.5, 0.0]], r"log2_tpm: 20.5 for sample 'S0' and gene 'G0'.*between 0 and 19.94"),
        ("log2_cpm", [[-3.2, 18.0]], "another offset"),
    ],
)
def test_values_that_cannot_be_what_they_are_said_to_be(kind, values, message):
    with pytest.raises(TableError, match=message):
        encode_expression(matrix(np.array(values)), as_measured=kind)


def test_values_that_are_probably_something_else_are_warned_of():
    with pytest.warns(UserWarning, match="sum to less than a million"):
        encode_expression(matrix(np.array([[3.5, 4.5]])), as_measured="cpm")
    with pytest.warns(UserWarning, match="whole numbers; if they are counts"):
        encode_expression(matrix(np.array([[3.0, 4.0]])), as_measured="fpkm")


def test_missing_measured_values_stay_missing():
    data = encode_expression(matrix(np.array([[np.nan, 1.5], [0.0, 2.5]])), as_measured="fpkm")
    assert np.isnan(data["log2_fpkm"].sel(patient="S0", gene="G0"))
    assert int(data["log2_fpkm"].isnull().sum()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "rpm"}, "measure='rpm': expected one of tpm, fpkm, cpm"),
        ({"as_measured": "counts"}, "as_measured='counts'"),
        ({"counted": "pairs"}, "counted='pairs'"),
        ({"without_length": "drop"}, "without_length='drop'"),
        ({"normalise": "tmm"}, "TPM sums to a million"),
        ({"measure": "cpm", "normalise": "tmm", "library_sizes": {}}, "not both"),
        ({"as_measured": "tpm", "measure": "cpm"}, "TPM cannot become CPM"),
        ({"as_measured": "fpkm", "measure": "cpm"}, "FPKM cannot become CPM"),
        ({"as_measured": "cpm", "normalise": "tmm"}, "library sizes are for raw counts"),
        ({"as_measured": "fpkm", "minimum_cpm": 1}, "minimum_cpm needs counts or CPM"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(SettingsError, match=message):
        encode_expression(STATQUEST, LENGTHS, **options)


def test_tpm_needs_lengths():
    with pytest.raises(SettingsError, match="measure='tpm' needs the lengths of genes"):
        encode_expression(STATQUEST)


@pytest.mark.data
def test_counts_per_million_of_real_biopsies():
    table = pd.read_csv(datasets.path("glioma3d/rna_cpm.csv.gz"), index_col=0).dropna()
    with pytest.warns(UserWarning, match="sum to less than a million"):
        data = encode_expression(table, as_measured="cpm", minimum_cpm=1, minimum_units=50)
    assert data["log2_cpm"].sizes["patient"] == 105
    assert data["gene"].size + data.attrs["n_genes_left_out"] == len(table)
    np.testing.assert_allclose(data["cpm"].sel(gene="A1BG", patient="P260v1"), 5.524)
