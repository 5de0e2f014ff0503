"""How a stability table becomes components, levels and effects, and back: the index work behind `Stability`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.design import number_within
from bayesrg.errors import TableError
from bayesrg.inference.arrowhead import Elimination, eliminate
from bayesrg.inference.elimination import leave_one_out, recover_effects
from bayesrg.inference.strata import Strata, balanced_strata
from bayesrg.transformation import Transformation

# Component -> the name of its effects in the article, and the dim of their levels.
EFFECTS: Mapping[str, tuple[str, str]] = {
    "subject": ("alpha", "subject"),
    "session": ("beta", "session"),
    "scanner": ("gamma", "scanner"),
    "preprocessing": ("delta", "preprocessing"),
    "subject:scanner": ("alpha_gamma", "subject_scanner"),
    "subject:preprocessing": ("alpha_delta", "subject_preprocessing"),
}
FACETS = frozenset({"session", "scanner", "preprocessing"})
# How sessions are numbered -> the facets within which a session is numbered.
SESSION_NEST: Mapping[str, tuple[str, ...]] = {
    "nested": ("subject",),
    "crossed": (),
    "visit": ("subject", "scanner"),
}


def select_feature(data: xr.Dataset, feature: str) -> xr.Dataset:
    """One feature of a data set of many, as `Stability.prepare` would have laid it out alone.

    Raises
    ------
    TableError
        For a feature that the data set does not have, with the reason where it was left out.
    """
    if feature not in data["feature"].values:
        left_out = json.loads(data.attrs["left_out"])
        why = left_out.get(feature, f"the data set has {', '.join(map(str, data['feature'].values[:5]))}, …")
        raise TableError(f"no feature {feature!r}: {why}")
    one = data.sel(feature=feature)
    given = one["value"].notnull().values
    attributes = {name: one[name].item() for name in ("unit", "family", "location", "scale") if name in one.coords}
    kept = _keep_rows(one.drop_vars(["feature", *attributes]), given)
    dropped = {f"{feature} is missing": int((~given).sum())} if not given.all() else {}
    kept.attrs |= attributes | {"feature": feature, "dropped": json.dumps(json.loads(data.attrs["dropped"]) | dropped)}
    del kept.attrs["left_out"]
    return kept


def split_by_rows(data: xr.Dataset) -> list[xr.Dataset]:
    """Features that were measured in the same rows together: each part is complete, and so has one design."""
    given = ~np.isnan(data["value"].transpose("feature", "measurement").values)
    if given.all():
        return [data]
    patterns, part = np.unique(given, axis=0, return_inverse=True)
    return [
        _keep_rows(data.isel(feature=np.flatnonzero(part.ravel() == number)), pattern)
        for number, pattern in enumerate(patterns)
    ]


def _keep_rows(data: xr.Dataset, given: np.ndarray) -> xr.Dataset:
    """Some rows of a data set, without the levels that occur in none of them."""
    if given.all():
        return data.copy()
    kept = data.isel(measurement=np.flatnonzero(given))
    for _, dim in EFFECTS.values():
        if f"{dim}_index" in kept:
            used, index = np.unique(kept[f"{dim}_index"].values, return_inverse=True)
            kept = kept.isel({dim: used}).assign({f"{dim}_index": ("measurement", index.astype(np.int64))})
    named = [f"{name}_index" for name in ("subject", *sorted(FACETS)) if f"{name}_index" in kept]
    replicated = pd.DataFrame({name: kept[name].values for name in named}).duplicated().any()
    return kept.assign_attrs(replicated=int(replicated))


@dataclass(frozen=True)
class Layout:
    """The components of one prepared data set, and the work that needs to know which measurement has which level.

    Parameters
    ----------
    data : Dataset made by `Stability.prepare`
    """

    data: xr.Dataset

    @cached_property
    def components(self) -> list[str]:
        """Random effects in the order of the variances, the residual left out."""
        return [str(name) for name in self.data["component"].values if name != "residual"]

    @cached_property
    def facets(self) -> dict[str, frozenset[str]]:
        """The facets each component depends on; the residual depends on all and on the replicate."""
        facets = {name: frozenset(name.split(":")) for name in self.components}
        if "session" in facets:
            facets["session"] |= frozenset(SESSION_NEST[self.data.attrs["session_design"]])
        own = {self.calibrated} if self.calibrated else set()
        facets["residual"] = frozenset().union(*facets.values()) | own | {"replicate"}
        return facets

    @property
    def calibrated(self) -> str | None:
        """The facet whose levels each have a location and a scale of their own; None where all share one scale."""
        return self.data.attrs.get("heteroscedastic")

    @cached_property
    def transformation(self) -> Transformation:
        """The way back to units; its location and scale lie along `feature`, and along levels that have their own."""
        prefix = "level_" if self.calibrated else ""
        known = self.data if prefix or "feature" in self.data.dims else self.data.attrs
        return Transformation(self.data.attrs["transformation"], known[f"{prefix}location"], known[f"{prefix}scale"])

    def levels(self, component: str) -> np.ndarray:
        """Level numbers of a component, shape (measurement,)."""
        return self.data[f"{EFFECTS[component][1]}_index"].values

    @cached_property
    def strata(self) -> Strata | None:
        """The strata of a balanced design; None for any other, and where levels have scales of their own."""
        if self.calibrated:
            return None
        named = {name: self.levels(name) for name in ("subject", *sorted(FACETS)) if name in self.components}
        nest = SESSION_NEST[self.data.attrs["session_design"]] if "session" in named else ()
        if nest:
            shape = [int(named[name].max()) + 1 for name in nest]
            place = np.ravel_multi_index([named[name] for name in nest], shape)
            named["session"] = number_within(named["session"], place)
        return balanced_strata(named, [self.facets[name] for name in self.components])

    @cached_property
    def elimination(self) -> Elimination:
        """The arrowhead layout of any design."""
        local = {k: self.levels(name) for k, name in enumerate(self.components) if "subject" in self.facets[name]}
        border = {k: self.levels(name) for k, name in enumerate(self.components) if k not in local}
        mean_levels = self.levels(self.calibrated) if self.calibrated else None
        return eliminate(self.levels("subject"), local, border, len(self.components), mean_levels)

    def partition(self, fixed: frozenset[str], randomised: frozenset[str]) -> tuple[list[str], list[str]]:
        """Components that are signal and components that are error, when facets are fixed or randomised.

        Raises
        ------
        TypeError
            For a facet that is neither or both.
        """
        involved = frozenset().union(*self.facets.values()) & FACETS
        if fixed & randomised or (fixed | randomised) - FACETS or involved - (fixed | randomised):
            raise TypeError(
                f"each of {', '.join(sorted(involved))} must be either fixed or randomised; "
                f"got fixed={sorted(fixed)}, randomised={sorted(randomised)}"
            )
        error = [name for name, facets in self.facets.items() if facets & (randomised | {"replicate"})]
        signal = [name for name, facets in self.facets.items() if name not in error and "subject" in facets]
        return signal, error

    def divide(self, log_scale: np.ndarray | None, draws: int) -> Iterator[np.ndarray]:
        """The values on the scale that all levels share, draw by draw, shape (measurement,).

        Parameters
        ----------
        log_scale : ndarray, shape (draw, level), or None where all levels share one scale
        """
        value = self.data["value"].values
        for draw in range(draws):
            yield value if log_scale is None else value * np.exp(-log_scale[draw, self.levels(str(self.calibrated))])

    def recover(
        self, variance: np.ndarray, rng: np.random.Generator, log_scale: np.ndarray | None = None
    ) -> xr.Dataset:
        """Effects, `mu` among them, drawn from their exact posterior.

        Parameters
        ----------
        variance : ndarray, shape (draw, component + 1), the prior variance of the mean last
        log_scale : ndarray, shape (draw, level), of the levels with a scale each; None where all share one

        Returns
        -------
        Dataset over draw and the levels of each component; `mu` also over the levels that have a mean each.
        """
        layout = self.elimination
        draws = variance.shape[0]
        first_border = int(layout.local_offset[-1])
        noise = rng.standard_normal((draws, first_border + layout.border_variance.size))
        # Where levels have scales, each draw has its own values; otherwise one call does all draws.
        parts = [slice(None)] if log_scale is None else [slice(draw, draw + 1) for draw in range(draws)]
        drawn = np.concatenate(
            [
                recover_effects(variance[part], noise[part], layout.local_offset, value, *layout.arrays)
                for part, value in zip(parts, self.divide(log_scale, len(parts)), strict=True)
            ]
        )
        means = int(layout.border[:, 0].max()) + 1
        effects = {"mu": drawn[:, first_border : first_border + means] if self.calibrated else drawn[:, first_border]}
        places = {"local": iter(range(layout.local.shape[1])), "border": iter(range(1, layout.border.shape[1]))}
        for name in self.components:
            if "subject" in self.facets[name]:
                column = layout.local_offset[layout.subject] + layout.local[:, next(places["local"])]
            else:
                column = first_border + layout.border[:, next(places["border"])]
            _, first = np.unique(self.levels(name), return_index=True)
            effects[EFFECTS[name][0]] = drawn[:, column[first]]
        return self.name(effects)

    def leave_one_out(self, variance: np.ndarray, log_scale: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Log density of each value given all others, shape (draw, measurement), and of all, shape (draw,)."""
        arrays = self.elimination.arrays
        if log_scale is None:
            return leave_one_out(variance, self.data["value"].values, *arrays)
        values = self.divide(log_scale, variance.shape[0])
        parts = [leave_one_out(variance[draw : draw + 1], value, *arrays) for draw, value in enumerate(values)]
        pointwise, joint = (np.concatenate(own) for own in zip(*parts, strict=True))
        stretch = log_scale[:, self.levels(str(self.calibrated))]
        return pointwise - stretch, joint - stretch.sum(axis=1)

    def draw(
        self,
        variance: np.ndarray,
        rng: np.random.Generator,
        mu: np.ndarray | float | None = None,
        log_scale: np.ndarray | None = None,
    ) -> tuple[xr.Dataset, np.ndarray]:
        """Fresh effects (over draw) and values (draw, measurement) from their distribution, with NumPy alone."""
        sd = np.sqrt(variance)
        draws = sd.shape[0]
        if self.calibrated:
            shape, own = (draws, self.data.sizes[self.calibrated]), self.levels(self.calibrated)
        else:
            shape, own = (draws, 1), np.zeros(self.data.sizes["measurement"], dtype=int)
        means = sd[:, -1:] * rng.standard_normal(shape) if mu is None else np.broadcast_to(mu, shape)
        effects = {"mu": means if self.calibrated else means[:, 0]}
        noise = rng.standard_normal((draws, self.data.sizes["measurement"]))
        value = means[:, own] + sd[:, -2, None] * noise
        for number, name in enumerate(self.components):
            effect, dim = EFFECTS[name]
            effects[effect] = sd[:, number, None] * rng.standard_normal((draws, self.data.sizes[dim]))
            value = value + effects[effect][:, self.levels(name)]
        if log_scale is not None:
            effects["log_scale"] = log_scale
            value = value * np.exp(log_scale[:, own])
        return self.name(effects), value

    def name(self, effects: Mapping[str, np.ndarray]) -> xr.Dataset:
        """Arrays of effects (draw, level) as a Dataset with the labels of their levels."""
        dims = {effect: dim for effect, dim in EFFECTS.values() if effect in effects}
        if self.calibrated:
            dims |= {name: self.calibrated for name in ("mu", "log_scale") if name in effects}
        return xr.Dataset(
            {name: (("draw", dims[name]) if name in dims else "draw", array) for name, array in effects.items()},
            coords={dim: self.data[dim].values for dim in dims.values()},
        )

    def finite_spread(self, component: str) -> np.ndarray:
        """Projection whose quadratic form in a component's effects is their finite-population variance (Gelman 2005).

        The levels observed are centred on the margins that the component is nested in or crossed with (sessions within
        their subject, interactions on both margins), and divided by the degrees of freedom that are left; zero where
        none are left (doi:10.1214/009053604000001048).
        """
        levels, first = np.unique(self.levels(component), return_index=True)
        margins = [np.zeros(levels.size, dtype=int)]
        for other in self.components:
            if self.facets[other] < self.facets[component]:
                margins.append(self.levels(other)[first])
        columns = np.concatenate([np.eye(int(margin.max()) + 1)[margin] for margin in margins], axis=1)
        left, singular, _ = np.linalg.svd(columns, full_matrices=False)
        basis = left[:, singular > 1e-9 * singular[0]]
        freedom = levels.size - basis.shape[1]
        return (np.eye(levels.size) - basis @ basis.T) / max(freedom, 1)

    def finite_sd(self, posterior: xr.Dataset) -> xr.DataArray:
        """Finite-population sd of every component over the levels observed, draw by draw, on the model's scale.

        That of the residual is the sd of the measurements' own residuals.
        """
        residual = self.data["value"] - posterior["mu"]
        spreads: list[xr.DataArray] = []
        for name in self.components:
            effect, dim = EFFECTS[name]
            drawn = posterior[effect].drop_vars(dim)
            form = xr.DataArray(self.finite_spread(name), dims=(dim, "other"))
            centred = xr.dot(drawn, form, dim=dim).rename(other=dim)
            spreads.append(xr.dot(drawn, centred, dim=dim).clip(0) ** 0.5)
            residual = residual - drawn.isel({dim: xr.DataArray(self.levels(name), dims="measurement")})
        spreads.append(residual.std("measurement", ddof=1))
        return xr.concat(spreads, dim=self.data["component"])
