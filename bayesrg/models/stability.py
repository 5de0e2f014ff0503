"""Stability: variance components of a radiomic feature over subjects, sessions, scanners and preprocessings.

    X_ijsp = mu + alpha_i + beta_j + gamma_s + delta_p + (alpha gamma)_is + (alpha delta)_ip + epsilon_ijsp

with alpha_i ~ Normal(0, sigma_subject^2), and so on. ICCs by facet follow generalisability theory (Brennan 2001; Shrout & Fleiss 1979
are its special cases), repeatability and reproducibility coefficients QIBA's terms (Raunig et al. 2015, doi:10.1177/0962280214537344).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.design import cross, factor, identified, number, read_feature, require_distinct
from bayesrg.errors import TableError
from bayesrg.inference.elimination import leave_one_out
from bayesrg.inference.variances import IndependentSds, Shares
from bayesrg.models.agreement import MEANING, agreement
from bayesrg.models.layout import EFFECTS, SESSION_FACETS, Layout
from bayesrg.prior import Prior
from bayesrg.transformation import Scale, Transformation, transform

INTERACTIONS = ("subject:scanner", "subject:preprocessing")
FACETS = frozenset({"session", "scanner", "preprocessing"})
# Condition -> the facets it randomises (the residual always); all others are held fixed.
CONDITIONS = {
    "repeatability": frozenset({"session"}),
    "reproducibility": frozenset({"session", "scanner"}),
    "robustness": frozenset({"preprocessing"}),
    "overall": frozenset({"session", "scanner", "preprocessing"}),
}


@dataclass(frozen=True)
class Priors:
    """Priors on the model's scale, where the feature has mean 0 and sd 1."""

    mu: Prior = Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "values are centred; the mean of the population is within two sds of the sample's")
    variances: Shares | IndependentSds = field(default_factory=Shares)

    def __post_init__(self) -> None:
        """Refuse a mean that cannot be integrated out."""
        if self.mu.distribution != "Normal" or self.mu.arguments["mu"] != 0:
            raise TypeError(f"mu needs a Normal prior with mean 0, which is integrated out exactly; got {self.mu}")


