"""The classical companions equal the libraries that they come from, and closed forms that owe the libraries nothing."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import xarray as xr
from scipy import special, stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from bayesrg.errors import SettingsError
from bayesrg.models.classical import classical_companions
from bayesrg.models.classical.brant import compare_cuts
from bayesrg.models.classical.ranks import superiority
from bayesrg.models.classical.row import Row

PATIENTS = 150
WALD = "Wald test of logistic regression"
FIRTH = "Firth logistic regression"
BRANT = "Brant test of proportional odds"
WILCOXON = "Wilcoxon rank-sum test"
ODDS = "proportional odds model, Wald test"
NORMAL = stats.norm.ppf(0.975)


def lay_out(
    family: str,
    value: np.ndarray,
    columns: dict[str, np.ndarray],
    *,
    covariate: np.ndarray | None = None,
    groups: dict[str, np.ndarray] | None = None,
    weight: np.ndarray | None = None,
    offset: np.ndarray | None = None,
    categories: Sequence[str] = (),
    predictors: Sequence[str] | None = None,
    **attrs: Any,
) -> xr.Dataset:
    """Data as an association prepares them: predictors centred, and standardised unless two-valued."""
    size = len(value)
    predictor = np.column_stack([np.asarray(column, dtype=float) for column in columns.values()])
    two_valued = np.array([np.unique(column).size == 2 for column in predictor.T])
    sd = predictor.std(axis=0, ddof=1)
    scale = np.where(two_valued, 1.0, sd)
    groups = groups or {}
    return xr.Dataset(
        {
            "value": ("patient", np.asarray(value, dtype=float)),
            "predictor": (("patient", "term"), (predictor - predictor.mean(axis=0)) / scale),
            "predictor_scale": ("term", scale),
            "predictor_sd": ("term", sd),
            "two_valued": ("term", two_valued),
            "covariates": (("patient", "covariate"), np.empty((size, 0)) if covariate is None else covariate),
            "group_index": (("patient", "grouping"), np.array(list(groups.values()), dtype=int).reshape(-1, size).T),
            "weight": ("patient", np.ones(size) if weight is None else np.asarray(weight, dtype=float)),
            "offset": ("patient", np.zeros(size) if offset is None else offset),
        },
        coords={
            "term": list(columns),
            "grouping": np.array(list(groups), dtype=object),
            **({"category": list(categories)} if categories else {}),
        },
        attrs={"family": family, "predictors": json.dumps(list(predictors or columns)), "scale": 1.0} | attrs,
    )


def pick(table: pd.DataFrame, test: str, term: str = "x", number: int = 0) -> pd.Series:
    """A test of a term, by the beginning of its name."""
    found = table[(table["term"] == term) & table["test"].str.startswith(test)]
    return found.iloc[number]


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    """A numeric and a two-valued predictor, a covariate, a site, and one outcome of each kind."""
    rng = np.random.default_rng(8)
    x, covariate = rng.standard_normal((2, PATIENTS))
    mutated, site = rng.random(PATIENTS) < 0.3, rng.integers(0, 4, PATIENTS)
    eta = 0.8 * x - 0.5 * mutated + 0.5 * covariate + 0.3 * site
    return {
        "x": x,
        "mutated": mutated.astype(float),
        "covariate": covariate,
        "site": site,
        "continuous": eta + rng.standard_normal(PATIENTS),
        "binary": (eta + rng.logistic(size=PATIENTS) > 0).astype(float),
        "ordered": np.digitize(eta + rng.logistic(size=PATIENTS), [-0.5, 0.5, 1.5]),
        "nominal": np.argmax(rng.gumbel(size=(PATIENTS, 3)) + np.column_stack([0 * eta, eta, -eta]), axis=1),
        "count": rng.poisson(np.exp(0.3 * eta) * rng.gamma(2, 1, PATIENTS)),
    }


def prepare(drawn: dict[str, np.ndarray], family: str, outcome: str, **options: Any) -> xr.Dataset:
    columns = {"x": drawn["x"], "mutated": drawn["mutated"]}
    return lay_out(family, drawn[outcome], columns, covariate=drawn["covariate"][:, None], **options)


def matrix(drawn: dict[str, np.ndarray]) -> np.ndarray:
    """Constant, x per sd, mutated and covariate."""
    x = drawn["x"]
    return np.column_stack([np.ones(PATIENTS), x / x.std(ddof=1), drawn["mutated"], drawn["covariate"]])


OUTCOMES = {
    "gaussian": "continuous",
    "student_t": "continuous",
    "bernoulli": "binary",
    "ordinal": "ordered",
    "rank": "continuous",
    "categorical": "nominal",
    "negative_binomial": "count",
}


@pytest.mark.parametrize(("family", "outcome"), OUTCOMES.items())
def test_every_family_has_sound_rows_and_always_the_same(drawn, family, outcome):
    data = prepare(drawn, family, outcome, groups={"site": drawn["site"]})
    table = classical_companions(data)
    pd.testing.assert_frame_equal(table, classical_companions(data))
    assert list(table.columns) == [
        *("term", "test", "quantity", "step", "estimate", "lower", "upper", "statistic", "p_value", "library", "note")
    ]
    assert list(dict.fromkeys(table["term"])) == ["x", "mutated"]
    assert not table.duplicated(["term", "test", "quantity"]).any()
    assert set(table["step"]) <= {"sd", "unit", ""}
    assert not (table["step"] == "unit")[table["term"] == "x"].any()
    assert not (table["step"] == "sd")[table["term"] == "mutated"].any()
    fitted = table[~table["note"].str.contains("not fitted")]
    assert fitted["p_value"].between(0, 1).all()
    bounded = table["lower"].notna()
    assert (table["lower"] < table["estimate"])[bounded].all()
    assert (table["estimate"] < table["upper"])[bounded].all()
    assert (table["library"] != "").all()
    # A wider interval of the same estimate.
    wider = classical_companions(data, level=0.99)
    assert (wider["lower"] < table["lower"])[bounded].all()
    np.testing.assert_allclose(wider["estimate"], table["estimate"], rtol=1e-8)


# Gaussian families


def test_least_squares_and_hc3_are_their_closed_forms(drawn):
    design, value = matrix(drawn), drawn["continuous"]
    table = classical_companions(prepare(drawn, "gaussian", "continuous", scale=3.0))
    beta = np.linalg.lstsq(design, value, rcond=None)[0]
    residual, inverse = value - design @ beta, np.linalg.inv(design.T @ design)
    freedom = PATIENTS - design.shape[1]
    usual = np.sqrt(residual @ residual / freedom * np.diag(inverse))
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    meat = design.T @ ((residual / (1 - leverage))[:, None] ** 2 * design)
    robust = np.sqrt(np.diag(inverse @ meat @ inverse))
    for place, term in ((1, "x"), (2, "mutated")):
        for number, error in enumerate((usual, robust)):
            row = pick(table, "OLS t test", term, number)
            margin = stats.t.ppf(0.975, freedom) * error[place]
            expected = 3 * np.array([beta[place], beta[place] - margin, beta[place] + margin])
            np.testing.assert_allclose([row["estimate"], row["lower"], row["upper"]], expected)
            assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(beta[place] / error[place]), freedom))
    assert pick(table, "OLS t test")["quantity"] == "mean difference per sd"
    assert pick(table, "OLS t test", "mutated")["quantity"] == "mean difference per unit"


def test_logarithms_and_normal_scores_are_called_so(drawn):
    log = classical_companions(prepare(drawn, "gaussian", "continuous", transformation="log"))
    scores = classical_companions(prepare(drawn, "gaussian", "continuous", transformation="rank_normal"))
    assert pick(log, "OLS t test")["quantity"] == "difference of mean logarithms per sd"
    assert pick(scores, "Welch", "mutated")["quantity"] == "difference of mean normal scores per unit"


def test_huber_welch_and_spearman_are_the_libraries_own(drawn):
    table = classical_companions(prepare(drawn, "student_t", "continuous", scale=2.0))
    robust = sm.RLM(drawn["continuous"], matrix(drawn), M=sm.robust.norms.HuberT()).fit()
    row = pick(table, "Huber")
    np.testing.assert_allclose([row["estimate"], row["p_value"]], [2 * robust.params[1], robust.pvalues[1]], rtol=1e-4)
    high, low = (drawn["continuous"][drawn["mutated"] == side] for side in (1, 0))
    row, welch = pick(table, "Welch", "mutated"), stats.ttest_ind(high, low, equal_var=False)
    assert row["estimate"] == pytest.approx(2 * (high.mean() - low.mean()))
    np.testing.assert_allclose([row["lower"], row["upper"]], 2 * np.array(welch.confidence_interval()))
    row, rho = pick(table, "Spearman"), np.corrcoef(stats.rankdata(drawn["x"]), stats.rankdata(drawn["continuous"]))
    assert row["estimate"] == pytest.approx(rho[0, 1])
    assert row["note"] == "ignores other predictors, covariates"


def test_partial_spearman_is_the_inverse_of_the_rank_correlations(drawn):
    table = classical_companions(prepare(drawn, "gaussian", "continuous"))
    columns = [drawn[name] for name in ("continuous", "x", "mutated", "covariate")]
    precision = np.linalg.inv(np.corrcoef(stats.rankdata(columns, axis=1)))
    expected = -precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1])
    row = pick(table, "partial Spearman")
    assert row["estimate"] == pytest.approx(expected)
    statistic = expected * np.sqrt((PATIENTS - 4) / (1 - expected**2))
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(statistic), PATIENTS - 4))


# Ranks


def test_superiority_and_its_interval_by_brute_force(drawn):
    value = np.round(drawn["continuous"])  # ties
    table = classical_companions(lay_out("rank", value, {"x": drawn["mutated"]}))
    high, low = (value[drawn["mutated"] == side] for side in (1, 0))
    win = (high[:, None] > low) + 0.5 * (high[:, None] == low)
    error = np.sqrt(win.mean(axis=1).var(ddof=1) / high.size + win.mean(axis=0).var(ddof=1) / low.size)
    middle = win.mean()
    margin = NORMAL * error / (middle * (1 - middle))
    row = pick(table, WILCOXON)
    expected = [middle, *special.expit(special.logit(middle) + np.array([-margin, margin]))]
    np.testing.assert_allclose([row["estimate"], row["lower"], row["upper"]], expected)
    assert row["statistic"] == win.sum()
    assert "ties" in row["note"]
    munzel, library = pick(table, "Brunner"), stats.brunnermunzel(low, high)
    np.testing.assert_allclose([munzel["statistic"], munzel["p_value"]], [library.statistic, library.pvalue])
    assert (munzel["statistic"] > 0) == (middle > 0.5)


def test_interval_of_superiority_covers_its_truth():
    rng = np.random.default_rng(3)
    repeats, truth = 1_000, stats.norm.cdf(0.8 / np.sqrt(2))
    inside = 0
    for _ in range(repeats):
        _, lower, upper = superiority(rng.normal(0.8, 1, 15), rng.normal(0, 1, 40), 0.95)
        inside += lower < truth < upper
    # Within 3 standard errors of the Monte Carlo, and a hundredth for the approximation in small samples.
    assert abs(inside / repeats - 0.95) < 3 * np.sqrt(0.95 * 0.05 / repeats) + 0.01


def test_samples_that_do_not_overlap_have_no_interval():
    group = np.repeat([0.0, 1.0], [20, 10])
    table = classical_companions(lay_out("rank", np.arange(30.0), {"x": group}))
    row, munzel = pick(table, WILCOXON), pick(table, "Brunner")
    assert row["estimate"] == munzel["estimate"] == 1
    assert np.isnan([row["lower"], row["upper"], munzel["p_value"]]).all()
    assert "no interval" in row["note"]
    assert "no variance" in munzel["note"]
    assert row["p_value"] == pytest.approx(stats.mannwhitneyu(np.arange(20.0, 30), np.arange(20.0)).pvalue)


def test_kendall_by_brute_force_and_probit_only_of_few_values(drawn):
    table = classical_companions(lay_out("rank", drawn["continuous"], {"x": drawn["x"]}))
    sign = [np.sign(drawn[name][:, None] - drawn[name]) for name in ("x", "continuous")]
    row = pick(table, "Kendall")
    assert row["estimate"] == pytest.approx((sign[0] * sign[1]).sum() / (PATIENTS * (PATIENTS - 1)))
    assert f"not fitted: {PATIENTS} distinct values" in pick(table, "cumulative probit model, Wald")["note"]
    few = classical_companions(lay_out("rank", drawn["ordered"], {"x": drawn["x"]}))
    design = matrix(drawn)[:, 1:2]
    fit = OrderedModel(drawn["ordered"], design, distr="probit").fit(method="bfgs", disp=0, gtol=1e-7)
    row = pick(few, "cumulative probit model, Wald")
    np.testing.assert_allclose([row["estimate"], row["p_value"]], [fit.params[0], fit.pvalues[0]], rtol=1e-3)


# Bernoulli


def two_by_two(counts: Sequence[int]) -> xr.Dataset:
    """Patients of a table: mutated among high, wild type among high, mutated among low, wild type among low."""
    high, value = np.repeat([1.0, 1.0, 0.0, 0.0], counts), np.repeat([1.0, 0.0, 1.0, 0.0], counts)
    return lay_out("bernoulli", value, {"x": 3 + 2 * high}, categories=("wild type", "mutated"))


def test_two_by_two_table_is_woolf_pearson_and_fisher():
    counts = np.array([12, 20, 9, 41])
    table = classical_companions(two_by_two(counts))
    woolf, error = np.log(12 * 41 / (20 * 9)), np.sqrt((1 / counts).sum())
    row = pick(table, WALD)
    expected = [woolf, woolf - NORMAL * error, woolf + NORMAL * error]
    np.testing.assert_allclose([row["estimate"], row["lower"], row["upper"]], expected, rtol=1e-6)
    assert row["p_value"] == pytest.approx(2 * stats.norm.sf(woolf / error), rel=1e-6)
    size, margins = counts.sum(), (32, 50, 21, 61)
    pearson = size * (12 * 41 - 20 * 9) ** 2 / np.prod(np.array(margins, dtype=float))
    assert pick(table, "chi-squared")["statistic"] == pytest.approx(pearson)
    # The score test of a saturated table is Pearson's test, and the likelihood ratio is Wilks' G.
    assert pick(table, "score test")["statistic"] == pytest.approx(pearson, rel=1e-6)
    fitted = np.outer(margins[:2], margins[2:]) / size
    wilks = 2 * np.sum(counts * np.log(counts / fitted.ravel()))
    assert pick(table, "likelihood ratio test")["statistic"] == pytest.approx(wilks, rel=1e-6)
    possible = np.arange(22)
    chance = stats.hypergeom.pmf(possible, size, 32, 21)
    exact = chance[chance <= chance[12] * (1 + 1e-7)].sum()
    fisher = pick(table, "Fisher")
    assert fisher["p_value"] == pytest.approx(exact)
    # The conditional estimate is where the mean of the tilted hypergeometric distribution is what was seen.
    tilted = chance * np.exp(fisher["estimate"] * possible)
    assert tilted @ possible / tilted.sum() == pytest.approx(12, rel=1e-6)


@pytest.mark.parametrize("counts", [(12, 20, 9, 41), (3, 60, 0, 87), (10, 0, 0, 10)])
def test_firth_adds_half_a_patient_to_every_cell(counts):
    row = pick(classical_companions(two_by_two(counts)), FIRTH)
    more = np.array(counts) + 0.5
    assert row["estimate"] == pytest.approx(np.log(more[0] * more[3] / (more[1] * more[2])), rel=1e-6)
    assert row["lower"] < row["estimate"] < row["upper"]


def test_firth_interval_ends_where_its_test_says():
    """The penalised likelihood, maximised over the constant on a grid, has fallen by 3.84 / 2 at the limits."""
    counts = (3, 60, 0, 87)
    row = pick(classical_companions(two_by_two(counts)), FIRTH)

    def height(at: float) -> float:
        constant = np.linspace(-12, 4, 40_001)
        high, low = special.expit(constant + at), special.expit(constant)
        likelihood = 3 * np.log(high) + 60 * np.log(1 - high) + 87 * np.log(1 - low)
        # The information of two groups has the determinant of the product of their two informations.
        return float(np.max(likelihood + 0.5 * np.log(63 * high * (1 - high) * 87 * low * (1 - low))))

    top = height(row["estimate"])
    for limit in (row["lower"], row["upper"]):
        assert 2 * (top - height(limit)) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-3)
    assert row["statistic"] == pytest.approx(2 * (top - height(0.0)), abs=1e-4)


def test_logistic_regression_is_statsmodels(drawn):
    table = classical_companions(prepare(drawn, "bernoulli", "binary"))
    design = matrix(drawn)
    fit = sm.Logit(drawn["binary"], design).fit(disp=0)
    null = sm.Logit(drawn["binary"], np.delete(design, 2, axis=1)).fit(disp=0)
    row = pick(table, WALD, "mutated")
    np.testing.assert_allclose(
        row[["estimate", "lower", "upper", "p_value"]].to_numpy(dtype=float),
        [fit.params[2], *fit.conf_int()[2], fit.pvalues[2]],
    )
    assert row["library"].startswith("statsmodels ")
    assert row["library"].endswith(" Logit")
    assert pick(table, "likelihood ratio", "mutated")["statistic"] == pytest.approx(2 * (fit.llf - null.llf))
    probability = null.predict()
    spread, extra = probability * (1 - probability), design[:, 2]
    others = np.delete(design, 2, axis=1)
    cross = others.T @ (spread * extra)
    variance = spread @ extra**2 - cross @ np.linalg.solve(others.T @ (spread[:, None] * others), cross)
    score = (extra @ (drawn["binary"] - probability)) ** 2 / variance
    assert pick(table, "score", "mutated")["statistic"] == pytest.approx(score)
    by_outcome = pick(table, "Wilcoxon rank-sum test of the predictor by outcome")
    one, zero = (drawn["x"][drawn["binary"] == side] for side in (1, 0))
    assert by_outcome["estimate"] == pytest.approx((one[:, None] > zero).mean())


def test_three_mutated_of_150():
    rng = np.random.default_rng(5)
    x, value = rng.standard_normal(PATIENTS), np.zeros(PATIENTS)
    value[:3] = 1
    table = classical_companions(lay_out("bernoulli", value, {"x": x}, categories=("wild type", "mutated")))
    assert table[["statistic", "p_value"]].notna().all(axis=None)
    assert pick(table, WALD)["note"] == ""
    # Three above all others: infinite by maximum likelihood, finite by Firth, and both tests know.
    x[:3] += 10
    table = classical_companions(lay_out("bernoulli", value, {"x": x}, categories=("wild type", "mutated")))
    row = pick(table, WALD)
    assert row["estimate"] == np.inf
    assert np.isnan([row["lower"], row["p_value"]]).all()
    assert row["note"] == "separation: the maximum likelihood estimate is infinite"
    ratio = pick(table, "likelihood ratio test")
    null = -2 * (3 * np.log(3 / 150) + 147 * np.log(147 / 150))
    assert ratio["statistic"] == pytest.approx(null, abs=1e-3)
    assert pick(table, "score test")["p_value"] < 1e-6
    assert np.isfinite(pick(table, FIRTH)["estimate"])


def test_quasi_separation_has_a_sign_and_its_likelihood_ratio():
    """A table with an empty cell: mutated only where the predictor is low."""
    counts = np.array([0, 25, 6, 44])
    table = classical_companions(two_by_two(counts))
    assert pick(table, WALD)["estimate"] == -np.inf
    seen = counts[counts > 0]
    fitted = np.outer([25, 50], [6, 69]).ravel()[counts > 0] / 75
    wilks = 2 * np.sum(seen * np.log(seen / fitted))
    assert pick(table, "likelihood ratio test")["statistic"] == pytest.approx(wilks, abs=1e-5)
    fisher = pick(table, "Fisher")
    assert fisher["estimate"] == fisher["lower"] == -np.inf
    assert fisher["note"] == "a cell is empty"


def test_complete_separation_leaves_other_terms_without_estimate(drawn):
    data = lay_out("bernoulli", drawn["x"] > 0, {"x": drawn["x"], "mutated": drawn["mutated"]})
    table = classical_companions(data)
    row = pick(table, WALD, "mutated")
    assert np.isnan(row["estimate"])
    assert row["note"] == "separation: there is no maximum likelihood estimate, not even its sign"


def test_level_that_separates_leaves_the_predictor_its_estimate(drawn):
    """A site where everybody is mutated tells nothing: the estimate is that of the other sites."""
    site, value = drawn["site"], np.where(drawn["site"] == 2, 1.0, drawn["binary"])
    x = drawn["x"] / drawn["x"].std(ddof=1)
    row = pick(classical_companions(lay_out("bernoulli", value, {"x": drawn["x"]}, groups={"site": site})), WALD)
    rest = site != 2
    design = np.column_stack([x, site == 0, site == 1, site == 3])[rest]
    fit = sm.Logit(value[rest], design.astype(float)).fit(disp=0)
    np.testing.assert_allclose([row["estimate"], row["p_value"]], [fit.params[0], fit.pvalues[0]], rtol=1e-5)
    assert row["note"] == "another column separates the outcome: its coefficient is infinite; site as fixed effects"


# Ordinal


def simulate_ordered(seed: int, slopes: Sequence[float], size: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """A predictor, and categories with the given slope at each cut."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(size)
    above = special.expit(np.array([1.2, 0.0, -1.2]) + x[:, None] * np.asarray(slopes))
    # Curves of unequal slopes may cross far out; the running minimum keeps them probabilities of one outcome.
    return x, (rng.random(size)[:, None] < np.minimum.accumulate(above, axis=1)).sum(axis=1)


