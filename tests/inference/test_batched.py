"""Many densities at once are the densities one at a time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.inference.arrowhead import Elimination, eliminate
from bayesrg.inference.batched import BatchedElimination, BatchedStrata
from bayesrg.inference.elimination import elimination_density, recover_effects
from bayesrg.inference.strata import balanced_strata, strata_density

N_FEATURES = 3


def number(*factors: np.ndarray) -> np.ndarray:
    return np.unique(np.stack(factors), axis=1, return_inverse=True)[1].ravel()


def make_design(rng: np.random.Generator) -> tuple[Elimination, int, int]:
    """A random design, how many variances it has and how many measurements.

    One to five components, within subjects (patterns of unequal width) or across (sometimes none: the border is the
    mean alone), with missing cells; some subjects are repeated, so that they share a pattern.
    """
    subjects = int(rng.integers(1, 6))
    size = int(rng.integers(subjects, 24))
    subject = np.concatenate([np.arange(subjects), rng.integers(subjects, size=size - subjects)])
    factors = [rng.integers(int(rng.integers(1, 4)), size=size) for _ in range(int(rng.integers(5)))]
    copies = int(rng.integers(1, 4))
    subject = np.concatenate([subject + copy * subjects for copy in range(copies)])
    local, border = {0: subject}, {}
    for component, levels in enumerate(factors, start=1):
        if rng.uniform() < 0.5:
            local[component] = number(subject, np.tile(levels, copies))
        else:
            border[component] = number(np.tile(levels, copies))
    return eliminate(subject, local, border, 1 + len(factors)), 3 + len(factors), subject.size


def one_at_a_time(
    value: np.ndarray, design: Elimination, variances: np.ndarray, feature: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    pairs = [
        elimination_density(own, value[which], *design.arrays) for own, which in zip(variances, feature, strict=True)
    ]
    return np.array([float(density) for density, _ in pairs]), np.array([gradient for _, gradient in pairs])


def borders_one_at_a_time(
    value: np.ndarray, design: Elimination, variances: np.ndarray, feature: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """The border's columns of all effects; what the subjects' own noise is must not matter to them."""
    n_local = int(design.local_offset[-1])
    both = np.column_stack([np.random.default_rng(0).standard_normal((len(noise), n_local)), noise])
    effects = np.empty_like(noise)
    for entry, which in enumerate(feature):
        row = slice(entry, entry + 1)
        drawn = recover_effects(variances[row], both[row], design.local_offset, value[which], *design.arrays)
        effects[entry] = drawn[0, n_local:]
    return effects


def lay_out(subjects: int = 4) -> tuple[np.ndarray, dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Subjects, their two sessions, and two scanners, each twice."""
    subject = np.repeat(np.arange(subjects), 4)
    return subject, {0: subject, 1: np.arange(subject.size) // 2}, {2: np.tile([0, 1], 2 * subjects)}


@given(seed=st.integers(0, 2**32 - 1))
def test_elimination_is_the_scalar_one_entry_by_entry(seed: int):
    rng = np.random.default_rng(seed)
    design, n_variances, size = make_design(rng)
    value = 1.0 + rng.standard_normal((N_FEATURES, size))
    entries = int(rng.integers(0, 20))
    feature = rng.integers(N_FEATURES, size=entries)
    variances = np.exp(rng.normal(-1.0, 2.0, (entries, n_variances)))
    batched = BatchedElimination(value, design.arrays)
    density, gradient = batched.evaluate(variances, feature, True)
    assert gradient is not None
    alone, none = batched.evaluate(variances, feature, False)
    assert none is None
    np.testing.assert_array_equal(alone, density)
    expected, slope = one_at_a_time(value, design, variances, feature)
    np.testing.assert_allclose(density, expected, rtol=1e-9, atol=1e-9)
    # By the log of a variance: where the variance is tiny both gradients lose digits to its reciprocal.
    slope = slope.reshape(entries, n_variances) * variances
    np.testing.assert_allclose(gradient * variances, slope, rtol=1e-9, atol=1e-9 * (1.0 + np.abs(slope).max(initial=0)))


@given(seed=st.integers(0, 2**32 - 1))
def test_border_effects_are_the_scalar_ones_entry_by_entry(seed: int):
    rng = np.random.default_rng(seed)
    design, n_variances, size = make_design(rng)
    value = 1.0 + rng.standard_normal((N_FEATURES, size))
    entries = int(rng.integers(0, 20))
    feature = rng.integers(N_FEATURES, size=entries)
    variances = np.exp(rng.normal(-1.0, 2.0, (entries, n_variances)))
    noise = rng.standard_normal((entries, design.border_variance.size))
    effects = BatchedElimination(value, design.arrays).recover_border(variances, feature, noise)
    expected = borders_one_at_a_time(value, design, variances, feature, noise)
    np.testing.assert_allclose(effects, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("borders", ["one mean", "a mean for each scanner"])
def test_border_effects_of_means_alone(borders: str):
    rng = np.random.default_rng(7)
    subject, local, border = lay_out()
    kept = rng.uniform(size=subject.size) < 0.8
    means = border[2][kept] if borders == "a mean for each scanner" else None
    design = eliminate(subject[kept], {k: levels[kept] for k, levels in local.items()}, {}, 2, means)
    columns = 1 if means is None else 2
    value = rng.standard_normal((N_FEATURES, int(kept.sum())))
    variances, feature = np.exp(rng.normal(-1.0, 2.0, (13, 4))), np.arange(13) % N_FEATURES
    noise = rng.standard_normal((13, columns))
    effects = BatchedElimination(value, design.arrays).recover_border(variances, feature, noise)
    assert effects.shape == (13, columns)
    np.testing.assert_allclose(effects, borders_one_at_a_time(value, design, variances, feature, noise), rtol=1e-9)


def test_border_effects_where_subjects_share_patterns():
    """Twelve complete subjects and eight without their last row: two patterns, a sum of values for each."""
    rng = np.random.default_rng(8)
    subject, local, border = lay_out(20)
    kept = (subject < 12) | (np.arange(subject.size) % 4 < 3)
    within, across = ({k: levels[kept] for k, levels in own.items()} for own in (local, border))
    design = eliminate(subject[kept], within, across, 3)
    value = rng.standard_normal((N_FEATURES, int(kept.sum())))
    batched = BatchedElimination(value, design.arrays)
    assert batched.pattern_sums.shape == (N_FEATURES, 2, 3)
    variances, feature = np.exp(rng.normal(-1.0, 2.0, (24, 5))), np.repeat(np.arange(N_FEATURES), 8)
    noise = rng.standard_normal((24, 3))
    effects = batched.recover_border(variances, feature, noise)
    expected = borders_one_at_a_time(value, design, variances, feature, noise)
    np.testing.assert_allclose(effects, expected, rtol=1e-9, atol=1e-12)


def test_gradient_is_the_slope_of_the_density():
    rng = np.random.default_rng(5)
    design, n_variances, size = make_design(np.random.default_rng(3))
    batched = BatchedElimination(rng.standard_normal((1, size)), design.arrays)
    variances = np.exp(rng.normal(-1.0, 0.5, n_variances))
    step = 1e-5 * variances
    around = np.concatenate([variances + np.diag(step), variances - np.diag(step)])
    density, _ = batched.evaluate(around, np.zeros(len(around), dtype=int), False)
    _, gradient = batched.evaluate(variances[None], np.zeros(1, dtype=int), True)
    assert gradient is not None
    np.testing.assert_allclose(gradient[0], (density[:n_variances] - density[n_variances:]) / (2 * step), rtol=1e-6)


@pytest.mark.parametrize("entries", [1, 7, 8, 9, 16, 17])
def test_an_entry_does_not_depend_on_its_neighbours(entries: int):
    rng = np.random.default_rng(entries)
    subject, local, border = lay_out()
    design = eliminate(subject, local, border, 3)
    batched = BatchedElimination(rng.standard_normal((entries, subject.size)), design.arrays)
    variances = np.exp(rng.normal(-1.0, 2.0, (entries, 5)))
    density, gradient = batched.evaluate(variances, np.arange(entries), True)
    assert gradient is not None
    for entry in range(entries):
        row = slice(entry, entry + 1)
        alone, slope = batched.evaluate(variances[row], np.array([entry]), True)
        assert alone[0] == density[entry]
        np.testing.assert_array_equal(slope, gradient[row])
    noise = rng.standard_normal((entries, 3))
    effects = batched.recover_border(variances, np.arange(entries), noise)
    for entry in range(entries):
        row = slice(entry, entry + 1)
        one = batched.recover_border(variances[row], np.array([entry]), noise[row])
        np.testing.assert_array_equal(one, effects[row])


@pytest.mark.parametrize("zero", [[0], [1], [2], [0, 1, 2], [4]])
@pytest.mark.parametrize("smallest", [0.0, 1e-300])
def test_variances_that_underflow(zero: list[int], smallest: float):
    rng = np.random.default_rng(1)
    subject, local, border = lay_out()
    design = eliminate(subject, local, border, 3)
    value = rng.standard_normal((1, subject.size))
    variances = np.array([[0.7, 0.2, 0.4, 0.3, 1.0]])
    variances[0, zero] = smallest
    density, gradient = BatchedElimination(value, design.arrays).evaluate(variances, np.array([0]), True)
    assert gradient is not None
    assert np.isfinite(gradient).all()
    expected, slope = one_at_a_time(value, design, variances, np.array([0]))
    np.testing.assert_allclose(density, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=1e-10, atol=1e-12)
    noise = rng.standard_normal((1, 3))
    effects = BatchedElimination(value, design.arrays).recover_border(variances, np.array([0]), noise)
    drawn = borders_one_at_a_time(value, design, variances, np.array([0]), noise)
    np.testing.assert_allclose(effects, drawn, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("residual", [0.0, 1e-290, 1e-100, 1e-30, 1e-20])
def test_a_residual_variance_that_underflows_is_improbable_not_nan(residual: float):
    subject, local, border = lay_out()
    design = eliminate(subject, local, border, 3)
    value = np.random.default_rng(1).standard_normal((1, subject.size))
    variances = np.array([[0.7, 0.2, 0.4, residual, 1.0]])
    density, _ = BatchedElimination(value, design.arrays).evaluate(variances, np.zeros(1, dtype=int), False)
    assert density[0] < -1e4


def test_scales_that_differ_by_eight_orders_of_magnitude():
    """A feature that a scanner shifts by thousands of residual sds, on the model's scale."""
    rng = np.random.default_rng(2)
    subject, local, border = lay_out(10)
    design = eliminate(subject, local, border, 3)
    value = rng.standard_normal(2)[border[2]] + 1e-4 * rng.standard_normal((1, subject.size))
    variances = np.array([[1e-8, 1e-14, 1.0, 1e-8, 1.0], [1e-10, 1e-8, 1.0, 1e-8, 1e4]])
    feature = np.zeros(2, dtype=int)
    density, gradient = BatchedElimination(value, design.arrays).evaluate(variances, feature, True)
    assert gradient is not None
    expected, slope = one_at_a_time(value, design, variances, feature)
    np.testing.assert_allclose(density, expected, rtol=1e-8)
    np.testing.assert_allclose(gradient * variances, slope * variances, rtol=1e-5, atol=1e-5)


def test_determinants_too_large_for_a_number():
    """With 400 subjects, each a thousand times as variable as the residual, the determinant exceeds 1e308."""
    rng = np.random.default_rng(3)
    subject, local, border = lay_out(400)
    design = eliminate(subject, local, border, 3)
    value = rng.standard_normal((1, subject.size))
    variances = np.array([[1.0, 1.0, 1.0, 1e-3, 1.0]])
    expected, _ = one_at_a_time(value, design, variances, np.array([0]))
    density, _ = BatchedElimination(value, design.arrays).evaluate(variances, np.array([0]), False)
    np.testing.assert_allclose(density, expected, rtol=1e-11)


def test_threads_do_not_disturb_each_other():
    rng = np.random.default_rng(4)
    design, n_variances, size = make_design(rng)
    value = rng.standard_normal((N_FEATURES, size))
    batched = BatchedElimination(value, design.arrays)
    variances = np.exp(rng.normal(-1.0, 1.0, (400, n_variances)))
    feature = rng.integers(N_FEATURES, size=400)
    density, gradient = BatchedElimination(value, design.arrays).evaluate(variances, feature, True)
    with ThreadPoolExecutor(4) as pool:
        parts = list(
            pool.map(lambda rows: batched.evaluate(variances[rows], feature[rows], True), np.split(np.arange(400), 25))
        )
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), density)
    np.testing.assert_array_equal(np.concatenate([slope for _, slope in parts if slope is not None]), gradient)
    noise = rng.standard_normal((400, design.border_variance.size))
    drawn = BatchedElimination(value, design.arrays).recover_border(variances, feature, noise)
    shared = BatchedElimination(value, design.arrays)
    with ThreadPoolExecutor(4) as pool:
        borders = list(
            pool.map(
                lambda rows: shared.recover_border(variances[rows], feature[rows], noise[rows]),
                np.split(np.arange(400), 25),
            )
        )
    np.testing.assert_array_equal(np.concatenate(borders), drawn)


def test_strata_are_the_scalar_ones_entry_by_entry():
    rng = np.random.default_rng(6)
    cells = np.array(list(np.ndindex(5, 2, 3))).T
    facets = dict(zip(["subject", "session", "scanner"], cells, strict=True))
    components = [frozenset(names) for names in (["subject"], ["subject", "session"], ["scanner"])]
    strata = balanced_strata(facets, components)
    assert strata is not None
    squares = np.array([strata.sums_of_squares(value) for value in rng.standard_normal((N_FEATURES, 30))])
    design = strata.degrees_of_freedom, strata.weight
    variances = np.exp(rng.normal(-1.0, 4.0, (40, 5)))
    variances[:3, :3] = np.eye(3)
    variances[3, :4] = 0.0
    feature = rng.integers(N_FEATURES, size=40)
    batched = BatchedStrata(squares, *design)
    density, gradient = batched.evaluate(variances, feature, True)
    assert gradient is not None
    for entry in range(40):
        expected, slope = strata_density(variances[entry], squares[feature[entry]], *design)
        assert density[entry] == pytest.approx(float(expected), rel=1e-12)
        np.testing.assert_allclose(gradient[entry], slope, rtol=1e-12)
    alone, none = batched.evaluate(variances, feature, False)
    assert none is None
    np.testing.assert_array_equal(alone, density)


def make_batches(n_features: int) -> list[BatchedStrata | BatchedElimination]:
    subject, local, border = lay_out()
    design = eliminate(subject, local, border, 3)
    return [
        BatchedStrata(np.ones((n_features, 2)), np.array([3.0, 12.0]), np.ones((2, 5))),
        BatchedElimination(np.ones((n_features, subject.size)), design.arrays),
    ]


@pytest.mark.parametrize("batched", make_batches(0))
def test_no_features_are_no_entries(batched: BatchedStrata | BatchedElimination):
    density, gradient = batched.evaluate(np.empty((0, 5)), np.empty(0, dtype=np.int64), True)
    assert gradient is not None
    assert (density.shape, gradient.shape) == ((0,), (0, 5))


@pytest.mark.parametrize("batched", make_batches(2))
def test_entries_that_are_not_there_are_refused(batched: BatchedStrata | BatchedElimination):
    with pytest.raises(ValueError, match="2 features are numbered from 0; got numbers from 1 to 2"):
        batched.evaluate(np.ones((2, 5)), np.array([1, 2]), False)
    with pytest.raises(ValueError, match="got numbers from -1 to -1"):
        batched.evaluate(np.ones((1, 5)), np.array([-1]), False)
    with pytest.raises(ValueError, match=r"expected variances of shape \(entry, 5\).*got \(1, 4\)"):
        batched.evaluate(np.ones((1, 4)), np.array([0]), False)
    with pytest.raises(ValueError, match=r"got \(2, 5\) and \(1,\)"):
        batched.evaluate(np.ones((2, 5)), np.array([0]), False)


def test_border_effects_of_no_features_are_none():
    _, batched = make_batches(0)
    assert isinstance(batched, BatchedElimination)
    none = np.empty(0, dtype=np.int64)
    assert batched.recover_border(np.empty((0, 5)), none, np.empty((0, 3))).shape == (0, 3)


def test_border_noise_that_does_not_fit_is_refused():
    _, batched = make_batches(2)
    assert isinstance(batched, BatchedElimination)
    with pytest.raises(ValueError, match=r"noise of shape \(entry, border column\) = \(2, 3\); got \(2, 2\)"):
        batched.recover_border(np.ones((2, 5)), np.array([0, 1]), np.ones((2, 2)))
    with pytest.raises(ValueError, match="got numbers from 1 to 2"):
        batched.recover_border(np.ones((2, 5)), np.array([1, 2]), np.ones((2, 3)))
