"""Elimination of random effects for eight entries at once, each lane with its own variances and its own feature.

The mathematics is that of `bayesrg.inference.elimination`. What differs is the form: subjects of one pattern have one
*panel*, whose first rows are their block A = I + D Z'Z D, followed by the rows of the border's cross products, followed
by a row D Z'y for each of these subjects. One sweep factors A = L L' and turns every row b below it into b L'^-1;
inner products of these rows are what the elimination takes from the border's own panel, which ends with the row of y
likewise. A density needs no more; its gradient needs the diagonal of the inverse and the solutions, which a sweep back
through the same panels gives. The border's effects need even less: what their panel takes from the subjects of one
pattern depends on the sum of their rows alone, so that one row does for all.

A panel is a range of rows of an array of shape (number, `LANES`): an index counts numbers, a step leads from a row of
the panel to the next.
"""

from typing import Any

import numba
import numpy as np

from bayesrg.inference.elimination import SMALLEST_VARIANCE
from bayesrg.inference.lanes import LANES, exponent, fill, larger, load, significand, square_root, store

ROUNDING = float(np.finfo(np.float64).eps)
KERNEL: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
# Calls have constants among their strides and weights, and many arrays: without inlining a gradient takes half as long
# again.
INNER: dict[str, Any] = KERNEL | {"forceinline": True}


@numba.njit(**INNER)
def _subtract_products(out, at, hop, rows, start, step, stride, other, first, jump, size, n_rows, weight, factor):
    """Replace numbers by (number - weight * inner product) * factor: the inner loop of all that follows.

    The numbers are `out`[`at`], `out`[`at` + `hop`], … for `n_rows` rows, each with its own row of `size` numbers
    (`rows`[`start`], `rows`[`start` + `stride`], …; the next begins `step` later) times one row that all share
    (`other`[`first`], `other`[`first` + `jump`], …). Four rows at a time, so that no sum waits for the one before.
    """
    row = 0
    while row + 4 <= n_rows:
        one, two, three, four = fill(0.0), fill(0.0), fill(0.0), fill(0.0)
        begin = start + row * step
        for inner in range(size):
            shared, here = load(other, first + inner * jump), begin + inner * stride
            one = one + load(rows, here) * shared
            two = two + load(rows, here + step) * shared
            three = three + load(rows, here + 2 * step) * shared
            four = four + load(rows, here + 3 * step) * shared
        place = at + row * hop
        store(out, place, (load(out, place) - weight * one) * factor)
        store(out, place + hop, (load(out, place + hop) - weight * two) * factor)
        store(out, place + 2 * hop, (load(out, place + 2 * hop) - weight * three) * factor)
        store(out, place + 3 * hop, (load(out, place + 3 * hop) - weight * four) * factor)
        row += 4
    while row < n_rows:
        one, begin = fill(0.0), start + row * step
        for inner in range(size):
            one = one + load(rows, begin + inner * stride) * load(other, first + inner * jump)
        place = at + row * hop
        store(out, place, (load(out, place) - weight * one) * factor)
        row += 1


@numba.njit(**INNER)
def _sum_squares(rows, start, step, size):
    total = fill(0.0)
    for place in range(size):
        one = load(rows, start + place * step)
        total = total + one * one
    return total


@numba.njit(**INNER)
def _add(rows, at, term):
    store(rows, at, load(rows, at) + term)


@numba.njit(**KERNEL)
def _factorise(panel, base, step, size, n_rows, product, power):
    """Factor a panel in place: its first `size` rows A = L L', the rows b below them become b L'^-1.

    The diagonal of L is stored as its reciprocal.

    Returns
    -------
    product, power : `product` * 2 ** `power` times the determinant of A, in the same form, which cannot overflow
    """
    unit = fill(1.0)
    for column in range(size):
        top = base + column * step
        # No pivot of I + D Z'Z D is below one, whatever rounding says where scales differ by more than 1e16.
        pivot = larger(load(panel, top + column) - _sum_squares(panel, top, 1, column), unit)
        grown = product * pivot
        product, power = significand(grown), power + exponent(grown)
        reciprocal = unit / square_root(pivot)
        store(panel, top + column, reciprocal)
        below, left = top + step, n_rows - column - 1
        _subtract_products(
            panel, below + column, step, panel, below, step, 1, panel, top, 1, column, left, unit, reciprocal
        )
    return product, power


@numba.njit(**KERNEL)
def _lift(rows, start, panel, base, step, size, n_rows, column):
    """Replace b[column] by (b L^-1)[column] in rows whose later columns have been replaced; return its squares' sum."""
    unit, diagonal = fill(1.0), base + column * step + column
    at, below, left = start + column, diagonal + step, size - column - 1
    _subtract_products(
        rows, at, step, rows, at + 1, step, 1, panel, below, step, left, n_rows, unit, load(panel, diagonal)
    )
    return _sum_squares(rows, at, step, n_rows)