def test_proportional_odds_of_two_categories_is_logistic_regression():
    counts = np.array([12, 20, 9, 41])
    table = classical_companions(two_by_two(counts).assign_attrs(family="ordinal"))
    row = pick(table, ODDS)
    woolf, error = np.log(12 * 41 / (20 * 9)), np.sqrt((1 / counts).sum())
    np.testing.assert_allclose([row["estimate"], row["upper"]], [woolf, woolf + NORMAL * error], rtol=1e-3)
    assert not table["test"].str.startswith("Brant").any()


def test_proportional_odds_model_is_statsmodels_and_its_ratio_is_wilks(drawn):
    data = prepare(drawn, "ordinal", "ordered", categories=tuple("abcd"))
    fit = OrderedModel(drawn["ordered"], matrix(drawn)[:, 1:], distr="logit").fit(method="bfgs", disp=0, gtol=1e-7)
    row = pick(classical_companions(data), ODDS, "mutated")
    np.testing.assert_allclose(row["estimate"], fit.params[1], atol=1e-4)
    np.testing.assert_allclose([row["lower"], row["upper"]], fit.conf_int()[1], atol=1e-3)
    alone = classical_companions(lay_out("ordinal", drawn["ordered"], {"x": drawn["x"]}, categories=tuple("abcd")))
    full = OrderedModel(drawn["ordered"], matrix(drawn)[:, 1:2], distr="logit").fit(method="bfgs", disp=0, gtol=1e-7)
    counts = np.bincount(drawn["ordered"])
    null = counts @ np.log(counts / PATIENTS)
    statistic = pick(alone, "proportional odds model, likelihood ratio")["statistic"]
    assert statistic == pytest.approx(2 * (full.llf - null), rel=1e-5)


