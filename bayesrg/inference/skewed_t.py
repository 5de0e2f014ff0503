"""Proposals for importance sampling: a multivariate t, skewed along each of its axes, for many members at once.

With z a standard multivariate t of 5 degrees of freedom, a draw is

    centre + sum over axes i of axes_i (linear_i z_i + bend_i sqrt(1 + z_i^2)),    |bend_i| < linear_i,

which for large z has the scale linear + bend on one side and linear - bend on the other, and no jump between them (the
sinh-arcsinh transformation of Jones & Pewsey 2009, doi:10.1093/biomet/asp053, with unchanged tail weight).
"""

import threading
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special
from scipy.stats import qmc

FREEDOM = 5.0
SCRAMBLINGS = 64  # independent sequences in a pool
INFLATION = 1.15  # of the sds of weighted draws: a proposal that is a little too wide costs little, one too narrow much
OLD_DRAWS = 1.0  # per coordinate: what the old proposal's axes count for in a refit, so that few draws suffice


@dataclass(frozen=True)
class SkewedT:
    """Skewed multivariate t distributions.

    Attributes
    ----------
    centre : ndarray, shape (member, n)
    axes : ndarray, shape (member, n, n), an axis in each column
    linear, bend : ndarray, shape (member, n)
    """

    centre: np.ndarray
    axes: np.ndarray
    linear: np.ndarray
    bend: np.ndarray

    @classmethod
    def with_sides(cls, centre: np.ndarray, axes: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> "SkewedT":
        """Scales `upper` on the far side and `lower` on the near side of each axis, shapes (member, n).

        Two of them up and down, less the bend, is where z = 2 and z = -2 go.
        """
        return cls(centre, axes, 0.5 * (upper + lower), (upper - lower) / np.sqrt(5.0))

    def __getitem__(self, member: np.ndarray) -> "SkewedT":
        """The proposals of some members."""
        return SkewedT(self.centre[member], self.axes[member], self.linear[member], self.bend[member])

    def draw(self, rng: np.random.Generator, draws: int) -> tuple[np.ndarray, np.ndarray]:
        """Quasi-random points, shape (coordinate, member, draw), and the log densities there, shape (member, draw).

        `draws` is a power of two.

        Raises
        ------
        ValueError
            For more members than the pool has scramblings.
        """
        members, n = self.centre.shape
        if members > SCRAMBLINGS:
            raise ValueError(f"a pool has {SCRAMBLINGS} scramblings, so that many members at a time; got {members}")
        pool = _pool(n, draws)
        first = rng.integers(SCRAMBLINGS - members + 1)
        own = slice(first, first + members)  # a view of the pool: copies would cost as much as the arithmetic
        order = rng.permuted(np.tile(np.arange(n), (members, 1)), axis=1)
        sign = rng.choice([-1.0, 1.0], size=(members, n))
        axes = np.take_along_axis(self.axes, order[:, None, :], axis=2)
        linear, bend = np.take_along_axis(self.linear, order, axis=1), np.take_along_axis(self.bend, order, axis=1)
        weights = np.concatenate([axes * (linear * sign)[:, None, :], axes * bend[:, None, :]], axis=2)
        point = np.empty((n, members, draws))
        np.matmul(weights, pool.standard[own], out=point.transpose(1, 0, 2))
        point += self.centre.T[:, :, None]
        slope = pool.turn[own] * (bend * sign)[:, :, None]
        slope += linear[:, :, None]
        log_density = pool.log_density[own] - np.log(slope.prod(axis=1))
        log_density -= np.linalg.slogdet(self.axes)[1][:, None]
        return point, log_density


def fit_skewed_t(point: np.ndarray, weight: np.ndarray, previous: SkewedT) -> SkewedT:
    """The proposals that have the mean, covariance and skewness of weighted draws.

    Parameters
    ----------
    point : ndarray, shape (coordinate, member, draw)
    weight : ndarray, shape (member, draw), each member's adding up to one
    previous : the proposals that were drawn from; their axes count where the effective sample size is small
    """
    n = point.shape[0]
    point = point.transpose(1, 0, 2)
    mean = point @ weight[:, :, None]
    centred = point - mean
    effective = 1.0 / (weight**2).sum(axis=1)[:, None, None]
    old = previous.axes * previous.linear[:, None, :]
    covariance = effective * ((centred * weight[:, None, :]) @ centred.transpose(0, 2, 1))
    covariance += OLD_DRAWS * n * (old @ old.transpose(0, 2, 1))
    covariance /= effective + OLD_DRAWS * n
    variance, axes = np.linalg.eigh(covariance)
    sd = np.sqrt(np.maximum(variance, 1e-12 * variance[:, -1:]))
    along = (axes / sd[:, None, :]).transpose(0, 2, 1) @ centred
    asymmetry = ((along * np.abs(along)) @ weight[:, :, None])[:, :, 0]
    asymmetry /= (along**2 @ weight[:, :, None])[:, :, 0]
    table = _asymmetries()
    angle = np.interp(asymmetry, table.asymmetry, table.angle)
    # Without skewness this is INFLATION * sd: the sd of the t itself is larger, by the root that is taken out.
    scale = INFLATION * np.sqrt(FREEDOM / (FREEDOM - 2.0)) * sd / np.interp(angle, table.angle, table.sd)
    linear, bend = scale * np.cosh(angle), scale * np.sinh(angle)
    shift = scale * np.interp(angle, table.angle, table.mean)
    centre = mean[:, :, 0] - (axes @ shift[:, :, None])[:, :, 0]
    return SkewedT(centre, axes, linear, bend)


@dataclass(frozen=True)
class _Asymmetries:
    """Mean, sd and asymmetry E[u |u|] / E[u^2], u from the mean, of z cosh(angle) + sqrt(1 + z^2) sinh(angle)."""

    angle: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    asymmetry: np.ndarray


@cache
def _asymmetries() -> _Asymmetries:
    angle = np.linspace(-1.5, 1.5, 61)
    z = special.stdtrit(FREEDOM, (np.arange(20_000) + 0.5) / 20_000)
    value = z * np.cosh(angle)[:, None] + np.sqrt(1.0 + z**2) * np.sinh(angle)[:, None]
    mean = value.mean(axis=1)
    value -= mean[:, None]
    square = (value**2).mean(axis=1)
    return _Asymmetries(angle, mean, np.sqrt(square), (value * np.abs(value)).mean(axis=1) / square)


@dataclass(frozen=True)
class _Pool:
    """Scrambled Sobol points of a standard multivariate t.

    Attributes
    ----------
    standard : ndarray, shape (scrambling, 2 n, draw): z, then sqrt(1 + z^2)
    turn : ndarray, shape (scrambling, n, draw): z / sqrt(1 + z^2)
    log_density : ndarray, shape (scrambling, draw): of z
    """

    standard: np.ndarray
    turn: np.ndarray
    log_density: np.ndarray


_LOCK = threading.Lock()


def _pool(n: int, draws: int) -> _Pool:
    with _LOCK:  # threads that ask at once must not compute it twice
        return _compute_pool(n, draws)


@cache
def _compute_pool(n: int, draws: int) -> _Pool:
    standard = np.empty((SCRAMBLINGS, 2 * n, draws))
    rng = np.random.default_rng([n, draws])
    for own in standard:
        uniform = qmc.Sobol(n + 1, scramble=True, rng=rng).random(draws)
        uniform = np.clip(uniform, 1e-10, 1.0 - 1e-10).T
        radius = np.sqrt(FREEDOM / special.chdtri(FREEDOM, uniform[n]))
        own[:n] = special.ndtri(uniform[:n]) * radius
    z = standard[:, :n]
    standard[:, n:] = np.sqrt(1.0 + z**2)
    constant = special.gammaln(0.5 * (FREEDOM + n)) - special.gammaln(0.5 * FREEDOM) - 0.5 * n * np.log(FREEDOM * np.pi)
    log_density = constant - 0.5 * (FREEDOM + n) * np.log1p((z**2).sum(axis=1) / FREEDOM)
    return _Pool(standard, z / standard[:, n:], log_density)
