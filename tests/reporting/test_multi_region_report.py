"""What the report of a multi-region fit says, against draws that stand for a fit: no sampler runs here."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from bayesrg.inference.diagnosis import diagnose
from bayesrg.inference.provenance import describe
from bayesrg.models import MultiRegion
from bayesrg.models.regions.neighbourhood import scaled_icar
from bayesrg.reporting import SelectionRule, report
from bayesrg.reporting.blocks import Figure, Page, Table
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.multi_region import compose
from bayesrg.reporting.multi_region.imaging import one_way
from bayesrg.reporting.multi_region.overlaps import overlap
from bayesrg.reporting.multi_region.places import neighbours
from bayesrg.reporting.multi_region.semivariances import semivariances
from bayesrg.reporting.multi_region.study import Link, Study
from bayesrg.reporting.rounding import probability
from bayesrg.reporting.writing import write_page

FEATURES = ["<b>contrast</b>", "mean"]
GENES = ["TP53 & co", "VEGFA"]
TUMOR = "Zacharias-{}"
CHAINS, DRAWS = 4, 400
SAMPLED = ("slope_sd", "heterogeneity_sd", "within_share", "tumor_sd", "space_sd", "total_sd", "share", "length_scale")
SECTIONS = [
    "verdict",
    "question",
    "model",
    "data",
    "places",
    "coefficients",
    "heterogeneity",
    "tumors",
    "variances",
    "imaging",
    "variogram",
    "identifiability",
    "sensitivity",
    "prediction",
    "priors",
    "diagnostics",
    "methods",
    "record",
]


def table() -> pd.DataFrame:
    """Regions of nine tumours with hostile names, and a gene that is missing once."""
    rng = np.random.default_rng(71)
    rows = pd.DataFrame([(TUMOR.format(t), f"r{r}") for t in range(9) for r in range(3)], columns=["tumor", "region"])
    n = len(rows)
    rows[["x", "y"]] = rng.uniform(0.0, 30.0, (n, 2))
    rows[GENES[0]] = (rng.random(n) < 0.5).astype(float)
    rows[GENES[1]] = rng.normal(size=n)
    for name in FEATURES:
        rows[name] = rng.normal(size=n)
    rows.loc[4, GENES[1]] = np.nan
    return rows


def as_a_fit(model: MultiRegion, prepared: xr.Dataset, *, draws: int = DRAWS, broken: bool = False) -> xr.DataTree:
    """What `fit` would give, had its draws been scattered a little about the truth, of which the data are made."""
    rng = np.random.default_rng(72)
    drawn = model.draw_prior(prepared, rng, CHAINS * draws)
    prior = drawn["parameters"].to_dataset()
    truth = prior[[name for name in prior.data_vars if name in SAMPLED]].isel(draw=0)
    truth["tumor_sd"][:], truth["space_sd"][:] = 0.15, 0.1
    truth["space_sd"][..., 1] = 0.9
    truth["total_sd"][:], truth["slope_sd"][...], truth["heterogeneity_sd"][...] = 0.25, 0.8, 0.4
    truth["B_0"] = ("feature", "gene"), np.array([[1.2, 0.0], [0.0, -0.4]])
    data = model.simulate(prepared, rng, truth)["data"].to_dataset()
    data["value"][2, 0] = np.nan
    own = truth.drop_vars("B_0").expand_dims(chain=range(CHAINS), draw=range(draws)).copy(deep=True)
    for name in own.data_vars:
        own[name] = own[name] * np.exp(0.1 * rng.standard_normal(own[name].shape))
    own["share"] = own["share"] / own["share"].sum("component")
    own["within_share"] = own["within_share"].clip(max=0.95)
    if broken:
        own["slope_sd"][0] += 5.0
    posterior = own.merge(model.recover_local(own, data, rng, local=False))
    simulated = drawn["data"]["value"].expand_dims("chain")
    one_chain = prior.expand_dims("chain").assign_coords(chain=[0], draw=range(CHAINS * draws))
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "estimands": model.estimands(posterior, data),
            "prior_estimands": model.estimands(one_chain, data.assign(value=simulated)),
            "log_likelihood": model.log_likelihood(posterior, data),
            "log_prior": model.log_prior(posterior, data),
            "sample_stats": xr.Dataset(
                {
                    "diverging": (("chain", "draw"), np.zeros((CHAINS, draws), dtype=bool)),
                    "maxdepth_reached": (("chain", "draw"), np.zeros((CHAINS, draws), dtype=bool)),
                    "energy": (("chain", "draw"), rng.standard_normal((CHAINS, draws))),
                }
            ),
            "constant_data": data.drop_vars("value"),
            "observed_data": data[["value"]],
        }
    )
    names = ("bayesrg", "pymc", "nutpie", "arviz")
    sampler = {"method": "NUTS (nutpie)", "seed": 1, "chains": CHAINS, "draws": draws, "tune": 500}
    tree["provenance"] = xr.Dataset(
        attrs={
            "model": json.dumps(describe(model)),
            "sampler": json.dumps(sampler),
            "versions": json.dumps(dict.fromkeys(names, "1")),
            "data_sha256": "0" * 64,
            "created": "2026-01-01",
            "seconds": "{}",
        }
    )
    tree["provenance"].attrs["verdict"] = diagnose(tree).verdict
    return tree


@pytest.fixture(scope="module")
def matern() -> xr.DataTree:
    """Regions with places."""
    model = MultiRegion()
    data = model.prepare(table(), features=FEATURES, genes=GENES, coordinates=["x", "y"], units={"mean": "HU"})
    return as_a_fit(model, data)


@pytest.fixture(scope="module")
def composed(matern: xr.DataTree) -> tuple[Fitted, Page]:
    """The page of the fit with places, as blocks."""
    return compose(Fitted(matern, MultiRegion()), False)


@pytest.fixture(scope="module")
def written(composed: tuple[Fitted, Page], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same page as a file."""
    fitted, page = composed
    return write_page(
        page, tmp_path_factory.mktemp("regions") / "matern.html", verdict=f"{fitted.verdict}.", mark=fitted.mark
    )