def test_brant_is_calibrated_and_sees_unequal_slopes():
    p_value = []
    for seed in range(60):
        x, category = simulate_ordered(seed, (0.8, 0.8, 0.8), size=200)
        cuts = compare_cuts(category[:, None] > np.arange(3), np.column_stack([np.ones(200), x]))
        p_value.append(cuts.test(Row("x", BRANT, ""), 1, 0.95).p_value)
    assert stats.kstest(p_value, "uniform").pvalue > 0.01
    x, category = simulate_ordered(1, (0.0, 0.6, 1.2))
    row = pick(classical_companions(lay_out("ordinal", category, {"x": x}, categories=tuple("abcd"))), BRANT)
    assert row["p_value"] < 1e-4
    assert row["lower"] < 1.2 * x.std(ddof=1) < row["upper"]
    assert row["note"] == "chi-squared with 2 df"


def test_brant_of_a_two_valued_predictor_is_its_closed_form():
    """Logits of cumulative counts in two groups have the covariance 1/(n above low cut share) in closed form."""
    low, high = np.array([30, 25, 20, 15]), np.array([10, 30, 15, 40])
    value = np.concatenate([np.repeat(np.arange(4), low), np.repeat(np.arange(4), high)])
    group = np.repeat([0.0, 1.0], [low.sum(), high.sum()])
    row = pick(classical_companions(lay_out("ordinal", value, {"x": group}, categories=tuple("abcd"))), BRANT)
    slope, covariance = np.zeros(3), np.zeros((3, 3))
    for counts, sign in ((low, -1), (high, 1)):
        above = 1 - np.cumsum(counts)[:-1] / counts.sum()
        slope += sign * special.logit(above)
        # cov(logit_j, logit_l) = pi_l (1 - pi_j) / (n pi_j (1 - pi_j) pi_l (1 - pi_l)), j <= l
        for first in range(3):
            for second in range(3):
                lower, upper = min(first, second), max(first, second)
                covariance[first, second] += 1 / (counts.sum() * above[lower] * (1 - above[upper]))
    contrast = np.array([[-1, 1, 0], [-1, 0, 1]])
    difference = contrast @ slope
    statistic = difference @ np.linalg.solve(contrast @ covariance @ contrast.T, difference)
    assert row["statistic"] == pytest.approx(statistic, rel=1e-6)
    assert row["estimate"] == pytest.approx(slope[2] - slope[0], rel=1e-6)
    error = np.sqrt(covariance[0, 0] + covariance[2, 2] - 2 * covariance[0, 2])
    assert row["upper"] - row["estimate"] == pytest.approx(NORMAL * error, rel=1e-6)


