"""Modes of many densities at once, from starts near and far."""

import numpy as np
import pytest

from bayesrg.inference.newton import find_modes

CURVATURE = np.array([[[4.0, 1.0], [1.0, 0.5]], [[1e4, 0.0], [0.0, 1e-2]]])
CENTRE = np.array([[1.0, -2.0], [0.0, 30.0]])


def quadratic(point: np.ndarray, member: np.ndarray, gradient: bool) -> tuple[np.ndarray, np.ndarray | None]:
    away = point - CENTRE[member]
    slope = -(CURVATURE[member] @ away[:, :, None])[:, :, 0]
    return 0.5 * (away * slope).sum(axis=1), slope if gradient else None


def test_a_quadratic_has_its_centre_and_its_curvature():
    modes = find_modes(quadratic, np.zeros((2, 2)))
    assert modes.found.all()
    np.testing.assert_allclose(modes.point, CENTRE, atol=1e-6)
    np.testing.assert_allclose(modes.log_density, 0.0, atol=1e-6)
    rebuilt = (modes.axes * modes.curvature[:, None, :]) @ modes.axes.transpose(0, 2, 1)
    np.testing.assert_allclose(rebuilt, CURVATURE, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("start", [-8.0, 0.0, 12.0])
def test_a_density_that_is_not_concave_is_climbed_from_afar(start: float):
    """A log variance: the curvature turns negative on the left; mode at log(3 / 2)."""

    def target(point: np.ndarray, member: np.ndarray, gradient: bool) -> tuple[np.ndarray, np.ndarray | None]:
        squares = np.exp(-point[:, 0])
        return -2.0 * point[:, 0] - 3.0 * squares, (-2.0 + 3.0 * squares)[:, None] if gradient else None

    modes = find_modes(target, np.full((3, 1), start))
    assert modes.found.all()
    # Within a tenth of a posterior sd, which is about 0.7.
    np.testing.assert_allclose(modes.point[:, 0], np.log(1.5), atol=0.1)


def test_members_without_a_mode_are_said_to_have_none_and_harm_no_other():
    def target(point: np.ndarray, member: np.ndarray, gradient: bool) -> tuple[np.ndarray, np.ndarray | None]:
        density, slope = quadratic(point, np.zeros_like(member), True)
        endless = member == 2
        density[endless] = point[endless, 0]
        slope[endless] = [1.0, 0.0]
        density[member == 1] = np.nan
        return density, slope if gradient else None

    modes = find_modes(target, np.zeros((4, 2)))
    assert modes.found.tolist() == [True, False, False, True]
    np.testing.assert_allclose(modes.point[[0, 3]], CENTRE[[0, 0]], atol=1e-6)
    nowhere = find_modes(lambda point, member, gradient: (np.full(len(point), np.nan), point), np.zeros((2, 3)))
    assert not nowhere.found.any()


def test_a_target_must_give_the_gradient_it_is_asked_for():
    with pytest.raises(TypeError, match="no gradient although"):
        find_modes(lambda point, member, gradient: (point[:, 0], None), np.zeros((1, 2)))
