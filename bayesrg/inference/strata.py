"""The collapsed Gaussian density of a balanced design: one eigenvalue for each stratum of the analysis of variance.

A complete, equally replicated factorial has eigenvalues lambda that are sums of variances, each with its sum of
squares SS and degrees of freedom df, so the log density is -sum(df log(2 pi lambda) + SS / lambda) / 2
(Searle, Casella & McCulloch, Variance Components, 2006, chapter 4).

Variances come as one vector: the components in order, the residual last but one, and the prior variance of the mean
last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numba
import numpy as np

from bayesrg.inference.elimination import SMALLEST_VARIANCE


@dataclass(frozen=True)
class Strata:
    """ANOVA strata of a balanced design.

    Attributes
    ----------
    degrees_of_freedom : ndarray, shape (stratum,)
    weight : ndarray, shape (stratum, variance)
        The eigenvalue of a stratum is ``weight @ variances``.
    facets : the facets that span the design; replicates are one more axis
    """

    degrees_of_freedom: np.ndarray
    weight: np.ndarray
    facets: tuple[str, ...]
    order: np.ndarray
    shape: tuple[int, ...]
    stratum_of_subset: tuple[int, ...]

    def sums_of_squares(self, value: np.ndarray) -> np.ndarray:
        """Sums of squares by stratum, in squared units of `value`: (measurement, …) to (stratum, …)."""
        others = value.shape[1:]
        cells = value[self.order].reshape(*self.shape, *others)
        sums = np.zeros((len(self.degrees_of_freedom), *others))
        for subset, stratum in zip(_subsets(len(self.shape)), self.stratum_of_subset, strict=True):
            if all(self.shape[axis] > 1 for axis in subset):  # else there is no degree of freedom
                sums[stratum] += _contrast(cells, subset, len(self.shape))
        return sums

    def eigenvalue_of(self, facets: Sequence[str]) -> np.ndarray:
        """Weights, shape (variance,), of the eigenvalue that belongs to the pure interaction of some facets.

        None are the grand mean, one its main effect (its levels' deviations; meaningless of a facet with one level).
        """
        axes = tuple(axis for axis, name in enumerate(self.facets) if name in facets)
        return self.weight[self.stratum_of_subset[_subsets(len(self.shape)).index(axes)]]


def _subsets(n: int) -> list[tuple[int, ...]]:
    return [subset for size in range(n + 1) for subset in combinations(range(n), size)]


def _contrast(cells: np.ndarray, subset: tuple[int, ...], factors: int) -> np.ndarray:
    """Sum of squares of the pure interaction of the axes in `subset`: deviations along them, means along the rest.

    The first `factors` axes are the design's; any others are kept.
    """
    others = tuple(axis for axis in range(factors) if axis not in subset)
    table = cells.mean(axis=others, keepdims=True) if others else cells
    for axis in subset:
        table = table - table.mean(axis=axis, keepdims=True)
    flat = table.reshape(-1, *cells.shape[factors:])
    return np.einsum("i...,i...->...", flat, flat) * (cells.size / table.size)


def weighted_sum(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Sum of weights[k] * rows[k] over the first axis; rows whose weight is zero are not read.

    Not a matrix product: the linear algebra library would split it over all cores, against those who share them.
    """
    total = np.zeros(rows.shape[1:])
    for weight, row in zip(weights, rows, strict=True):
        if weight != 0.0:
            total += weight * row
    return total


def balanced_strata(facets: Mapping[str, np.ndarray], components: Sequence[frozenset[str]]) -> Strata | None:
    """Strata of a complete, equally replicated factorial; None where the design is not one.

    Parameters
    ----------
    facets : mapping of facet name to integer levels, shape (measurement,)
        Levels of a nested facet must be numbered within their nest (session 0, 1, … of each subject).
    components : the facets each random effect depends on, in the order of the variances, residual and mean left out.
    """
    names = list(facets)
    shape = [int(facets[name].max()) + 1 for name in names]
    cell = np.ravel_multi_index([facets[name] for name in names], shape)
    counts = np.bincount(cell, minlength=int(np.prod(shape)))
    if counts.min() != counts.max():
        return None
    shape.append(int(counts[0]))  # replicates in a cell are the residual's own axis
    size = int(np.prod(shape))
    residual, mean = len(components), len(components) + 1
    rows: list[tuple[float, ...]] = []
    freedom: list[float] = []
    stratum_of_subset = []
    for subset in _subsets(len(shape)):
        degrees = float(np.prod([shape[axis] - 1 for axis in subset]))
        row = np.zeros(len(components) + 2)
        row[residual] = 1.0
        involved = {names[axis] if axis < len(names) else "replicate" for axis in subset}
        for number, component in enumerate(components):
            if involved <= component:
                row[number] = size / np.prod([shape[names.index(name)] for name in component])
        if not subset:
            row[mean] = size
        key = tuple(row)
        if key not in rows:  # strata with the same eigenvalue are one: the density needs only their sum
            rows.append(key)
            freedom.append(0.0)
        stratum = rows.index(key)
        freedom[stratum] += degrees
        stratum_of_subset.append(stratum)
    kept = [stratum for stratum, degrees in enumerate(freedom) if degrees > 0]
    place = {stratum: kept.index(stratum) if stratum in kept else 0 for stratum in range(len(rows))}
    return Strata(
        degrees_of_freedom=np.array([freedom[stratum] for stratum in kept]),
        weight=np.array([rows[stratum] for stratum in kept]),
        facets=tuple(names),
        order=np.argsort(cell, kind="stable"),
        shape=tuple(shape),
        stratum_of_subset=tuple(place[stratum] for stratum in stratum_of_subset),
    )


@numba.njit(cache=True)
def strata_density(variances, sums_of_squares, degrees_of_freedom, weight):
    """Log density of a balanced design, and its gradient in the variances."""
    gradient = np.zeros_like(variances)
    density = 0.0
    for stratum in range(sums_of_squares.size):
        eigenvalue = SMALLEST_VARIANCE
        for number in range(variances.size):
            eigenvalue += weight[stratum, number] * variances[number]
        degrees, squares = degrees_of_freedom[stratum], sums_of_squares[stratum]
        density -= 0.5 * (degrees * np.log(2.0 * np.pi * eigenvalue) + squares / eigenvalue)
        slope = -0.5 * (degrees - squares / eigenvalue) / eigenvalue
        for number in range(variances.size):
            gradient[number] += slope * weight[stratum, number]
    return np.asarray(density), gradient
