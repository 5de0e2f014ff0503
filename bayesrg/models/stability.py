"""Stability: variance components of a radiomic feature over subjects, sessions, scanners and preprocessings.

    X_ijsp = mu + alpha_i + beta_j + gamma_s + delta_p + (alpha gamma)_is + (alpha delta)_ip + epsilon_ijsp

with alpha_i ~ Normal(0, sigma_subject^2), and so on. ICCs by facet follow generalisability theory (Brennan 2001;
those of Shrout & Fleiss 1979 are special cases); repeatability and reproducibility coefficients are QIBA's (Raunig
et al. 2015, doi:10.1177/0962280214537344). All effects are integrated out of the sampled density and drawn back
exactly.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.design import read_feature, read_features
from bayesrg.errors import TableError
from bayesrg.inference.variances import IndependentSds, Shares
from bayesrg.models.agreement import MEANING, agreement
from bayesrg.models.calibrated_levels import (
    back_to_units,
    draw_log_scale,
    log_density_of_log_scale,
    separate,
)
from bayesrg.models.feature_batch import FeatureBatch
from bayesrg.models.feature_set import add_features, find_repeats
from bayesrg.models.layout import EFFECTS, FACETS, SESSION_NEST, Layout, select_feature, split_by_rows
from bayesrg.models.level_scales import find_cautions
from bayesrg.models.study_table import INTERACTIONS, lay_out
from bayesrg.prior import Prior
from bayesrg.transformation import Scale
from bayesrg.variables import OWN_UNIT

# Facets whose levels may have a location and a scale each; a session is measured in the units of its scanner.
CALIBRATED = ("scanner", "preprocessing")
# Condition -> the facets it randomises (replication always); all others are held fixed.
CONDITIONS = {
    "repeatability": frozenset({"session"}),
    "reproducibility": frozenset({"session", "scanner"}),
    "robustness": frozenset({"preprocessing"}),
    "overall": FACETS,
}


@dataclass(frozen=True)
class Priors:
    """Priors on the model's scale, where the feature has mean 0 and sd 1."""

    mu: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.0},
        "values are centred: the population's mean lies within two sds of the sample's",
    )
    variances: Shares | IndependentSds = field(default_factory=Shares)
    log_scale: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 0.5},
        "each level was divided by its own sample sd, so its log scale is zero but for sampling error (0.24 with ten "
        "independent values) and for levels that saw subjects more or less alike than the others did: 95 % of the "
        "prior lies within a factor of 2.7",
    )

    def __post_init__(self) -> None:
        """Refuse a mean that cannot be integrated out, and log scales that cannot add up to zero."""
        if self.mu.distribution != "Normal" or self.mu.arguments["mu"] != 0:
            raise TypeError(f"mu needs a Normal prior with mean 0, which is integrated out exactly; got {self.mu}")
        if self.log_scale.distribution != "Normal" or self.log_scale.arguments["mu"] != 0:
            raise TypeError(
                f"log_scale needs a Normal prior with mean 0: log scales add up to zero; got {self.log_scale}"
            )


