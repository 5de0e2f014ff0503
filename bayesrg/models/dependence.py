"""Evidence of any dependence of two variables, P(g, x) against P(g) P(x), by the mutual information of their ranks.

A slope misses what is not monotone: a U-shape, or a spread that changes. Here both variables become bins of ranks, the
scale of the copula, on which only their dependence is left: whatever rescales one of them changes nothing. A variable
with few values, or without order, keeps its categories; others are cut into k bins of equal frequency, ties together.

*The model.* Of a table of counts n_ij (k rows with sums n_i, l columns with sums n_j, n in all) under dependence

    p ~ Dirichlet(a_ij),  a_ij = A n_i n_j / n^2,    n_ij ~ Multinomial(n, p),

centred on independence. A Dirichlet's margins are Dirichlets of the summed concentrations, so under independence the
rows have a_i = A n_i / n and the columns a_j = A n_j / n. With B(a) = prod Gamma(a) / Gamma(sum a) the integrals are
ratios of B, the multinomial coefficients are the same under both hypotheses, and

    joint = [B(a_ij + n_ij) / B(a_ij)] / {[B(a_i + n_i) / B(a_i)] [B(a_j + n_j) / B(a_j)]}.

It is the same with rows and columns exchanged, and whether or not the rows were fixed by design. Gunel & Dickey 1974,
doi:10.1093/biomet/61.3.545 (Jamil et al. 2017, doi:10.3758/s13428-016-0739-8) give independence the Dirichlet
conditional on p_ij = p_i p_j instead, whose concentrations are smaller by l - 1 in each row and k - 1 in each column:
it does not exist where A is as small as a table for strong dependence needs. Margins that agree under both hypotheses
are those of Heckerman, Geiger & Chickering 1995, doi:10.1007/BF00994016, who need them for likelihood equivalence.

Ranks fix both margins: they are no evidence, and the prior may know them. The Bayes factor is therefore conditional on
them, Gunel & Dickey's fourth (hypergeometric) plan: `joint` divided by P(margins | dependence) / P(margins |
independence). With two rows or columns that ratio is a convolution of beta-binomials and exact; otherwise it is that of
two normal densities at their mean, (V_0 / V_1)^((l - 1) / 2) with V_0 = n (n + A) / (1 + A) and V_1 the sum of n_i (n_i
+ a_i) / (1 + a_i), in the geometric mean of both directions, which left 3 by 3 tables at most a factor of 1.3 (at
the largest of the three strengths below; 1.1 at the others) in favour of dependence, and larger tables less. The mean
of the Bayes factor over all pairings of the ranks is then 1, or nearly. Independence is one model at all resolutions:
every pairing is equally probable. So their Bayes factors can be averaged.

*The prior.* A fixed concentration in each cell would make a fine table strongly dependent before any patient is seen:
with one in each cell an 8 by 8 table has an expected mutual information of 0.36 nats, as of a correlation of 0.72, and
noise is then taken for structure (Archer, Park & Pillow 2013, doi:10.3390/e15051738). The mean mutual information under
the prior is (k - 1)(l - 1) / (2 A) to first order (Hutter 2001, arXiv:cs/0112019), so A is chosen to make it that of a
normal pair with the correlation 0.3, 0.5 or 0.7, at every resolution; the three are equally probable. (Exactly, the
means are those of 0.28 to 0.30, 0.41 to 0.48 and 0.46 to 0.65, least in 2 by 2 tables, which cannot hold more.) A fine
table thus has many prior patients, all of them independent: it is drawn towards independence where the data do not
resist, and a bin must hold `FEWEST_IN_BIN` patients. Resolutions are equally probable given dependence.

*What it is of.* The mutual information of the binned variables is at most that of the variables themselves, and at most
log min(k, l). Filippi & Holmes 2017, doi:10.1214/16-BA1027, answer the same question by Polya trees.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import betaln, expit, gammaln, logit, logsumexp, xlogy

from bayesrg.errors import SettingsError, TableError
from bayesrg.models.rank_bins import count, cut, read_ranked

STRENGTHS = (0.3, 0.5, 0.7)
"""Informational correlations that dependence is expected to have, each as probable as the others."""
REFERENCE = (
    "Gunel & Dickey 1974, doi:10.1093/biomet/61.3.545; Jamil et al. 2017, doi:10.3758/s13428-016-0739-8; Hutter 2001, "
    "arXiv:cs/0112019; Linfoot 1957, doi:10.1016/S0019-9958(57)90116-X"
)
MEANING: Mapping[str, tuple[str, str]] = {
    "mutual_information": ("mutual information of the binned ranks, 0 under independence", "nat"),
    "informational_correlation": ("sqrt(1 - exp(-2 I)) of the mutual information I; |correlation| if normal", "1"),
    "resolution_probability": ("posterior probability of the resolution, given dependence", "1"),
    "strength_probability": ("posterior probability of the strength that the prior expects, given dependence", "1"),
    "observed": ("patients in the cell, at the most probable resolution", "patients"),
    "expected": ("patients in the cell if the variables were independent, with the same margins", "patients"),
    "probability_above_expected": ("P(cell > product of its margins | data, dependence, this resolution)", "1"),
}


def dependence(
    predictor: Sequence[object] | np.ndarray | pd.Series,
    outcome: Sequence[object] | np.ndarray | pd.Series,
    *,
    nominal_predictor: bool = False,
    nominal_outcome: bool = False,
    seed: int,
    draws: int = 4000,
    prior_probability: float = 0.5,
) -> xr.Dataset:
    """Probability that two variables depend on each other in any way, and how much, from the ranks of both.

    The two are exchangeable: which is called the predictor changes the names of the dims and nothing else.

    Parameters
    ----------
    predictor, outcome : one value a patient, in the same order: numbers, booleans or an ordered categorical; anything
        where `nominal_predictor` or `nominal_outcome` says that the values have no order
    seed : the same seed gives the same draws; probabilities and Bayes factors are not drawn and do not depend on it,
        except for `probability_above_expected`
    draws : how many draws of the mutual information
    prior_probability : of dependence, between 0 and 1

    Returns
    -------
    Dataset with `mutual_information` (draw; nats; exactly 0 in the draws that are independent),
    `informational_correlation` (draw), `resolution_probability` (predictor_bins, outcome_bins), `strength_probability`
    (strength); and at the most probable resolution `observed`, `expected` and `probability_above_expected`
    (predictor_bin, outcome_bin), whose coordinates say what a bin holds. Attributes: `probability_of_dependence`,
    `log_bayes_factor` (natural logarithm, dependence against independence), `prior_probability`, `patients`, `bins`
    (JSON: the resolutions tried, and the `most_probable`), `prior`, `reference`.

    Raises
    ------
    TableError
        If a value is missing, the two differ in length, or text was not said to be nominal.
    DesignError
        If a variable is empty or constant, or a nominal one has another category for every patient.
    SettingsError
        If the prior probability is not between 0 and 1, or there is no draw.

    References
    ----------
    See the module for the model; the informational correlation is Linfoot 1957, doi:10.1016/S0019-9958(57)90116-X.

    Examples
    --------
    A U-shape, which has no linear term:

    >>> x = np.linspace(-1, 1, 101)
    >>> found = dependence(x, x**2, seed=1)
    >>> found.attrs["probability_of_dependence"] > 0.99, bool(abs(np.corrcoef(x, x**2)[0, 1]) < 1e-9)
    (True, True)
    """
    if not 0.0 < prior_probability < 1.0:
        raise SettingsError(f"prior_probability must lie between 0 and 1, both excluded; got {prior_probability}")
    if draws < 1:
        raise SettingsError(f"draws must be at least 1, got {draws}")
    read = read_ranked(predictor, "predictor", nominal_predictor), read_ranked(outcome, "outcome", nominal_outcome)
    if read[0].size != read[1].size:
        raise TableError(
            f"the predictor has {read[0].size} values and the outcome {read[1].size}; give both for every patient"
        )
    rows = cut(read[0], "predictor", nominal=nominal_predictor)
    columns = cut(read[1], "outcome", nominal=nominal_outcome)
    tables = [count(row, column) for row in rows.values() for column in columns.values()]
    totals = [prior_total(*table.shape) for table in tables]
    evidence = np.array([log_bayes_factor(table, total) for table, total in zip(tables, totals, strict=True)])
    in_all = float(logsumexp(evidence) - np.log(evidence.size))
    probability = float(expit(logit(prior_probability) + in_all))
    weight = np.exp(evidence - logsumexp(evidence))  # (resolution, strength), given dependence

    drawing, locating = np.random.default_rng(seed).spawn(2)
    information = np.zeros(draws)
    dependent = np.flatnonzero(drawing.random(draws) < probability)
    component = drawing.choice(weight.size, size=dependent.size, p=weight.ravel())
    for chosen in np.unique(component):
        resolution, strength = divmod(int(chosen), len(STRENGTHS))
        own = dependent[component == chosen]
        drawn = _draw_tables(tables[resolution], totals[resolution][strength], own.size, drawing)
        information[own] = mutual_information(drawn)

    best = int(weight.sum(axis=1).argmax())
    observed = tables[best]
    numbers = locating.multinomial(draws, weight[best] / weight[best].sum())
    drawn = np.concatenate([_draw_tables(observed, *own, locating) for own in zip(totals[best], numbers, strict=True)])
    product = drawn.sum(axis=2, keepdims=True) * drawn.sum(axis=1, keepdims=True)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    cells, resolutions = ("predictor_bin", "outcome_bin"), ("predictor_bins", "outcome_bins")
    found = xr.Dataset(
        {
            "mutual_information": ("draw", information),
            "informational_correlation": ("draw", informational_correlation(information)),
            "resolution_probability": (resolutions, weight.sum(axis=1).reshape(len(rows), len(columns))),
            "strength_probability": ("strength", weight.sum(axis=0)),
            "observed": (cells, observed),
            "expected": (cells, expected),
            "probability_above_expected": (cells, (drawn > product).mean(axis=0)),
        },
        coords={
            "draw": np.arange(draws),
            "predictor_bins": list(rows),
            "outcome_bins": list(columns),
            "strength": list(STRENGTHS),
            "predictor_bin": list(rows[observed.shape[0]].labels),
            "outcome_bin": list(columns[observed.shape[1]].labels),
        },
    )
    for name, (meaning, unit) in MEANING.items():
        found[name].attrs = {"meaning": meaning, "unit": unit}
    return found.assign_attrs(
        probability_of_dependence=probability,
        log_bayes_factor=in_all,
        prior_probability=float(prior_probability),
        patients=int(observed.sum()),
        bins=json.dumps({"predictor": list(rows), "outcome": list(columns), "most_probable": observed.shape}),
        prior=f"dependence as strong as an informational correlation of {', '.join(map(str, STRENGTHS))}, equally "
        "probable, at every resolution; resolutions equally probable",
        seed=seed,
        reference=REFERENCE,
    )


def prior_total(rows: int, columns: int, strengths: Sequence[float] = STRENGTHS) -> np.ndarray:
    """Total concentration A by which a table is expected to have the strengths, to first order, shape (strength,).

    Parameters
    ----------
    rows, columns : size of the table
    strengths : informational correlations r, whose mutual information is -log(1 - r^2) / 2

    Examples
    --------
    >>> prior_total(2, 2).round(1).tolist(), prior_total(8, 8).round(1).tolist()
    ([10.6, 3.5, 1.5], [519.6, 170.3, 72.8])
    """
    return (rows - 1) * (columns - 1) / -np.log1p(-np.square(strengths))


def log_bayes_factor(counts: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Natural logarithm of the Bayes factor of dependence against independence, given both margins of a table.

    Parameters
    ----------
    counts : shape (row, column), no row or column empty
    total : prior totals A, shape (strength,)

    Returns
    -------
    array of shape (strength,)

    References
    ----------
    The module's derivation, from Gunel & Dickey 1974, doi:10.1093/biomet/61.3.545.
    """
    rows, columns, n = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    a_rows, a_columns = np.multiply.outer(total, rows / n), np.multiply.outer(total, columns / n)
    cells = (a_rows[:, :, None] * (columns / n)).reshape(total.size, -1)
    joint = _log_marginal(counts.ravel(), cells) - _log_marginal(rows, a_rows) - _log_marginal(columns, a_columns)
    if min(counts.shape) == 2:
        several, two = (rows, columns) if columns.size == 2 else (columns, rows)
        return joint - np.array([_margins_of_two_columns(several, two, own) for own in total])
    return joint - 0.5 * (_margins_if_normal(rows, columns, total) + _margins_if_normal(columns, rows, total))


