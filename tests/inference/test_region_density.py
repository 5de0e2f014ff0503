"""The density of regions and its gradient against a dense normal; what the data say, against dense algebra.

The dense side writes every effect as a column: value = D e + noise, with e all coefficients and effects of a feature,
whose prior covariance is Q. Then Cov(value) = D Q D' + residual, and the moments of e given the values follow.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numba import njit
from scipy import linalg, stats

from bayesrg.inference.region_density import correlated_region_density, external_density, region_density
from bayesrg.models.regions.components import Components
from bayesrg.models.regions.conditioning import condition, draw_given_data
from bayesrg.models.regions.effects import draw_marginal
from bayesrg.models.regions.layout import RegionLayout

DRAWS = 4000


# The kernel


def make_arrays(sizes: list[int], n_features: int, n_columns: int, seed: int, missing: float) -> tuple[np.ndarray, ...]:
    """Value, mask, columns, start and first of blocks of these sizes, and each block's covariances (pair, feature)."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    start = np.concatenate([[0], np.cumsum(sizes)])
    first = np.concatenate([[0], np.cumsum([size * (size + 1) // 2 for size in sizes])])
    mask = (rng.random((n, n_features)) >= missing).astype(float)
    packed = []
    for size in sizes:
        root = rng.standard_normal((n_features, size, size + 2))
        block = root @ root.swapaxes(1, 2) / size + 0.5 * np.eye(size)
        packed.append(block[:, *np.tril_indices(size)].T)
    value = rng.standard_normal((n, n_features)) * mask
    return value, mask, rng.standard_normal((n, n_columns)), start, first, np.concatenate(packed)


def unpack(packed: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Block-diagonal matrix of covariances (pair,)."""
    blocks, begin = [], 0
    for size in np.diff(start):
        row, column = np.tril_indices(size)
        block = np.zeros((size, size))
        block[row, column] = block[column, row] = packed[begin : begin + row.size]
        blocks.append(block)
        begin += row.size
    return linalg.block_diag(*blocks)


def dense_density(packed: np.ndarray, prior: np.ndarray, arrays: tuple[np.ndarray, ...]) -> float:
    value, mask, columns, start, _ = arrays
    total = 0.0
    for feature in range(value.shape[1]):
        seen = mask[:, feature] > 0
        covariance = (unpack(packed[:, feature], start) + (columns * prior) @ columns.T)[np.ix_(seen, seen)]
        total += stats.multivariate_normal(None, covariance).logpdf(value[seen, feature])
    return total


def slopes(
    density: Callable[[np.ndarray], Any], point: np.ndarray, places: np.ndarray, step: float = 1e-5
) -> np.ndarray:
    """Central differences of the density in some coordinates."""
    found = []
    for place in places:
        shift = np.zeros(point.size)
        shift[place] = step
        found.append((float(density(point + shift)) - float(density(point - shift))) / (2.0 * step))
    return np.array(found)


DESIGNS = {
    "tumours of one region, one feature": ([1, 1, 1, 1], 1, 2, 0.0),
    "twenty regions, more features than lanes": ([20, 1, 6], 9, 3, 0.2),
    "missing values, as many features as lanes": ([3, 2, 5], 8, 4, 0.4),
}


@pytest.mark.parametrize("design", list(DESIGNS))
def test_density_and_gradient_are_those_of_a_dense_normal(design: str):
    sizes, n_features, n_columns, missing = DESIGNS[design]
    *arrays, packed = make_arrays(sizes, n_features, n_columns, 1, missing)
    rng = np.random.default_rng(2)
    prior = rng.uniform(0.3, 2.0, n_columns)
    point = np.concatenate([packed.ravel(), prior])
    density, gradient = region_density(point, *arrays)
    assert float(density) == pytest.approx(dense_density(packed, prior, tuple(arrays)), rel=1e-11)
    places = np.concatenate(
        [rng.choice(packed.size, min(25, packed.size), replace=False), packed.size + np.arange(n_columns)]
    )
    expected = slopes(lambda own: region_density(own, *arrays)[0], point, places)
    np.testing.assert_allclose(gradient[places], expected, rtol=1e-5, atol=1e-6)
    call = njit(external_density("regions"))
    again, slope = call(point, *arrays)
    assert float(again) == float(density)
    np.testing.assert_array_equal(slope, gradient)


@pytest.mark.parametrize("n_features", [1, 3, 9])
def test_density_and_gradient_of_correlated_features_are_those_of_a_dense_normal(n_features: int):
    sizes, n_columns = [4, 1, 12], 3
    *arrays, packed = make_arrays(sizes, n_features, n_columns, 3, 0.0)
    value, _, columns, start, _ = arrays
    shared, rng = packed[:, 0], np.random.default_rng(4)
    root = rng.standard_normal((n_features, n_features + 1))
    sigma, prior = root @ root.T / n_features + 0.3 * np.eye(n_features), rng.uniform(0.3, 2.0, n_columns)
    point = np.concatenate([shared, sigma.ravel(), prior])
    density, gradient = correlated_region_density(point, *arrays)
    regions = unpack(shared, start) + (columns * prior) @ columns.T
    covariance = np.kron(np.eye(n_features), regions) + np.kron(sigma, np.eye(len(value)))
    assert float(density) == pytest.approx(
        stats.multivariate_normal(None, covariance).logpdf(value.T.ravel()), rel=1e-11
    )

    def symmetric(own: np.ndarray) -> np.ndarray:
        """As if an entry of sigma stood for itself alone: half of it for each side of the diagonal."""
        matrix = own[shared.size : shared.size + sigma.size].reshape(sigma.shape)
        return np.concatenate(
            [own[: shared.size], (0.5 * (matrix + matrix.T)).ravel(), own[shared.size + sigma.size :]]
        )

    places = rng.choice(point.size, min(30, point.size), replace=False)
    expected = slopes(lambda own: correlated_region_density(symmetric(own), *arrays)[0], point, places)
    np.testing.assert_allclose(gradient[places], expected, rtol=1e-5, atol=1e-6)
    call = njit(external_density("correlated_regions"))
    again, slope = call(point, *arrays)
    assert float(again) == float(density)
    np.testing.assert_array_equal(slope, gradient)


def test_marginal_draws_have_the_dense_covariance():
    *arrays, packed = make_arrays([3, 1], 2, 2, 5, 0.0)
    _, _, columns, start, _ = arrays
    prior, rng = np.array([0.5, 1.5]), np.random.default_rng(6)
    drawn = np.stack([draw_marginal(packed, prior, columns, start, rng) for _ in range(DRAWS)])
    for feature in range(2):
        expected = unpack(packed[:, feature], start) + (columns * prior) @ columns.T
        compare_moments(drawn[:, :, feature], np.zeros(4), expected)


def compare_moments(drawn: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> None:
    """Means and covariances of draws (draw, n) within five Monte Carlo errors of those of a normal distribution."""
    variance = np.diag(covariance)
    assert (np.abs(drawn.mean(axis=0) - mean) <= 5.0 * np.sqrt(variance / len(drawn)) + 1e-9).all()
    error = np.sqrt((np.outer(variance, variance) + covariance**2) / len(drawn))
    assert (np.abs(np.cov(drawn.T) - covariance) <= 5.0 * error + 1e-9).all()


# What the data say given the components


@pytest.fixture(scope="module")
def design() -> xr.Dataset:
    """Two patients with two tumours and one with one, eleven regions, two features with missing values, two genes."""
    rng = np.random.default_rng(7)
    tumor = np.repeat([0, 1, 2, 3, 4], [3, 2, 1, 2, 3])
    patient = np.repeat([0, 0, 1, 1, 2], [3, 2, 1, 2, 3])
    blocks = [np.flatnonzero(patient == number) for number in range(3)]
    row, column = (
        np.concatenate([own[side[place]] for own in blocks for side in [np.tril_indices(own.size)]]) for place in (0, 1)
    )
    genome = rng.standard_normal((11, 2))
    value = rng.standard_normal((11, 2))
    value[[1, 6, 6], [0, 0, 1]] = np.nan
    return xr.Dataset(
        {
            "value": (("region", "feature"), value),
            "genome": (("region", "gene"), genome),
            "covariates": (("region", "covariate"), np.zeros((11, 0))),
            "tumor_index": ("region", tumor),
            "patient_index": ("region", patient),
            "pair_row": ("region_pair", row),
            "pair_column": ("region_pair", column),
            "pair_in_tumor": ("region_pair", (tumor[row] == tumor[column]).astype(float)),
            "measurement_covariance": (("region_pair", "feature"), 0.2 * np.outer(row == column, [1.0, 2.0])),
        },
        coords={"tumor": range(5), "patient": range(3), "level": np.array([], dtype=str)},
    )


def make_components(layout: RegionLayout, correlated: bool) -> Components:
    """One draw of the components; correlations in space fall with the distance of the places' numbers."""
    decay = layout.in_tumor * np.exp(-np.abs(layout.row - layout.column) / 2.0)
    sigma = np.array([[0.5, 0.3], [0.3, 0.9]])
    residual, rotation = (np.diag(sigma), None) if not correlated else np.linalg.eigh(sigma)
    same = np.ones(2) if correlated else np.array([1.0, 0.4])  # correlated residuals share all else
    return Components(
        patient=0.2 * same[None],
        tumor=0.5 * same[None],
        space=0.7 * same[None],
        residual=residual[None],
        gene_tumor=(same[:, None] * [0.3, 0.1])[None],
        gene_space=(same[:, None] * [0.2, 0.6])[None],
        correlation_a=decay[None],
        correlation_B=(decay**2)[None],
        prior=np.array([[1.0, 0.25, 0.25]]),
        rotation=None if rotation is None else rotation[None],
    )


def explicit_design(layout: RegionLayout, components: Components, feature: int) -> tuple[np.ndarray, ...]:
    """D (region, effect) and Q (effect, effect) of a feature, and what picks a (region) and B (region, gene) from e."""
    n, n_genes = layout.genome.shape
    to_tumor = np.eye(5)[layout.tumor]
    to_patient = np.eye(3)[layout.data["patient_index"].values]
    of_a, of_b = (unpack(own[0], layout.start) for own in (components.correlation_a, components.correlation_B))
    eye = np.eye(n)
    parts = [(layout.columns, np.diag(components.prior[0]))]
    a_parts = [
        (to_patient, components.patient[0, feature] * np.eye(3)),
        (to_tumor, components.tumor[0, feature] * np.eye(5)),
        (eye, components.space[0, feature] * of_a),
    ]
    parts += a_parts
    for gene in range(n_genes):
        own = layout.genome[:, gene, None]
        parts.append((own * to_tumor, components.gene_tumor[0, feature, gene] * np.eye(5)))
        parts.append((own * eye, components.gene_space[0, feature, gene] * of_b))
    matrix = np.concatenate([own for own, _ in parts], axis=1)
    prior = linalg.block_diag(*(own for _, own in parts))
    width = np.cumsum([0] + [own.shape[1] for own, _ in parts])
    pick_a = np.zeros((n, matrix.shape[1]))
    pick_a[:, width[1] : width[4]] = np.concatenate([own for own, _ in a_parts], axis=1)
    pick_b = np.zeros((n_genes, n, matrix.shape[1]))
    for gene in range(n_genes):
        pick_b[gene, :, 1 + gene] = 1.0
        begin = width[4 + 2 * gene]
        pick_b[gene, :, begin : begin + 5 + n] = np.concatenate([to_tumor, eye], axis=1)
    return matrix, prior, pick_a, pick_b


@pytest.mark.parametrize("correlated", [False, True])
def test_what_the_data_say_is_dense_conditioning(design: xr.Dataset, correlated: bool):
    data = (
        design.assign(value=design["value"].fillna(0.3)).drop_vars("measurement_covariance") if correlated else design
    )
    layout = RegionLayout(data, contextual=False)
    components = make_components(layout, correlated)
    value = data["value"].values
    n, n_features = value.shape
    sigma = np.array([[0.5, 0.3], [0.3, 0.9]]) if correlated else np.diag([0.5, 0.9])
    made = [explicit_design(layout, components, feature) for feature in range(n_features)]
    matrix, prior = (linalg.block_diag(*(own[place] for own in made)) for place in (0, 1))
    noise = np.kron(sigma, np.eye(n))
    if not correlated:
        noise += linalg.block_diag(*(unpack(own, layout.start) for own in data["measurement_covariance"].values.T))
    seen = ~np.isnan(value.T.ravel())
    covariance = (matrix @ prior @ matrix.T + noise)[np.ix_(seen, seen)]
    known = value.T.ravel()[seen]

    found = condition(components, layout)
    assert found.joint[0] == pytest.approx(stats.multivariate_normal(None, covariance).logpdf(known), rel=1e-11)

    # Regions left out: their density, and of independent features their mean and variance.
    region_of = np.tile(np.arange(n), n_features)[seen]
    tumors = layout.tumors()
    places = [
        *((block, np.array([row])) for block, own in enumerate(layout.blocks) for row in range(own.stop - own.start)),
        *tumors,
    ]
    for block, rows in places:
        out = np.isin(region_of, rows + layout.start[block])
        weight = covariance[np.ix_(out, ~out)] @ np.linalg.inv(covariance[np.ix_(~out, ~out)])
        mean = weight @ known[~out]
        rest = covariance[np.ix_(out, out)] - weight @ covariance[np.ix_(~out, out)]
        density, own_mean, own_variance = found.left_out(rows, block)
        expected = stats.multivariate_normal(mean, rest).logpdf(known[out]) if out.any() else 0.0
        assert density[0] == pytest.approx(expected, abs=1e-9)
        if not correlated:
            shown = ~np.isnan(own_mean[0]).ravel()
            np.testing.assert_allclose(own_mean[0].ravel()[shown], mean, atol=1e-10)
            np.testing.assert_allclose(own_variance[0].ravel()[shown], np.diag(rest), atol=1e-10)

    # Coefficients, a and B given the data: draws have the moments of the dense distribution.
    gain = prior @ matrix.T[:, seen] @ np.linalg.inv(covariance)
    mean, spread = gain @ known, prior - gain @ matrix[seen] @ prior
    many = Components(
        **{name: None if own is None else np.repeat(own, DRAWS, axis=0) for name, own in vars(components).items()}
    )
    drawn = draw_given_data(many, layout, np.random.default_rng(8), local=True)
    width = matrix.shape[1] // n_features
    pick_a = linalg.block_diag(*(own[2] for own in made))
    compare_moments(drawn["a"].swapaxes(1, 2).reshape(DRAWS, -1), pick_a @ mean, pick_a @ spread @ pick_a.T)
    for gene in range(2):
        pick_b = linalg.block_diag(*(own[3][gene] for own in made))
        own = drawn["B"][..., gene].swapaxes(1, 2).reshape(DRAWS, -1)
        compare_moments(own, pick_b @ mean, pick_b @ spread @ pick_b.T)
    first = np.concatenate([feature * width + np.arange(3) for feature in range(n_features)])
    compare_moments(drawn["coefficients"].reshape(DRAWS, -1), mean[first], spread[np.ix_(first, first)])
    # The finite variances are those of the same draws of B.
    np.testing.assert_allclose(drawn["B_variance"], drawn["B"].var(axis=1, ddof=1), rtol=1e-9)
    by_tumor = [drawn["B"][:, layout.tumor == tumor] for tumor in range(5)]
    np.testing.assert_allclose(
        drawn["B_variance_within"],
        np.mean([own.var(axis=1, ddof=1) for own in by_tumor if own.shape[1] > 1], axis=0),
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        drawn["B_variance_between"], np.var([own.mean(axis=1) for own in by_tumor], axis=0, ddof=1), rtol=1e-9
    )