@numba.njit(**KERNEL)
def _write_identity(rows, step, size):
    for row in range(size):
        for column in range(size):
            store(rows, row * step + column, fill(1.0 if row == column else 0.0))


@numba.njit(**KERNEL)
def _take_entries(block, variances, feature, sums, design, work):
    """Read a block of entries: scales D, residual variances and sums of values; the last entry fills empty lanes."""
    member, _, _, _, _, _, local_variance, border_variance = design
    residual, scale, right, schur, _, _, _ = work
    own, shared, _ = sums
    n_entries, n_variances = variances.shape
    n_border, widest = border_variance.size, local_variance.shape[1]
    alone = True
    for lane in range(LANES):
        entry = min(block + lane, n_entries - 1)
        alone = alone and feature[entry] == feature[block]
        residual[0, lane] = max(variances[entry, n_variances - 2], SMALLEST_VARIANCE)
        for number in range(n_variances):
            scale[number, lane] = np.sqrt(variances[entry, number] / residual[0, lane])
    bottom = n_border * n_border
    if alone:
        whose = feature[block]
        for place in range(member.size):
            for column in range(widest):
                store(right, place * widest + column, fill(own[whose, member[place], column]))
        for column in range(n_border):
            store(schur, bottom + column, fill(shared[whose, column]))
    else:
        for lane in range(LANES):
            whose = feature[min(block + lane, n_entries - 1)]
            for place in range(member.size):
                for column in range(widest):
                    right[place * widest + column, lane] = own[whose, member[place], column]
            for column in range(n_border):
                schur[bottom + column, lane] = shared[whose, column]


@numba.njit(**INNER)
def _fill_panel(kind, base, design, work):
    """Write the panel of a pattern: its block, the cross products with the border, and D Z'y of its subjects."""
    _, first, width, local_gram, cross_gram, _, local_variance, border_variance = design
    _, scale, right, _, panel, _, _ = work
    n_border, widest = border_variance.size, local_variance.shape[1]
    below = base + width[kind] * widest
    bottom = below + n_border * widest
    for row in range(width[kind]):
        left = load(scale, local_variance[kind, row])
        start = base + row * widest
        for column in range(row + 1):
            both = left * load(scale, local_variance[kind, column])
            store(panel, start + column, both * fill(local_gram[kind, row, column]))
        _add(panel, start + row, fill(1.0))
        for column in range(n_border):
            both = left * load(scale, border_variance[column])
            store(panel, below + column * widest + row, both * fill(cross_gram[kind, row, column]))
        for place in range(first[kind + 1] - first[kind]):
            value = load(right, (first[kind] + place) * widest + row)
            store(panel, bottom + place * widest + row, left * value)


@numba.njit(**KERNEL)
def _fill_border(design, work):
    """Write the border's panel before any subject is eliminated; its last row holds Z'y already."""
    _, _, _, _, _, border_gram, _, border_variance = design
    _, scale, _, schur, _, _, _ = work
    n_border = border_variance.size
    for row in range(n_border):
        left = load(scale, border_variance[row])
        for column in range(row + 1):
            both = left * load(scale, border_variance[column])
            store(schur, row * n_border + column, both * fill(border_gram[row, column]))
        _add(schur, row * n_border + row, fill(1.0))
        store(schur, n_border * n_border + row, left * load(schur, n_border * n_border + row))


@numba.njit(**INNER)
def _eliminate_pattern(kind, base, weight, explained, design, work):
    """Factor the panel of a pattern and take its subjects, `weight` in number, from the border's panel.

    Returns
    -------
    factor, doublings : the determinant of the pattern's block is `factor` * 2 ** `doublings`
    explained : grown by what the panel's rows of y explain
    """
    _, first, width, _, _, _, local_variance, border_variance = design
    _, _, _, schur, panel, _, _ = work
    n_border, widest = border_variance.size, local_variance.shape[1]
    size, n_sums, last = width[kind], first[kind + 1] - first[kind], n_border * n_border
    below = base + size * widest
    bottom = below + n_border * widest
    unit = fill(1.0)
    _fill_panel(kind, base, design, work)
    factor, doublings = _factorise(panel, base, widest, size, size + n_border + n_sums, unit, fill(0.0))
    for place in range(n_sums):
        start = bottom + place * widest
        explained = explained + _sum_squares(panel, start, 1, size)
        _subtract_products(schur, last, 1, panel, below, widest, 1, panel, start, 1, size, n_border, unit, unit)
    for row in range(n_border):
        start, at = below + row * widest, row * n_border
        _subtract_products(schur, at, 1, panel, below, widest, 1, panel, start, 1, size, row + 1, weight, unit)
    return factor, doublings, explained


