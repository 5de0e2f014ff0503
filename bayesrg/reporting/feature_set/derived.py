"""Posterior medians and intervals of quantities that are functions of the draws, a part of the features at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesrg.inference.summarising import quantiles_of_draws
from bayesrg.reporting.feature_set.study import FeatureSet
from bayesrg.reporting.fitted import CI_PROB, resolution
from bayesrg.reporting.rounding import interval, rounded

# All draws of all features by all indices would take gigabytes, and few features at once would take long.
FEATURES_AT_ONCE = 200
PROBABILITIES = np.array([(1.0 - CI_PROB) / 2.0, 0.5, (1.0 + CI_PROB) / 2.0])
PARTS = ("median", "lower", "upper")


@dataclass(frozen=True)
class Derived:
    """One quantity of all features, in the order of the fit.

    Parameters
    ----------
    median, lower, upper, sd : of the posterior, shape (feature,); NaN where a feature does not have the quantity
    mcse : Monte Carlo standard error, as large a part of the sd as that of the feature's overall ICC
    """

    median: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    sd: np.ndarray
    mcse: np.ndarray

    def shown(self, number: int, name: str = "") -> str:
        """The median of a feature as text; `name` is the estimand whose rounding it shares."""
        return rounded(self.median[number], self._resolution(number, name))

    def shown_with_interval(self, number: int, name: str = "") -> str:
        """The median of a feature with its 95 % equal-tailed interval, as text; what is exactly zero has none."""
        if not self.sd[number] > 0:
            return self.shown(number, name)
        finest = self._resolution(number, name)
        return f"{self.shown(number, name)} ({interval(self.lower[number], self.upper[number], finest)})"

    def _resolution(self, number: int, name: str) -> float:
        return resolution(name, float(self.median[number]), float(self.mcse[number]), float(self.sd[number]))


def summarise(
    study: FeatureSet, derive: Callable[[xr.Dataset, xr.Dataset], dict[str, xr.DataArray]]
) -> dict[str, Derived]:
    """Summarise what `derive` makes of the posterior and the data.

    Parameters
    ----------
    study : the fit
    derive : from the posterior and the data of some features to arrays (chain, draw, feature), by name

    Returns
    -------
    dict of `Derived` by name
    """
    posterior, data = study.fit.tree["posterior"].to_dataset(), study.fit.data
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, study.n_features, FEATURES_AT_ONCE):
        own = study.features[start : start + FEATURES_AT_ONCE]
        for name, drawn in derive(posterior.sel(feature=own), data.sel(feature=own)).items():
            values = drawn.transpose("feature", "chain", "draw").values.reshape(own.size, -1)
            found.setdefault(name, []).append(
                np.column_stack([quantiles_of_draws(values, PROBABILITIES), values.std(axis=1, ddof=1)]).T
            )
    overall = study.estimates["icc"].sel(condition="overall")
    error = (overall["mcse"] / overall["sd"]).values
    return {
        name: Derived(median, lower, upper, sd, error * sd)
        for name, parts in found.items()
        for lower, median, upper, sd in [np.concatenate(parts, axis=1)]
    }


def chosen_places(study: FeatureSet) -> list[int]:
    """The features that rank first, in the middle and last."""
    last = study.n_features - 1
    return [int(study.order[place]) for place in dict.fromkeys((0, last // 2, last))]
