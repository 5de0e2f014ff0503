"""Grey level co-occurrence features (IBSI 3.6, LFYI): which grey levels lie beside which, in a given direction.

For an offset m, M_m counts the pairs of voxels (a, a + m), both inside the intensity mask, by their grey levels; the
matrix is made symmetric, M_m + M_m', and p_ij is its share of all pairs. p_i. are its marginals with mean mu and
variance sigma^2, p_(i-j),k and p_(i+j),k its sums along the diagonals |i - j| = k and the cross-diagonals i + j = k,
and N_g is the highest level present. Each field of `CooccurrenceFeatures` is defined by its row in ``glcm.tsv``.

=========================  =========================================================================================
aggregation                matrix
=========================  =========================================================================================
``3d_merged``              sum of the matrices of all offsets
``3d_averaged``            one per offset; mean of their features
``2p5d_merged``            sum over the offsets within a slice, and over all slices
``2p5d_direction_merged``  sum over slices, one per offset; mean of their features
``2d_slice_merged``        sum of the offsets, one per slice; mean of their features
``2d_averaged``            one per slice and offset; mean of their features
=========================  =========================================================================================

Where offsets are summed, each one's matrix is multiplied by its weight.

Decisions where IBSI is silent: a matrix without pairs is left out of the average, and so is, for correlation and
information correlation 1 alone, a matrix with one grey level only, for which they are 0/0. If none is left, the feature
is NaN. N_g is that of the whole region, also by slice. Neighbours outside the mask are no neighbours; the grid, not
millimetres, defines offsets.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from bayesrg.errors import SettingsError
from bayesrg.radiomics.kernels.pairs import count_pairs
from bayesrg.radiomics.region import Packed, Region, pack
from bayesrg.radiomics.sections import weigh
from bayesrg.radiomics.settings import Settings

MOST_LEVELS = 4096
"""Grey levels (those present) beyond which the matrices of 13 directions would not fit into a gigabyte."""


_CELLS_AT_ONCE = 2**20

FEW_LEVELS = 64
"""Grey levels up to which a slice's matrices are kept of all the region's levels, not of its own alone."""


class CooccurrenceFeatures(NamedTuple):
    """The 25 features of IBSI 3.6; where a unit applies it is powers of grey levels, or bits for entropies."""

    joint_maximum: float
    joint_average: float
    joint_variance: float
    joint_entropy: float
    difference_average: float
    difference_variance: float
    difference_entropy: float
    sum_average: float
    sum_variance: float
    sum_entropy: float
    angular_second_moment: float
    contrast: float
    dissimilarity: float
    inverse_difference: float
    normalised_inverse_difference: float
    inverse_difference_moment: float
    normalised_inverse_difference_moment: float
    inverse_variance: float
    correlation: float
    autocorrelation: float
    cluster_tendency: float
    cluster_shade: float
    cluster_prominence: float
    information_correlation_1: float
    information_correlation_2: float


class Cooccurrence(NamedTuple):
    """Symmetric co-occurrence counts of the grey levels present in a region.

    Attributes
    ----------
    matrices : uint32 array, shape (offset, level, level)
        For each offset how many voxels of one level have one of the other level at the offset or at its opposite.
    levels : int64 array, shape (level,)
        The grey levels present, ascending; row and column k of each matrix belong to ``levels[k]``.
    """

    matrices: NDArray[np.uint32]
    levels: NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def _describe(matrix: np.ndarray, levels: np.ndarray, highest: int, described: np.ndarray) -> None:
    """Describe one symmetric matrix of counts into a row of features in the order of `CooccurrenceFeatures`."""
    total = 0.0
    for row in range(levels.size):
        for column in range(levels.size):
            total += matrix[row, column]
    if total == 0.0:
        described[:] = np.nan
        return
    differences, sums = np.zeros(levels[-1] - levels[0] + 1), np.zeros(2 * levels[-1] + 1)
    marginal = np.zeros(levels.size)
    joint_maximum, joint_entropy, angular_second_moment, autocorrelation = 0.0, 0.0, 0.0, 0.0
    for row in range(levels.size):
        for column in range(row, levels.size):
            if matrix[row, column] > 0:
                # Off the diagonal each cell stands for its mirror image, too.
                weight = 1.0 if row == column else 2.0
                probability = matrix[row, column] / total
                both = weight * probability
                marginal[row] += probability
                if column > row:
                    marginal[column] += probability
                differences[levels[column] - levels[row]] += both
                sums[levels[row] + levels[column]] += both
                joint_maximum = max(joint_maximum, probability)
                joint_entropy -= both * np.log2(probability)
                angular_second_moment += both * probability
                autocorrelation += levels[row] * levels[column] * both

    average, variance, marginal_entropy = 0.0, 0.0, 0.0
    for row in range(levels.size):
        average += levels[row] * marginal[row]
        if marginal[row] > 0.0:
            marginal_entropy -= marginal[row] * np.log2(marginal[row])
    for row in range(levels.size):
        variance += (levels[row] - average) ** 2 * marginal[row]

    difference_average, contrast, difference_entropy = 0.0, 0.0, 0.0
    inverse, inverse_moment, inverse_variance = 0.0, 0.0, 0.0
    normalised_inverse, normalised_inverse_moment = 0.0, 0.0
    for k in range(differences.size):
        if differences[k] > 0.0:
            difference_average += k * differences[k]
            contrast += k * k * differences[k]
            difference_entropy -= differences[k] * np.log2(differences[k])
            inverse += differences[k] / (1 + k)
            normalised_inverse += differences[k] / (1 + k / highest)
            inverse_moment += differences[k] / (1 + k * k)
            normalised_inverse_moment += differences[k] / (1 + (k / highest) ** 2)
            if k > 0:
                inverse_variance += differences[k] / (k * k)
    difference_variance = 0.0
    for k in range(differences.size):
        difference_variance += (k - difference_average) ** 2 * differences[k]

    # By symmetry the mean of i + j is twice the mean of i, so that sum variance is cluster tendency.
    sum_entropy, cluster_tendency, cluster_shade, cluster_prominence = 0.0, 0.0, 0.0, 0.0
    for k in range(sums.size):
        if sums[k] > 0.0:
            deviation = k - 2.0 * average
            sum_entropy -= sums[k] * np.log2(sums[k])
            cluster_tendency += deviation**2 * sums[k]
            cluster_shade += deviation**3 * sums[k]
            cluster_prominence += deviation**4 * sums[k]

    # By symmetry HXY1 = HXY2 = 2 HX; var(i + j) = 2 (sigma^2 + cov) and E(i - j)^2 = 2 (sigma^2 - cov), so that
    # cov / sigma^2 needs no difference of large numbers.
    correlation, information_1, information_2 = np.nan, np.nan, 0.0
    if np.count_nonzero(marginal) > 1:
        correlation = (cluster_tendency - contrast) / (cluster_tendency + contrast)
        information_1 = (joint_entropy - 2.0 * marginal_entropy) / marginal_entropy
        information_2 = np.sqrt(max(0.0, 1.0 - np.exp(-2.0 * (2.0 * marginal_entropy - joint_entropy))))

    described[:] = (
        joint_maximum,
        average,
        variance,
        joint_entropy,
        difference_average,
        difference_variance,
        difference_entropy,
        2.0 * average,
        cluster_tendency,
        sum_entropy,
        angular_second_moment,
        contrast,
        difference_average,
        inverse,
        normalised_inverse,
        inverse_moment,
        normalised_inverse_moment,
        inverse_variance,
        correlation,
        autocorrelation,
        cluster_tendency,
        cluster_shade,
        cluster_prominence,
        information_1,
        information_2,
    )


def count_cooccurrences(levels: ArrayLike, offsets: ArrayLike) -> Cooccurrence:
    """Count, for each offset, which grey levels lie at that offset, or its opposite, from one another.

    Parameters
    ----------
    levels : array_like of int, dims [z, y, x]
        Grey levels, 1 or more inside the region, 0 outside.
    offsets : array_like of int, shape (offset, 3)
        Offsets in voxels, columns z, y, x. Opposite offsets would count the same pairs twice.

    Raises
    ------
    RegionError, TypeError
        As `bayesrg.radiomics.kernels.levels.check_levels` does: the region is empty, or the levels are none.
    SettingsError
        A level is above 1,000,000, or more than 4,096 different ones are present.
    """
    steps = np.asarray(offsets, dtype=np.int64).reshape(-1, 3)
    return _count(pack(levels, _reach(steps, np.shape(levels))), steps)


def _reach(offsets: NDArray[np.int64], shape: tuple[int, ...]) -> int:
    """Return the margin that offsets need; those as long as the array, which have no pairs, need none."""
    reaching = np.all(np.abs(offsets) < shape, axis=1)
    return int(np.abs(offsets[reaching]).max(initial=1))


def _count(packed: Packed, offsets: NDArray[np.int64]) -> Cooccurrence:
    if packed.levels.size > MOST_LEVELS:
        raise SettingsError(
            f"the region holds {packed.levels.size} different grey levels, more than the {MOST_LEVELS} that a "
            "co-occurrence matrix may have; discretise with fewer or wider bins"
        )
    # A single slice comes without a margin along z.
    box = np.maximum(np.array(packed.ranks.shape) - 2 * packed.margin, 1)
    reaching = np.all(np.abs(offsets) < box, axis=1)
    if reaching.all():
        return Cooccurrence(count_pairs(packed, offsets), packed.levels)
    matrices = np.zeros((len(offsets), packed.levels.size, packed.levels.size), dtype=np.uint32)
    if reaching.any():
        matrices[reaching] = count_pairs(packed, offsets[reaching])
    return Cooccurrence(matrices, packed.levels)


def _count_slice(packed: Packed, place: int, offsets: NDArray[np.int64]) -> Cooccurrence:
    """Count the pairs within a slice, in matrices of the levels that it holds."""
    ranks = packed.ranks[place : place + 1]
    if packed.levels.size <= FEW_LEVELS:
        return _count(packed._replace(ranks=ranks), offsets)
    present = np.unique(ranks[ranks > 0])
    relabelled = np.zeros(packed.levels.size + 1, dtype=ranks.dtype)
    relabelled[present] = np.arange(1, present.size + 1)
    levels = packed.levels[present.astype(np.int64) - 1]
    return _count(packed._replace(ranks=relabelled[ranks], levels=levels), offsets)


@njit(cache=True, nogil=True, error_model="numpy")
def _describe_each(matrices: np.ndarray, levels: np.ndarray, highest: int, described: np.ndarray) -> None:
    for k in range(len(matrices)):
        _describe(matrices[k], levels, highest, described[k])


def describe_cooccurrences(
    matrices: NDArray[np.generic], levels: NDArray[np.int64], highest: int | None = None
) -> NDArray[np.float64]:
    """Return the features of each matrix, shape (matrix, 25), columns as `CooccurrenceFeatures`.

    Parameters
    ----------
    matrices : array of numbers, shape (matrix, level, level)
        Symmetric counts, or weighted sums of such; one without any makes its features NaN.
    levels : int64 array, shape (level,)
        Grey levels of rows and columns, ascending.
    highest
        N_g, by default the last of ``levels``.
    """
    described = np.empty((len(matrices), len(CooccurrenceFeatures._fields)))
    top = levels[-1] if highest is None else highest
    # Small matrices all at once, because a call costs as much as one of them; large ones one at a time, for memory.
    step = max(1, _CELLS_AT_ONCE // matrices[0].size)
    for start in range(0, len(matrices), step):
        some = slice(start, start + step)
        _describe_each(matrices[some].astype(np.float64), levels, top, described[some])
    return described


def merge_cooccurrences(counted: Cooccurrence, weights: NDArray[np.float64] | None = None) -> CooccurrenceFeatures:
    """Return the features of the (weighted) sum of all matrices; NaN if the region has no pairs."""
    return CooccurrenceFeatures(*describe_cooccurrences(_merge(counted, weights), counted.levels)[0].tolist())


def average_cooccurrences(counted: Cooccurrence) -> CooccurrenceFeatures:
    """Return the mean over offsets of the features of each matrix, as `average_features` does."""
    return average_features(describe_cooccurrences(counted.matrices, counted.levels))


def average_features(described: NDArray[np.float64]) -> CooccurrenceFeatures:
    """Return the mean over matrices of their features.

    Matrices without pairs are left out, for each feature also those for which it is undefined; NaN if none is left.
    """
    defined = ~np.isnan(described)
    averages = np.full(described.shape[1], np.nan)
    np.divide(np.sum(described, axis=0, where=defined), defined.sum(axis=0), out=averages, where=defined.any(axis=0))
    return CooccurrenceFeatures(*averages.tolist())


def _merge(counted: Cooccurrence, weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the weighted sum of all matrices, shape (1, level, level)."""
    shares = np.ones(len(counted.matrices)) if weights is None else weights
    if counted.matrices.size <= _CELLS_AT_ONCE:
        return np.tensordot(shares, counted.matrices, 1)[None]
    merged = np.zeros(counted.matrices.shape[1:])
    for weight, matrix in zip(shares, counted.matrices, strict=True):
        merged += weight * matrix
    return merged[None]


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under each aggregation that was asked for."""
    options = settings.glcm
    offsets = options.offset_array
    weights = weigh(offsets, options.weighting, options.norm)
    flat = offsets[:, 0] == 0
    wanted = set(options.aggregation)
    margin = _reach(offsets, region.grey_levels.shape)
    packed = region.packed if margin == 1 else pack(region.grey_levels, margin)
    described: dict[str, CooccurrenceFeatures] = {}
    if wanted & {"3d_merged", "3d_averaged"}:
        counted = _count(packed, offsets)
        described["3d_merged"] = merge_cooccurrences(counted, weights)
        described["3d_averaged"] = average_cooccurrences(counted)
    if wanted & {"2p5d_merged", "2p5d_direction_merged"}:
        counted = _count(packed, offsets[flat])
        described["2p5d_merged"] = merge_cooccurrences(counted, weights[flat])
        described["2p5d_direction_merged"] = average_cooccurrences(counted)
    if wanted & {"2d_slice_merged", "2d_averaged"}:
        described |= _describe_slices(packed, offsets[flat], weights[flat])
    return {name: described[name]._asdict() for name in options.aggregation}


def _describe_slices(
    packed: Packed, offsets: NDArray[np.int64], weights: NDArray[np.float64]
) -> dict[str, CooccurrenceFeatures]:
    """Return the means over slices, one slice's matrices at a time."""
    highest = packed.levels[-1]
    merged, each = [], []
    for place in np.flatnonzero(packed.ranks.any(axis=(1, 2))):
        counted = _count_slice(packed, int(place), offsets)
        merged.append(describe_cooccurrences(_merge(counted, weights), counted.levels, highest))
        each.append(describe_cooccurrences(counted.matrices, counted.levels, highest))
    return {
        "2d_slice_merged": average_features(np.concatenate(merged)),
        "2d_averaged": average_features(np.concatenate(each)),
    }
