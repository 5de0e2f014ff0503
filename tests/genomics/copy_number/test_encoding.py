"""Genes from segments, purity and ploidy, classes, the altered genome: closed forms, properties, real leukaemias."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg import datasets
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.copy_number.altered_genome import measure_altered_genome
from bayesrg.genomics.copy_number.encoding import (
    COPY_THRESHOLDS,
    RATIO_THRESHOLDS,
    discretise_copy_number,
    encode_copy_number,
)
from bayesrg.genomics.copy_number.gene_copy_number import genes_of_segments
from bayesrg.genomics.copy_number.gene_copy_table import read_gene_copy_number
from bayesrg.genomics.copy_number.segments import read_segments

# RefSeq genes as UCSC's hg19 (GRCh37) places them.
GENES = pd.DataFrame(
    [
        ("EGR1", "5", 137801181, 137805004),
        ("CUX1", "7", 101459184, 101927250),
        ("EZH2", "7", 148504475, 148581383),
        ("MYC", "8", 128748315, 128753680),
        ("GAPDH", "12", 6643585, 6647537),
        ("TP53", "17", 7571720, 7590868),
    ],
    columns=["gene", "chromosome", "start", "end"],
)


def make_segments(*rows):
    columns = ["sample", "chromosome", "start", "end", "log2_ratio"]
    return pd.DataFrame(rows, columns=columns)


def make_genes(*rows):
    return pd.DataFrame(rows, columns=["gene", "chromosome", "start", "end"])


TWO = make_segments(
    ("P1", "1", 1, 100, -1.0), ("P1", "1", 151, 300, 0.5), ("P2", "1", 1, 1000, 0.25), ("P2", "X", 1, 1000, -0.5)
)  # fmt: skip


def test_encode_takes_segments():
    genes = make_genes(("A", "1", 81, 190))
    xr.testing.assert_identical(encode_copy_number(TWO, genes), genes_of_segments(TWO, genes))
    with pytest.raises(SettingsError, match="segments need an annotation"):
        encode_copy_number(TWO)
    with pytest.raises(SettingsError, match=r"read_segments\(path, scale=…\)"):
        encode_copy_number(TWO, genes, scale="copy_number")


@pytest.mark.parametrize(
    ("scale", "values"),
    [
        ("log2_ratio", [[-1.0, 0.0], [1.0, np.nan]]),
        ("ratio", [[0.5, 1.0], [2.0, np.nan]]),
        ("copy_number", [[1, 2], [4, np.nan]]),
        ("copy_number_minus_2", [[-1, 0], [2, np.nan]]),
    ],
)
@pytest.mark.parametrize("across", ["rows", "columns"])
def test_encode_takes_genes_on_each_scale(scale, values, across):
    table = pd.DataFrame(values, index=["P1", "P2"], columns=["A", "B"])
    found = encode_copy_number(table.T if across == "rows" else table, scale=scale, across=across)
    np.testing.assert_allclose(found["log2_ratio"], [[-1.0, 0.0], [1.0, np.nan]])
    assert found["log2_ratio"].dims == ("patient", "gene")


def test_encode_takes_classes_and_refuses_what_is_none():
    table = pd.DataFrame({"P1": [-2, 0], "P2": [2, np.nan]}, index=["A", "B"])
    found = encode_copy_number(table, scale="copy_number_class")
    np.testing.assert_array_equal(found["copy_number_class"], [[-2, 0], [2, np.nan]])
    with pytest.raises(TableError, match=r"sample P1, gene A: -0\.5 is no class"):
        encode_copy_number(table.replace(-2, -0.5), scale="copy_number_class")
    with pytest.raises(TableError, match="3"):
        encode_copy_number(table.replace(-2, 3), scale="copy_number_class")


def test_encode_refuses_negative_copies_and_another_scale():
    table = pd.DataFrame(2.0, index=[f"G{i}" for i in range(30)], columns=["P1"])
    with pytest.raises(
        TableError, match="half of the genome has values up to 2, which is unusual for scale='log2_ratio'"
    ):
        encode_copy_number(table)
    assert encode_copy_number(table, check_plausibility=False)["log2_ratio"].values.max() == 2.0
    with pytest.raises(TableError, match="G0"):
        encode_copy_number(table.replace(2.0, -2.0), scale="copy_number")
    with pytest.raises(SettingsError, match="scale is 'percent'"):
        encode_copy_number(table, scale="percent")


@pytest.mark.parametrize(
    "header", ["Hugo_Symbol\tEntrez_Gene_Id", "Gene Symbol\tGene ID\tCytoband", "Entrez_Gene_Id\tHugo_Symbol"]
)
def test_tables_of_gistic_and_cbioportal(tmp_path, header):
    cells = {"Hugo_Symbol": "EZH2", "Gene Symbol": "EZH2", "Cytoband": "7q36.1"}
    row = "\t".join(cells.get(name, "2146") for name in header.split("\t"))
    path = tmp_path / "data_cna.txt"
    path.write_text(f"{header}\tTCGA-AB-2803-03\tTCGA-AB-2804-03\n{row}\t-2\tNA\n")
    found = encode_copy_number(read_gene_copy_number(path), scale="copy_number_class")
    assert found["gene"].values.tolist() == ["EZH2"]
    assert found["patient"].values.tolist() == ["TCGA-AB-2803", "TCGA-AB-2804"]
    np.testing.assert_array_equal(found["copy_number_class"], [[-2], [np.nan]])
    assert "read_gene_copy_number: data_cna.txt (sha256" in found.attrs["history"]


def test_tables_of_genes_that_are_wrong(tmp_path):
    path = tmp_path / "data_cna.txt"
    path.write_text("Hugo_Symbol\tP1\nEZH2\t1\nEZH2\t0\n")
    with pytest.raises(TableError, match="EZH2"):
        read_gene_copy_number(path)
    path.write_text("Hugo_Symbol\tEntrez_Gene_Id\nEZH2\t1\n")
    with pytest.raises(TableError, match="no column holds a sample; besides the gene there is Entrez_Gene_Id"):
        read_gene_copy_number(path)
    path.write_text("Hugo_Symbol\tP1\tP2\nEZH2\t1\tlow\n")
    with pytest.raises(TableError, match="EZH2"):
        encode_copy_number(read_gene_copy_number(path))


SEXES = {"M": "male", "F": "female"}


@pytest.mark.parametrize(("scale", "less"), [("copy_number", 0.0), ("copy_number_minus_2", 2.0)])
def test_one_x_of_a_male_is_no_loss(scale, less):
    genes = make_genes(("A", "1", 1, 9), ("B", "X", 1, 9), ("C", "Y", 1, 9))
    table = pd.DataFrame({"M": [2.0, 1.0, 1.0], "F": [2.0, 2.0, 0.0]}, index=["A", "B", "C"]) - less
    found = encode_copy_number(table, genes, scale=scale, sex=SEXES)
    np.testing.assert_array_equal(found["log2_ratio"], [[0, 0, 0], [0, 0, np.nan]])
    assert "sex='of 2 units'" in found.attrs["history"]
    assert encode_copy_number(table, genes, scale=scale)["log2_ratio"].sel(patient="M", gene="B") == -1.0
    who = {"M": "one", "F": "two"}
    by_patient = encode_copy_number(table, genes, scale=scale, samples=who, sex={"one": "M", "two": "F"})
    np.testing.assert_array_equal(by_patient["log2_ratio"], found["log2_ratio"])
    with pytest.raises(TableError, match="1 of 2 samples have no sex: F"):
        encode_copy_number(table, genes, scale=scale, sex={"M": "male"})
    with pytest.raises(TableError, match="no coordinate 'chromosome'"):
        encode_copy_number(table, scale=scale, sex=SEXES)


def test_sex_is_refused_where_it_says_nothing():
    with pytest.raises(SettingsError, match="scale is 'ratio'; leave sex out"):
        encode_copy_number(pd.DataFrame({"M": [1.0]}, index=["A"]), scale="ratio", sex="male")
    with pytest.raises(SettingsError, match=r"read_segments\(path, scale=…, sex=…\)"):
        encode_copy_number(TWO, make_genes(("A", "1", 1, 9)), sex="male")


def test_encode_takes_a_dataset():
    first = genes_of_segments(TWO, make_genes(("A", "1", 81, 190)))
    found = encode_copy_number(first)
    xr.testing.assert_equal(found["log2_ratio"], first["log2_ratio"])
    assert found.attrs["history"].startswith("genes_of_segments: ")
    copies = first.rename(log2_ratio="copy_number") * 0 + 4
    assert encode_copy_number(copies, scale="copy_number")["log2_ratio"].values.tolist() == [[1.0], [1.0]]
    with pytest.raises(TableError, match="the data hold copy_number, but no 'log2_ratio'"):
        encode_copy_number(copies)


def test_log2_ratios_are_raised_too():
    table = pd.DataFrame({"P1": [-20.0, 0.0]}, index=["A", "B"])
    found = encode_copy_number(table)["log2_ratio"]
    np.testing.assert_allclose(found, [[np.log2(0.01), 0.0]])
    assert found.attrs["n_raised"] == 1


def test_encode_gives_genes_their_places_and_keeps_the_unit_dim():
    matrix = xr.DataArray([[0.1, -0.3]], dims=("region", "gene"), coords={"region": ["P/a"], "gene": ["MYC", "odd"]})
    found = encode_copy_number(matrix, GENES)
    assert found["log2_ratio"].dims == ("region", "gene")
    assert found["chromosome"].values.tolist() == ["8", ""]
    np.testing.assert_array_equal(found["start"], [128748315, np.nan])


def test_values_at_a_threshold_are_below_it():
    ratios = np.array([*RATIO_THRESHOLDS, *(np.array(RATIO_THRESHOLDS) + 1e-9)])
    data = xr.Dataset({"log2_ratio": (("patient", "gene"), ratios[np.newaxis])})
    found = discretise_copy_number(data)["copy_number_class"]
    assert found.values.tolist() == [[-2, -1, 0, 1, -1, 0, 1, 2]]
    assert found.attrs["thresholds"] == list(RATIO_THRESHOLDS)
    wide = discretise_copy_number(data, thresholds=(-9, -8, 8, 9))["copy_number_class"]
    assert wide.values.tolist() == [[0] * 8]


def test_absolute_copies_are_rounded():
    copies = np.array([0.0, 0.4, 0.6, 1.4, 1.6, 2.0, 2.4, 3.0, 3.6, 9.0, np.nan])
    data = xr.Dataset({"copy_number": (("patient", "gene"), copies[np.newaxis])})
    found = discretise_copy_number(data)["copy_number_class"].values[0]
    np.testing.assert_array_equal(found, [-2, -2, -1, -1, 0, 0, 0, 1, 2, 2, np.nan])
    assert COPY_THRESHOLDS == (0.5, 1.5, 2.5, 3.5)
    with pytest.raises(TableError, match="the smallest copy number is -1"):
        discretise_copy_number(data - 1)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30))
def test_a_larger_ratio_is_never_in_a_lower_class(ratios):
    data = xr.Dataset({"log2_ratio": (("patient", "gene"), [sorted(ratios)])})
    assert np.all(np.diff(discretise_copy_number(data)["copy_number_class"].values) >= 0)


@pytest.mark.parametrize("thresholds", [(0, 1, 2), (0, 0, 1, 2), (3, 2, 1, 0), (0, 1, 2, np.inf)])
def test_wrong_thresholds_are_refused(thresholds):
    with pytest.raises(SettingsError, match="expected four numbers that ascend"):
        discretise_copy_number(xr.Dataset({"log2_ratio": (("patient", "gene"), [[0.0]])}), thresholds=thresholds)
    with pytest.raises(TableError, match="expected copy_number or log2_ratio"):
        discretise_copy_number(xr.Dataset())


def test_altered_genome():
    segments = make_segments(
        ("A", "1", 1, 900, 0.0), ("A", "1", 901, 1000, 0.5), ("A", "2", 1, 100, -0.4), ("A", "X", 1, 500, -1.0),
        ("B", "1", 1, 100, 0.2), ("C", "X", 1, 100, 0.9),
    )  # fmt: skip
    found = measure_altered_genome(segments)
    np.testing.assert_allclose(found["fraction_genome_altered"], [200 / 1100, 0.0, np.nan])
    np.testing.assert_allclose(found["weighted_genome_instability_index"], [0.55, 0.0, np.nan])
    shifted = segments.assign(log2_ratio=segments["log2_ratio"] + 0.6)
    np.testing.assert_allclose(
        measure_altered_genome(shifted, relative_to="median")["fraction_genome_altered"], [200 / 1100, 0.0, np.nan]
    )
    with pytest.raises(SettingsError, match="threshold is 0"):
        measure_altered_genome(segments, threshold=0.0)
    with pytest.raises(SettingsError, match="relative_to is 'mode'"):
        measure_altered_genome(segments, relative_to="mode")


@pytest.fixture(scope="module")
def laml():
    return read_segments(datasets.path("laml/LAML_CBS_segments.tsv.gz"), scale="copy_number_minus_2", build="GRCh37")


@pytest.mark.data
def test_leukaemias_lose_5q_and_7q(laml):
    """Parts of arms only: in this table a chromosome that is altered over its whole length stands at 0."""
    encoded = encode_copy_number(laml, GENES)
    assert encoded.sizes == {"patient": 191, "gene": 6}
    classes = discretise_copy_number(encoded)["copy_number_class"]
    lost = (classes < 0).sum("patient").to_series()
    gained = (classes > 0).sum("patient").to_series()
    assert lost.to_dict() == {"EGR1": 11, "CUX1": 0, "EZH2": 6, "MYC": 0, "GAPDH": 0, "TP53": 2}
    # Losses of parts of 5q and 7q are among the most frequent of the disease, at some percent each.
    assert 0.04 < lost["EGR1"] / 191 < 0.09
    assert 0.02 < lost["EZH2"] / 191 < 0.05
    assert gained.to_dict() == {"EGR1": 0, "CUX1": 0, "EZH2": 0, "MYC": 1, "GAPDH": 0, "TP53": 1}
    assert "read_segments: LAML_CBS_segments.tsv.gz" in encoded.attrs["history"]


@pytest.mark.data
def test_most_leukaemias_have_a_quiet_genome(laml):
    found = measure_altered_genome(laml)["fraction_genome_altered"]
    assert float(found.median()) < 0.001
    assert 0.05 < float(found.max()) < 0.15


@pytest.mark.data
def test_one_leukaemia_read_from_its_seg_file():
    segments = read_segments(datasets.path("laml/TCGA.AB.3009.hg19.seg.txt"), build="GRCh37")
    found = encode_copy_number(segments, GENES)["log2_ratio"]
    assert found["patient"].values.tolist() == ["TCGA-AB-3009"]
    assert np.all(np.abs(found) < 0.1)
