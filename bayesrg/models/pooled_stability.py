"""Pooled stability: variance components of many features, which learn from each other within their family.

Feature k has the likelihood of `Stability`, with variances v_kc of its components c (subject first, residual last).
With V_k the sum of its variances and E_k = V_k - v_k,subject that of its errors, three kinds of coordinate

    log V_k                           the total
    log v_k,subject - log E_k         the signal: logit of its share, the intraclass correlation over all facets
    log v_kc - log v_k,residual       each error component other than the residual

are theta_kq ~ Normal(centre_fq, spread_fq²) over the features of a family f (partial pooling: Gelman & Hill 2007,
doi:10.1017/CBO9780511790942, chapter 12). The spread of the total is given, not learned: features are standardised one
by one, and their totals look alike for that reason alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.inference.variances import POSITIVE
from bayesrg.models.hierarchy import (
    anchor_features,
    draw,
    log_density,
    log_variances,
    name_coordinates,
)
from bayesrg.models.layout import EFFECTS, Layout
from bayesrg.models.stability import Priors, Stability
from bayesrg.prior import Prior
from bayesrg.transformation import Scale

SIMULATED = 20_000_000  # values that prior draws simulate at most: 160 MB


@dataclass(frozen=True)
class Hierarchy:
    """Priors of the hierarchy, on the model's scale, where each feature has mean 0 and sd 1."""

    mu: Prior = Priors().mu
    total: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.0},
        "centre of the log total variance: with a spread of 1, the total sd of a feature is LogNormal(0, 0.7), as in "
        "Stability",
    )
    signal: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.5},
        "centre of the logit of the signal's share: with the spread, the ICC of a feature over all facets is close to "
        "uniform, P(ICC > 0.75) = 0.26, whatever the design",
    )
    error: Prior = Prior(
        "Normal",
        {"mu": -0.5, "sigma": 2.0},
        "centre of log(variance of an error component / residual variance): from 1/80 to 30 times the residual, and on "
        "average about equal parts when three or four components divide the error",
    )
    spread: Prior = Prior(
        "LogNormal",
        {"mu": float(np.log(0.7)), "sigma": 0.6},
        "sd of a logit or log ratio among the features of a family: between 0.2 and 2.3; features of a family are "
        "never exactly alike, and never tell nothing of each other",
    )
    # Each feature was divided by its own sample sd: a spread that is learned from such totals is too small.
    total_spread: float = 1.0

    def __post_init__(self) -> None:
        """Refuse distributions that a centre or a spread cannot have."""
        Priors(mu=self.mu)
        for name in ("total", "signal", "error"):
            if getattr(self, name).distribution != "Normal":
                raise TypeError(f"{name} takes a prior of the kind Normal; got {getattr(self, name)}")
        if self.spread.distribution not in POSITIVE:
            raise TypeError(f"spread takes a prior of the kind {' or '.join(POSITIVE)}; got {self.spread}")
        if not self.total_spread > 0:
            raise TypeError(f"total_spread is an sd among log total variances, above 0; got {self.total_spread!r}")


