"""The collapsed Gaussian density of any design: random effects integrated out by elimination, and recovered exactly.

The model is y = Z u + e, u_c ~ N(0, v_c) for every level of a component c, e ~ N(0, v_residual), the grand mean
being one more random effect of known prior variance. Henderson's mixed-model equations are an arrowhead: the effects
of each subject form a small block that is eliminated first and leaves a Schur complement of the mean and of the crossed
effects (Bates et al. 2015, doi:10.18637/jss.v067.i01, section 5, for the same idea in lme4). Subjects with the same
pattern share a Cholesky factor.

Variances come as one vector: the components in order, the residual last but one, and the prior variance of the mean
last.
"""

import numba
import numpy as np

# The scaled equations divide by the residual variance: a share that underflows to zero must not become a division by
# zero.
SMALLEST_VARIANCE = 1e-280
# NumPy's division (no check for zero) and reordered sums let the inner loops vectorise.
ARITHMETIC = {"error_model": "numpy", "fastmath": {"reassoc", "contract"}}


@numba.njit(cache=True, **ARITHMETIC)
def _invert_factor(matrix, size, inverse):
    """Replace the leading block by its Cholesky factor L (lower triangle), write L^-1, return the log determinant."""
    log_determinant = 0.0
    for row in range(size):
        for column in range(row + 1):
            total = matrix[row, column]
            for inner in range(column):
                total -= matrix[row, inner] * matrix[column, inner]
            if row == column:
                log_determinant += np.log(total)
                matrix[row, row] = np.sqrt(total)
            else:
                matrix[row, column] = total * inverse[column, column]
        reciprocal = 1.0 / matrix[row, row]
        for inner in range(row):
            weight = -matrix[row, inner] * reciprocal
            for column in range(inner + 1):
                inverse[row, column] += weight * inverse[inner, column]
        inverse[row, row] = reciprocal
    return log_determinant


@numba.njit(cache=True, **ARITHMETIC)
def _factorise(variances, design):
    """Factor I + D Z'Z D: each pattern's block A = L L', then the Schur complement of the border.

    Returns
    -------
    residual, scale : the residual variance and D by variance
    width : columns of each pattern
    whitener : L^-1 by pattern
    projection : A^-1 B by pattern, B the scaled cross products with the border
    border_whitener : L^-1 of the Schur complement
    log_determinant : of the whole matrix
    repeats : subjects of each pattern
    """
    _, _, _, pattern, local_gram, cross_gram, border_gram, local_variance, border_variance = design
    residual = max(variances[variances.size - 2], SMALLEST_VARIANCE)
    scale = np.sqrt(variances / residual)
    n_patterns, widest = local_variance.shape
    n_border = border_variance.size
    repeats = np.bincount(pattern, minlength=n_patterns)
    width = np.zeros(n_patterns, dtype=np.int64)
    whiteners = np.zeros((n_patterns, widest, widest))
    projections = np.zeros((n_patterns, widest, n_border))
    block = np.empty((widest, widest))
    whitened = np.empty((widest, n_border))
    border_scale = scale[border_variance]
    schur = np.empty((n_border, n_border))
    log_determinant = 0.0
    for row in range(n_border):
        for column in range(row + 1):
            schur[row, column] = border_gram[row, column] * border_scale[row] * border_scale[column]
        schur[row, row] += 1.0
    for kind in range(n_patterns):
        whitener, projection = whiteners[kind], projections[kind]
        gram, cross, owner = local_gram[kind], cross_gram[kind], local_variance[kind]
        size = 0
        while size < widest and owner[size] >= 0:
            size += 1
        width[kind] = size
        for row in range(size):
            left = scale[owner[row]]
            for column in range(row + 1):
                block[row, column] = gram[row, column] * left * scale[owner[column]]
            block[row, row] += 1.0
        log_determinant += repeats[kind] * _invert_factor(block, size, whitener)
        whitened[:size] = 0.0
        for row in range(size):  # L^-1 B
            for inner in range(row + 1):
                weight = whitener[row, inner] * scale[owner[inner]]
                for column in range(n_border):
                    whitened[row, column] += weight * cross[inner, column]
            for column in range(n_border):
                whitened[row, column] *= border_scale[column]
        for inner in range(size):
            for row in range(inner + 1):
                weight = whitener[inner, row]
                for column in range(n_border):
                    projection[row, column] += weight * whitened[inner, column]
            for row in range(n_border):
                weight = repeats[kind] * whitened[inner, row]
                for column in range(row + 1):
                    schur[row, column] -= weight * whitened[inner, column]
    border_whitener = np.zeros((n_border, n_border))
    log_determinant += _invert_factor(schur, n_border, border_whitener)
    return residual, scale, width, whiteners, projections, border_whitener, log_determinant, repeats


