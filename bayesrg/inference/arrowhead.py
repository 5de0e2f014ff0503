"""A design laid out for elimination: the subjects' blocks, which are eliminated first, and the border that is left.

Subjects whose rows cover the same levels in the same numbers share a pattern, and what depends on variances alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Elimination:
    """A design laid out for elimination: subjects first, the mean and the crossed effects last.

    Attributes
    ----------
    local, border : ndarray of int, shapes (measurement, local component) and (measurement, border component)
        Column of each measurement's effects, within its subject and within the border (the mean, or the levels' means,
        first).
    subject : ndarray of int, shape (measurement,)
    pattern : ndarray of int, shape (subject,)
        Subjects of one pattern have equal Z'Z, so they share a Cholesky factor.
    local_gram, cross_gram, border_gram : ndarray of float
        Z'Z within subjects (pattern, column, column), between subjects and border (pattern, column, border), in the
        border.
    local_variance, border_variance : ndarray of int, shapes (pattern, column) and (border,)
        Which entry of the variance vector a column has; -1 pads short patterns.
    local_offset : ndarray of int, shape (subject + 1,)
        Where a subject's columns start in the long vector of recovered effects; border columns follow them.
    """

    local: np.ndarray
    border: np.ndarray
    subject: np.ndarray
    pattern: np.ndarray
    local_gram: np.ndarray
    cross_gram: np.ndarray
    border_gram: np.ndarray
    local_variance: np.ndarray
    border_variance: np.ndarray
    local_offset: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays in the order in which the kernels take them, as `design`."""
        return (
            self.local,
            self.border,
            self.subject,
            self.pattern,
            self.local_gram,
            self.cross_gram,
            self.border_gram,
            self.local_variance,
            self.border_variance,
        )


def eliminate(
    subject: np.ndarray,
    local_levels: Mapping[int, np.ndarray],
    border_levels: Mapping[int, np.ndarray],
    n_components: int,
    mean_levels: np.ndarray | None = None,
) -> Elimination:
    """Lay out a design for elimination.

    Parameters
    ----------
    subject : ndarray of int, shape (measurement,)
    local_levels : mapping of variance number to levels, shape (measurement,)
        Components whose every level belongs to one subject.
    border_levels : mapping of variance number to levels, shape (measurement,)
        Components that cross subjects.
    n_components : number of random-effect variances; the residual's number is `n_components`, the mean's one more.
    mean_levels : ndarray of int, shape (measurement,)
        Levels that have a mean each, all with the mean's prior variance; None for one mean of all.
    """
    n_subjects = int(subject.max()) + 1
    border_columns = [np.zeros(subject.size, dtype=np.int64) if mean_levels is None else mean_levels]
    border_variance = [n_components + 1] * (int(border_columns[0].max()) + 1)
    for number, levels in border_levels.items():
        border_columns.append(levels + len(border_variance))
        border_variance += [number] * (int(levels.max()) + 1)
    border = np.stack(border_columns, axis=1)
    n_border = len(border_variance)

    local = np.zeros((subject.size, len(local_levels)), dtype=np.int64)
    column_variance: list[list[int]] = []
    for person in range(n_subjects):
        rows = np.flatnonzero(subject == person)
        variances: list[int] = []
        for place, (number, levels) in enumerate(local_levels.items()):
            distinct, column = np.unique(levels[rows], return_inverse=True)
            local[rows, place] = column + len(variances)
            variances += [number] * len(distinct)
        column_variance.append(variances)
    widest = max(len(variances) for variances in column_variance)

    patterns: dict[tuple, int] = {}
    pattern = np.zeros(n_subjects, dtype=np.int64)
    local_grams, cross_grams, local_variances = [], [], []
    for person in range(n_subjects):
        rows = np.flatnonzero(subject == person)
        incidence = np.zeros((rows.size, widest))
        crossed = np.zeros((rows.size, n_border))
        for place in range(local.shape[1]):
            incidence[np.arange(rows.size), local[rows, place]] = 1.0
        for place in range(border.shape[1]):
            crossed[np.arange(rows.size), border[rows, place]] = 1.0
        gram, cross = incidence.T @ incidence, incidence.T @ crossed
        padded = column_variance[person] + [-1] * (widest - len(column_variance[person]))
        key = (tuple(padded), gram.tobytes(), cross.tobytes())
        if key not in patterns:
            patterns[key] = len(patterns)
            local_grams.append(gram)
            cross_grams.append(cross)
            local_variances.append(padded)
        pattern[person] = patterns[key]
    crossed = np.zeros((subject.size, n_border))
    for place in range(border.shape[1]):
        crossed[np.arange(subject.size), border[:, place]] = 1.0
    return Elimination(
        local=local,
        border=border,
        subject=np.asarray(subject, dtype=np.int64),
        pattern=pattern,
        local_gram=np.array(local_grams),
        cross_gram=np.array(cross_grams),
        border_gram=crossed.T @ crossed,
        local_variance=np.array(local_variances, dtype=np.int64),
        border_variance=np.array(border_variance, dtype=np.int64),
        local_offset=np.concatenate([[0], np.cumsum([len(variances) for variances in column_variance])]).astype(
            np.int64
        ),
    )