def test_ordinal_separation_is_told(drawn):
    category = np.digitize(drawn["x"], [-0.5, 0.5])
    table = classical_companions(lay_out("ordinal", category, {"x": drawn["x"]}, categories=tuple("abc")))
    assert pick(table, ODDS)["estimate"] == np.inf
    assert pick(table, BRANT)["note"] == "separation at a cut: no test"
    counts = np.bincount(category)
    statistic = pick(table, "proportional odds model, likelihood ratio")["statistic"]
    assert statistic == pytest.approx(-2 * counts @ np.log(counts / PATIENTS), rel=1e-3)


# Categorical


def test_multinomial_logit_of_a_two_valued_predictor_is_woolf_by_contrast():
    low, high = np.array([30, 25, 20]), np.array([10, 30, 15])
    value = np.concatenate([np.repeat(np.arange(3), low), np.repeat(np.arange(3), high)])
    group = np.repeat([0.0, 1.0], [low.sum(), high.sum()])
    table = classical_companions(lay_out("categorical", value, {"x": group}, categories=("a", "b", "c")))
    for number, label in enumerate("bc", start=1):
        row = pick(table, "multinomial logistic regression, Wald", number=number - 1)
        woolf = np.log(high[number] * low[0] / (high[0] * low[number]))
        error = np.sqrt(1 / high[number] + 1 / low[0] + 1 / high[0] + 1 / low[number])
        np.testing.assert_allclose([row["estimate"], row["lower"]], [woolf, woolf - NORMAL * error], rtol=1e-6)
        assert row["quantity"] == f"log odds ratio per unit, {label} against a"
    both = np.array([low, high])
    fitted = both.sum(axis=1, keepdims=True) * both.sum(axis=0) / both.sum()
    ratio = pick(table, "multinomial logistic regression, likelihood")
    assert ratio["statistic"] == pytest.approx(2 * np.sum(both * np.log(both / fitted)), rel=1e-6)
    assert ratio["p_value"] == pytest.approx(stats.chi2.sf(ratio["statistic"], 2))
    assert pick(table, "chi-squared")["statistic"] == pytest.approx(np.sum((both - fitted) ** 2 / fitted))


