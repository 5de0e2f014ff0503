"""Density of features measured in regions of tumours: a covariance for each block of regions and each feature.

    y_f ~ Normal(X beta_f, blockdiag_b K_bf),   beta_f ~ Normal(0, diag(v0)),   f = 1 ... F

beta is integrated out, so a feature's density needs the small Cholesky factors of its blocks (a block holds the regions
of one patient) and one of the precision of beta. The gradient in every entry of every K and in v0 comes with it:

    d / dK = 1/2 (alpha alpha' - K^-1 + K^-1 X S X' K^-1),   alpha = K^-1 (y - X b)
    d / dv0 = 1/2 ((b^2 + diag S) / v0 - 1) / v0

with S the covariance and b the mean of beta given y. Eight features are worked on at once, one in each lane
(`inference/lanes.py`): they share blocks and X, and differ in K, in y and in which regions lack a value.

Features whose residuals are correlated, y ~ Normal(., K_b (x) I + I (x) Sigma), become independent when they are
rotated to the eigenvectors of Sigma = V diag(lambda) V': then K_bk = K_b + lambda_k I. No eigenvectors are
differentiated, for the gradient in Sigma is V D V', D having 1/2 alpha_k'alpha_l off its diagonal, and the derivatives
in lambda on it.
"""

from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite.binding import add_symbol
from numba import carray  # type: ignore[attr-defined]
from numba.core import types

from bayesrg.inference.lanes import LANES, exponent, fill, load, significand, square_root, store

KERNEL: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
LOG_2, LOG_2PI = float(np.log(2.0)), float(np.log(2.0 * np.pi))


@numba.njit(**KERNEL)
def _factor_block(covariance, first, size, mask, start, lower):
    """Cholesky factors of a block, packed by rows in `lower` as K is, their diagonals inverted.

    Regions without a value get a row of the identity.

    Returns
    -------
    product, power : the factors' determinants are `product` * 2 ** `power`
    """
    unit = fill(1.0)
    product, power = unit, fill(0.0)
    for row in range(size):
        here = first + row * (row + 1) // 2
        seen = load(mask, start + row)
        for column in range(row + 1):
            there = first + column * (column + 1) // 2
            value = load(covariance, here + column) * seen * load(mask, start + column)
            if column == row:
                value = value + (unit - seen)
            for inner in range(column):
                value = value - load(lower, here + inner) * load(lower, there + inner)
            if column < row:
                store(lower, here + column, value * load(lower, there + column))
            else:
                root = square_root(value)
                store(lower, here + column, unit / root)
                grown = product * root
                product, power = significand(grown), power + exponent(grown)
    return product, power


@numba.njit(**KERNEL)
def _whiten(columns, value, mask, start, size, lower, first, white):
    """L^-1 [X, y] of a block, in the rows of `white` that begin with its first region; columns of X, then y."""
    n_columns = columns.shape[1]
    width = n_columns + 1
    for row in range(size):
        here = first + row * (row + 1) // 2
        seen = load(mask, start + row)
        own = (start + row) * width
        for column in range(n_columns):
            store(white, own + column, fill(columns[start + row, column]) * seen)
        store(white, own + n_columns, load(value, start + row) * seen)
        for inner in range(row):
            factor = load(lower, here + inner)
            other = (start + inner) * width
            for column in range(width):
                store(white, own + column, load(white, own + column) - factor * load(white, other + column))
        factor = load(lower, here + row)
        for column in range(width):
            store(white, own + column, load(white, own + column) * factor)


@numba.njit(**KERNEL)
def _add_gram(white, start, size, width, gram):
    """Add the products of the whitened columns of a block to `gram`, packed by rows; the last row is that of y."""
    for row in range(width):
        here = row * (row + 1) // 2
        for column in range(row + 1):
            total = load(gram, here + column)
            for region in range(start, start + size):
                total = total + load(white, region * width + row) * load(white, region * width + column)
            store(gram, here + column, total)


@numba.njit(**KERNEL)
def _factor_gram(gram, n):
    """Cholesky factor of the precision of beta and, in the row after it, the whitened X'K^-1 y; diagonals inverted."""
    unit = fill(1.0)
    product, power, explained = unit, fill(0.0), fill(0.0)
    for row in range(n + 1):
        here = row * (row + 1) // 2
        for column in range(min(row + 1, n)):
            there = column * (column + 1) // 2
            value = load(gram, here + column)
            for inner in range(column):
                value = value - load(gram, here + inner) * load(gram, there + inner)
            if column < row:
                value = value * load(gram, there + column)
                store(gram, here + column, value)
                if row == n:
                    explained = explained + value * value
            else:
                root = square_root(value)
                store(gram, here + column, unit / root)
                grown = product * root
                product, power = significand(grown), power + exponent(grown)
    return product, power, explained