@numba.njit(cache=True, **ARITHMETIC)
def _whiten(whitener, size, vector, out):
    """Write L^-1 vector."""
    for row in range(size):
        total = 0.0
        for column in range(row + 1):
            total += whitener[row, column] * vector[column]
        out[row] = total


@numba.njit(cache=True, **ARITHMETIC)
def _whiten_transposed(whitener, size, vector, out):
    """Write L'^-1 vector."""
    out[:size] = 0.0
    for row in range(size):
        weight = vector[row]
        for column in range(row + 1):
            out[column] += whitener[row, column] * weight


@numba.njit(cache=True, **ARITHMETIC)
def _solve(value, design, factored):
    """Solve (I + D Z'Z D) x = D Z'y: x by subject and in the border, x'DZ'y and y'y."""
    local, border, subject, pattern, _, _, _, local_variance, border_variance = design
    _, scale, width, whiteners, projections, border_whitener, _, _ = factored
    n_subjects, n_border, widest = pattern.size, border_variance.size, local_variance.shape[1]
    right = np.zeros((n_subjects, widest))
    right_border = np.zeros(n_border)
    squares = 0.0
    for row in range(value.size):
        squares += value[row] * value[row]
        for place in range(local.shape[1]):
            right[subject[row], local[row, place]] += value[row]
        for place in range(border.shape[1]):
            right_border[border[row, place]] += value[row]
    right_border *= scale[border_variance]
    reduced = right_border.copy()
    for person in range(n_subjects):
        kind = pattern[person]
        for row in range(width[kind]):
            right[person, row] *= scale[local_variance[kind, row]]
            weight = right[person, row]
            for column in range(n_border):
                reduced[column] -= projections[kind, row, column] * weight
    between = np.empty(max(widest, n_border))
    solution_border = np.empty(n_border)
    _whiten(border_whitener, n_border, reduced, between)
    _whiten_transposed(border_whitener, n_border, between, solution_border)
    solution = np.zeros((n_subjects, widest))
    explained = 0.0
    for column in range(n_border):
        explained += solution_border[column] * right_border[column]
    for person in range(n_subjects):
        kind = pattern[person]
        _whiten(whiteners[kind], width[kind], right[person], between)
        _whiten_transposed(whiteners[kind], width[kind], between, solution[person])
        for row in range(width[kind]):
            shift = 0.0
            for column in range(n_border):
                shift += projections[kind, row, column] * solution_border[column]
            solution[person, row] -= shift
            explained += solution[person, row] * right[person, row]
    return solution, solution_border, explained, squares


