"""The collapsed Gaussian densities of many features under many variances: where batched inference spends its time.

`BatchedStrata` serves balanced designs, `BatchedElimination` all others. Entry k is the log density of the data of
feature[k] under variances[k], as `strata_density` and `elimination_density` give it one at a time; `BatchedElimination`
also draws the mean and the effects that cross subjects, as `recover_effects` does.

Variances come as vectors: the components in order, the residual last but one, and the prior variance of the mean last.
The kernels use one thread and release the interpreter's lock: callers split the entries over threads.
"""

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np

from bayesrg.inference.batched_elimination import KERNEL, evaluate_elimination, recover_border_effects
from bayesrg.inference.elimination import SMALLEST_VARIANCE


@dataclass(frozen=True)
class BatchedStrata:
    """The features of a balanced design, by their sums of squares.

    Attributes
    ----------
    sums_of_squares : ndarray of float, shape (feature, stratum)
    degrees_of_freedom : ndarray of float, shape (stratum,)
    weight : ndarray of float, shape (stratum, variance)
        The eigenvalue of a stratum is ``weight @ variances``.
    """

    sums_of_squares: np.ndarray
    degrees_of_freedom: np.ndarray
    weight: np.ndarray

    def evaluate(
        self, variances: np.ndarray, feature: np.ndarray, gradient: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Log density of each entry, and its gradient in the variances where it is asked for.

        Parameters
        ----------
        variances : ndarray of float, shape (entry, variance)
        feature : ndarray of int, shape (entry,)

        Returns
        -------
        density : ndarray, shape (entry,)
        gradient : ndarray, shape (entry, variance), or None

        Raises
        ------
        ValueError
            For arrays of another shape, or numbers of features that are not there.
        """
        variances, feature = _require_entries(variances, feature, self.weight.shape[1], len(self.sums_of_squares))
        slope = np.zeros_like(variances) if gradient else None
        density = np.empty(feature.size)
        design = self.sums_of_squares, self.degrees_of_freedom, self.weight
        _evaluate_strata(variances, feature, *design, density, slope)
        return density, slope


@dataclass(frozen=True)
class BatchedElimination:
    """The features of any design, all measured in the same rows.

    Attributes
    ----------
    value : ndarray of float, shape (feature, measurement), C-contiguous
    design : the arrays of an `Elimination`
    """

    value: np.ndarray
    design: tuple[np.ndarray, ...]

    @property
    def n_variances(self) -> int:
        """How many variances an entry has: the border begins with the mean, whose variance comes last."""
        return int(self.design[8][0]) + 1

    @cached_property
    def sums(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums of values by effect, Z'y: (feature, subject, column) and (feature, border column); y'y (feature,)."""
        local, border, subject, pattern, *_, local_variance, border_variance = self.design
        shape = pattern.size, local_variance.shape[1], border_variance.size
        return _sum_values(np.ascontiguousarray(self.value, dtype=np.float64), local, border, subject, *shape)

    @cached_property
    def patterns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Subjects in the order of their patterns; where each pattern begins among them, and the end; its columns."""
        pattern, local_variance = self.design[3], self.design[7]
        first = np.concatenate([[0], np.cumsum(np.bincount(pattern, minlength=len(local_variance)))])
        return np.argsort(pattern, kind="stable"), first, (local_variance >= 0).sum(axis=1)

    @cached_property
    def pattern_sums(self) -> np.ndarray:
        """Z'y summed over the subjects of each pattern: (feature, pattern, column)."""
        member, first, _ = self.patterns
        return np.add.reduceat(self.sums[0][:, member], first[:-1], axis=1)

    def evaluate(
        self, variances: np.ndarray, feature: np.ndarray, gradient: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Log density of each entry, and its gradient in the variances where it is asked for.

        Entries are cheapest in multiples of eight; eight of one feature in a row are cheaper than eight of different
        ones.

        Parameters
        ----------
        variances : ndarray of float, shape (entry, variance)
        feature : ndarray of int, shape (entry,)

        Returns
        -------
        density : ndarray, shape (entry,)
        gradient : ndarray, shape (entry, variance), or None

        Raises
        ------
        ValueError
            For arrays of another shape, or numbers of features that are not there.
        """
        variances, feature = _require_entries(variances, feature, self.n_variances, len(self.value))
        slope = np.zeros_like(variances) if gradient else None
        density = np.empty(feature.size)
        design = (*self.patterns, *self.design[4:])
        evaluate_elimination(variances, feature, self.value.shape[1], self.sums, design, density, slope)
        return density, slope

    def recover_border(self, variances: np.ndarray, feature: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """The mean and the effects that cross subjects, drawn from their exact posterior given the variances.

        With the same noise they are what `recover_effects` gives, one feature at a time. A draw costs as much as a
        density where every subject has its own pattern, and a third of it where all share one. Draws too are cheapest
        in multiples of eight, those of one feature in a row.

        Parameters
        ----------
        variances : ndarray of float, shape (entry, variance)
        feature : ndarray of int, shape (entry,)
        noise : ndarray of standard normals, shape (entry, border column)

        Returns
        -------
        effects : ndarray, shape (entry, border column)
            The mean (or the levels' means) first, then the crossing effects in the order of `border_variance`.

        Raises
        ------
        ValueError
            For arrays of another shape, or numbers of features that are not there.
        """
        variances, feature = _require_entries(variances, feature, self.n_variances, len(self.value))
        noise = np.ascontiguousarray(noise, dtype=np.float64)
        shape = feature.size, self.design[8].size
        if noise.shape != shape:
            raise ValueError(f"expected noise of shape (entry, border column) = {shape}; got {noise.shape}")
        _, first, width = self.patterns
        kinds = np.arange(first.size)
        design = (kinds[:-1], kinds, width, *self.design[4:])
        effects = np.empty(shape)
        sums = (self.pattern_sums, *self.sums[1:])
        recover_border_effects(variances, feature, noise, np.diff(first).astype(np.float64), sums, design, effects)
        return effects


def _require_entries(
    variances: np.ndarray, feature: np.ndarray, n_variances: int, n_features: int
) -> tuple[np.ndarray, np.ndarray]:
    """Entries as the kernels read them, which do not check whether a row is there."""
    variances = np.ascontiguousarray(variances, dtype=np.float64)
    feature = np.ascontiguousarray(feature, dtype=np.int64)
    if feature.ndim != 1 or variances.shape != (feature.size, n_variances):
        raise ValueError(
            f"expected variances of shape (entry, {n_variances}) and features of shape (entry,); "
            f"got {variances.shape} and {feature.shape}"
        )
    if feature.size and not 0 <= feature.min() <= feature.max() < n_features:
        raise ValueError(
            f"{n_features} features are numbered from 0; got numbers from {feature.min()} to {feature.max()}"
        )
    return variances, feature


@numba.njit(**KERNEL)
def _evaluate_strata(variances, feature, sums_of_squares, degrees_of_freedom, weight, density, slope):
    """Write the log density of each entry, and add its gradient to `slope` unless that is None."""
    n_strata, n_variances = weight.shape
    for entry in range(feature.size):
        total = 0.0
        for stratum in range(n_strata):
            eigenvalue = SMALLEST_VARIANCE
            for number in range(n_variances):
                eigenvalue += weight[stratum, number] * variances[entry, number]
            degrees, squares = degrees_of_freedom[stratum], sums_of_squares[feature[entry], stratum]
            total += degrees * np.log(2.0 * np.pi * eigenvalue) + squares / eigenvalue
            if slope is not None:
                change = 0.5 * (squares / eigenvalue - degrees) / eigenvalue
                for number in range(n_variances):
                    slope[entry, number] += change * weight[stratum, number]
        density[entry] = -0.5 * total


@numba.njit(**KERNEL)
def _sum_values(value, local, border, subject, n_subjects, widest, n_border):
    """Z'y by subject (feature, subject, column) and in the border (feature, column), and y'y (feature,)."""
    n_features = value.shape[0]
    own = np.zeros((n_features, n_subjects, widest))
    shared = np.zeros((n_features, n_border))
    squares = np.zeros(n_features)
    for feature in range(n_features):
        for row in range(subject.size):
            one = value[feature, row]
            squares[feature] += one * one
            for place in range(local.shape[1]):
                own[feature, subject[row], local[row, place]] += one
            for place in range(border.shape[1]):
                shared[feature, border[row, place]] += one
    return own, shared, squares
