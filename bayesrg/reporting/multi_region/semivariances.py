"""Semi-variances of residuals in bins of pairs, of the data and of the posterior."""

from dataclasses import dataclass

import numpy as np

from bayesrg.reporting.multi_region.places import Map
from bayesrg.reporting.multi_region.study import SEED, Study

FEWEST_PAIRS, MOST_BINS = 15, 8
JITTER = 1e-9


@dataclass(frozen=True)
class Variogram:
    """Mean semi-variances of pairs of regions, draw by draw; the last bin is of regions of different patients.

    Parameters
    ----------
    labels : what each bin holds
    distance : mean distance of each bin but the last in mm, or numbers where places are unknown, shape (bin - 1,)
    pairs : of each feature, how many pairs are known, shape (feature, bin)
    observed, implied, replicated : shape (draw, feature, bin): of the data less the mean of each draw, expected of the
        draw's variances, and of data replicated with them
    """

    labels: list[str]
    distance: np.ndarray
    pairs: np.ndarray
    observed: np.ndarray
    implied: np.ndarray
    replicated: np.ndarray

    @property
    def outside(self) -> np.ndarray:
        """Whether the observed semi-variances leave the band of the replicated ones, shape (feature, bin)."""
        low, high = np.quantile(self.replicated, [0.025, 0.975], axis=0)
        own = self.observed.mean(axis=0)
        return (own < low) | (own > high)


def bin_pairs(study: Study) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Labels of the bins within tumours, the place of each, and the bin of each pair (region_pair; -1 for none)."""
    layout = study.layout
    within = (layout.in_tumor > 0) & (layout.diagonal == 0)
    kind = np.full(within.size, -1)
    if study.placed:
        distance = study.data["pair_distance"].values
        apart = distance[within]
        bins = int(np.clip(apart.size // FEWEST_PAIRS, 1, MOST_BINS))
        edges = np.unique(np.quantile(apart, np.linspace(0, 1, bins + 1)[1:-1]))
        kind[within] = np.unique(np.searchsorted(edges, apart), return_inverse=True)[1]
        present = range(int(kind.max()) + 1)
        middle = np.array([distance[kind == number].mean() for number in present])
        labels = [f"{distance[kind == number].min():.1f}–{distance[kind == number].max():.1f} mm" for number in present]
        return labels, middle, kind
    if "pair_neighbourhood" in study.data:
        shown, near = Map(study), np.zeros(within.size, dtype=bool)
        pairs = {pair: place for place, pair in enumerate(zip(layout.row, layout.column, strict=True))}
        for tumor in range(study.n_tumors):
            rows = shown.rows(tumor)
            for one, other in shown.edges(tumor):
                near[pairs[(max(rows[one], rows[other]), min(rows[one], rows[other]))]] = True
        kind[within] = np.where(near[within], 0, 1)
        labels = ["neighbours", "others of a tumour"]
        return labels[: int(kind.max()) + 1], np.arange(int(kind.max()) + 1.0), kind
    kind[within] = 0
    return ["regions of a tumour"] if within.any() else [], np.zeros(int(within.any())), kind


def semivariances(study: Study) -> Variogram:
    """Semi-variances of the fit, from some draws of its posterior."""
    layout, components = study.layout, study.components
    labels, middle, kind = bin_pairs(study)
    rng = np.random.default_rng(SEED)
    draws, features, bins = components.n_draws, len(study.features), len(labels) + 1
    known = layout.mask
    residual = (layout.value - np.einsum("rp,dfp->drf", layout.columns, study.coefficients)).swapaxes(1, 2) * known.T
    copy = np.zeros_like(residual)
    sums = {name: np.zeros((draws, features, bins)) for name in ("observed", "implied", "replicated")}
    pairs = np.zeros((features, bins))
    diagonal = np.zeros((draws, features, study.n_regions))
    for block, own in enumerate(layout.blocks):
        covariance = components.covariance(layout, block)
        if components.rotation is not None:
            covariance = np.einsum("dfk,dkij->dfij", components.rotation**2, covariance)
        size = own.stop - own.start
        root = np.linalg.cholesky(covariance + JITTER * np.eye(size))
        copy[:, :, own] = np.einsum("dfij,dfj->dfi", root, rng.standard_normal((draws, features, size))) * known[own].T
        diagonal[:, :, own] = np.diagonal(covariance, axis1=-2, axis2=-1) * known[own].T
        row, column = np.tril_indices(size)
        bin_of = kind[layout.first[block] : layout.first[block + 1]]
        for number in range(bins - 1):
            i, j = row[bin_of == number], column[bin_of == number]
            both = (known[own][i] * known[own][j]).T
            pairs[:, number] += both.sum(axis=1)
            apart = 0.5 * (covariance[..., i, i] + covariance[..., j, j]) - covariance[..., i, j]
            sums["implied"][..., number] += (apart * both).sum(axis=-1)
            for name, value in (("observed", residual), ("replicated", copy)):
                part = value[:, :, own]
                sums[name][..., number] += 0.5 * ((part[..., i] - part[..., j]) ** 2 * both).sum(axis=-1)
    # Over all pairs i < j, the sum of (x_i - x_j)^2 is n times the sum of squares less the square of the sum.
    apart = _between(layout.start, known.T)
    pairs[:, -1] = 0.5 * (known.sum(axis=0) ** 2 - _square_by_block(layout.start, known.T))
    sums["implied"][..., -1] = 0.5 * (diagonal * apart).sum(axis=-1)
    for name, value in (("observed", residual), ("replicated", copy)):
        whole = value.sum(axis=-1) ** 2 - _square_by_block(layout.start, value)
        sums[name][..., -1] = 0.5 * ((value**2 * apart).sum(axis=-1) - whole)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = {name: own / pairs for name, own in sums.items()}
    return Variogram([*labels, "different patients"], middle, pairs, **means)


def _square_by_block(start: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Sum over patients of the square of the sum of their regions' values, shape (…, feature)."""
    return np.square(np.add.reduceat(value, start[:-1], axis=-1)).sum(axis=-1)


def _between(start: np.ndarray, known: np.ndarray) -> np.ndarray:
    """How many known regions of other patients each region has, shape (feature, region)."""
    own = np.repeat(np.add.reduceat(known, start[:-1], axis=-1), np.diff(start), axis=-1)
    return known.sum(axis=-1, keepdims=True) - own
