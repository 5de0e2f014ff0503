"""What the report of an association says, against the fit it is about."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference import fit
from bayesrg.models import Association
from bayesrg.reporting import report
from bayesrg.reporting.association import compose
from bayesrg.reporting.association.alternatives import objections
from bayesrg.reporting.association.influence import influence, slope_shifts
from bayesrg.reporting.association.prediction import uniform_band
from bayesrg.reporting.association.quantities import factor, own_bayes_factor, reading
from bayesrg.reporting.association.residuals import Binned
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Figure, Page, Prose, Table
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.rounding import significant
from bayesrg.reporting.writing import write_page

OUTCOME = "<b>x</b>"
EVENT = "mutant & co"
PATIENT = "Zacharias-{}"
FAMILY = "Kin-{}"
SECTIONS = [
    "verdict",
    "question",
    "model",
    "data",
    "curve",
    "effects",
    "evidence",
    "dependence",
    "assumptions",
    "alternatives",
    "companions",
    "priors",
    "sensitivity",
    "diagnostics",
    "methods",
    "record",
]


def table() -> pd.DataFrame:
    """Patients with hostile names, missing cells, weights, and a group that is hardly larger than one patient."""
    rng = np.random.default_rng(41)
    n = 60
    rows = pd.DataFrame(
        {
            "patient": [PATIENT.format(number) for number in range(n)],
            "size": rng.gamma(9.0, 3.0, n),
            "grade": rng.choice(["G2", "G3", "<i>G4</i>"], n),
            "male": rng.random(n) < 0.5,
            "age": rng.normal(50.0, 10.0, n),
            "weight": rng.uniform(0.5, 2.0, n),
            "kin": [FAMILY.format(number // 2) for number in range(n)],
        }
    )
    eta = 0.8 * (rows["size"] - 27.0) / 9.0
    rows[OUTCOME] = np.where(rng.random(n) < 1.0 / (1.0 + np.exp(-eta)), EVENT, "wild type")
    tier = np.digitize(eta + rng.logistic(size=n), [-0.8, 0.8])
    rows["tier"] = pd.Categorical.from_codes(tier, ["low", "mid", "high"], ordered=True)
    rows.loc[[3, 5], "size"] = np.nan
    return rows


@pytest.fixture(scope="module")
def bernoulli() -> xr.DataTree:
    """A binary outcome with a hostile name, on a number and a text, with covariates, weights and a family group."""
    model = Association("bernoulli")
    data = model.prepare(
        table(),
        outcome=OUTCOME,
        predictor=["size", "grade"],
        formula="age",
        group="kin",
        weights="weight",
        patient="patient",
        categories=["wild type", EVENT],
        reference={"grade": "G2"},
        direction="genome on image",
        units={"size": "mm"},
    )
    return fit(model, data, seed=41, progress=False)


@pytest.fixture(scope="module")
def ordinal() -> xr.DataTree:
    """An ordered outcome on one two-valued predictor, with alternatives beside it."""
    model = Association("ordinal")
    data = model.prepare(table(), outcome="tier", predictor="male", patient="patient")
    tree = fit(model, data, seed=42, draws=600, progress=False)
    tree["alternatives"] = xr.DataTree(alternatives())
    return tree


def alternatives() -> xr.Dataset:
    """What `fit_alternatives` gives of an ordered outcome, with numbers of no fit."""
    columns = {"mean": 0.3, "lower": -0.2, "upper": 0.8, "probability_positive": 0.88}
    comparison = {"elpd": -60.2, "se": 3.1, "elpd_diff": 0.0, "dse": 0.0, "p": 3.2, "weight": 0.7, "pareto_k": 0.4}
    other = {**comparison, "elpd": -61.0, "elpd_diff": -0.8, "dse": 0.9, "weight": 0.3}
    return xr.Dataset(
        {
            **{name: (("alternative", "term"), [[value]]) for name, value in columns.items()},
            "quantity": ("alternative", ["slope at the last cutpoint less that at the first"]),
            "null": ("alternative", [0.0]),
            "verdict": ("alternative", ["converged"]),
            "category_slope": (("quantile", "term", "cutpoint"), [[[-0.4, -0.1]], [[0.1, 0.4]], [[0.6, 0.9]]]),
        },
        coords={
            "alternative": ["category slopes"],
            "term": ["male"],
            "cutpoint": ["low|mid", "mid|high"],
            "quantile": [0.025, 0.5, 0.975],
        },
        attrs={"comparison": json.dumps({"this fit (ordinal)": comparison, "category slopes": other})},
    )


@pytest.fixture(scope="module")
def composed(ordinal) -> tuple[Fitted, Page]:
    """The page of the ordered outcome as blocks."""
    return compose(Fitted(ordinal, Association("ordinal")), False)


@pytest.fixture(scope="module")
def pages(bernoulli, composed, tmp_path_factory) -> dict[str, Path]:
    """Both pages as files."""
    folder = tmp_path_factory.mktemp("associations")
    fitted, page = composed
    return {
        "bernoulli": report(bernoulli, folder / "bernoulli.html"),
        "ordinal": write_page(page, folder / "ordinal.html", verdict=f"{fitted.verdict}."),
    }


@pytest.fixture(scope="module")
def studies(bernoulli, ordinal) -> dict[str, Study]:
    """Both fits as their reports read them."""
    return {
        "bernoulli": Study(Fitted(bernoulli, Association("bernoulli")), False),
        "ordinal": Study(Fitted(ordinal, Association("ordinal")), False),
    }


def cells(page, name: str) -> pd.DataFrame:
    """A table of the page as text."""
    rows = page.one("div", id=f"table-{name}").all("tr")
    texts = [[cell.words for cell in row.children] for row in rows]
    return pd.DataFrame(texts[1:], columns=texts[0])


def csv(pages: dict[str, Path], name: str, file: str) -> pd.DataFrame:
    return pd.read_csv(pages[name].parent / f"{name}_files" / f"{file}.csv")


@pytest.mark.parametrize("name", ["bernoulli", "ordinal"])
def test_the_sections_stand_in_their_order(pages, read, name):
    page = read(pages[name])
    assert [section.attributes["id"] for section in page.one("main").all("section")] == SECTIONS
    assert page.one("header").children[0].words == "✓ Converged."
    assert "NOT CONVERGED" not in pages[name].read_text(encoding="utf-8")


def test_the_answer_is_the_fits_own(pages, read, ordinal):
    ratio = ordinal["estimands"]["odds_ratio"].sel(term="male", step="unit").values
    low, middle, high = (significant(float(x)) for x in np.quantile(ratio, [0.025, 0.5, 0.975]))
    said = read(pages["ordinal"]).one("span", class_="answer").words
    expected = f"odds of a higher tier that are {middle} times as high (95 % interval {low}–{high})."
    assert said == f"Male 1 instead of 0 goes with {expected}"


def test_an_association_is_never_called_more(pages, read):
    verdict = read(pages["bernoulli"]).one("section", id="verdict").words
    assert "It says nothing of what would change if the image or the genome were changed." in verdict
    assert "The model holds age and kin fixed, and nothing else" in verdict
    assert "Direction: genome on image." in read(pages["bernoulli"]).one("section", id="question").words


def test_the_bayes_factor_stands_with_its_prior_at_every_scale(pages, read, studies):
    study, page = studies["bernoulli"], read(pages["bernoulli"])
    written = csv(pages, "bernoulli", "bayes_factor")
    for term in study.terms:
        own = written[written["term"] == term]
        expected = study.bayes_factors["log_bayes_factor"].sel(term=term).values
        np.testing.assert_allclose(own["log_bayes_factor"], expected)
        log, _ = own_bayes_factor(study, term)
        assert f"The Bayes factor of {term} is {factor(log)} ({reading(log)}" in page.one("section", id="verdict").words
    assert len(page.all("figure", id="figure-bayes_factor")) == 1
    assert "if the slope was Normal(0, 2.5) before the data" in page.one("section", id="verdict").words


@pytest.mark.parametrize(
    ("log", "text", "words"),
    [
        (0.0, "1.00", "hardly evidence either way"),
        (np.log(20.0), "20.0", "for an association"),
        (-np.log(20.0), "0.0500", "20.0 to one for none"),
        (30.0 * np.log(10.0), "10³⁰", "for an association"),
        (-30.0 * np.log(10.0), "10⁻³⁰", "10³⁰ to one for none"),
    ],
)
def test_bayes_factors_are_read_as_odds(log, text, words):
    assert factor(log) == text
    assert reading(log) == words


def test_effects_are_the_estimands(pages, bernoulli):
    written = csv(pages, "bernoulli", "effects")
    estimands = bernoulli["estimands"]
    own = written[(written["term"] == "size") & (written["quantity"] == "risk difference")].iloc[0]
    drawn = estimands["risk_difference"].sel(term="size").values
    assert own["middle"] == pytest.approx(drawn.mean())
    assert own["above"] == pytest.approx((drawn > 0).mean())
    ratio = written[(written["term"] == "size") & (written["quantity"] == "odds ratio")].iloc[0]
    assert ratio["middle"] == pytest.approx(np.median(estimands["odds_ratio"].sel(term="size", step="sd").values))
    assert ratio["rope"] == pytest.approx(estimands["inside_rope"].sel(term="size").values.mean())
    # A two-valued predictor has one step.
    steps = written[(written["term"] == "grade[G3]") & (written["quantity"] == "odds ratio")]["step"]
    assert list(steps) == ["grade G3 instead of G2"]


def test_rows_that_were_left_out_are_counted(pages, read):
    words = read(pages["bernoulli"]).one("section", id="data").words
    assert "2 of 60 rows were left out: 2 because size is missing." in words
    coding = cells(read(pages["bernoulli"]), "coding").set_index("Column")
    assert coding.loc["grade", "Reference"] == "G2"
    assert coding.loc["grade", "Coding"] == "treatment contrasts"


def test_no_patient_is_named(pages):
    files = [pages["bernoulli"], *(pages["bernoulli"].parent / "bernoulli_files").iterdir()]
    assert len(files) > 15
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert PATIENT.format("") not in text, file
        assert FAMILY.format("") not in text, file


def test_patients_are_named_when_asked(studies, bernoulli):
    blocks = influence(Study(studies["bernoulli"].fit, True))
    shown = next(block for block in blocks if isinstance(block, Table))
    assert set(shown.frame.index) <= set(bernoulli["constant_data"]["patient"].values)
    figure = next(block for block in blocks if isinstance(block, Figure))
    assert PATIENT.format("") in figure.svg


def test_a_diagnostic_at_a_group_of_few_does_not_name_it(bernoulli):
    spoiled = bernoulli.copy(deep=True)
    spoiled["posterior"]["group_effect"][0, :, 3] += 100.0
    shown = compose(Fitted(spoiled, Association("bernoulli")), False)
    assert "at group_effect[level 4 of 30]" in shown[0].verdict
    figures = shown[1].of_kind(Figure)
    assert all("NOT CONVERGED" in figure.svg and FAMILY.format("") not in figure.svg for figure in figures)
    assert len(figures) >= 9


def test_nothing_from_the_data_is_markup(pages, read):
    text = pages["bernoulli"].read_text(encoding="utf-8")
    assert OUTCOME not in text
    assert "<i>G4</i>" not in text
    page = read(pages["bernoulli"])
    assert page.one("h1").words == f"{OUTCOME} and size, grade"
    assert not page.one("h1").all("b")


def test_dependence_is_said_to_be_marginal(pages, read):
    words = read(pages["bernoulli"]).one("section", id="dependence").words
    assert "It is marginal" in words
    assert "It is a lower bound" in words
    assert "Weights are not used here." in words
    assert list(csv(pages, "bernoulli", "dependence")["predictor"]) == ["size", "grade"]


def test_the_alternatives_are_shown_where_there_are_any(pages, read):
    page = read(pages["ordinal"])
    assert cells(page, "alternatives")["Model"].tolist() == ["category slopes"]
    assert cells(page, "comparison")["Model"].tolist() == ["this fit (ordinal)", "category slopes"]
    assert cells(page, "proportional_odds")["Cut"].tolist() == ["low | mid", "mid | high"]
    none = read(pages["bernoulli"]).one("section", id="alternatives").words
    assert "fit_alternatives(tree, model, seed=1)" in none


def test_other_models_object_in_the_verdict_where_they_do(ordinal, pages, read):
    assert "Another model predicts" not in read(pages["ordinal"]).one("section", id="verdict").words
    found = alternatives()
    found["lower"][:] = 0.1
    scores = json.loads(found.attrs["comparison"])
    scores["this fit (ordinal)"] |= {"elpd": -72.0, "elpd_diff": -11.0, "dse": 3.0}
    found.attrs["comparison"] = json.dumps(scores)
    tree = ordinal.copy()
    tree["alternatives"] = xr.DataTree(found)
    said = " ".join(block.html for block in objections(Study(Fitted(tree, Association("ordinal")), False)))
    assert "Odds are not proportional</b> in male" in said
    assert "category slopes, by 11 (standard error 3.0)" in said


def test_the_classical_tests_stand_beside_the_posterior(pages, ordinal):
    written = csv(pages, "ordinal", "companions")
    posterior = written[written["test"] == "posterior of this fit"].iloc[0]
    assert posterior["estimate"] == pytest.approx(float(ordinal["estimands"]["effect"].sel(step="unit").mean()))
    assert "proportional odds model, Wald test" in set(written["test"])


def test_every_figure_tells_its_numbers_and_every_table_has_its_file(composed, pages):
    for figure in composed[1].of_kind(Figure):
        assert any(letter.isdigit() for letter in figure.alt), figure.name
        assert figure.caption
    files = {path.stem for path in (pages["ordinal"].parent / "ordinal_files").glob("*.csv")}
    assert {one.name for one in composed[1].of_kind(Table)} == files


def test_the_methods_text_names_model_priors_and_works(composed):
    section = next(section for section in composed[1].sections if section.name == "methods")
    text = "".join(str(block.html) for block in section.blocks if isinstance(block, Prose))
    for words in ("cumulative logit regression with proportional odds", "Normal(0, 2.5)", "Savage–Dickey", "doi.org"):
        assert words in text


def test_uniform_values_stay_in_their_band():
    size, samples = 80, 400
    points, lower, upper = uniform_band(size)
    uniform = np.random.default_rng(5).random((samples, size))
    difference = (uniform[:, :, None] <= points).mean(axis=1) - points
    inside = ((difference >= lower - 1e-12) & (difference <= upper + 1e-12)).all(axis=1).mean()
    # Four standard errors of a share of 400, and the band's own of 4,000 simulations, below 0.95; it may hold more.
    assert inside > 0.95 - 4.0 * np.sqrt(0.95 * 0.05 * (1 / samples + 1 / 4000))
    skewed = (uniform[0] ** 2)[:, None] <= points
    assert ((skewed.mean(axis=0) - points) > upper).any()


def test_bins_show_a_bend_and_a_spread_that_changes():
    rng = np.random.default_rng(6)
    along = rng.normal(size=400)
    right = Binned.of(along, rng.normal(size=400)).odd
    bent = Binned.of(along, rng.normal(size=400) + along**2 - 1.0).odd
    wide = Binned.of(along, rng.normal(size=400) * np.exp(along)).odd
    assert sum(right) <= 3  # 16 limits of 95 %: more than three outside has a probability of 0.009
    assert bent[0] >= 4
    assert wide[1] >= 4


def test_a_patient_shifts_the_slope_as_importance_sampling_says(studies, ordinal):
    shifts = slope_shifts(studies["ordinal"])
    slope = studies["ordinal"].slopes[0].draws
    rows = ordinal["log_likelihood"]["value"].transpose("patient", "chain", "draw").values.reshape(len(shifts), -1)
    weight = np.exp(-rows)
    left_out = (weight * slope).sum(axis=1) / weight.sum(axis=1)
    exact = (left_out - slope.mean()) / slope.std()
    # To first order only: what is left is the square of a shift of at most a third of an sd.
    assert np.abs(shifts - exact).max() < 0.12
    assert np.corrcoef(shifts, exact)[0, 1] > 0.98


@pytest.mark.browser
@pytest.mark.parametrize("name", ["bernoulli", "ordinal"])
def test_the_page_fits_its_window_and_reports_no_error(browser, pages, read, name):
    for width in (1280, 390):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get(pages[name].as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        figures = browser.find_elements("css selector", "figure svg")
        assert len(figures) == len(read(pages[name]).all("figure"))
        assert all(figure.is_displayed() and figure.size["height"] > 60 for figure in figures)
        assert browser.get_log("browser") == []