@numba.njit(cache=True, **ARITHMETIC)
def _evaluate(variances, value, design):
    """Log density, its gradient in the variances, the residual variance, D by variance, and the solution."""
    _, _, _, pattern, _, _, _, local_variance, border_variance = design
    factored = _factorise(variances, design)
    residual, scale, width, whiteners, projections, border_whitener, log_determinant, repeats = factored
    solution, solution_border, explained, squares = _solve(value, design, factored)
    n_border = border_variance.size
    slope = np.zeros(variances.size)
    norm = 0.0
    shrunk = 0.0
    for column in range(n_border):
        square = solution_border[column] ** 2
        spread = 0.0
        for row in range(column, n_border):
            spread += border_whitener[row, column] ** 2
        norm += square
        shrunk += 1.0 - spread
        slope[border_variance[column]] += square / residual + spread - 1.0
    for person in range(pattern.size):
        kind = pattern[person]
        for row in range(width[kind]):
            square = solution[person, row] ** 2
            norm += square
            slope[local_variance[kind, row]] += square / residual
    transposed = np.ascontiguousarray(border_whitener.T)
    reach = np.empty(n_border)
    for kind in range(width.size):
        whitener, projection = whiteners[kind], projections[kind]
        for row in range(width[kind]):
            spread = 0.0
            for inner in range(row, width[kind]):
                spread += whitener[inner, row] ** 2
            reach[:] = 0.0
            for inner in range(n_border):
                weight = projection[row, inner]
                for column in range(inner, n_border):
                    reach[column] += weight * transposed[inner, column]
            for column in range(n_border):
                spread += reach[column] ** 2
            slope[local_variance[kind, row]] += repeats[kind] * (spread - 1.0)
            shrunk += repeats[kind] * (1.0 - spread)
    size = value.size
    density = -0.5 * (size * np.log(2.0 * np.pi * residual) + log_determinant + (squares - explained) / residual)
    slope[variances.size - 2] = (squares - explained - norm) / residual + shrunk - size
    gradient = np.zeros(variances.size)
    for number in range(variances.size):
        gradient[number] = 0.5 * slope[number] / max(variances[number], SMALLEST_VARIANCE)
    return density, gradient, residual, scale, solution, solution_border


@numba.njit(cache=True, **ARITHMETIC)
def elimination_density(variances, value, *design):
    """Log density of any design, and its gradient in the variances.

    The gradient comes from the posterior moments of the effects, as in the EM algorithm:
    d log density / d log v_c = (E[u_c'u_c | y] / v_c - q_c) / 2.
    """
    density, gradient, _, _, _, _ = _evaluate(variances, value, design)
    return np.asarray(density), gradient


@numba.njit(cache=True, **ARITHMETIC)
def scaled_elimination_density(parameters, value, *design):
    """Log density of values whose levels have a scale each, and its gradient in variances and log scales.

    The values of level l are exp(log scale_l) times values w of the model, so the log density is that of w less the
    log scale of every value. With C the covariance of w, d log density / d log scale_l is the sum over the level's
    values of w_i [C^-1 w]_i - 1.

    Parameters
    ----------
    parameters : ndarray, shape (variance + level,)
        The variances, then the log scales; the levels are those that have a mean each.
    """
    local, border, subject, pattern, _, _, _, local_variance, border_variance = design
    n_variances = border_variance[0] + 1
    log_scale = parameters[n_variances:]
    scaled = np.empty(value.size)
    for row in range(value.size):
        scaled[row] = value[row] * np.exp(-log_scale[border[row, 0]])
    density, slope, residual, scale, solution, solution_border = _evaluate(parameters[:n_variances], scaled, design)
    gradient = np.zeros(parameters.size)
    gradient[:n_variances] = slope
    for row in range(value.size):
        fitted = 0.0
        for place in range(border.shape[1]):
            column = border[row, place]
            fitted += scale[border_variance[column]] * solution_border[column]
        kind = pattern[subject[row]]
        for place in range(local.shape[1]):
            column = local[row, place]
            fitted += scale[local_variance[kind, column]] * solution[subject[row], column]
        level = border[row, 0]
        gradient[n_variances + level] += scaled[row] * (scaled[row] - fitted) / residual - 1.0
        density -= log_scale[level]
    return np.asarray(density), gradient