@dataclass(frozen=True)
class Stability:
    """Variance components of a radiomic feature: X_ijsp = mu + alpha_i + beta_j + gamma_s + delta_p + eps_ijsp.

    Parameters
    ----------
    session : ``"nested"`` in subject, ``"crossed"`` (the article's beta_j read literally: session 1 is one occasion for all), or
        ``"visit"``: nested in subject x scanner, each scan its own visit
    interactions : which of subject:scanner and subject:preprocessing to include; None takes those that the design identifies
    thresholds : ICCs to be exceeded
    priors : `Priors`
    """

    session: Literal["nested", "crossed", "visit"] = "nested"
    interactions: tuple[str, ...] | None = None
    thresholds: tuple[float, ...] = (0.75, 0.9)
    priors: Priors = field(default_factory=Priors)

    def __post_init__(self) -> None:
        """Refuse unknown options."""
        if self.session not in SESSION_FACETS:
            raise TypeError(f"unknown session design {self.session!r}; known are {', '.join(SESSION_FACETS)}")
        unknown = set(self.interactions or ()) - set(INTERACTIONS)
        if unknown:
            raise TypeError(f"unknown interactions {sorted(unknown)}; known are {', '.join(INTERACTIONS)}")

    def prepare(
        self,
        table: pd.DataFrame,
        *,
        features: str | Sequence[str],
        subject: str,
        session: str | None = None,
        scanner: str | None = None,
        preprocessing: str | None = None,
        scale: Scale = "z_score",
        unit: str = "",
    ) -> xr.Dataset:
        """Lay out one feature of a long table, a row a measurement.

        Parameters
        ----------
        features : the feature's column (one)
        subject, session, scanner, preprocessing : columns of labels
        scale : ``"z_score"``, ``"log"`` or ``"rank_normal"``
        unit : the feature's unit, as the report will show it

        Returns
        -------
        Dataset with `value` (measurement) on the model's scale, `<component>_index` (measurement), the labels of every component as
        coordinates, and the transformation, the design and what was dropped in its attributes.

        Raises
        ------
        TableError
            For absent columns, missing labels, text among numbers, infinities, a constant feature.
        DesignError
            For components that the design cannot tell apart, by name.
        """
        kept_table, raw, feature, dropped = read_feature(table, features)
        columns = {"subject": subject, "session": session, "scanner": scanner, "preprocessing": preprocessing}
        labels = {role: factor(kept_table, column, role) for role, column in columns.items() if column is not None}
        if self.session == "visit" and not {"session", "scanner"} <= labels.keys():
            raise TableError("session='visit' nests sessions in subject x scanner: name both the session and the scanner column")
        if "session" in labels and self.session != "crossed":
            nest = ("subject",) if self.session == "nested" else ("subject", "scanner")
            labels["session"] = cross(*(labels[role] for role in nest), labels["session"])
        for name in INTERACTIONS:
            if set(name.split(":")) <= labels.keys():
                labels[name] = cross(*(labels[role] for role in name.split(":")))
        levels = {name: number(column) for name, column in labels.items()}
        rows = {name: codes for name, (codes, _) in levels.items()} | {"residual": np.arange(len(kept_table))}
        wanted = INTERACTIONS if self.interactions is None else self.interactions
        require_distinct({name: codes for name, codes in rows.items() if name not in INTERACTIONS or self.interactions and name in wanted})
        kept = identified(wanted, rows) if self.interactions is None else [name for name in wanted if name in rows]
        components = [name for name in EFFECTS if name in labels and (name not in INTERACTIONS or name in kept)]

        value, transformation = transform(raw, scale, feature)
        data = xr.Dataset({"value": ("measurement", value)}, coords={"component": [*components, "residual"]})
        for name in components:
            dim = EFFECTS[name][1]
            data[f"{dim}_index"] = ("measurement", levels[name][0].astype(np.int64))
            data = data.assign_coords({dim: (dim, np.asarray(levels[name][1], dtype=str))})
        data.attrs = {
            "feature": feature,
            "unit": unit,
            "transformation": transformation.name,
            "location": transformation.location,
            "scale": transformation.scale,
            "session_design": self.session,
            "columns": json.dumps({role: column for role, column in columns.items() if column is not None}),
            "n_rows": len(table),
            "dropped": json.dumps(dropped),
            "not_identified": json.dumps([name for name in INTERACTIONS if name in labels and name not in components]),
            "replicated": int(pd.DataFrame({name: rows[name] for name in labels}).duplicated().any()),
        }
        return data

    def build(self, data: xr.Dataset) -> Any:
        """The PyMC model with all effects integrated out: balanced designs observe their sums of squares, others their values."""
        import pymc as pm
        import pytensor.tensor as pt

        from bayesrg.inference.collapsed import collapsed_density

        layout = Layout(data)
        with pm.Model(coords={"component": data["component"].values}) as model:
            variance = self.priors.variances.build("component", data.sizes["component"])
            variance = pt.concatenate([variance, [self.priors.mu.arguments["sigma"] ** 2]])
            if layout.strata is not None:
                strata = layout.strata
                pm.CustomDist(
                    "sum_of_squares",
                    variance,
                    pm.Data("degrees_of_freedom", strata.degrees_of_freedom),
                    pm.Data("weight", strata.weight),
                    logp=lambda value, variance, *design: collapsed_density("strata", variance, value, *design),
                    random=lambda variance, freedom, weight, rng, size: weight @ variance * rng.chisquare(freedom),
                    signature="(k),(n),(n,k)->(n)",
                    observed=pm.Data("observed_sum_of_squares", strata.sums_of_squares(data["value"].values)),
                )
            else:
                pm.CustomDist(
                    "value",
                    variance,
                    *(pm.Data(f"design_{k}", array) for k, array in enumerate(layout.elimination.arrays)),
                    logp=lambda value, variance, *design: collapsed_density("elimination", variance, value, *design),
                    random=lambda variance, *_, rng, size: self._draw_effects(layout, variance[None], rng)[1][0],
                    signature="(k),(n,l),(n,b),(n),(s),(t,q,q),(t,q,m),(m,m),(t,q),(m)->(n)",
                    observed=pm.Data("observed_value", data["value"].values),
                )
        return model

    def simulate(self, design: xr.Dataset, rng: np.random.Generator, parameters: xr.Dataset | None = None) -> xr.DataTree:
        """New data of the same design, with NumPy alone.

        Parameters
        ----------
        design : Dataset of `prepare`; its values are ignored
        parameters : Dataset with `variance` (component) on the model's scale, and `mu` if it is to be fixed; None draws from the prior

        Returns
        -------
        DataTree with the groups `parameters` (`variance`, `mu` and every effect) and `data`.
        """
        if parameters is None:
            return self.draw_prior(design, rng, 1).isel(draw=0)
        variance = parameters["variance"].sel(component=design["component"]).values[None]
        return self._simulate(design, rng, variance, float(parameters["mu"]) if "mu" in parameters else None).isel(draw=0)

    def draw_prior(self, design: xr.Dataset, rng: np.random.Generator, draws: int) -> xr.DataTree:
        """Draws from the prior, each with data of the same design: `simulate` for many at once, along the dim draw."""
        return self._simulate(design, rng, self.priors.variances.draw(rng, design.sizes["component"], draws), None)

    def recover(self, posterior: xr.Dataset, data: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Draw the mean and all effects from their exact posterior given each draw of the variances; dims chain, draw, level."""
        stacked = posterior["variance"].transpose("chain", "draw", "component")
        layout = Layout(data)
        effects = layout.recover(self._with_mean(stacked.values.reshape(-1, stacked.shape[-1])), rng)
        return self._named(layout, effects, posterior)

    def log_likelihood(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of each measurement given all others (`value`), and of all together (`joint`), on the model's scale."""
        stacked = posterior["variance"].transpose("chain", "draw", "component")
        flat = self._with_mean(stacked.values.reshape(-1, stacked.shape[-1]))
        pointwise, joint = leave_one_out(flat, data["value"].values, *Layout(data).elimination.arrays)
        shape = stacked.shape[:2]
        return xr.Dataset(
            {
                "value": (("chain", "draw", "measurement"), pointwise.reshape(*shape, -1)),
                "joint": (("chain", "draw"), joint.reshape(shape)),
            },
            coords={"chain": posterior["chain"], "draw": posterior["draw"]},
        )

    def log_prior(self, posterior: xr.Dataset) -> xr.Dataset:
        """Log prior density of the variances, by draw."""
        variance = posterior["variance"].transpose("chain", "draw", "component")
        return xr.Dataset({"variance": (("chain", "draw"), self.priors.variances.log_density(variance.values))}, posterior[["chain", "draw"]].coords)

    def predict(self, posterior: xr.Dataset, data: xr.Dataset, new: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Values to be expected at the rows of `new` (dims chain, draw, measurement), on the model's scale.

        Levels seen in `data` keep their recovered effects; new levels get fresh ones from their superpopulation.
        """
        value = posterior["mu"]
        for name in Layout(data).components:
            effect, dim = EFFECTS[name]
            sd = np.sqrt(posterior["variance"].sel(component=name, drop=True))
            unseen = [label for label in new[dim].values if label not in set(data[dim].values)]
            fresh = sd * xr.DataArray(rng.standard_normal((*sd.shape, len(unseen))), {**sd.coords, dim: np.array(unseen, dtype=str)}, (*sd.dims, dim))
            effects = xr.concat([posterior[effect], fresh], dim) if unseen else posterior[effect]
            value = value + effects.sel({dim: new[dim].values[new[f"{dim}_index"].values]}).rename({dim: "measurement"}).drop_vars("measurement")
        sd = np.sqrt(posterior["variance"].sel(component="residual", drop=True))
        value = value.transpose("chain", "draw", "measurement")
        return xr.Dataset({"value": value + sd * xr.DataArray(rng.standard_normal(value.shape), dims=value.dims)})

    def icc(self, posterior: xr.Dataset, data: xr.Dataset, fixed: Iterable[str], randomised: Iterable[str]) -> xr.DataArray:
        """Intraclass correlation with some facets held fixed and others randomised; dims of the draws.

        Signal: components that contain the subject and otherwise only fixed facets. Error: components that contain a randomised facet,
        the residual always. Components of fixed facets alone shift all subjects alike and drop out.
        """
        signal, error = self._partition(Layout(data), frozenset(fixed), frozenset(randomised))
        variance = posterior["variance"]
        signal_variance = variance.sel(component=signal).sum("component")
        return signal_variance / (signal_variance + variance.sel(component=error).sum("component"))

    def estimands(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """The quantities of a stability study, draw by draw, in the feature's units.

        Returns
        -------
        Dataset over the draws with, by `component`: `sd` (superpopulation), `finite_sd` (over the levels observed), `share`; by `condition`:
        `icc`, `sem`, `mdc`, `icc_above` (also by threshold); `mean`, `within_subject_sd`, `wcv`, `rc`, `rdc`. The attribute `absent` says why
        an estimand is not there. On the log scale sds are of log values, and `wcv`, `rc_lower`, … are relative.
        """
        layout = Layout(data)
        transformation = Transformation(data.attrs["transformation"], data.attrs["location"], data.attrs["scale"])
        needs = {
            "repeatability": "session" in layout.components or bool(data.attrs["replicated"]),
            "reproducibility": "scanner" in layout.components,
            "robustness": "preprocessing" in layout.components,
            "overall": True,
        }
        reasons = {
            "repeatability": "no session was named and no cell was measured twice, so repeatability cannot be known",
            "reproducibility": "no scanner was named, so reproducibility cannot be known",
            "robustness": "no preprocessing was named, so robustness cannot be known",
        }
        estimands = agreement(
            variance=posterior["variance"],
            mu=posterior["mu"],
            partitions={name: self._partition(layout, FACETS - CONDITIONS[name], CONDITIONS[name]) for name in CONDITIONS if needs[name]},
            transformation=transformation,
            thresholds=self.thresholds,
            unit=data.attrs["unit"],
            unavailable={name: why for name, why in reasons.items() if not needs[name]},
        )
        if transformation.has_units:
            spread = transformation.scale * self._finite_sd(layout, posterior)
            estimands["finite_sd"] = spread.assign_attrs(unit=estimands["sd"].attrs["unit"], meaning=MEANING["finite_sd"])
        return estimands

    def _finite_sd(self, layout: Layout, posterior: xr.Dataset) -> xr.DataArray:
        residual = layout.data["value"] - posterior["mu"]
        spreads = []
        for name in layout.components:
            effect, dim = EFFECTS[name]
            form = xr.DataArray(layout.finite_spread(name), dims=(dim, "other"))
            centred = xr.dot(posterior[effect].drop_vars(dim), form, dim=dim).rename(other=dim)
            spreads.append(np.sqrt(xr.dot(posterior[effect].drop_vars(dim), centred, dim=dim).clip(0)))
            levels = xr.DataArray(layout.levels(name), dims="measurement")
            residual = residual - posterior[effect].drop_vars(dim).isel({dim: levels})
        spreads.append(residual.std("measurement", ddof=1))
        return xr.concat(spreads, dim=layout.data["component"])

    @staticmethod
    def _partition(layout: Layout, fixed: frozenset[str], randomised: frozenset[str]) -> tuple[list[str], list[str]]:
        if fixed & randomised or (fixed | randomised) - FACETS or not {facet for parts in layout.facets.values() for facet in parts} - {
            "subject",
            "replicate",
        } <= fixed | randomised:
            raise TypeError(
                f"each of {', '.join(sorted(FACETS))} in the design is either fixed or randomised; got fixed={sorted(fixed)}, "
                f"randomised={sorted(randomised)}"
            )
        error = [name for name, facets in layout.facets.items() if facets & (randomised | {"replicate"})]
        signal = [name for name, facets in layout.facets.items() if name not in error and "subject" in facets]
        return signal, error

    def _simulate(self, design: xr.Dataset, rng: np.random.Generator, variance: np.ndarray, mu: float | None) -> xr.DataTree:
        layout = Layout(design)
        effects, value = self._draw_effects(layout, self._with_mean(variance), rng, mu)
        data = design.assign(value=(("draw", "measurement"), value))
        return xr.DataTree.from_dict({"parameters": self._named(layout, {"variance": variance, **effects}), "data": data})

    def _with_mean(self, variance: np.ndarray) -> np.ndarray:
        mean = np.full((variance.shape[0], 1), self.priors.mu.arguments["sigma"] ** 2)
        return np.concatenate([variance, mean], axis=1)

    @staticmethod
    def _draw_effects(
        layout: Layout, variance: np.ndarray, rng: np.random.Generator, mu: float | None = None
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        sd = np.sqrt(variance)
        effects = {"mu": sd[:, -1] * rng.standard_normal(len(sd)) if mu is None else np.full(len(sd), mu)}
        value = effects["mu"][:, None] + sd[:, -2, None] * rng.standard_normal((len(sd), layout.data.sizes["measurement"]))
        for number, name in enumerate(layout.components):
            effect, dim = EFFECTS[name]
            effects[effect] = sd[:, number, None] * rng.standard_normal((len(sd), layout.data.sizes[dim]))
            value = value + effects[effect][:, layout.levels(name)]
        return effects, value

    @staticmethod
    def _named(layout: Layout, arrays: dict[str, np.ndarray], posterior: xr.Dataset | None = None) -> xr.Dataset:
        dims = {effect: (dim,) for effect, dim in EFFECTS.values()} | {"variance": ("component",), "mu": ()}
        coords = {name: layout.data[name] for name in ("component", *(EFFECTS[c][1] for c in layout.components))}
        if posterior is None:
            return xr.Dataset({name: (("draw", *dims[name]), array) for name, array in arrays.items()}, coords)
        shape = (posterior.sizes["chain"], posterior.sizes["draw"])
        return xr.Dataset(
            {name: (("chain", "draw", *dims[name]), array.reshape(*shape, *array.shape[1:])) for name, array in arrays.items()},
            coords={**coords, "chain": posterior["chain"], "draw": posterior["draw"]},
        )