def test_multinomial_logit_is_statsmodels_and_separation_is_told(drawn):
    table = classical_companions(prepare(drawn, "categorical", "nominal", categories=("a", "b", "c")))
    fit = sm.MNLogit(drawn["nominal"], matrix(drawn)).fit(disp=0)
    row = pick(table, "multinomial logistic regression, Wald", "mutated", 1)
    np.testing.assert_allclose([row["estimate"], row["p_value"]], [fit.params[2, 1], fit.pvalues[2, 1]], rtol=1e-5)
    samples = [drawn["x"][drawn["nominal"] == code] for code in range(3)]
    assert pick(table, "Kruskal-Wallis")["p_value"] == pytest.approx(stats.kruskal(*samples).pvalue)
    # Against another reference every contrast is a difference of contrasts.
    named = {"outcome": "subtype", "reference": json.dumps({"subtype": "b"})}
    other = classical_companions(
        prepare(drawn, "categorical", "nominal", categories=("a", "b", "c")).assign_attrs(named)
    )
    contrasts = other[(other["term"] == "mutated") & other["test"].str.endswith("Wald test")]
    assert contrasts["quantity"].str[-11:].tolist() == ["a against b", "c against b"]
    expected = [-fit.params[2, 0], fit.params[2, 1] - fit.params[2, 0]]
    np.testing.assert_allclose(contrasts["estimate"].to_numpy(dtype=float), expected, rtol=1e-5)
    category = np.digitize(drawn["x"], [-0.5, 0.5])
    table = classical_companions(lay_out("categorical", category, {"x": drawn["x"]}, categories=("a", "b", "c")))
    assert "separation" in pick(table, "multinomial logistic regression, Wald")["note"]
    counts = np.bincount(category)
    statistic = pick(table, "multinomial logistic regression, likelihood")["statistic"]
    assert statistic == pytest.approx(-2 * counts @ np.log(counts / PATIENTS), rel=1e-2)


