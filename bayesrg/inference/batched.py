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
from bayesrg.inference.strata import weighted_sum


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
        _require_entries(variances, feature, self.weight.shape[1], len(self.sums_of_squares))
        # By stratum, then by entry: NumPy's logarithm is the fast one where its numbers lie together.
        rows = np.asarray(variances, dtype=float).T
        eigenvalue = np.stack([weighted_sum(weight, rows) for weight in self.weight])
        eigenvalue += SMALLEST_VARIANCE
        ratio = self.sums_of_squares.T.take(feature, axis=1)
        ratio /= eigenvalue
        density = weighted_sum(self.degrees_of_freedom, np.log(eigenvalue))
        density += ratio.sum(axis=0)
        density += self.degrees_of_freedom.sum() * np.log(2.0 * np.pi)
        density *= -0.5
        if not gradient:
            return density, None
        ratio -= self.degrees_of_freedom[:, None]
        with np.errstate(over="ignore", invalid="ignore"):  # where all variances vanish there is no slope
            ratio /= eigenvalue
            return density, (0.5 * ratio).T @ self.weight


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
        return sum_values(np.ascontiguousarray(self.value, dtype=np.float64), local, border, subject, *shape)

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
        _require_entries(variances, feature, self.n_variances, len(self.value))
        variances = np.ascontiguousarray(variances, dtype=np.float64)
        feature = np.ascontiguousarray(feature, dtype=np.int64)
        slope = np.zeros_like(variances) if gradient else None
        density = np.empty(feature.size)
        design = (*self.patterns, *self.design[4:])
        evaluate_elimination(variances, feature, self.value.shape[1], self.sums, design, density, slope)
        return density, slope

    def recover_border(self, variances: np.ndarray, feature: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """The mean and the effects that cross subjects, drawn from their exact posterior given the variances.

        With the same noise they are what `recover_effects` gives, one feature at a time. A draw costs as much as a
        density where every subject has its own pattern, and a third of it where all share one. Entries in a row with
        the same feature and variances cost as much as one.

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
        _require_entries(variances, feature, self.n_variances, len(self.value))
        variances = np.ascontiguousarray(variances, dtype=np.float64)
        feature = np.ascontiguousarray(feature, dtype=np.int64)
        noise = np.ascontiguousarray(noise, dtype=np.float64)
        shape = feature.size, self.design[8].size
        if noise.shape != shape:
            raise ValueError(f"expected noise of shape (entry, border column) = {shape}; got {noise.shape}")
        _, first, width = self.patterns
        kinds = np.arange(first.size)
        design = (kinds[:-1], kinds, width, *self.design[4:])
        effects = np.empty(shape)
        sums = (self.pattern_sums, *self.sums[1:])
        changes = (np.diff(feature) != 0) | (np.diff(variances, axis=0) != 0).any(axis=1)
        start = np.concatenate([[0], np.flatnonzero(changes) + 1, [feature.size]])[0 if feature.size else 1 :]
        variances, feature, repeats = variances[start[:-1]], feature[start[:-1]], np.diff(first).astype(np.float64)
        recover_border_effects(variances, feature, start, noise, repeats, sums, design, effects)
        return effects


def _require_entries(variances: np.ndarray, feature: np.ndarray, n_variances: int, n_features: int) -> None:
    """Refuse entries that are not there: the kernels do not check."""
    if np.ndim(feature) != 1 or np.shape(variances) != (np.size(feature), n_variances):
        raise ValueError(
            f"expected variances of shape (entry, {n_variances}) and features of shape (entry,); "
            f"got {np.shape(variances)} and {np.shape(feature)}"
        )
    if np.size(feature) and not 0 <= np.min(feature) <= np.max(feature) < n_features:
        raise ValueError(
            f"{n_features} features are numbered from 0; got numbers from {np.min(feature)} to {np.max(feature)}"
        )


@numba.njit(**KERNEL)
def sum_values(value, local, border, subject, n_subjects, widest, n_border):
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