def mutual_information(probability: np.ndarray) -> np.ndarray:
    """Mutual information of tables of probabilities in nats, over the last two axes.

    Examples
    --------
    >>> float(mutual_information(np.array([[0.5, 0.0], [0.0, 0.5]])).round(4))
    0.6931
    """
    rows, columns = probability.sum(axis=-1), probability.sum(axis=-2)
    parts = [xlogy(part, part).sum(axis=axes) for part, axes in ((probability, (-2, -1)), (rows, -1), (columns, -1))]
    return np.maximum(parts[0] - parts[1] - parts[2], 0.0)  # rounding leaves -1e-17 under independence


def informational_correlation(information: np.ndarray | float) -> np.ndarray:
    """Linfoot's coefficient sqrt(1 - exp(-2 I)) of a mutual information I in nats: |correlation| of a normal pair.

    References
    ----------
    Linfoot 1957, doi:10.1016/S0019-9958(57)90116-X

    Examples
    --------
    >>> float(informational_correlation(-0.5 * np.log(1 - 0.6**2)).round(6))
    0.6
    """
    return np.sqrt(-np.expm1(-2.0 * np.asarray(information)))


def _draw_tables(counts: np.ndarray, total: float, number: int, rng: np.random.Generator) -> np.ndarray:
    """Draw tables of probabilities from their Dirichlet posterior, shape (number, row, column)."""
    n = counts.sum()
    posterior = counts + total * np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n**2
    drawn = rng.standard_gamma(posterior, (number, *counts.shape))
    return drawn / drawn.sum(axis=(1, 2), keepdims=True)