def test_sparse_table_gets_fisher_by_random_tables():
    low, high = np.array([14, 2, 1]), np.array([2, 3, 5])
    value = np.concatenate([np.repeat(np.arange(3), low), np.repeat(np.arange(3), high)])
    group = np.repeat([0.0, 1.0], [low.sum(), high.sum()])
    table = classical_companions(lay_out("categorical", value, {"x": group}, categories=("a", "b", "c")))
    chance = {}
    for first in range(11):
        for second in range(11 - first):
            cells = np.array([first, second, 10 - first - second])
            if np.all(cells <= low + high):
                chance[tuple(cells)] = np.prod(special.comb(low + high, cells)) / special.comb(27, 10)
    exact = sum(each for each in chance.values() if each <= chance[tuple(high)] * (1 + 1e-7))
    error = np.sqrt(exact * (1 - exact) / 9_999)
    assert pick(table, "Fisher")["p_value"] == pytest.approx(exact, abs=4 * error + 1e-4)
    assert "smallest expected count" in pick(table, "chi-squared")["note"]


def test_level_of_a_text_predictor_is_compared_with_its_reference(drawn):
    grade = np.repeat([0, 1, 2], 50)
    columns = {"grade[G3]": grade == 1, "grade[G4]": grade == 2, "x": drawn["x"]}
    data = lay_out("bernoulli", drawn["binary"], columns, categories=("a", "b"), predictors=("grade", "x"))
    table = classical_companions(data)
    some = grade != 1
    counts = stats.contingency.crosstab(grade[some], drawn["binary"][some]).count
    row = pick(table, "chi-squared", "grade[G4]")
    assert row["statistic"] == pytest.approx(stats.chi2_contingency(counts, correction=False).statistic)
    assert row["note"] == "1 df; against the reference level; ignores other predictors"
    every = stats.contingency.crosstab(grade, drawn["binary"]).count
    expected = stats.chi2_contingency(every, correction=False).statistic
    assert pick(table, "chi-squared", "grade")["statistic"] == pytest.approx(expected)
    gaussian = classical_companions(data.assign_attrs(family="gaussian").assign(value=("patient", drawn["continuous"])))
    samples = [drawn["continuous"][grade == level] for level in range(3)]
    assert pick(gaussian, "Kruskal-Wallis", "grade")["p_value"] == pytest.approx(stats.kruskal(*samples).pvalue)