@dataclass(frozen=True)
class Stability:
    """Variance components of a radiomic feature: X_ijsp = mu + alpha_i + beta_j + gamma_s + delta_p + eps_ijsp.

    Parameters
    ----------
    session : ``"nested"`` in subject; ``"crossed"`` (the article's beta_j read literally: session 1 is one occasion for
        all); or ``"visit"``, nested in subject x scanner: each scan is its own visit
    interactions : which of subject:scanner and subject:preprocessing; None takes those that the design identifies
    thresholds : ICCs to be exceeded
    heteroscedastic : ``"scanner"`` or ``"preprocessing"``: each of its levels has a location and a scale of its own, as
        levels in different units need; the facet is then no component of variance, and agreement across its levels
        becomes consistency after each was calibrated
    priors : `Priors`
    """

    session: Literal["nested", "crossed", "visit"] = "nested"
    interactions: tuple[str, ...] | None = None
    thresholds: tuple[float, ...] = (0.75, 0.9)
    heteroscedastic: Literal["scanner", "preprocessing"] | None = None
    priors: Priors = field(default_factory=Priors)

    def __post_init__(self) -> None:
        """Refuse unknown options."""
        if self.session not in SESSION_NEST:
            raise TypeError(f"unknown session design {self.session!r}; known are {', '.join(SESSION_NEST)}")
        if not isinstance(self.thresholds, tuple) or not all(0 < limit < 1 for limit in self.thresholds):
            raise TypeError(f"thresholds are ICCs between 0 and 1 in a tuple; got {self.thresholds!r}")
        unknown = set(self.interactions or ()) - set(INTERACTIONS)
        if unknown:
            raise TypeError(f"unknown interactions {sorted(unknown)}; known are {', '.join(INTERACTIONS)}")
        if self.heteroscedastic not in (None, *CALIBRATED):
            raise TypeError(f"heteroscedastic is {' or '.join(map(repr, CALIBRATED))}; got {self.heteroscedastic!r}")

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
        unit: str | Mapping[str, str] | None = None,
        family: Mapping[str, str] | None = None,
    ) -> xr.Dataset:
        """Lay out one feature of a long table, or many: a row a measurement.

        Parameters
        ----------
        features : the feature's column; a list of columns lays out many features, even where it names one
        subject, session, scanner, preprocessing : columns of labels
        scale : ``"z_score"``, ``"log"`` or ``"rank_normal"``
        unit : the feature's unit, as the report will show it, or a mapping of feature to unit; features that it does
            not name have IBSI's unit, or none
        family : mapping of feature to family; features that it does not name have IBSI's family, or none

        Returns
        -------
        Dataset with `value` (measurement) on the model's scale, `<component>_index` (measurement), the labels of every
        component as coordinates, and the transformation, the design and what was dropped in its attributes. Of many
        features `value` has the dims (measurement, feature), NaN where a feature is missing, and `unit`, `family`,
        `location` and `scale` stand along `feature`; those that could not be laid out are in the attribute `left_out`
        with their reasons, and a warning says so. Heteroscedastic levels are transformed one by one: `level_location`
        and `level_scale` stand along the levels. The attribute `cautions` (JSON list) warns of levels whose scales
        differ, as `level_spread` finds.

        Raises
        ------
        TableError
            For absent columns, missing labels, text among numbers, infinities, a constant feature; of many features,
            if none can be laid out.
        DesignError
            For components that the design cannot tell apart, by name.
        """
        if isinstance(features, str):
            table, value, dropped = read_feature(table, features)
            values, left_out = {features: value}, {}
        else:
            table, values, left_out, dropped = read_features(table, list(features))
        columns = {"subject": subject, "session": session, "scanner": scanner, "preprocessing": preprocessing}
        columns = {role: column for role, column in columns.items() if column is not None}
        design = lay_out(table, columns, self.session, self.interactions, self.heteroscedastic)
        design.attrs |= {"transformation": scale, "dropped": json.dumps(dropped)}
        units = unit if isinstance(unit, Mapping) else dict.fromkeys(values, unit) if unit is not None else {}
        data = add_features(design, values, left_out, units, family or {})
        if isinstance(features, str):
            data = select_feature(data, features)
        return data.assign_attrs(cautions=json.dumps([*find_cautions(data), *find_repeats(data)]))

    def build(self, data: xr.Dataset) -> Any:
        """The PyMC model without its effects: a balanced design observes sums of squares, any other the values."""
        import pymc as pm
        import pytensor.tensor as pt

        from bayesrg.inference.collapsed import collapsed_density

        layout = Layout(data)
        value = data["value"].values
        coords = {dim: data[dim].values for dim in ("component", layout.calibrated) if dim}
        with pm.Model(coords=coords) as model:
            variance = self.priors.variances.build("component", data.sizes["component"])
            parameters = pt.concatenate([variance, [self.priors.mu.arguments["sigma"] ** 2]])
            if layout.strata is not None:
                pm.CustomDist(
                    "sum_of_squares",
                    parameters,
                    pm.Data("degrees_of_freedom", layout.strata.degrees_of_freedom),
                    pm.Data("weight", layout.strata.weight),
                    logp=lambda value, variance, *design: collapsed_density("strata", variance, value, *design),
                    random=lambda variance, freedom, weight, rng, size: weight @ variance * rng.chisquare(freedom),
                    signature="(k),(n),(n,k)->(n)",
                    observed=pm.Data("observed_sum_of_squares", layout.strata.sums_of_squares(value)),
                )
                return model
            form = "elimination"
            if layout.calibrated:
                form = "scaled_elimination"
                sigma = self.priors.log_scale.arguments["sigma"]
                log_scale = pm.ZeroSumNormal("log_scale", sigma=sigma, dims=layout.calibrated)
                parameters = pt.concatenate([parameters, log_scale])

            def random(parameters: np.ndarray, *_: Any, rng: np.random.Generator, size: Any) -> np.ndarray:
                variance, log_scale = np.split(parameters[None], [data.sizes["component"] + 1], axis=1)
                return layout.draw(variance, rng, log_scale=log_scale if layout.calibrated else None)[1][0]

            pm.CustomDist(
                "value",
                parameters,
                *(pm.Data(f"design_{k}", array) for k, array in enumerate(layout.elimination.arrays)),
                logp=lambda value, parameters, *design: collapsed_density(form, parameters, value, *design),
                random=random,
                signature="(k),(n,l),(n,b),(n),(s),(t,q,q),(t,q,m),(m,m),(t,q),(m)->(n)",
                observed=pm.Data("observed_value", value),
            )
        return model

    def simulate(
        self, design: xr.Dataset, rng: np.random.Generator, parameters: xr.Dataset | None = None
    ) -> xr.DataTree:
        """New data of the same design, with NumPy alone.

        Parameters
        ----------
        design : Dataset of `prepare`; its values are ignored
        parameters : Dataset with `variance` (component) on the model's scale, and `mu` if it is to be fixed; None draws
            from the prior. Where levels have scales of their own, `mu` and `log_scale` are by level

        Returns
        -------
        DataTree with the groups `parameters` (`variance`, `mu`, `log_scale` and every effect) and `data`.
        """
        if parameters is None:
            return self.draw_prior(design, rng, 1).isel(draw=0)
        variance = parameters["variance"].sel(component=design["component"]).values[None]
        given = {name: parameters[name].values for name in ("mu", "log_scale") if name in parameters}
        return self._simulate(design, rng, variance, **given).isel(draw=0)

    def draw_prior(self, design: xr.Dataset, rng: np.random.Generator, draws: int) -> xr.DataTree:
        """Draws from the prior, each with data of the same design: `simulate` for many at once, along the dim draw."""
        return self._simulate(design, rng, self.priors.variances.draw(rng, design.sizes["component"], draws))

    def batches(self, data: xr.Dataset, size: int) -> list[FeatureBatch]:
        """Many features in batches of at most `size` that share their rows, for importance sampling.

        None where levels have scales of their own: those features are left to NUTS, one at a time.
        """
        if Layout(data).calibrated:
            return []
        mean_variance = self.priors.mu.arguments["sigma"] ** 2
        return [
            FeatureBatch(part.isel(feature=slice(start, start + size)), layout, self.priors.variances, mean_variance)
            for part in split_by_rows(data)
            for layout in [Layout(part.isel(feature=slice(1)))]
            for start in range(0, part.sizes["feature"], size)
        ]

    def select(self, data: xr.Dataset, feature: str) -> xr.Dataset:
        """One feature of many, as `prepare` would have laid it out alone."""
        return select_feature(data, feature)

    def reduce(self, posterior: xr.Dataset) -> xr.Dataset:
        """A feature's variances, mean and crossing effects: those of the subjects are too many to keep for all."""
        crossing = [name for name in ("mu", "log_scale", "beta", "gamma", "delta") if name in posterior]
        if "beta" in crossing and self.session != "crossed":
            crossing.remove("beta")
        return posterior[["variance", *crossing]]

    def recover(self, posterior: xr.Dataset, data: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Draw the mean and all effects from their exact posterior given each draw of the variances.

        Returns
        -------
        Dataset with `mu` and the effects `alpha`, `beta`, … over chain, draw and the levels of their component; `mu` by
        level where levels have locations of their own.
        """
        layout = Layout(data)
        variance, log_scale = self._flatten(posterior, layout)
        effects = layout.recover(variance, rng, log_scale).rename(draw="sample")
        index = pd.MultiIndex.from_product(
            [posterior["chain"].values, posterior["draw"].values], names=["chain", "draw"]
        )
        effects = effects.assign_coords(xr.Coordinates.from_pandas_multiindex(index, "sample")).unstack("sample")
        return effects.transpose("chain", "draw", ...)

    def log_likelihood(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of each measurement given all others (`value`), and of all (`joint`), on the model's scale."""
        layout = Layout(data)
        pointwise, joint = layout.leave_one_out(*self._flatten(posterior, layout))
        shape = posterior.sizes["chain"], posterior.sizes["draw"]
        return xr.Dataset(
            {
                "value": (("chain", "draw", "measurement"), pointwise.reshape(*shape, -1)),
                "joint": (("chain", "draw"), joint.reshape(shape)),
            },
            coords={"chain": posterior["chain"], "draw": posterior["draw"]},
        )

    def log_prior(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of each prior as it is stated, by draw, for power-scaling sensitivity.

        Without Jacobians: to scale the density of the variances instead would also scale the change of variables, and
        call a uniform prior on the ICC informative.
        """
        variance = posterior["variance"].transpose("chain", "draw", "component")
        plain = variance.isel(component=0, drop=True)
        densities = self.priors.variances.stated_log_densities(variance.values)
        densities["mu"] = self.priors.mu.log_density(posterior["mu"].transpose("chain", "draw", ...).values)
        if "log_scale" in posterior:
            log_scale = posterior["log_scale"].transpose("chain", "draw", ...).values
            densities["log_scale"] = log_density_of_log_scale(self.priors.log_scale, log_scale)
            densities["mu"] = densities["mu"].sum(axis=-1)
        return xr.Dataset({name: plain.copy(data=density) for name, density in densities.items()})

    def predict(self, posterior: xr.Dataset, data: xr.Dataset, new: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Values to be expected at the rows of `new` (dims chain, draw, measurement), on the model's scale.

        Levels seen in `data` keep their recovered effects; new levels get fresh ones from their superpopulation.

        Raises
        ------
        TableError
            For a new level of a facet whose levels have scales of their own: nobody knows its units.
        """
        layout = Layout(data)
        value, stretch = posterior["mu"], None
        if layout.calibrated:
            labels = _labels(new, layout.calibrated)
            strange = sorted({*map(str, labels.values)} - {*map(str, data[layout.calibrated].values)})
            if strange:
                raise TableError(
                    f"{layout.calibrated} {', '.join(map(repr, strange))}: not among the levels that were fitted, so "
                    "its location and scale are unknown; predict for the levels fitted, or fit again with it"
                )
            own = posterior[["mu", "log_scale"]].sel({layout.calibrated: labels}).drop_vars(layout.calibrated)
            value, stretch = own["mu"], np.exp(own["log_scale"])
        for name in layout.components:
            effect, dim = EFFECTS[name]
            drawn = posterior[effect]
            known = set(data[dim].values)
            unseen = np.array([label for label in new[dim].values if label not in known], dtype=str)
            if unseen.size:
                sd = posterior["variance"].sel(component=name, drop=True) ** 0.5
                noise = rng.standard_normal((*sd.shape, unseen.size))
                drawn = xr.concat([drawn, sd * xr.DataArray(noise, dims=(*sd.dims, dim), coords={dim: unseen})], dim)
            value = value + drawn.sel({dim: _labels(new, dim)}).drop_vars(dim)
        sd = posterior["variance"].sel(component="residual", drop=True) ** 0.5
        value = value.transpose("chain", "draw", "measurement")
        value = value + sd * xr.DataArray(rng.standard_normal(value.shape), dims=value.dims)
        return xr.Dataset({"value": value if stretch is None else value * stretch})

    def icc(
        self, posterior: xr.Dataset, data: xr.Dataset, *, fixed: Iterable[str], randomised: Iterable[str]
    ) -> xr.DataArray:
        """Intraclass correlation with some facets held fixed and the others randomised, draw by draw.

        Signal: components that contain the subject and otherwise only fixed facets. Error: components that contain a
        randomised facet, the residual always. Components of fixed facets alone shift all subjects alike and drop out.

        Raises
        ------
        TypeError
            For a facet of the design that is neither fixed nor randomised, or both.
        """
        signal, error = Layout(data).partition(frozenset(fixed), frozenset(randomised))
        signal_variance = posterior["variance"].sel(component=signal).sum("component")
        return signal_variance / (signal_variance + posterior["variance"].sel(component=error).sum("component"))

    def estimands(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """The quantities of a stability study, draw by draw, in the feature's units.

        Returns
        -------
        Dataset over the draws. By `component`: `sd` (superpopulation), `finite_sd` (over the levels observed), `share`;
        by `condition`: `icc`, `sem`, `mdc`, and `icc_above` (also by threshold); `mean`, `within_subject_sd`, `wcv`,
        `rc`, `rdc`. On the log scale sds are of log values and `mdc`, `rc`, `rdc` are pairs of percentages. Where
        levels have scales of their own, `mean`, `within_subject_sd`, `wcv`, `rc`, `rdc` and `level_sd` are by level,
        and the others that have units are absent. The attribute `absent` says why an estimand is not there.
        """
        layout = Layout(data)
        many = "feature" in data.dims
        transformation = back_to_units(posterior, data) if layout.calibrated else layout.transformation
        unavailable = {
            "repeatability": "no session was named and no cell was measured twice, so repeatability cannot be known",
            "reproducibility": "no scanner was named, so reproducibility cannot be known",
            "robustness": "no preprocessing was named, so robustness cannot be known",
        }
        named = {*layout.components, layout.calibrated}
        if data.attrs["replicated"] or "session" in named:
            del unavailable["repeatability"]
        if "scanner" in named:
            del unavailable["reproducibility"]
        if "preprocessing" in named:
            del unavailable["robustness"]
        estimands = agreement(
            variance=posterior["variance"],
            mu=posterior["mu"],
            partitions={
                name: layout.partition(FACETS - randomised, randomised)
                for name, randomised in CONDITIONS.items()
                if name not in unavailable
            },
            transformation=transformation,
            thresholds=self.thresholds,
            unit=OWN_UNIT if many else data.attrs["unit"],
            unavailable=unavailable,
        )
        if layout.calibrated:
            estimands = separate(estimands, posterior, data)
        elif many:
            absent = json.loads(estimands.attrs["absent"])
            absent["finite_sd"] = "of many features the subjects' effects are not kept: fit one feature alone for it"
            estimands.attrs["absent"] = json.dumps(absent)
        elif transformation.has_units:
            spread = transformation.scale * layout.finite_sd(posterior)
            attributes = {"unit": estimands["sd"].attrs["unit"], "meaning": MEANING["finite_sd"]}
            estimands["finite_sd"] = spread.assign_attrs(attributes)
        return estimands.transpose("chain", "draw", *(["feature"] if many else []), ...)

    def _simulate(
        self,
        design: xr.Dataset,
        rng: np.random.Generator,
        variance: np.ndarray,
        mu: np.ndarray | None = None,
        log_scale: np.ndarray | None = None,
    ) -> xr.DataTree:
        layout = Layout(design)
        if layout.calibrated:
            shape = variance.shape[0], design.sizes[layout.calibrated]
            drawn = draw_log_scale(self.priors.log_scale, rng, *shape)
            log_scale = drawn if log_scale is None else np.broadcast_to(log_scale, shape)
        effects, value = layout.draw(self._with_mean(variance), rng, mu, log_scale)
        parameters = effects.assign(variance=(("draw", "component"), variance)).assign_coords(
            component=design["component"]
        )
        data = design.assign(value=(("draw", "measurement"), value))
        return xr.DataTree.from_dict({"parameters": parameters, "data": data})

    def _flatten(self, posterior: xr.Dataset, layout: Layout) -> tuple[np.ndarray, np.ndarray | None]:
        """Variances, the mean's last, and log scales (None where there are none), a row a draw."""
        names = ["variance", *(["log_scale"] if layout.calibrated else [])]
        arrays = [posterior[name].transpose("chain", "draw", ...).values for name in names]
        variance, *rest = (own.reshape(-1, own.shape[-1]) for own in arrays)
        return self._with_mean(variance), rest[0] if rest else None

    def _with_mean(self, variance: np.ndarray) -> np.ndarray:
        mean = np.full((variance.shape[0], 1), self.priors.mu.arguments["sigma"] ** 2)
        return np.concatenate([variance, mean], axis=1)


def _labels(data: xr.Dataset, dim: str) -> xr.DataArray:
    """The label of every row on a dim of levels, along measurement."""
    return xr.DataArray(data[dim].values[data[f"{dim}_index"].values], dims="measurement")