def _log_marginal(counts: np.ndarray, concentration: np.ndarray) -> np.ndarray:
    """Log of B(a + n) / B(a) over the last axis: the Dirichlet-multinomial without its coefficient."""
    cells = (gammaln(concentration + counts) - gammaln(concentration)).sum(axis=-1)
    total = concentration.sum(axis=-1)
    return cells + gammaln(total) - gammaln(total + counts.sum())


def _margins_of_two_columns(rows: np.ndarray, columns: np.ndarray, total: float) -> float:
    """Log of P(margins | dependence) / P(margins | independence) with two columns, exact."""
    n = rows.sum()
    first, second = total * columns / n
    by_size = {
        own: _beta_binomial(np.arange(own + 1), own, first * own / n, second * own / n) for own in set(rows.tolist())
    }
    summed = np.ones(1)
    for own in rows.tolist():
        summed = np.convolve(summed, by_size[own])
    return float(np.log(summed[columns[0]] / _beta_binomial(columns[0], n, first, second)))


def _beta_binomial(successes: np.ndarray, n: int, alpha: float, beta: float) -> np.ndarray:
    # SciPy's checks its arguments at each call, which takes ten times as long as the function itself.
    chosen = -np.log1p(n) - betaln(n - successes + 1, successes + 1)
    return np.exp(chosen + betaln(successes + alpha, n - successes + beta) - betaln(alpha, beta))


def _margins_if_normal(rows: np.ndarray, columns: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Log of the same ratio with more columns, the sums of the columns taken as normal."""
    n = rows.sum()
    own = np.multiply.outer(total, rows / n)
    dependent = (rows * (rows + own) / (1.0 + own)).sum(axis=1)
    return 0.5 * (columns.size - 1) * (np.log(n * (n + total) / (1.0 + total)) - np.log(dependent))