@numba.njit(**KERNEL)
def _eliminate_all(begin, design, work):
    """Factor every panel, and the border's.

    Returns
    -------
    product, power : the determinant is `product` * 2 ** `power`
    explained : x'D Z'y, x the solution of (I + D Z'Z D) x = D Z'y
    """
    _, first, width, _, _, _, _, border_variance = design
    _, _, _, schur, _, _, _ = work
    n_border = border_variance.size
    product, power, explained = fill(1.0), fill(0.0), fill(0.0)
    _fill_border(design, work)
    for kind in range(width.size):
        repeats = first[kind + 1] - first[kind]
        weight = fill(float(repeats))
        factor, doublings, explained = _eliminate_pattern(kind, begin[kind], weight, explained, design, work)
        for _ in range(repeats):
            grown = product * factor
            product, power = significand(grown), power + exponent(grown) + doublings
    product, power = _factorise(schur, 0, n_border, n_border, n_border + 1, product, power)
    return product, power, explained + _sum_squares(schur, n_border * n_border, 1, n_border)


@numba.njit(**KERNEL)
def _sweep_back(begin, design, work):
    """Posterior moments of the effects from the factored panels, which are used up.

    `moment` receives, by variance, the sum of x^2 / v_residual + m - 1 over its effects, x the solution and m the
    diagonal of the inverse.

    Returns
    -------
    norm, shrunk : the sums of x^2 and of 1 - m over all effects
    """
    _, first, width, _, _, _, local_variance, border_variance = design
    residual, _, _, schur, panel, inverse, moment = work
    n_border, widest = border_variance.size, local_variance.shape[1]
    last = n_border * n_border
    unit = fill(1.0)
    precision = unit / load(residual, 0)
    norm, shrunk = fill(0.0), fill(0.0)
    for number in range(moment.shape[0]):
        store(moment, number, fill(0.0))
    _write_identity(inverse, n_border, n_border)
    for column in range(n_border - 1, -1, -1):
        start = column * n_border  # rows of L^-1 above the diagonal are zero
        spread = _lift(inverse, start, schur, 0, n_border, n_border, n_border - column, column) - unit
        square = _lift(schur, last, schur, 0, n_border, n_border, 1, column)
        norm, shrunk = norm + square, shrunk - spread
        _add(moment, border_variance[column], square * precision + spread)
    for kind in range(width.size):
        size, base, repeats = width[kind], begin[kind], first[kind + 1] - first[kind]
        below = base + size * widest
        bottom = below + n_border * widest
        for place in range(repeats):  # what the border's solution leaves of each subject's
            at = bottom + place * widest
            _subtract_products(panel, at, 1, panel, below, 1, widest, schur, last, 1, n_border, size, unit, unit)
        for row in range(n_border):  # the border's uncertainty as the subjects feel it
            at, top = below + row * widest, row * n_border
            reciprocal = load(schur, top + row)
            _subtract_products(panel, at, 1, panel, below, 1, widest, schur, top, 1, row, size, unit, reciprocal)
        _write_identity(inverse, widest, size)
        for column in range(size - 1, -1, -1):
            spread = _lift(inverse, column * widest, panel, base, widest, size, size - column, column)
            spread = spread + _lift(panel, below, panel, base, widest, size, n_border, column) - unit
            spread = spread * fill(float(repeats))
            square = _lift(panel, bottom, panel, base, widest, size, repeats, column)
            norm, shrunk = norm + square, shrunk - spread
            _add(moment, local_variance[kind, column], square * precision + spread)
    return norm, shrunk


@numba.njit(**KERNEL)
def _allocate(n_variances, n_rows, design):
    """Room for a block of entries whose panels have `n_rows` rows in all."""
    member, _, _, _, _, _, local_variance, border_variance = design
    n_border, widest = border_variance.size, local_variance.shape[1]
    return (
        np.empty((1, LANES)),
        np.empty((n_variances, LANES)),
        np.empty((member.size * widest, LANES)),
        np.empty((n_border * (n_border + 1), LANES)),
        np.empty((n_rows * widest, LANES)),
        np.empty((max(widest, n_border) ** 2, LANES)),
        np.empty((n_variances, LANES)),
    )


