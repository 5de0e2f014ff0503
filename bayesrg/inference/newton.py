"""Modes of many small posteriors at once: damped Newton, the Hessian by differences of the gradient."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

STEP = 1e-4  # of the differences; the coordinates are of order one
ITERATIONS = 60
HALVINGS = 12
LARGEST_STEP = 4.0  # along one coordinate
FLATTEST = 1e-3  # smallest curvature used: sd of about 30 along an axis
# The mode is only the centre of a proposal: a tenth of a posterior sd is near enough.
NEAR_ENOUGH = 1e-2


class Target(Protocol):
    """Unnormalised log densities of the members of a batch."""

    def __call__(
        self, point: np.ndarray, member: np.ndarray, gradient: bool, /
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Log density (N,) and, if asked for, gradient (N, n) at points (N, n) of members (N,).

        Far from the mode the density may be -inf; it must not be NaN.
        """
        ...


@dataclass(frozen=True)
class Modes:
    """Modes and curvatures of the members of a batch.

    Attributes
    ----------
    point : ndarray, shape (member, n)
    log_density : ndarray, shape (member,)
    curvature, axes : ndarray, shapes (member, n) and (member, n, n)
        Eigenvalues of the negative Hessian, made positive, and its eigenvectors as columns.
    found : ndarray of bool, shape (member,)
    """

    point: np.ndarray
    log_density: np.ndarray
    curvature: np.ndarray
    axes: np.ndarray
    found: np.ndarray


def find_modes(target: Target, start: np.ndarray) -> Modes:
    """Climb from `start` (member, n) to the mode of each member; members that have arrived drop out."""
    members, n = start.shape
    modes = Modes(
        point=start.astype(float),
        log_density=np.full(members, np.nan),
        curvature=np.ones((members, n)),
        axes=np.tile(np.eye(n), (members, 1, 1)),
        found=np.zeros(members, dtype=bool),
    )
    active = np.arange(members)
    point = modes.point.copy()
    density, gradient = _evaluate(target, point, active)
    for _ in range(ITERATIONS):
        usable = np.isfinite(density) & np.isfinite(gradient).all(axis=1)
        active, point, density, gradient = active[usable], point[usable], density[usable], gradient[usable]
        if not active.size:
            break
        curvature, axes, step = _newton_step(target, active, point, gradient)
        slope = (step * gradient).sum(axis=1)
        modes.point[active], modes.log_density[active] = point, density
        modes.curvature[active], modes.axes[active] = curvature, axes
        modes.found[active] = arrived = slope < NEAR_ENOUGH
        active, point, density, gradient = active[~arrived], point[~arrived], density[~arrived], gradient[~arrived]
        if not active.size:
            break
        climbed, point, density, gradient = _climb(target, active, point, density, step[~arrived], slope[~arrived])
        active = active[climbed]
    return modes


def _evaluate(target: Target, point: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    density, gradient = target(point, member, True)
    if gradient is None:
        raise TypeError("the target returned no gradient although it was asked for one")
    return density, gradient


def _newton_step(
    target: Target, member: np.ndarray, point: np.ndarray, gradient: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Curvature, axes and ascent step; a negative curvature counts as a positive one of its size."""
    m, n = point.shape
    moved = (point[:, None, :] + STEP * np.eye(n)).reshape(-1, n)
    _, moved_gradient = _evaluate(target, moved, np.repeat(member, n))
    hessian = (gradient[:, None, :] - moved_gradient.reshape(m, n, n)) / STEP
    hessian = np.where(np.isfinite(hessian), 0.5 * (hessian + hessian.transpose(0, 2, 1)), 0.0)
    values, axes = np.linalg.eigh(hessian)
    curvature = np.maximum(np.abs(values), FLATTEST)
    along = (gradient[:, None, :] @ axes)[:, 0] / curvature
    step = (axes @ along[:, :, None])[:, :, 0]
    return curvature, axes, step / np.maximum(np.abs(step).max(axis=1, keepdims=True) / LARGEST_STEP, 1.0)


def _climb(
    target: Target, active: np.ndarray, point: np.ndarray, density: np.ndarray, step: np.ndarray, slope: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Halve each step until the density rises in proportion: which members could climb, and where they are then."""
    climbed = np.zeros(active.size, dtype=bool)
    arrival, height, gradient = point.copy(), density.copy(), np.zeros_like(point)
    waiting = np.arange(active.size)
    size = 1.0
    for _ in range(HALVINGS):
        trial = point[waiting] + size * step[waiting]
        value, slopes = _evaluate(target, trial, active[waiting])
        higher = value > density[waiting] + 1e-4 * size * slope[waiting]
        done = waiting[higher]
        arrival[done], height[done], gradient[done], climbed[done] = trial[higher], value[higher], slopes[higher], True
        waiting = waiting[~higher]
        if not waiting.size:
            break
        size *= 0.5
    return climbed, arrival[climbed], height[climbed], gradient[climbed]
