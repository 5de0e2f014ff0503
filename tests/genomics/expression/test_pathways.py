"""Scores of gene sets: by hand, against a plain form of ssGSEA, and under what must not change them."""

import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesrg import datasets
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.expression.gene_sets import GeneSets
from bayesrg.genomics.expression.pathways import score_pathways

SETS = {"ODD": ("g1", "G3", "G5", "G7"), "FIRST": ("G0", "g1", "G2"), "MANY": tuple(f"G{i}" for i in range(2, 20))}
METHODS = ("mean_z", "ssgsea")


def cohort(seed: int = 1, shape: tuple[int, int] = (6, 20)) -> xr.DataArray:
    """Return made expression of patients with labels of mixed case, of which one reads like a number."""
    genes = ["g1" if i == 1 else f"G{i}" for i in range(shape[1])]
    patients = ["007", *(f"P{i}" for i in range(1, shape[0]))]
    values = np.random.default_rng(seed).gamma(2, 2, size=shape)
    return xr.DataArray(values, {"patient": patients, "gene": genes}, ("patient", "gene"))


def enrichment(values: pd.Series, genes: tuple[str, ...], alpha: float) -> float:
    """Return the sum over ranked genes of P_G - P_NG, as the supplement of Barbie et al. (2009) defines it."""
    ranks = values.rank().sort_values(ascending=False)
    inside = ranks.index.isin(genes)
    weight = np.where(inside, ranks.to_numpy() ** alpha, 0.0)
    return float(np.sum(np.cumsum(weight) / weight.sum() - np.cumsum(~inside) / np.sum(~inside)))


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_ssgsea_is_the_published_sum(alpha):
    expression = cohort()
    scores = score_pathways(expression, SETS, method="ssgsea", minimum_genes=3, alpha=alpha)["pathway_score"]
    for patient, pathway in [(p, k) for p in scores["patient"].values for k in SETS]:
        expected = enrichment(expression.sel(patient=patient).to_pandas(), SETS[pathway], alpha)
        assert scores.sel(patient=patient, pathway=pathway).item() == pytest.approx(expected, abs=1e-9)


def test_ssgsea_of_one_patient_needs_no_other():
    expression = cohort()
    alone = score_pathways(expression[:1], SETS, method="ssgsea", minimum_genes=3)
    xr.testing.assert_allclose(
        alone, score_pathways(expression, SETS, method="ssgsea", minimum_genes=3)[{"patient": [0]}]
    )


def test_normalised_ssgsea_has_a_range_of_one():
    plain = score_pathways(cohort(), SETS, method="ssgsea", minimum_genes=3)["pathway_score"]
    scores = score_pathways(cohort(), SETS, method="ssgsea", minimum_genes=3, normalise=True)["pathway_score"]
    assert float(scores.max() - scores.min()) == pytest.approx(1)
    np.testing.assert_allclose(scores / scores[0, 0], plain / plain[0, 0])
    with pytest.raises(TableError, match="all ssGSEA scores are equal"):
        score_pathways(cohort()[:1], {"ODD": SETS["ODD"]}, method="ssgsea", minimum_genes=3, normalise=True)


def test_ssgsea_without_gseapy_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gseapy", None)
    with pytest.raises(SettingsError, match=r"bayesrg\[ssgsea\]"):
        score_pathways(cohort(), SETS, method="ssgsea", minimum_genes=3)
    assert score_pathways(cohort(), SETS, minimum_genes=3)["pathway_score"].notnull().all()


def test_mean_of_z_scores_by_hand():
    expression = cohort()
    data = score_pathways(expression, SETS, minimum_genes=3)
    z = (expression - expression.mean("patient")) / expression.std("patient", ddof=1)
    for name, genes in SETS.items():
        np.testing.assert_allclose(
            data["pathway_score"].sel(pathway=name), z.sel(gene=list(genes)).mean("gene"), atol=1e-12
        )
    np.testing.assert_allclose(data["pathway_score"].mean("patient"), 0, atol=1e-12)
    assert data["pathway_score"].dims == ("patient", "pathway")
    assert data.attrs["history"] == "score_pathways: method='mean_z', minimum_genes=3"


@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 10))
def test_mean_z_ignores_each_genes_place_and_scale(shift: float, scale: float):
    expression = cohort()
    there = score_pathways(expression, SETS, minimum_genes=3)
    moved = expression.copy()
    moved[:, 3] = moved[:, 3] * scale + shift
    xr.testing.assert_allclose(score_pathways(moved, SETS, minimum_genes=3), there)


@settings(max_examples=10)
@given(random=st.randoms(use_true_random=False))
@pytest.mark.parametrize("method", METHODS)
def test_order_of_genes_and_patients_does_not_matter(method, random):
    expression = cohort().round()  # with ties
    patients = random.sample(list(expression["patient"].values), expression.sizes["patient"])
    genes = random.sample(list(expression["gene"].values), expression.sizes["gene"])
    there = score_pathways(expression, SETS, method=method, minimum_genes=3).sel(patient=patients)
    found = score_pathways(expression.sel(patient=patients, gene=genes), SETS, method=method, minimum_genes=3)
    xr.testing.assert_allclose(found, there, atol=1e-9)


