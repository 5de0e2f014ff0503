"""The closed form of a balanced design is the dense normal density."""

import numpy as np
import pytest
from scipy import stats

from bayesrg.inference.strata import balanced_strata, strata_density

# Facets (with their sizes) and the random effects over them; the residual and the mean come by themselves.
DESIGNS = [
    ({"subject": 5, "replicate_of": 3}, [{"subject"}]),
    ({"subject": 4, "scanner": 3}, [{"subject"}, {"scanner"}]),
    (
        {"subject": 4, "session": 2, "scanner": 3},
        [{"subject"}, {"subject", "session"}, {"scanner"}, {"subject", "scanner"}],
    ),
    ({"subject": 3, "session": 2, "scanner": 2}, [{"subject"}, {"session"}, {"scanner"}]),
    ({"subject": 3, "session": 2, "scanner": 2, "preprocessing": 2}, [{"subject"}, {"subject", "session", "scanner"}]),
]


def lay_out(sizes: dict[str, int], replicates: int = 1, seed: int = 0) -> dict[str, np.ndarray]:
    """Level numbers of a factorial in a random order of rows."""
    rows = np.array(list(np.ndindex(*sizes.values(), replicates)))
    rows = np.random.default_rng(seed).permutation(rows)
    return dict(zip(sizes, rows.T, strict=False))


def covariance(facets: dict[str, np.ndarray], components: list[set[str]], variances: np.ndarray) -> np.ndarray:
    size = len(next(iter(facets.values())))
    total = variances[-1] * np.ones((size, size)) + variances[-2] * np.eye(size)
    for component, variance in zip(components, variances, strict=False):
        same = np.all([facets[name][:, None] == facets[name][None, :] for name in component], axis=0)
        total += variance * same
    return total


@pytest.mark.parametrize(("sizes", "components"), DESIGNS)
@pytest.mark.parametrize("replicates", [1, 2])
def test_density_is_that_of_the_dense_normal(sizes: dict[str, int], components: list[set[str]], replicates: int):
    facets = lay_out(sizes, replicates)
    strata = balanced_strata(facets, [frozenset(component) for component in components])
    assert strata is not None
    rng = np.random.default_rng(1)
    size = len(next(iter(facets.values())))
    for _ in range(5):
        value = 2.0 + rng.standard_normal(size)
        variances = np.exp(rng.normal(-1.0, 1.5, len(components) + 2))
        density, gradient = strata_density(
            variances, strata.sums_of_squares(value), strata.degrees_of_freedom, strata.weight
        )
        spread = covariance(facets, components, variances)
        expected = stats.multivariate_normal(np.zeros(size), spread).logpdf(value)
        assert float(density) == pytest.approx(expected, abs=1e-8)
        # d/dv of a normal log density: (a'Ka - tr(C^-1 K)) / 2, a = C^-1 y, K = dC/dv
        inverse = np.linalg.inv(spread)
        alpha = inverse @ value
        for number, one in enumerate(np.eye(len(variances))):
            slope = covariance(facets, components, one)
            exact = 0.5 * (alpha @ slope @ alpha - np.trace(inverse @ slope))
            assert gradient[number] == pytest.approx(exact, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize(("sizes", "components"), DESIGNS)
def test_strata_account_for_every_square_and_degree_of_freedom(sizes: dict[str, int], components: list[set[str]]):
    facets = lay_out(sizes, 2)
    strata = balanced_strata(facets, [frozenset(component) for component in components])
    assert strata is not None
    value = np.random.default_rng(2).standard_normal(2 * int(np.prod(list(sizes.values()))))
    assert strata.degrees_of_freedom.sum() == len(value)
    assert strata.sums_of_squares(value).sum() == pytest.approx((value**2).sum())


def test_anova_of_two_by_two_by_hand():
    """Cells 1, 3 and 5, 11: mean 5; rows 2 and 8, columns 3 and 7; interaction ±1."""
    facets = {"subject": np.array([0, 0, 1, 1]), "scanner": np.array([0, 1, 0, 1])}
    strata = balanced_strata(facets, [frozenset({"subject"}), frozenset({"scanner"})])
    assert strata is not None
    squares = strata.sums_of_squares(np.array([1.0, 3.0, 5.0, 11.0]))
    found = {tuple(weight): total for weight, total in zip(strata.weight, squares, strict=True)}
    assert found == pytest.approx(
        {(2.0, 2.0, 1.0, 4.0): 100.0, (2.0, 0.0, 1.0, 0.0): 36.0, (0.0, 2.0, 1.0, 0.0): 16.0, (0.0, 0.0, 1.0, 0.0): 4.0}
    )


def test_unbalanced_designs_have_no_strata():
    facets = lay_out({"subject": 4, "scanner": 3})
    assert balanced_strata({name: levels[1:] for name, levels in facets.items()}, [frozenset({"subject"})]) is None
    twice = {name: np.append(levels, levels[:1]) for name, levels in facets.items()}
    assert balanced_strata(twice, [frozenset({"subject"})]) is None


def test_variances_of_zero_are_finite():
    facets = lay_out({"subject": 4, "scanner": 3})
    strata = balanced_strata(facets, [frozenset({"subject"}), frozenset({"scanner"})])
    assert strata is not None
    squares = strata.sums_of_squares(np.random.default_rng(3).standard_normal(12))
    density, gradient = strata_density(
        np.array([0.0, 0.0, 0.5, 1.0]), squares, strata.degrees_of_freedom, strata.weight
    )
    assert np.isfinite(density)
    assert np.isfinite(gradient).all()