# Counts


def test_rate_ratio_of_two_groups_is_its_closed_form():
    """Equal exposures in each group: the estimate is the ratio of the mean counts, and the error has a closed form."""
    rng = np.random.default_rng(4)
    group = np.repeat([0.0, 1.0], [60, 40])
    value = rng.negative_binomial(2, 2 / (2 + np.where(group > 0, 9.0, 3.0)))
    offset = np.where(group > 0, np.log(2.0), 0.0)
    table = classical_companions(lay_out("negative_binomial", value, {"x": group}, offset=offset))
    high, low = value[group > 0], value[group == 0]
    truth = np.log(high.mean() / 2 / low.mean())
    row = pick(table, "negative binomial regression, Wald")
    assert row["estimate"] == pytest.approx(truth, abs=1e-4)
    assert row["lower"] < np.log(1.5) < row["upper"]
    fit = sm.NegativeBinomial(value, np.column_stack([np.ones(100), group]), offset=offset).fit(disp=0, maxiter=200)
    alpha = fit.params[-1]
    error = np.sqrt((1 / high.mean() + alpha) / 40 + (1 / low.mean() + alpha) / 60)
    assert (row["upper"] - row["lower"]) / (2 * NORMAL) == pytest.approx(error, rel=1e-3)
    poisson = pick(table, "Poisson")
    robust = np.sqrt(high.var() / (40 * high.mean() ** 2) + low.var() / (60 * low.mean() ** 2))
    assert poisson["estimate"] == pytest.approx(truth, rel=1e-6)
    assert (poisson["upper"] - poisson["lower"]) / (2 * NORMAL) == pytest.approx(robust, rel=1e-6)
    assert pick(table, WILCOXON)["estimate"] == pytest.approx(
        np.mean((high[:, None] / 2 > low) + 0.5 * (high[:, None] / 2 == low))
    )
    assert "of the rate" in pick(table, WILCOXON)["note"]