@numba.njit(**KERNEL)
def _invert_gram(gram, n, inverse, mean):
    """Inverse of the factor of beta's precision, packed by rows, and beta's mean."""
    for column in range(n):
        store(inverse, column * (column + 1) // 2 + column, load(gram, column * (column + 1) // 2 + column))
        for row in range(column + 1, n):
            here = row * (row + 1) // 2
            value = fill(0.0)
            for inner in range(column, row):
                value = value - load(gram, here + inner) * load(inverse, inner * (inner + 1) // 2 + column)
            store(inverse, here + column, value * load(gram, here + row))
    last = n * (n + 1) // 2
    for column in range(n):
        value = fill(0.0)
        for row in range(column, n):
            value = value + load(inverse, row * (row + 1) // 2 + column) * load(gram, last + row)
        store(mean, column, value)


@numba.njit(**KERNEL)
def _differentiate_block(first, size, start, n_columns, mask, lower, white, inverse, mean, work, slope, alpha):
    """Derivatives in the block's K, an entry of its lower triangle a row (both sides of the diagonal), and alpha."""
    spread, middle = work
    width = n_columns + 1
    unit, half, two = fill(1.0), fill(0.5), fill(2.0)
    # The whitened residual, and the whitened columns times the factor of S.
    for region in range(size):
        own = (start + region) * width
        rest = load(white, own + n_columns)
        for column in range(n_columns):
            rest = rest - load(white, own + column) * load(mean, column)
        store(spread, region * width + n_columns, rest)
        for row in range(n_columns):
            here = row * (row + 1) // 2
            value = fill(0.0)
            for column in range(row + 1):
                value = value + load(inverse, here + column) * load(white, own + column)
            store(spread, region * width + row, value)
    for row in range(size):
        for column in range(row + 1):
            value = fill(0.0)
            for inner in range(width):
                value = value + load(spread, row * width + inner) * load(spread, column * width + inner)
            if column == row:
                value = value - unit
            value = value * half
            store(middle, row * size + column, value)
            store(middle, column * size + row, value)
    # From the whitened side to K's: L^-T middle L^-1, from the left and, because it is symmetric, once more.
    for turn in range(2):
        for row in range(size - 1, -1, -1):
            for column in range(size):
                value = load(middle, row * size + column) if turn == 0 else load(middle, column * size + row)
                for inner in range(row + 1, size):
                    factor = load(lower, first + inner * (inner + 1) // 2 + row)
                    if turn == 0:
                        value = value - factor * load(middle, inner * size + column)
                    else:
                        value = value - factor * load(middle, column * size + inner)
                value = value * load(lower, first + row * (row + 1) // 2 + row)
                if turn == 0:
                    store(middle, row * size + column, value)
                else:
                    store(middle, column * size + row, value)
    for row in range(size):
        for column in range(row):
            store(slope, first + row * (row + 1) // 2 + column, load(middle, row * size + column) * two)
        store(slope, first + row * (row + 1) // 2 + row, load(middle, row * size + row) * load(mask, start + row))
    for row in range(size - 1, -1, -1):
        value = load(spread, row * width + n_columns)
        for inner in range(row + 1, size):
            value = value - load(lower, first + inner * (inner + 1) // 2 + row) * load(alpha, start + inner)
        store(alpha, start + row, value * load(lower, first + row * (row + 1) // 2 + row))


@numba.njit(**KERNEL)
def _evaluate_lanes(covariance, prior, columns, value, mask, start, first, slope, alpha):
    """Log densities of eight features, derivatives in K (`slope`) and in v0 (returned), and `alpha`.

    Parameters
    ----------
    covariance : ndarray, shape (pair, LANES), the blocks' lower triangles by rows, one after the other
    prior : ndarray, shape (column,), v0
    columns : ndarray, shape (region, column), X
    value, mask : ndarray, shape (region, LANES); the mask is 1 where there is a value, else 0
    start, first : where each block begins among regions and among pairs, and the ends
    slope, alpha : ndarray, shapes (pair, LANES) and (region, LANES), to be filled

    Returns
    -------
    density, prior_slope : ndarray, shapes (LANES,) and (column, LANES); without the constant in 2 pi
    """
    n_columns, n_blocks = columns.shape[1], start.size - 1
    width = n_columns + 1
    lower = np.empty((covariance.shape[0], LANES))
    white = np.empty((value.shape[0] * width, LANES))
    gram = np.zeros((width * (width + 1) // 2, LANES))
    product, power = fill(1.0), fill(0.0)
    for block in range(n_blocks):
        begin, size = start[block], start[block + 1] - start[block]
        factor, doublings = _factor_block(covariance, first[block], size, mask, begin, lower)
        grown = product * factor
        product, power = significand(grown), power + exponent(grown) + doublings
        _whiten(columns, value, mask, begin, size, lower, first[block], white)
    _add_gram(white, 0, value.shape[0], width, gram)
    squares = load(gram, gram.shape[0] - 1)
    volume = 0.0
    for column in range(n_columns):
        place = column * (column + 1) // 2 + column
        store(gram, place, load(gram, place) + fill(1.0 / prior[column]))
        volume += 0.5 * np.log(prior[column])
    factor, doublings, explained = _factor_gram(gram, n_columns)
    grown = product * factor
    found = np.empty((4, LANES))
    store(found, 0, significand(grown))
    store(found, 1, power + exponent(grown) + doublings)
    store(found, 2, squares - explained)
    density = np.empty(LANES)
    for lane in range(LANES):
        density[lane] = -np.log(found[0, lane]) - LOG_2 * found[1, lane] - volume - 0.5 * found[2, lane]
    inverse, mean = np.empty((n_columns * width // 2, LANES)), np.empty((n_columns, LANES))
    _invert_gram(gram, n_columns, inverse, mean)
    largest = 0
    for block in range(n_blocks):
        largest = max(largest, start[block + 1] - start[block])
    work = np.empty((largest * width, LANES)), np.empty((largest * largest, LANES))
    for block in range(n_blocks):
        begin, size = start[block], start[block + 1] - start[block]
        _differentiate_block(
            first[block], size, begin, n_columns, mask, lower, white, inverse, mean, work, slope, alpha
        )
    prior_slope = np.empty((n_columns, LANES))
    for column in range(n_columns):
        moment = load(mean, column) * load(mean, column)
        for row in range(column, n_columns):
            part = load(inverse, row * (row + 1) // 2 + column)
            moment = moment + part * part
        store(prior_slope, column, (moment * fill(1.0 / prior[column]) - fill(1.0)) * fill(0.5 / prior[column]))
    return density, prior_slope


@numba.njit(**KERNEL)
def region_density(parameters, value, mask, columns, start, first):
    """Log density of all features, and its gradient in the parameters.

    Parameters
    ----------
    parameters : ndarray, K of every pair of regions and feature (pair, feature), flattened, then v0 (column,)
    value, mask : ndarray, shape (region, feature); the mask is 1 where there is a value, else 0
    columns : ndarray, shape (region, column), X
    start, first : ndarray of int, where each block begins among regions and among pairs, and the ends

    Returns
    -------
    density : ndarray without dims
    gradient : ndarray of the shape of `parameters`
    """
    n_features, n_pairs = value.shape[1], first[-1]
    covariance = parameters[: n_pairs * n_features].reshape(n_pairs, n_features)
    prior = parameters[n_pairs * n_features :]
    gradient = np.zeros(parameters.size)
    slopes = gradient[: n_pairs * n_features].reshape(n_pairs, n_features)
    total, _ = _evaluate(covariance, prior, value, mask, columns, start, first, slopes, gradient[slopes.size :])
    return np.array(total), gradient


@numba.njit(**KERNEL)
def _evaluate(covariance, prior, value, mask, columns, start, first, slopes, prior_slope):
    """Sum of all features' log densities, and alpha (region, feature); the derivatives are filled in."""
    n_features, n_pairs = value.shape[1], first[-1]
    alphas = np.empty(value.shape)
    total = -0.5 * LOG_2PI * mask.sum()
    own, slope = np.empty((n_pairs, LANES)), np.empty((n_pairs, LANES))
    shown, seen, alpha = np.zeros((3, value.shape[0], LANES))
    for begin in range(0, n_features, LANES):
        used = min(LANES, n_features - begin)
        # Lanes without a feature repeat the last one, so that no lane divides by zero.
        for lane in range(LANES):
            feature = begin + min(lane, used - 1)
            for pair in range(n_pairs):
                own[pair, lane] = covariance[pair, feature]
            for region in range(value.shape[0]):
                shown[region, lane] = value[region, feature]
                seen[region, lane] = mask[region, feature]
        density, part = _evaluate_lanes(own, prior, columns, shown, seen, start, first, slope, alpha)
        for lane in range(used):
            total += density[lane]
            for pair in range(n_pairs):
                slopes[pair, begin + lane] = slope[pair, lane]
            for region in range(value.shape[0]):
                alphas[region, begin + lane] = alpha[region, lane]
            for column in range(prior.size):
                prior_slope[column] += part[column, lane]
    return total, alphas


@numba.njit(**KERNEL)
def correlated_region_density(parameters, value, mask, columns, start, first):
    """Log density of features whose residuals are correlated, and its gradient in the parameters.

    Parameters
    ----------
    parameters : ndarray, K of every pair of regions (pair,) without the residual, Sigma (feature, feature) flattened,
        then v0 (column,)
    value : ndarray, shape (region, feature), complete
    mask : ndarray of ones, shape (region, feature): rotation mixes features, so none may be missing
    columns, start, first : as of `region_density`

    Returns
    -------
    density : ndarray without dims
    gradient : ndarray of the shape of `parameters`
    """
    n_features, n_pairs = value.shape[1], first[-1]
    ends = n_pairs, n_pairs + n_features**2
    shared = parameters[: ends[0]]
    eigenvalues, vectors = np.linalg.eigh(parameters[ends[0] : ends[1]].copy().reshape(n_features, n_features))
    covariance = np.empty((n_pairs, n_features))
    for pair in range(n_pairs):
        covariance[pair] = shared[pair]
    for block in range(start.size - 1):
        for row in range(start[block + 1] - start[block]):
            covariance[first[block] + row * (row + 1) // 2 + row] += eigenvalues
    gradient, slopes = np.zeros(parameters.size), np.empty((n_pairs, n_features))
    prior, rotated = parameters[ends[1] :], value @ vectors
    prior_slope = gradient[ends[1] :]
    total, alpha = _evaluate(covariance, prior, rotated, mask, columns, start, first, slopes, prior_slope)
    middle = 0.5 * (alpha.T @ alpha)
    for feature in range(n_features):
        middle[feature, feature] = 0.0
    for block in range(start.size - 1):
        for row in range(start[block + 1] - start[block]):
            for feature in range(n_features):
                middle[feature, feature] += slopes[first[block] + row * (row + 1) // 2 + row, feature]
    for pair in range(n_pairs):
        gradient[pair] = slopes[pair].sum()
    gradient[ends[0] : ends[1]] = (vectors @ middle @ vectors.T).ravel()
    return np.array(total), gradient


# Called from another compiled function, these kernels would be optimised again with every function around them, for
# half a minute in a PyMC model. Behind an external symbol they are machine code, compiled once on a machine. It is made
# in this file because numba compiles anew what it keeps on disk only when the file that holds it has changed.
_REAL, _WHOLE = types.CPointer(types.float64), types.CPointer(types.int64)
SIGNATURE = types.void(*[_REAL] * 4, *[_WHOLE] * 3, _REAL)


@numba.njit(**KERNEL)
def _view(parameters, value, mask, columns, start, first, sizes):
    """The kernels' arguments as arrays; `sizes` are those of parameters, regions, features, columns and starts."""
    size = carray(sizes, (5,))
    return (
        carray(parameters, (size[0],)),
        carray(value, (size[1], size[2])),
        carray(mask, (size[1], size[2])),
        carray(columns, (size[1], size[3])),
        carray(start, (size[4],)),
        carray(first, (size[4],)),
    )


@numba.njit(**KERNEL)
def _write(density, gradient, out):
    """The density, then the gradient, to the address `out`."""
    found = carray(out, (gradient.size + 1,))
    found[0] = density.item()
    found[1:] = gradient


def _regions(parameters, value, mask, columns, start, first, sizes, out):
    density, gradient = region_density(*_view(parameters, value, mask, columns, start, first, sizes))
    _write(density, gradient, out)


def _correlated(parameters, value, mask, columns, start, first, sizes, out):
    density, gradient = correlated_region_density(*_view(parameters, value, mask, columns, start, first, sizes))
    _write(density, gradient, out)


SYMBOLS = {"regions": _regions, "correlated_regions": _correlated}
# Machine code lives as long as its object.
_KEPT: list[Any] = []


@cache
def external_density(form: str) -> Any:
    """The density ``"regions"`` or ``"correlated_regions"`` for compiled functions, as an external symbol.

    Returns
    -------
    A function of the arguments of `region_density`, compiled where it is called, that calls the kernel's machine code.
    """
    compiled: Any = numba.cfunc(SIGNATURE, cache=True)(SYMBOLS[form])
    name = f"bayesrg_{form}_density"
    add_symbol(name, compiled.address)
    _KEPT.append(compiled)
    call: Any = types.ExternalFunction(name, SIGNATURE)

    def density(parameters, value, mask, columns, start, first):
        # Whatever compiles this may hand over views: the kernel reads plain rows.
        parameters = np.ascontiguousarray(parameters)
        value, mask = np.ascontiguousarray(value), np.ascontiguousarray(mask)
        columns = np.ascontiguousarray(columns)
        start, first = start.astype(np.int64), first.astype(np.int64)
        sizes = np.array([parameters.size, value.shape[0], value.shape[1], columns.shape[1], start.size])
        out = np.empty(parameters.size + 1)
        call(
            parameters.ctypes,
            value.ctypes,
            mask.ctypes,
            columns.ctypes,
            start.ctypes,
            first.ctypes,
            sizes.ctypes,
            out.ctypes,
        )
        return np.array(out[0]), out[1:].copy()

    return density