@numba.njit(cache=True, **ARITHMETIC)
def recover_effects(variances, noise, local_offset, value, *design):
    """Draw every random effect from its exact posterior given each draw of the variances.

    Parameters
    ----------
    variances : ndarray, shape (draw, variance)
    noise : ndarray of standard normals, shape (draw, effect)

    Returns
    -------
    effects : ndarray, shape (draw, effect)
        Subjects' effects in the order of `local_offset`, then the border's, the mean first.
    """
    _, _, _, pattern, _, _, _, local_variance, border_variance = design
    effects = np.empty(noise.shape)
    n_local = local_offset[-1]
    n_border = border_variance.size
    wobble = np.empty(n_border)
    own = np.empty(local_variance.shape[1])
    for draw in range(variances.shape[0]):
        factored = _factorise(variances[draw], design)
        residual, scale, width, whiteners, projections, border_whitener, _, _ = factored
        solution, solution_border, _, _ = _solve(value, design, factored)
        sd = np.sqrt(residual)
        _whiten_transposed(border_whitener, n_border, noise[draw, n_local:], wobble)
        for column in range(n_border):
            effects[draw, n_local + column] = scale[border_variance[column]] * (
                solution_border[column] + sd * wobble[column]
            )
        for person in range(pattern.size):
            kind, start = pattern[person], local_offset[person]
            _whiten_transposed(whiteners[kind], width[kind], noise[draw, start : local_offset[person + 1]], own)
            for row in range(width[kind]):
                shift = own[row]
                for column in range(n_border):
                    shift -= projections[kind, row, column] * wobble[column]
                effects[draw, start + row] = scale[local_variance[kind, row]] * (solution[person, row] + sd * shift)
    return effects


@numba.njit(cache=True, **ARITHMETIC)
def leave_one_out(variances, value, *design):
    """Log density of each measurement given all others, by draw, and the joint log density.

    By the Gaussian identity y_i - [C^-1 y]_i / [C^-1]_ii with C = Z G Z' + v_residual I
    (Sundararajan & Keerthi 2001; Bürkner, Gabry & Vehtari 2021, doi:10.1007/s00180-020-01045-4).

    Returns
    -------
    pointwise : ndarray, shape (draw, measurement)
    joint : ndarray, shape (draw,)
    """
    local, border, subject, pattern, _, _, _, local_variance, border_variance = design
    pointwise = np.empty((variances.shape[0], value.size))
    joint = np.empty(variances.shape[0])
    n_border = border_variance.size
    own = np.empty(local_variance.shape[1])
    reach, whitened = np.empty(n_border), np.empty(n_border)
    for draw in range(variances.shape[0]):
        factored = _factorise(variances[draw], design)
        residual, scale, width, whiteners, projections, border_whitener, log_determinant, _ = factored
        solution, solution_border, explained, squares = _solve(value, design, factored)
        joint[draw] = -0.5 * (
            value.size * np.log(2.0 * np.pi * residual) + log_determinant + (squares - explained) / residual
        )
        for row in range(value.size):
            person = subject[row]
            kind = pattern[person]
            whitener, projection = whiteners[kind], projections[kind]
            fitted = 0.0
            leverage = 0.0
            own[: width[kind]] = 0.0
            reach[:] = 0.0
            for place in range(border.shape[1]):
                column = border[row, place]
                fitted += scale[border_variance[column]] * solution_border[column]
                reach[column] += scale[border_variance[column]]
            for place in range(local.shape[1]):
                column = local[row, place]
                left = scale[local_variance[kind, column]]
                fitted += left * solution[person, column]
                for inner in range(column, width[kind]):
                    own[inner] += left * whitener[inner, column]
                for crossed in range(n_border):
                    reach[crossed] -= left * projection[column, crossed]
            for inner in range(width[kind]):
                leverage += own[inner] ** 2
            _whiten(border_whitener, n_border, reach, whitened)
            for column in range(n_border):
                leverage += whitened[column] ** 2
            precision = max(1.0 - leverage, 1e-300) / residual
            deviation = (value[row] - fitted) / residual / precision
            pointwise[draw, row] = 0.5 * (np.log(precision / (2.0 * np.pi)) - deviation * deviation * precision)
    return pointwise, joint