@dataclass(frozen=True)
class PooledStability:
    """Variance components of many features, partially pooled within families.

    Parameters
    ----------
    session, interactions, thresholds : as in `Stability`
    by_family : False for one hierarchy over all features
    priors : `Hierarchy`
    """

    session: Literal["nested", "crossed", "visit"] = "nested"
    interactions: tuple[str, ...] | None = None
    thresholds: tuple[float, ...] = (0.75, 0.9)
    by_family: bool = True
    priors: Hierarchy = field(default_factory=Hierarchy)
    target_accept: ClassVar[float] = 0.95

    def __post_init__(self) -> None:
        """Refuse unknown options."""
        _ = self.alone

    @cached_property
    def alone(self) -> Stability:
        """The model of each feature by itself, which shares design, likelihood and estimands with this one."""
        options = {name: getattr(self, name) for name in ("session", "interactions", "thresholds")}
        return Stability(**options, priors=Priors(mu=self.priors.mu))

    def prepare(
        self,
        table: pd.DataFrame,
        *,
        features: Sequence[str],
        subject: str,
        session: str | None = None,
        scanner: str | None = None,
        preprocessing: str | None = None,
        scale: Scale = "z_score",
        unit: Mapping[str, str] | None = None,
        family: Mapping[str, str] | None = None,
    ) -> xr.Dataset:
        """Lay out the features of a long table, a row a measurement: `Stability.prepare` with a list of features.

        Raises
        ------
        TypeError
            For one name instead of a list of names.
        """
        if isinstance(features, str):
            raise TypeError(f"pooling needs a list of features; got {features!r} (one alone: Stability)")
        columns = {"subject": subject, "session": session, "scanner": scanner, "preprocessing": preprocessing}
        return self.alone.prepare(table, features=list(features), **columns, scale=scale, unit=unit, family=family)

    def groups(self, data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Names of the families that pool, and which of them each feature belongs to; no family is ``"other"``."""
        family = data["family"].values.astype(str) if self.by_family else np.full(data.sizes["feature"], "all")
        return np.unique(np.where(family == "", "other", family), return_inverse=True)

    def build(self, data: xr.Dataset) -> Any:
        """The PyMC model without its effects; `z` is how each feature deviates from what is expected."""
        import pymc as pm
        import pytensor.tensor as pt

        from bayesrg.inference.collapsed import observe_features
        from bayesrg.inference.conditioning import place

        groups, group = self.groups(data)
        batches = self.alone.batches(data, data.sizes["feature"])
        anchors = vars(anchor_features(batches, list(data["feature"].values)))
        components = list(data["component"].values)
        names = name_coordinates(components)
        coords = {"feature": data["feature"].values, "component": components, "group": groups}
        with pm.Model(coords=coords | {"coordinate": names, "log_ratio": names[1:]}) as model:
            member: Any = pm.Data("group_of_feature", group)
            centre: Any = pm.Normal("centre", **self._centre(len(names)), dims=("group", "coordinate"))
            spread: Any = self.priors.spread.in_pymc("spread", dims=("group", "log_ratio"))
            spread = pt.concatenate([pt.full((len(groups), 1), self.priors.total_spread), spread], axis=1)
            expected = (centre[member], spread[member], *(pm.Data(f"anchor_{k}", own) for k, own in anchors.items()))
            z = pm.CustomDist(
                "z",
                *expected,
                logp=log_density,
                random=draw,
                signature="(f,q),(f,q),(f,q),(f,q,q)->(f,q)",
                dims=("feature", "coordinate"),
            )
            coordinates, _ = place(z, *expected)
            variance = pt.exp(log_variances(coordinates, pt))
            variance = pm.Deterministic("variance", variance, dims=("feature", "component"))
            mean = np.full((data.sizes["feature"], 1), self.priors.mu.arguments["sigma"] ** 2)
            variance: Any = pt.concatenate([variance, mean], axis=1)
            for number, batch in enumerate(batches):
                numbers = data.get_index("feature").get_indexer(batch.data["feature"].values)
                own: Any = pm.Data(f"feature_{number}", numbers)
                observe_features(f"{number}", variance[own], batch.likelihood, batch.layout.draw)
        return model

    def simulate(
        self, design: xr.Dataset, rng: np.random.Generator, parameters: xr.Dataset | None = None
    ) -> xr.DataTree:
        """New data of the same design, with NumPy alone.

        Parameters
        ----------
        design : Dataset of `prepare`; of its values only the missing ones matter, which stay missing
        parameters : Dataset with `variance` (feature, component) on the model's scale, or with `centre` (group,
            coordinate) and `spread` (group, log_ratio), from which variances are drawn; None draws all from the prior

        Returns
        -------
        DataTree with the groups `parameters` (`variance`, `mu`, the effects that cross subjects, and `centre` and
        `spread` unless variances were given) and `data`.
        """
        if parameters is None:
            return self.draw_prior(design, rng, 1).isel(draw=0)
        given = parameters.expand_dims("draw")
        if "variance" not in given:
            given = self._draw_variances(design, rng, given)
        return self._simulate(design, rng, given).isel(draw=0)

    def draw_prior(self, design: xr.Dataset, rng: np.random.Generator, draws: int) -> xr.DataTree:
        """Draws from the prior along the dim draw, and data of the same design for as many as `SIMULATED` allows."""
        groups, _ = self.groups(design)
        names = name_coordinates(list(design["component"].values))
        located = self._centre(len(names))
        centre = rng.normal(located["mu"], located["sigma"], (draws, len(groups), len(names)))
        spread = self.priors.spread.draw(rng, centre[..., 1:].shape)
        hierarchy = xr.Dataset(
            {"centre": (("draw", "group", "coordinate"), centre), "spread": (("draw", "group", "log_ratio"), spread)},
            coords={"group": groups, "coordinate": names, "log_ratio": names[1:]},
        )
        return self._simulate(design, rng, self._draw_variances(design, rng, hierarchy))

    def recover(self, posterior: xr.Dataset, data: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Draw the mean and the effects that cross subjects from their exact posterior given each draw.

        Returns
        -------
        Dataset with `mu` and `gamma`, `delta`, … over chain, draw, feature and the levels of their component. A level
        at which a feature was never measured has an effect from the superpopulation.
        """
        variance = _flatten(posterior["variance"])
        parts = [
            batch.recover(np.log(variance.sel(feature=batch.data["feature"]).values), rng).drop_vars("variance")
            for batch in self.alone.batches(data, data.sizes["feature"])
        ]
        found = xr.concat(parts, "feature", join="outer").sel(feature=data["feature"].values)
        for component in (name for name, (effect, _) in EFFECTS.items() if effect in found):
            effect, dim = EFFECTS[component]
            own = found[effect].sel({dim: data[dim].values})
            noise = xr.DataArray(rng.standard_normal(own.shape), dims=own.dims)
            found[effect] = own.fillna(noise * variance.sel(component=component, drop=True) ** 0.5)
        return _in_chains(found, posterior)

    def log_likelihood(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of the data of each feature (`value`), and of all (`joint`), on the model's scale."""
        variance = _flatten(posterior["variance"])
        parts = []
        for batch in self.alone.batches(data, data.sizes["feature"]):
            names = batch.data["feature"].values
            density = batch.log_likelihood(variance.sel(feature=names).values)
            parts.append(xr.DataArray(density, dims=("feature", "draw"), coords={"feature": names}))
        value = xr.concat(parts, "feature").sel(feature=data["feature"].values)
        found = _in_chains(xr.Dataset({"value": value}), posterior)
        return found.assign(joint=found["value"].sum("feature"))

    def log_prior(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of each prior as it is stated, by draw, for power-scaling sensitivity."""
        centre, spread = (posterior[name].transpose("chain", "draw", ...) for name in ("centre", "spread"))
        parts = {"total": centre[..., :1], "signal": centre[..., 1:2], "error": centre[..., 2:], "spread": spread}
        parts["mu"] = posterior["mu"].transpose("chain", "draw", "feature")
        density = {name: getattr(self.priors, name).log_density(own.values) for name, own in parts.items()}
        return xr.Dataset(
            {name: (("chain", "draw"), own.reshape(*own.shape[:2], -1).sum(axis=2)) for name, own in density.items()},
            coords={"chain": posterior["chain"], "draw": posterior["draw"]},
        )

    def estimands(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """The quantities of a stability study for every feature, draw by draw, as `Stability.estimands` has them."""
        return self.alone.estimands(posterior, data)

    def _centre(self, n: int) -> dict[str, list[float]]:
        """Mean and sd of the centres of `n` coordinates."""
        priors = [self.priors.total, self.priors.signal, *[self.priors.error] * (n - 2)]
        return {name: [prior.arguments[name] for prior in priors] for name in ("mu", "sigma")}

    def _draw_variances(self, design: xr.Dataset, rng: np.random.Generator, hierarchy: xr.Dataset) -> xr.Dataset:
        _, group = self.groups(design)
        centre = hierarchy["centre"].transpose("draw", "group", "coordinate").values[:, group]
        spread = hierarchy["spread"].transpose("draw", "group", "log_ratio").values[:, group]
        spread = np.concatenate([np.full((*spread.shape[:2], 1), self.priors.total_spread), spread], axis=2)
        variance = np.exp(log_variances(rng.normal(centre, spread)))
        return hierarchy.assign(variance=(("draw", "feature", "component"), variance)).assign_coords(
            feature=design["feature"].values, component=design["component"].values
        )

    def _simulate(self, design: xr.Dataset, rng: np.random.Generator, parameters: xr.Dataset) -> xr.DataTree:
        variance = parameters["variance"].transpose("feature", "draw", "component").values
        given = design["value"].notnull().transpose("measurement", "feature").values
        layout = Layout(design.isel(feature=0))
        crossing = [EFFECTS[name] for name in layout.components if "subject" not in layout.facets[name]]
        draws = variance.shape[1]
        simulated = max(1, min(draws, SIMULATED // given.size))
        mean = np.full((draws, 1), self.priors.mu.arguments["sigma"] ** 2)
        effects, values = [], np.full((simulated, *given.shape), np.nan)
        for number, own in enumerate(variance):
            drawn, value = layout.draw(np.concatenate([own, mean], axis=1), rng)
            effects.append(drawn[["mu", *(effect for effect, _ in crossing)]])
            values[:, given[:, number], number] = value[:simulated, given[:, number]]
        index = xr.IndexVariable("feature", design["feature"].values)
        found = parameters.merge(xr.concat(effects, index))
        data = design.assign(value=(("draw", "measurement", "feature"), values))
        return xr.DataTree.from_dict({"parameters": found, "data": data})


def _flatten(variance: xr.DataArray) -> xr.DataArray:
    """Variances over feature, draw (the chains one after another) and component."""
    values = variance.transpose("feature", "chain", "draw", "component").values
    return xr.DataArray(
        values.reshape(len(values), -1, values.shape[-1]),
        dims=("feature", "draw", "component"),
        coords={"feature": variance["feature"].values, "component": variance["component"].values},
    )


def _in_chains(found: xr.Dataset, posterior: xr.Dataset) -> xr.Dataset:
    """The draws of `_flatten` over the chains of the posterior again."""
    index = pd.MultiIndex.from_product([posterior["chain"].values, posterior["draw"].values], names=["chain", "draw"])
    found = found.rename(draw="sample").assign_coords(xr.Coordinates.from_pandas_multiindex(index, "sample"))
    return found.unstack("sample").transpose("chain", "draw", "feature", ...)
