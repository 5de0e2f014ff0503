"""Regions and tumours predicted by all others: places of their values in the exact conditional distributions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from bayesrg.models.regions.conditioning import Conditioned, condition, split
from bayesrg.reporting.multi_region.study import Study


@dataclass(frozen=True)
class LeftOut:
    """Each known value as predicted without its unit.

    Parameters
    ----------
    unit : ``"region"`` or ``"tumour"``, what was left out
    pit : probability of a smaller value, shape (region, feature); NaN where the value is missing
    expected : mean of the prediction, shape (region, feature)
    density : sum over units of the log predictive density of all values of a unit
    n_units : how many units there are
    unreliable : units whose weights cannot be trusted, and which were weighted equally instead
    limit : Pareto k above which that is so
    """

    unit: str
    pit: np.ndarray
    expected: np.ndarray
    density: float
    n_units: int
    unreliable: int
    limit: float

    def inside(self, level: float) -> np.ndarray:
        """Whether the central interval of a level holds the value, by known value."""
        known = self.pit[~np.isnan(self.pit)]
        return np.abs(known - 0.5) <= 0.5 * level


def predict_left_out(study: Study) -> dict[str, LeftOut]:
    """Predictions of each region, and of each tumour, from all others.

    Given the sds of a draw, what was left out has an exact normal distribution, in which the average coefficients are
    integrated out. Draws are of all the data, and are weighted by Pareto-smoothed importance sampling as if the unit
    had been left out of them too; where its weights fail, draws count equally, so that only the sds have seen the unit.
    """
    found = {}
    for unit, places in (("region", _regions(study)), ("tumour", _tumors(study))):
        density, mean, sd = _conditional(study, places)
        log_weight, shape = _weights(density)
        limit = min(1.0 - 1.0 / np.log10(density.shape[0]), 0.7)
        bad = ~(shape <= limit)
        log_weight[:, bad] = -np.log(density.shape[0])
        weight = np.exp(log_weight)[:, _units(study, unit)]  # (draw, region)
        value = np.where(study.layout.mask > 0, study.layout.value, np.nan)
        pit = np.einsum("dr,drf->rf", weight, special.ndtr((value - mean) / sd))
        expected = np.einsum("dr,drf->rf", weight, mean)
        elpd: Any = special.logsumexp(density + log_weight, axis=0)
        found[unit] = LeftOut(unit, pit, expected, float(elpd.sum()), density.shape[1], int(bad.sum()), limit)
    return found


def _regions(study: Study) -> list[tuple[int, np.ndarray]]:
    return [
        (block, np.array([row])) for block, own in enumerate(study.layout.blocks) for row in range(own.stop - own.start)
    ]


def _tumors(study: Study) -> list[tuple[int, np.ndarray]]:
    return study.layout.tumors()


def _units(study: Study, unit: str) -> np.ndarray:
    """The unit of each region."""
    return np.arange(study.n_regions) if unit == "region" else study.layout.tumor


def _conditioned(study: Study) -> Iterator[Conditioned]:
    for some in split(study.components, study.layout):
        yield condition(study.components.part(some), study.layout)


def _conditional(study: Study, places: list[tuple[int, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log density (draw, unit), and mean and sd (draw, region, feature) of each value given all other units."""
    densities, means, sds = [], [], []
    for found in _conditioned(study):
        draws = found.components.n_draws
        mean = np.full((draws, study.n_regions, len(study.features)), np.nan)
        variance = np.full_like(mean, np.nan)
        density = np.empty((draws, len(places)))
        for number, (block, rows) in enumerate(places):
            density[:, number], own_mean, own_variance = found.left_out(rows, block)
            if found.components.rotation is not None:
                own_variance = np.einsum("dfk,dkr->dfr", found.components.rotation**2, own_variance)
            region = found.layout.blocks[block].start + rows
            mean[:, region] = found.components.rotate_back(own_mean).swapaxes(1, 2)
            variance[:, region] = own_variance.swapaxes(1, 2)
        densities.append(density)
        means.append(mean)
        sds.append(np.sqrt(variance))
    return np.concatenate(densities), np.concatenate(means), np.concatenate(sds)


def _weights(density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed log weights (draw, unit) that add up to one, and the shape of their tails (unit,)."""
    from arviz_stats.base.array import array_stats

    smoothed: Any = array_stats.psislw(density.T)
    log_weight, shape = smoothed
    log_weight = log_weight.T - special.logsumexp(log_weight.T, axis=0, keepdims=True)
    return log_weight, np.asarray(shape, dtype=float)