@numba.njit(**KERNEL)
def evaluate_elimination(variances, feature, n_measurements, sums, design, density, slope):
    """Write the log density of each entry, and its gradient in the variances to `slope` unless that is None.

    Parameters
    ----------
    variances, feature : ndarray, shapes (entry, variance) and (entry,)
    sums : Z'y by subject (feature, subject, column) and in the border (feature, column), and y'y (feature,)
    design : subjects in the order of their patterns, where each pattern begins among them, its number of columns, and
        the arrays of an `Elimination` from `local_gram` on
    density, slope : ndarray, shapes (entry,) and (entry, variance)
    """
    _, first, width, _, _, _, local_variance, border_variance = design
    n_entries, n_variances = variances.shape
    n_border, widest = border_variance.size, local_variance.shape[1]
    squares = sums[2]
    begin = np.zeros(width.size, dtype=np.int64)
    n_rows = 0
    for kind in range(width.size):
        rows = width[kind] + n_border + first[kind + 1] - first[kind]
        if slope is None:  # a panel that no gradient will read makes room for the next
            n_rows = max(n_rows, rows)
        else:
            begin[kind] = n_rows * widest
            n_rows += rows
    work, outcome = _allocate(n_variances, n_rows, design), np.empty((5, LANES))
    residual, moment = work[0], work[6]
    for block in range(0, n_entries, LANES):
        _take_entries(block, variances, feature, sums, design, work)
        product, power, explained = _eliminate_all(begin, design, work)
        store(outcome, 0, product)
        store(outcome, 1, power)
        store(outcome, 2, explained)
        if slope is not None:
            norm, shrunk = _sweep_back(begin, design, work)
            store(outcome, 3, norm)
            store(outcome, 4, shrunk)
        for lane in range(min(LANES, n_entries - block)):
            entry, variance = block + lane, residual[0, lane]
            log_determinant = np.log(outcome[0, lane]) + outcome[1, lane] * np.log(2.0)
            left_over = squares[feature[entry]] - outcome[2, lane]
            # Less is the rounding of a sum of squares, which must not pass for a perfect fit.
            least = ROUNDING * n_measurements * squares[feature[entry]]
            if left_over < least:
                left_over = least
            constant = n_measurements * np.log(2.0 * np.pi * variance)
            density[entry] = -0.5 * (constant + log_determinant + left_over / variance)
            if slope is not None:
                change = (left_over - outcome[3, lane]) / variance
                moment[n_variances - 2, lane] = change + outcome[4, lane] - n_measurements
                for number in range(n_variances):
                    slope[entry, number] = 0.5 * moment[number, lane] / max(variances[entry, number], SMALLEST_VARIANCE)


@numba.njit(**KERNEL)
def recover_border_effects(variances, feature, begin, noise, repeats, sums, design, effects):
    """Write the border's effects of each draw, drawn from their posterior given an entry's variances.

    With S = L L' the border's panel, reduced, and c = L^-1 b its row of y, the effects D L'^-1 (c + sd z) have the
    mean D S^-1 b and the covariance v_residual D S^-1 D. All draws of an entry share one factorisation.

    Parameters
    ----------
    variances, feature : ndarray, shapes (entry, variance) and (entry,)
    begin : ndarray of int, shape (entry + 1,)
        Where each entry's draws begin, and the end.
    noise : ndarray of standard normals z, shape (draw, column)
    repeats : ndarray of float, shape (pattern,)
        Subjects of each pattern.
    sums : as in `evaluate_elimination`, with Z'y summed over the subjects of each pattern (feature, pattern, column)
    design : as in `evaluate_elimination`, each pattern being its own only member
    effects : ndarray, shape (draw, column)
    """
    _, _, width, _, _, _, _, border_variance = design
    n_entries, n_variances = variances.shape
    n_border = border_variance.size
    last, unit, zero = n_border * n_border, fill(1.0), fill(0.0)
    work = _allocate(n_variances, width.max() + n_border + 1, design)
    residual, scale, _, schur, _, centre, _ = work
    for block in range(0, n_entries, LANES):
        _take_entries(block, variances, feature, sums, design, work)
        _fill_border(design, work)
        for kind in range(width.size):
            _eliminate_pattern(kind, 0, fill(repeats[kind]), zero, design, work)
        _factorise(schur, 0, n_border, n_border, n_border + 1, unit, zero)
        for column in range(n_border):
            store(centre, column, load(schur, last + column))
        n_filled, most = min(LANES, n_entries - block), 0
        for lane in range(n_filled):
            most = max(most, begin[block + lane + 1] - begin[block + lane])
        for repeat in range(most):
            for column in range(n_border):
                store(schur, last + column, load(centre, column))
            for lane in range(n_filled):
                draw, sd = begin[block + lane] + repeat, np.sqrt(residual[0, lane])
                if draw < begin[block + lane + 1]:
                    for column in range(n_border):
                        schur[last + column, lane] += sd * noise[draw, column]
            for column in range(n_border - 1, -1, -1):
                _lift(schur, last, schur, 0, n_border, n_border, 1, column)
            for column in range(n_border):
                store(schur, last + column, load(schur, last + column) * load(scale, border_variance[column]))
            for lane in range(n_filled):
                draw = begin[block + lane] + repeat
                if draw < begin[block + lane + 1]:
                    for column in range(n_border):
                        effects[draw, column] = schur[last + column, lane]