def test_group_without_any_event_is_told():
    group = np.repeat([0.0, 1.0], [30, 30])
    value = np.where(group > 0, np.random.default_rng(1).poisson(3, 60), 0)
    table = classical_companions(lay_out("negative_binomial", value, {"x": group}))
    for test in ("negative binomial regression, Wald", "Poisson"):
        assert pick(table, test)["estimate"] == np.inf
        assert "separation" in pick(table, test)["note"]


# Weights and groups


def test_weights_count_as_so_many_patients_or_are_said_to_be_ignored(drawn):
    weight = np.arange(PATIENTS) % 3 + 1
    rows = np.repeat(np.arange(PATIENTS), weight)
    for family, outcome, tests in (
        ("gaussian", "continuous", ["OLS t test"]),
        ("bernoulli", "binary", [WALD, "likelihood ratio test", "score test", FIRTH]),
        ("negative_binomial", "count", ["Poisson"]),
    ):
        weighted = prepare(drawn, family, outcome, weight=weight)
        # The repeated patients keep the sd that the weighted predictor was divided by.
        repeated = weighted.isel(patient=rows).assign(weight=("patient", np.ones(rows.size)))
        ours, theirs = classical_companions(weighted), classical_companions(repeated)
        for test in tests:
            numbers = ["estimate", "lower", "statistic", "p_value"]
            np.testing.assert_allclose(
                pick(ours, test)[numbers].to_numpy(dtype=float),
                pick(theirs, test)[numbers].to_numpy(dtype=float),
                rtol=1e-5,
            )
            assert "weights as so many patients" in pick(ours, test)["note"]
    ordinal = classical_companions(prepare(drawn, "ordinal", "ordered", weight=weight))
    assert ordinal["note"].str.contains("weights").all()
    unweighted = classical_companions(prepare(drawn, "ordinal", "ordered"))
    assert not unweighted["note"].str.contains("weights").any()


def test_groups_enter_as_fixed_effects_where_they_can(drawn):
    site, design = drawn["site"], matrix(drawn)[:, :2]
    value, columns = drawn["continuous"], {"x": drawn["x"]}
    row = pick(classical_companions(lay_out("gaussian", value, columns, groups={"site": site})), "OLS t test")
    dummies = (site[:, None] == np.arange(1, 4)).astype(float)
    expected = np.linalg.lstsq(np.column_stack([design, dummies]), value, rcond=None)[0][1]
    assert row["estimate"] == pytest.approx(expected)
    assert row["note"] == "site as fixed effects"
    alone = np.linalg.lstsq(design, value, rcond=None)[0][1]
    many = lay_out("gaussian", value, columns, groups={"scanner": np.arange(PATIENTS) // 2})
    row = pick(classical_companions(many), "OLS t test")
    assert row["estimate"] == pytest.approx(alone)
    assert row["note"] == f"scanner ignored: 75 levels for {PATIENTS} patients"


def test_group_that_determines_the_predictor_is_left_out(drawn):
    data = lay_out("gaussian", drawn["continuous"], {"x": drawn["site"] > 1}, groups={"site": drawn["site"]})
    row = pick(classical_companions(data), "OLS t test")
    assert row["note"] == "site ignored: it determines the predictors"
    high, low = (drawn["continuous"][(drawn["site"] > 1) == side] for side in (True, False))
    assert row["estimate"] == pytest.approx(high.mean() - low.mean())


@pytest.mark.parametrize(("family", "outcome"), (OUTCOMES | {"rank": "ordered"}).items())
def test_predictor_that_is_also_a_covariate_is_not_fitted(drawn, family, outcome):
    data = lay_out(family, drawn[outcome], {"x": drawn["x"]}, covariate=drawn["x"][:, None])
    table = classical_companions(data)
    told = table["note"].str.startswith("not fitted: the predictors and covariates determine each other")
    assert told.any()
    assert table.loc[told, ["estimate", "statistic", "p_value"]].isna().all(axis=None)
    assert table.loc[~told & ~table["note"].str.startswith("not fitted"), "p_value"].notna().all()


# What is refused


def test_unknown_family_and_level_are_refused(drawn):
    data = prepare(drawn, "gaussian", "continuous")
    with pytest.raises(SettingsError, match="level is 95"):
        classical_companions(data, level=95)
    with pytest.raises(SettingsError, match="'gamma'; known are gaussian"):
        classical_companions(data.assign_attrs(family="gamma"))