@pytest.fixture(scope="module")
def study(matern: xr.DataTree) -> Study:
    """The fit as its report reads it."""
    return Study(Fitted(matern, MultiRegion()), False)


def csv(written: Path, name: str) -> pd.DataFrame:
    """A table's file."""
    return pd.read_csv(written.parent / "matern_files" / f"{name}.csv")


def test_the_sections_stand_in_their_order(written, read):
    page = read(written)
    assert [section.attributes["id"] for section in page.one("main").all("section")] == SECTIONS
    assert page.one("header").children[0].words == "✓ Converged."
    assert "1 of 27 rows were left out: 1 because VEGFA is missing." in page.one("section", id="data").words


def test_the_verdict_is_of_the_draws(written, read, matern, study):
    words = read(written).one("section", id="verdict").words
    estimate = study.estimate("B_0", Link(FEATURES[0], GENES[0]))
    assert f"{GENES[0]} with {FEATURES[0]}: B0 is {estimate.bare} sds" in words
    above = matern["estimands"]["heterogeneity_above"].values.any(axis=(2, 3)).mean()
    assert (
        f"With a probability of {' '.join(probability(above, CHAINS * DRAWS).split())} at least one link varies"
        in words
    )
    kinds = csv(written, "kinds").set_index(["feature", "gene"])
    universal = matern["estimands"]["universal"].mean(("chain", "draw"))
    for link in study.links:
        expected = float(universal.sel(feature=link.feature, gene=link.gene))
        assert kinds.loc[(link.feature, link.gene), "universal"] == pytest.approx(expected)
    assert "local: differs within tumours" in kinds.loc[(FEATURES[0], GENES[1]), "reading"]


def test_tables_are_the_estimands(written, matern):
    slope = matern["estimands"]["B_0"].mean(("chain", "draw")).values
    np.testing.assert_allclose(csv(written, "coefficients")["B_0_mean"], slope.ravel())
    variance = matern["estimands"]["B_variance"].mean(("chain", "draw")).values
    np.testing.assert_allclose(csv(written, "variation")["B_variance_mean"], variance.ravel())
    split = csv(written, "variance_split")
    sources = split[split["source"] != "all variation of links"].groupby("feature")["mean"].sum()
    np.testing.assert_allclose(sources, 1.0)


def test_no_one_is_named_and_nothing_is_markup(written, read):
    files = [written, *(written.parent / "matern_files").iterdir()]
    assert len(files) > 20
    assert all(TUMOR.format("") not in file.read_text(encoding="utf-8") for file in files)
    assert FEATURES[0] not in written.read_text(encoding="utf-8")
    assert FEATURES[0] in read(written).one("h1").words


