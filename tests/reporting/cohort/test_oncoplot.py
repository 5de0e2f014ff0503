"""The oncoplot: what it counts, in which order it stands, and what is written on it."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bayesrg import datasets
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics import encode_mutations, read_maf
from bayesrg.reporting.cohort import oncoplot
from bayesrg.reporting.cohort.alterations import arrange
from bayesrg.reporting.cohort.oncoplot import oncoplot_blocks

SCRIPT = "<script>"


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def colours(figure) -> set[str]:
    return {tuple(np.round(patch.get_facecolor(), 3)) for patch in figure.axes[0].patches}


def test_genes_stand_by_recurrence_and_shares_are_of_the_assayed(mutations):
    shown = arrange(mutations)
    assert shown.genes.tolist() == ["TP53", "IDH1", "$x$ <b>"]
    assert shown.recurrence.tolist() == [2, 2, 2]
    assert shown.assayed.tolist() == [4, 4, 2]
    np.testing.assert_allclose(shown.share, [0.5, 0.5, 1.0])
    assert shown.labels.tolist() == ["P2", "P4", "P1", "P3"]


@given(arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 6)), elements=st.sampled_from([0.0, 1.0, np.nan])))
def test_every_cell_is_shown_once_and_patients_stand_in_a_staircase(cells):
    labels = {"patient": [f"P{k}" for k in range(len(cells))], "gene": [f"G{k}" for k in range(cells.shape[1])]}
    data = xr.Dataset({"mutated": (("patient", "gene"), cells)}, labels)
    shown = arrange(data, genes=labels["gene"])
    back = data["mutated"].sel(patient=shown.labels, gene=shown.genes).transpose("gene", "patient").values
    np.testing.assert_array_equal(shown.mutated, back)
    steps = [tuple(column) for column in (shown.mutated == 1).T.astype(int)]
    assert steps == sorted(steps, reverse=True)
    assert (np.diff(shown.recurrence) <= 0).all()


def test_the_order_of_rows_in_the_data_changes_nothing(mutations):
    turned = mutations.isel(patient=[3, 1, 0, 2])
    np.testing.assert_array_equal(arrange(mutations).mutated, arrange(turned).mutated)


def test_numbers_and_escaped_labels_are_in_the_drawing(mutations):
    figure, table = oncoplot_blocks(mutations)
    assert ">50 %<" in figure.svg.replace("\u00a0", " ")
    assert ">2/4<" in figure.svg
    assert ">2/2<" in figure.svg
    assert "$x$ &lt;b&gt;" in figure.svg
    assert "<script" not in figure.svg
    assert "&lt;script&gt;document.title = 'taken over'&lt;/script&gt;" in figure.svg
    assert "TP53 in 2 of 4 (50 %)" in figure.alt
    assert "2 of 12 cells were not assayed" in figure.alt
    assert not re.search("P[1-4]", figure.svg)
    assert table.frame.loc["$x$ <b>"].tolist()[:3] == [2, 2, 1.0]
    assert table.csv.splitlines()[0].startswith("gene,mutated,assayed,share,Missense Mutation")


def test_what_was_not_assayed_is_striped_and_in_the_key(mutations):
    figure = oncoplot(mutations)
    assert "not assayed" in texts(figure)
    assert [patch.get_hatch() for patch in figure.axes[0].patches if patch.get_hatch()] == ["//////", "//////"]
    assert "not assayed" not in texts(oncoplot(mutations.fillna(0.0)))


def test_a_gene_that_nobody_has_is_an_empty_row(mutations):
    figure = oncoplot(mutations, genes=["WILD"])
    assert {"WILD", "0 %", "0/4", "no mutation"} <= set(texts(figure))
    everywhere = oncoplot(mutations[["mutated"]] * np.nan)
    assert {"–", "0/0"} <= set(texts(everywhere))


def test_identifiers_are_shown_only_when_asked_for(mutations):
    assert not {"P1", "P2", "P3", "P4"} & set(texts(oncoplot(mutations)))
    assert {"P1", "P2", "P3", "P4"} <= set(texts(oncoplot(mutations, show_patients=True)))


def test_without_classes_one_variant_and_several_differ(mutations):
    counted = mutations.drop_vars("variant_class")
    assert "several variants" in texts(oncoplot(counted))
    single = counted.assign(variant_count=counted["mutated"])
    assert "one variant" in texts(oncoplot(single))
    assert "mutated" in texts(oncoplot(counted[["mutated"]]))
    assert len(colours(oncoplot(mutations))) > len(colours(oncoplot(counted)))


def test_copy_number_stands_above_and_beneath_cells(mutations):
    classes = np.zeros((4, 4))
    classes[0, 0], classes[1, 0] = 2, -1
    figure = oncoplot(mutations.assign(copy_number_class=(("patient", "gene"), classes)))
    assert {"gain (+2)", "loss (−1)"} <= set(texts(figure))
    assert "gain (+1)" not in texts(figure)


def test_bars_are_logarithmic_where_one_patient_has_most(mutations):
    burden = xr.DataArray([1.0, 2.0, 3.0, 400.0], dims="patient")
    skewed = texts(oncoplot(mutations.assign(tumor_mutational_burden=burden)))
    assert "mutations per megabase per patient, logarithmic from zero" in skewed
    assert {"0", "10", "100", "400"} <= set(skewed)
    even = texts(oncoplot(mutations.assign(tumor_mutational_burden=burden.clip(max=4))))
    assert "mutations per megabase per patient" in even


def test_annotations_are_strips_with_keys(mutations):
    table = pd.DataFrame(
        {"sex": ["f", "m", None, SCRIPT], "age": [31.0, 40, 55, -np.inf], "score": np.arange(4.0)},
        index=["P1", "P2", "P3", "P4"],
    )
    shown = texts(oncoplot(mutations, annotations=table))
    assert {"sex", "age", "f", "m", "not known", "31", "40", "55", "<script>"} <= set(shown)
    figure, _ = oncoplot_blocks(mutations, annotations=table, variables=["sex"])
    assert "sex: <script> 1, f 1, m 1, not known 1." in figure.alt
    assert "age" not in figure.alt
    own = mutations.assign(grade=("patient", ["II", "III", "III", "II"]))
    assert {"grade", "II", "III"} <= set(texts(oncoplot(own, variables=["grade"])))


def test_a_scale_has_five_shades(mutations):
    data = xr.concat([mutations.assign_coords(patient=[f"{k}{p}" for p in range(4)]) for k in range(5)], "patient")
    table = pd.DataFrame({"age": np.arange(20.0)}, index=data["patient"].values)
    assert {"0 to 3.80", "3.80 to 7.60", "15.2 to 19"} <= set(texts(oncoplot(data, annotations=table)))


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"genes": ["TP5"]}, SettingsError, r"'TP5' \(did you mean 'TP53'"),
        ({"genes": 0}, SettingsError, "genes is 0"),
        ({"genes": "TP53"}, SettingsError, "a list of names"),
        ({"variables": ["age"]}, SettingsError, "no variable 'age'"),
        ({"annotations": pd.DataFrame({"a": [1]}, index=["Q1"])}, TableError, "begin with 'Q1'"),
        ({"annotations": pd.DataFrame({"a": [1, 2]}, index=["P1", "P1"])}, TableError, r"more than once.*'P1'"),
        ({"annotations": [1]}, TableError, "is a list"),
    ],
)
def test_what_cannot_be_shown_is_refused(mutations, wrong, error, words):
    with pytest.raises(error, match=words):
        oncoplot(mutations, **wrong)


def test_data_that_hold_no_mutations_are_refused(mutations):
    with pytest.raises(TableError, match=r"'mutated'.*variant_class"):
        oncoplot(mutations.drop_vars("mutated"))
    with pytest.raises(TableError, match="0 patients"):
        oncoplot(mutations.isel(patient=[]))


def test_thousands_of_patients_give_a_drawing_of_bounded_size():
    rng = np.random.default_rng(5)
    cells = (rng.random((5000, 40)) < np.geomspace(0.2, 0.01, 40)).astype(float)
    labels = {"patient": [f"P{k}" for k in range(5000)], "gene": [f"G{k}" for k in range(40)]}
    figure, _ = oncoplot_blocks(xr.Dataset({"mutated": (("patient", "gene"), cells)}, labels))
    assert "20 genes by 5000 patients" in figure.alt
    assert len(figure.svg) < 2e6


@pytest.mark.data
def test_leukaemia_has_its_known_genes():
    figure, table = oncoplot_blocks(read_maf(datasets.path("laml/tcga_laml.maf.gz"), variants="snv+indel"))
    assert "20 genes by 193 patients" in figure.alt
    assert table.frame.index[:3].tolist() == ["FLT3", "DNMT3A", "NPM1"]
    assert table.frame["mutated"].tolist()[:3] == [52, 48, 33]
    assert "52/193" in figure.svg
    assert "TCGA" not in figure.svg


def test_encoded_classes_are_drawn_by_their_words():
    table = pd.DataFrame(
        {
            "gene": ["TP53", "TP53", "IDH1"],
            "sample": ["P1", "P1", "P2"],
            "classification": ["Missense_Mutation", "Nonsense_Mutation", "Splice_Site"],
            "variant_type": ["SNP"] * 3,
        }
    )
    shown = arrange(encode_mutations(table))
    assert sorted(shown.kind[shown.kind != ""]) == ["Multi Hit", "Splice Site"]