def test_alphabet_decides_among_genes_of_equal_expression():
    # All genes are equal, and so are their ranks: the genes of FIRST come first in the alphabet, those of LAST last.
    names = [f"G{i:02d}" for i in range(20)]
    flat = pd.DataFrame(0.0, index=names, columns=["P1", "P2"]).sample(frac=1, random_state=2)
    scores = score_pathways(flat, {"FIRST": names[:4], "LAST": names[-4:]}, method="ssgsea", minimum_genes=3)
    members, others = np.arange(1, 5) / 4, np.arange(1, 17) / 16
    highest = np.sum(np.r_[members, np.ones(16)] - np.r_[np.zeros(4), others])
    np.testing.assert_allclose(scores["pathway_score"].sel(pathway="FIRST"), highest)
    lowest = np.sum(np.r_[np.zeros(16), members] - np.r_[others, np.ones(4)])
    np.testing.assert_allclose(scores["pathway_score"].sel(pathway="LAST"), lowest)


def test_what_was_not_measured_or_is_constant_is_counted():
    expression = cohort()
    expression[:, 5] = 0.1
    sets = GeneSets({"ODD": (*SETS["ODD"], "ABSENT"), "OTHER": SETS["FIRST"]}, {"ODD": "odd ones"})
    data = score_pathways(expression, sets, minimum_genes=3)
    assert data["n_genes"].values.tolist() == [5, 3]
    assert data["n_measured"].values.tolist() == [3, 3]
    assert data["description"].values.tolist() == ["odd ones", ""]
    assert data.attrs["n_genes_constant"] == 1


def test_missing_values_leave_a_mean_of_the_others():
    expression = cohort()
    expression[0, 3] = np.nan
    data = score_pathways(expression, SETS, minimum_genes=4 - 1)["pathway_score"]
    z = (expression - expression.mean("patient")) / expression.std("patient", ddof=1)
    np.testing.assert_allclose(data.sel(pathway="ODD"), z.sel(gene=list(SETS["ODD"])).mean("gene"), atol=1e-12)
    with pytest.warns(UserWarning, match="'FIRST' left out"):
        fewer = score_pathways(expression, SETS, minimum_genes=4)["pathway_score"].sel(pathway="ODD")
    assert fewer.isnull().values.tolist() == [True] + [False] * 5
    with pytest.raises(TableError, match=r"gene 'G3' in patient '007' is missing \(1 such values\)"):
        score_pathways(expression, SETS, method="ssgsea", minimum_genes=3)


@pytest.mark.parametrize("method", METHODS)
def test_small_sets_are_left_out_with_a_warning(method):
    with pytest.warns(UserWarning, match="2 gene sets .'ODD', 'FIRST'. left out of 3: fewer than 5"):
        data = score_pathways(cohort(), SETS, method=method)
    assert data["pathway"].values.tolist() == ["MANY"]
    assert (data.attrs["pathways_left_out"], data.attrs["n_pathways_left_out"]) == ("ODD, FIRST", 2)


def test_set_of_all_genes_has_no_enrichment():
    sets = {**SETS, "ALL": tuple(cohort()["gene"].values)}
    with pytest.warns(UserWarning, match="gene set 'ALL' left out of 4"):
        assert score_pathways(cohort(), sets, method="ssgsea", minimum_genes=3).sizes["pathway"] == 3


def test_dataset_must_have_one_variable_of_logarithms():
    data = xr.Dataset({"log2_tpm": cohort(), "tpm": cohort()}, attrs={"history": "before"})
    scores = score_pathways(data, SETS, minimum_genes=3)
    xr.testing.assert_identical(
        scores["pathway_score"], score_pathways(cohort(), SETS, minimum_genes=3)["pathway_score"]
    )
    assert scores.attrs["history"].startswith("before\nscore_pathways")
    with pytest.raises(TableError, match="the dataset has none of log2_tpm"):
        score_pathways(data[["tpm"]], SETS)


def test_coordinates_of_units_stay():
    regions = cohort().rename(patient="region").assign_coords(region_label=("region", list("abcdef")))
    assert score_pathways(regions, SETS, minimum_genes=3)["region_label"].values.tolist() == list("abcdef")


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({}, "there are no gene sets"),
        ({"ONE": "TP53"}, r"gene set 'ONE' is the text 'TP53'.*write \['TP53'\]"),
        (
            {"ONE": ("ENSG1", "ENSG2")},
            "none of 1 gene sets has 5 genes.*like G0, g1, G2, and those of the sets like ENSG1",
        ),
    ],
)
def test_sets_that_cannot_be_scored(sets, message):
    with pytest.raises(TableError, match=message):
        score_pathways(cohort(), sets)


def test_mean_z_needs_a_cohort():
    with pytest.raises(TableError, match="expression of one patient only"):
        score_pathways(cohort()[:1], SETS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "gsva"}, "method='gsva': expected one of mean_z, ssgsea"),
        ({"minimum_genes": 0}, "minimum_genes=0"),
        ({"alpha": -1.0}, "alpha=-1.0"),
        ({"normalise": True}, "normalise divides ssGSEA scores"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(SettingsError, match=message):
        score_pathways(cohort(), SETS, **options)


@pytest.mark.data
@pytest.mark.parametrize("method", METHODS)
def test_oestrogen_response_tells_breast_cancers_apart(method):
    table = pd.read_csv(datasets.path("mixomics/breastTCGA_data.train_mrna.csv.gz"), index_col=0)
    subtype = pd.read_csv(datasets.path("mixomics/breastTCGA_data.train_subtype.csv"), index_col=0).iloc[:, 0]
    luminal = {"LUMINAL": ("KDM4B", "ZNF552", "C4orf34", "ESR1")}
    scores = score_pathways(table, luminal, method=method, minimum_genes=3, across="columns")["pathway_score"]
    kinds = subtype.to_numpy()
    assert scores.sizes["sample"] == 150
    assert float(scores.values[kinds == "LumA"].mean()) > float(scores.values[kinds == "Basal"].mean())
