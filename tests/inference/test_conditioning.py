"""Standardised coordinates of members of a hierarchy, against conditioning of dense Gaussians."""

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

from bayesrg.inference.conditioning import place, place_members, pull_back

MEMBERS, COORDINATES = 3, 4


@pytest.fixture(params=[1, 2], ids=["one draw", "another"])
def hierarchy(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    """Centres and spreads, and anchors whose precisions are of full rank in two members and of rank one in another."""
    rng = np.random.default_rng(request.param)
    root = rng.normal(size=(MEMBERS, COORDINATES, COORDINATES))
    root[-1, 1:] = 0.0
    return {
        "centre": rng.normal(size=(MEMBERS, COORDINATES)),
        "spread": np.exp(rng.normal(0.0, 1.0, size=(MEMBERS, COORDINATES))),
        "anchor": rng.normal(size=(MEMBERS, COORDINATES)),
        "precision": root.transpose(0, 2, 1) @ root,
    }


def condition(own: dict[str, np.ndarray], member: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of theta ~ Normal(centre, spread²), given that its anchor was seen with that precision."""
    prior = np.diag(own["spread"][member] ** 2)
    # The anchor is seen through a root of the precision, with noise of variance one, as a singular one can be.
    value, axes = np.linalg.eigh(own["precision"][member])
    seen = np.sqrt(np.maximum(value, 0.0))[:, None] * axes.T
    gain = prior @ seen.T @ np.linalg.inv(seen @ prior @ seen.T + np.eye(COORDINATES))
    mean = own["centre"][member] + gain @ seen @ (own["anchor"][member] - own["centre"][member])
    return mean, prior - gain @ seen @ prior


def test_standard_normal_coordinates_have_the_conditional_mean_and_covariance(hierarchy: dict[str, np.ndarray]):
    """Theta is linear in z: its value at zero is the mean, and its slopes square to the covariance."""
    origin, _ = place_members(np.zeros((MEMBERS, COORDINATES)), **hierarchy)
    slopes = np.empty((MEMBERS, COORDINATES, COORDINATES))
    for coordinate in range(COORDINATES):
        unit = np.tile(np.eye(COORDINATES)[coordinate], (MEMBERS, 1))
        slopes[:, :, coordinate] = place_members(unit, **hierarchy)[0] - origin
    for member in range(MEMBERS):
        mean, covariance = condition(hierarchy, member)
        np.testing.assert_allclose(origin[member], mean, atol=1e-10)
        np.testing.assert_allclose(slopes[member] @ slopes[member].T, covariance, atol=1e-10)


def test_log_volume_turns_the_conditional_density_into_a_standard_normal_one(hierarchy: dict[str, np.ndarray]):
    z = np.random.default_rng(3).normal(size=(MEMBERS, COORDINATES))
    theta, log_volume = place_members(z, **hierarchy)
    for member in range(MEMBERS):
        conditional = stats.multivariate_normal(*condition(hierarchy, member)).logpdf(theta[member])
        standard = stats.norm.logpdf(z[member]).sum()
        assert conditional + log_volume[member] == pytest.approx(standard, abs=1e-8)


def test_without_precision_the_coordinates_are_the_hierarchys_own(hierarchy: dict[str, np.ndarray]):
    nothing = hierarchy | {"precision": np.zeros_like(hierarchy["precision"])}
    z = np.random.default_rng(4).normal(size=(MEMBERS, COORDINATES))
    theta, log_volume = place_members(z, **nothing)
    np.testing.assert_allclose(theta, hierarchy["centre"] + hierarchy["spread"] * z, atol=1e-12)
    np.testing.assert_allclose(log_volume, np.log(hierarchy["spread"]).sum(axis=1), atol=1e-12)


def scalar(z: Any, own: dict[str, Any], weights: tuple[np.ndarray, np.ndarray], placed: Any) -> Any:
    """A function of both outputs whose slopes in them are not constant."""
    theta, log_volume = placed(z, **own)
    return (weights[0] * theta**2).sum() + (weights[1] * log_volume**2).sum()


def test_gradients_are_the_slopes_of_what_they_belong_to(hierarchy: dict[str, np.ndarray]):
    rng = np.random.default_rng(5)
    z = rng.normal(size=(MEMBERS, COORDINATES))
    weights = rng.normal(size=(MEMBERS, COORDINATES)), rng.normal(size=MEMBERS)
    theta, log_volume = place_members(z, **hierarchy)
    slopes = 2.0 * weights[0] * theta, 2.0 * weights[1] * log_volume
    found = pull_back(z, *hierarchy.values(), theta, *slopes)
    step = 1e-6
    for name, gradient in zip(("z", "centre", "spread"), found, strict=True):
        for spot in np.ndindex(MEMBERS, COORDINATES):
            around = []
            for sign in (1.0, -1.0):
                moved = {"z": z.copy(), **{key: value.copy() for key, value in hierarchy.items()}}
                moved[name][spot] += sign * step
                around.append(scalar(moved.pop("z"), moved, weights, place_members))
            slope = (around[0] - around[1]) / (2.0 * step)
            assert gradient[spot] == pytest.approx(slope, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("used", ["coordinates", "volume", "both"])
def test_pytensor_has_the_same_values_and_gradients(hierarchy: dict[str, np.ndarray], used: str):
    """Also where only one of the two outputs is used."""
    rng = np.random.default_rng(6)
    z = rng.normal(size=(MEMBERS, COORDINATES))
    weights = rng.normal(size=(MEMBERS, COORDINATES)), rng.normal(size=MEMBERS)
    weights = weights[0] * (used != "volume"), weights[1] * (used != "coordinates")
    variables = [pt.dmatrix(name) for name in ("z", "centre", "spread")]
    coordinates, volume = place(*variables, hierarchy["anchor"], hierarchy["precision"])
    parts = {"coordinates": (weights[0] * coordinates**2).sum(), "volume": (weights[1] * volume**2).sum()}
    cost = sum(part for name, part in parts.items() if used in (name, "both"))
    compiled = pytensor.function(variables, [cost, *pytensor.grad(cost, variables)], mode="FAST_COMPILE")
    value, *gradients = compiled(z, hierarchy["centre"], hierarchy["spread"])
    assert value == pytest.approx(scalar(z, hierarchy, weights, place_members))
    theta, log_volume = place_members(z, **hierarchy)
    slopes = 2.0 * weights[0] * theta, 2.0 * weights[1] * log_volume
    for found, expected in zip(gradients, pull_back(z, *hierarchy.values(), theta, *slopes), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-10)
