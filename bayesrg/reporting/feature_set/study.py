"""A stability fit of many features: estimates in arrays along the features, their order, families and selection."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup

from bayesrg.inference.diagnosis import ESS, IMPORTANCE, PARETO_K, R_HAT
from bayesrg.inference.summarising import summary
from bayesrg.models.ranking import joint_above, select
from bayesrg.reporting.blocks import breakable, count
from bayesrg.reporting.feature_set.rule import SelectionRule
from bayesrg.reporting.fitted import CI_PROB, Estimate, resolution
from bayesrg.reporting.rounding import probability
from bayesrg.reporting.stability.study import StudyDesign
from bayesrg.variables import OWN_UNIT

# What a report of many features shows of the estimands, as far as the fit has them.
SHOWN = (
    "icc",
    "icc_above",
    "share",
    "mean",
    "geometric_mean",
    "wcv",
    "rc",
    "rc_lower",
    "rc_upper",
    "rdc",
    "rdc_lower",
    "rdc_upper",
)
NO_FAMILY = "no family"
# Of a mean whose Monte Carlo error is not known: its sd by the root of the effective sample size that diagnostics ask.
UNKNOWN_ERROR = 1 / 20
ADJECTIVES: Mapping[str, str] = {
    "repeatability": "repeatable",
    "reproducibility": "reproducible",
    "robustness": "robust",
    "overall": "reliable overall",
}


@dataclass(frozen=True)
class FeatureSet(StudyDesign):
    """A stability fit of many features.

    Parameters
    ----------
    rule : by which features are kept
    """

    rule: SelectionRule = field(default_factory=SelectionRule)

    @cached_property
    def features(self) -> np.ndarray:
        """Names, in the order of the fit."""
        return self.fit.estimands["feature"].values.astype(str)

    @cached_property
    def families(self) -> np.ndarray:
        """The family of each feature, in the order of the fit."""
        names = self.fit.data["family"].sel(feature=self.features).values.astype(str)
        return np.where(names == "", NO_FAMILY, names)

    @cached_property
    def units(self) -> np.ndarray:
        """The unit of each feature, in the order of the fit."""
        return self.fit.data["unit"].sel(feature=self.features).values.astype(str)

    @property
    def n_features(self) -> int:
        """Features that were fitted."""
        return self.features.size

    @property
    def counted(self) -> str:
        """How many features, in words: 1 feature, 1,000 features."""
        return count_features(self.n_features)

    @property
    def pooled(self) -> bool:
        """Whether one joint model let the features inform each other."""
        return "method" not in self.fit.tree["sample_stats"]

    @cached_property
    def failed(self) -> np.ndarray:
        """Which features miss a check of the method that sampled them, in the order of the fit.

        A pooled fit is one posterior: if it fails, all its features do.
        """
        if self.pooled:
            return np.full(self.n_features, self.fit.failed)
        found = self.fit.tree["sample_stats"].to_dataset().sel(feature=self.features)
        weights = (found["pareto_k"].values <= PARETO_K) & (found["importance_ess"].values >= ESS)
        chains = (found["r_hat"].values <= R_HAT) & (found["divergences"].values == 0)
        return ~np.where((found["method"] == IMPORTANCE).values, weights, chains)

    def named(self, number: int) -> Markup:
        """The name of a feature for a table, marked if it failed its diagnostics."""
        name = breakable(str(self.features[number]))
        return name + Markup(' <span class="fail-mark">NOT CONVERGED</span>') if self.failed[number] else name

    @property
    def left_out(self) -> dict[str, str]:
        """Features that could not be modelled, with the reason."""
        return json.loads(self.fit.data.attrs.get("left_out", "{}"))

    @property
    def conditions(self) -> list[str]:
        """Conditions that the fit has an ICC for."""
        return list(self.partitions)

    @cached_property
    def limits(self) -> list[float]:
        """Thresholds of the fit, and of the rule."""
        return sorted({*map(float, self.fit.estimands["threshold"].values), *self.thresholds.values()})

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Condition -> the ICC that the rule asks to be exceeded."""
        own = self.fit.estimands["threshold"].values
        return self.rule.thresholds(self.conditions, float(own[0]) if own.size else 0.75)

    @property
    def target(self) -> float:
        """The ICC that the rule asks for."""
        return next(iter(self.thresholds.values()))

    @cached_property
    def estimates(self) -> dict[str, xr.Dataset]:
        """By estimand: `mean`, `sd`, `lower`, `upper` and `mcse` over the features and the estimand's other dims."""
        drawn = self.fit.estimands
        names = [name for name in SHOWN if name in drawn]
        table = summary(self.fit.tree, names, ci_prob=CI_PROB)
        found, start = {}, 0
        for name in names:
            own = drawn[name].transpose("chain", "draw", "feature", ...)
            dims, shape = own.dims[2:], own.shape[2:]
            part = table.iloc[start : start + own[0, 0].size]
            start += len(part)
            columns = {column: part[column].to_numpy().reshape(shape) for column in ("mean", "sd", "lower", "upper")}
            error = part["mcse_mean"].to_numpy().reshape(shape)
            columns["mcse"] = np.where(np.isfinite(error), error, UNKNOWN_ERROR * columns["sd"])
            found[name] = xr.Dataset(
                {column: (dims, values) for column, values in columns.items()},
                coords={dim: own[dim].values for dim in dims},
                attrs=own.attrs,
            )
        return found

    def listed(self, name: str, **labels: object) -> list[Estimate]:
        """Estimates of all features, in the order of the fit; `labels` select one level of the other dims."""
        found = self.estimates[name].sel(labels)
        unit = str(found.attrs["unit"])
        units = list(self.units) if unit == OWN_UNIT else [unit] * self.n_features
        parts = [found[part].values for part in ("mean", "lower", "upper", "mcse", "sd")]
        return [
            Estimate(mean, lower, upper, resolution(name, mean, mcse, sd), own)
            for mean, lower, upper, mcse, sd, own in zip(*parts, units, strict=True)
        ]

    @cached_property
    def order(self) -> np.ndarray:
        """Places of the features from the highest posterior mean of the overall ICC to the lowest."""
        return np.lexsort((self.features, -self.estimates["icc"]["mean"].sel(condition="overall").values))

    @cached_property
    def family_names(self) -> list[str]:
        """Families from the highest mean overall ICC to the lowest."""
        overall = self.estimates["icc"]["mean"].sel(condition="overall").values
        means = {str(name): float(overall[self.families == name].mean()) for name in np.unique(self.families)}
        return sorted(means, key=lambda name: (-means[name], name))

    def chance(self, condition: str, limit: float) -> np.ndarray:
        """Probability of each feature that the condition's ICC exceeds the limit, in the order of the fit."""
        above = self.fit.estimands["icc"].sel(condition=condition) > limit
        return above.mean(("chain", "draw")).values

    def shown_chance(self, value: float) -> str:
        """A probability as text."""
        return probability(float(value), self.fit.n_draws)

    @cached_property
    def joint(self) -> xr.Dataset:
        """Whether each draw meets the rule, by condition and at once."""
        return joint_above(self.fit.estimands["icc"], self.thresholds)

    @cached_property
    def selection(self) -> pd.DataFrame:
        """Features kept and removed, the most probable first."""
        return select(self.joint, self.rule.probability)

    @cached_property
    def kept(self) -> np.ndarray:
        """Whether each feature is kept, in the order of the fit."""
        return self.selection["kept"].reindex(self.features).to_numpy(dtype=bool)

    @cached_property
    def joint_chance(self) -> np.ndarray:
        """Joint probability of each feature, in the order of the fit."""
        return self.selection["probability"].reindex(self.features).to_numpy()

    @property
    def rule_in_words(self) -> str:
        """The rule as a paper states it."""
        names = [f"{name}" for name in self.thresholds]
        asked = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        each = "the ICC" if len(names) == 1 else "the ICCs"
        at_once = "" if len(names) == 1 else ", all at once,"
        return (
            f"{each} of {asked} exceed{'s' if len(names) == 1 else ''} {self.target:g}{at_once} with a posterior "
            f"probability of at least {self.rule.probability:g}"
        )

    @property
    def described_scale(self) -> str:
        """The scale that features are modelled on, in words."""
        said = {
            "z_score": "each feature was standardised by its own mean and standard deviation",
            "log": "each feature was log-transformed and standardised",
            "rank_normal": "the values of each feature were replaced by normal scores of their ranks",
        }[str(self.fit.data.attrs["transformation"])]
        return f"{said}, within each {self.calibrated}" if self.calibrated else said

    @cached_property
    def missing(self) -> pd.Series:
        """Missing values of each feature among the rows of the design."""
        values = self.fit.data["value"].transpose("measurement", "feature").values
        names = self.fit.data["feature"].values.astype(str)
        return pd.Series(np.isnan(values).sum(axis=0), index=names, name="missing").reindex(self.features)


def count_features(number: int) -> str:
    """A number of features in words, thousands with a comma."""
    return count(number, "feature").replace(str(number), f"{number:,}")