def test_labels_are_shown_where_they_may_be(matern):
    shown = Study(Fitted(matern, MultiRegion()), True)
    assert shown.tumors[0] == TUMOR.format(0)


def test_figures_tell_their_numbers(composed):
    figures = composed[1].of_kind(Figure)
    assert {"places_feature", "places_B", "variogram", "learned", "pit", "tumors_1", "variance_split"} <= {
        figure.name for figure in figures
    }
    for figure in figures:
        assert any(letter.isdigit() for letter in figure.alt), figure.name
        assert figure.caption


def test_regions_left_out_are_in_their_place(written):
    own = csv(written, "coverage")
    whole = own[(own["feature"] == "all features")].set_index("left_out")
    # The data are of these very parameters: 51 values, of which a share outside four standard errors is no accident.
    error = np.sqrt(0.8 * 0.2 / whole["values"])
    assert (np.abs(whole["coverage_0.8"] - 0.8) < 4.0 * error).all()
    assert set(whole["values"]) == {51}


def test_the_variogram_of_many_copies_is_what_is_expected(study):
    found = semivariances(study)
    assert found.labels[-1] == "different patients"
    assert found.pairs[:, :-1].sum() == pytest.approx(
        23 + 25
    )  # nine tumours of three regions, one of them not fitted, one without a value
    draws = found.replicated.shape[0]
    error = found.replicated.std(axis=0) / np.sqrt(draws)
    assert (np.abs(found.replicated.mean(axis=0) - found.implied.mean(axis=0)) < 4.5 * error).all()
    value, tumor = study.layout.value[:, 1], study.layout.tumor
    mean = np.einsum("rp,dp->dr", study.layout.columns, study.coefficients[:, 1])
    rest = (value - mean)[0]
    far = 0.5 * (rest[:, None] - rest) ** 2
    assert found.observed[0, 1, -1] == pytest.approx(far[tumor[:, None] != tumor].mean())


def test_a_fit_that_failed_says_so_first_and_everywhere():
    model = MultiRegion(spatial="exchangeable", contextual=False)
    data = model.prepare(table(), features=FEATURES, genes=GENES)
    tree = as_a_fit(model, data, draws=80, broken=True)
    fitted, page = compose(Fitted(tree, model), False)
    assert fitted.verdict.startswith("NOT CONVERGED")
    assert all(figure.title.startswith("NOT CONVERGED: ") for figure in page.of_kind(Figure))
    names = {figure.name for figure in page.of_kind(Figure)}
    assert "places_B" not in names
    first = str(page.sections[0].blocks[0].html)
    assert "must not be published" in first
    assert "variogram" in {one.name for one in page.of_kind(Table)}


def test_overlap_is_one_of_the_same_and_nil_of_the_different():
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=4000), rng.normal(size=4000)
    assert overlap(one, other) > 0.95
    assert overlap(one, other + 50.0) < 0.01
    # Two normals an sd apart have 2 Phi(-1/2) in common; ten bins blur it by some hundredths.
    assert overlap(one, other + 1.0) == pytest.approx(2.0 * stats.norm.cdf(-0.5), abs=0.04)
    assert overlap(np.exp(one), np.exp(other + 1.0)) == overlap(one, other + 1.0)


def test_a_graph_comes_back_from_its_covariance():
    adjacency = np.zeros((6, 6), dtype=int)
    for one, other in ((0, 1), (1, 2), (2, 0), (3, 4)):
        adjacency[one, other] = adjacency[other, one] = 1
    assert sorted(neighbours(scaled_icar(adjacency))) == [(0, 1), (0, 2), (1, 2), (3, 4)]


def test_mean_squares_divide_what_was_measured():
    value = np.array([1.0, 3.0, 6.0, 8.0, np.nan])
    # Within: 2 and 2 over 1 degree each; means 2 and 7: 2 (25 / 2) = 25; between (25 - 2) / 2.
    assert one_way(value, np.array([0, 0, 1, 1, 1])) == pytest.approx((2.0, 11.5, 11.5 / 13.5))
    assert np.isnan(one_way(value, np.arange(5))).all()


def test_a_multi_region_fit_is_one_fit_of_many_features(matern, tmp_path):
    with pytest.raises(TypeError, match="a rule selects among many features"):
        report(matern, tmp_path / "none.html", rule=SelectionRule())
