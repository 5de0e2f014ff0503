"""Association: whether an imaging feature and a genomic endpoint depend on each other, and how strongly.

    eta_i = sum_t beta_t x_it + sum_c gamma_c z_ic + sum_g group_effect_{g, level of i}

for predictors x (one feature or a few), covariates z from a formula, and groups such as site or batch; the family says
how the outcome is distributed given eta. Either may be the outcome: a genome seen in images, or an image by genomes.
An association is a statement about P(g, x): it does not say which of the two would change if the other were changed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.models.association_estimands import MEANING, estimate
from bayesrg.models.draws import flatten_draws, unflatten_draws
from bayesrg.models.families import FAMILIES, Bernoulli, Family
from bayesrg.models.families.family import observe, slopes, slopes_draw, slopes_log_density
from bayesrg.models.patient_rows.cohort_table import table_of
from bayesrg.models.patient_rows.laying_out import Direction, lay_out_association
from bayesrg.models.patient_rows.new_patients import lay_out_new_rows
from bayesrg.models.patient_rows.separation import find_association_cautions
from bayesrg.prior import Prior
from bayesrg.transformation import Scale

__all__ = ["MEANING", "Association"]

# Effects of levels are these times the sd of their group.
UNIT = Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "a group's effects are multiples of its sd")


@dataclass(frozen=True)
class Association:
    """One outcome, one predictor or a few: a regression of the family that suits the outcome.

    Parameters
    ----------
    family : ``"gaussian"``, ``"student_t"``, ``"bernoulli"``, ``"ordinal"``, ``"categorical"``,
        ``"negative_binomial"``, ``"rank"``; or an object of `bayesrg.models.families`, which holds the family's priors
        and options
    rope : half-width of the region of practical equivalence, of beta on the model's scale (an sd of the predictor, or
        the step of a two-valued one); None takes the family's: 0.1 sd of a continuous outcome, 0.18 log odds (the
        same, at a logistic sd of 1.81; Kruschke 2018, doi:10.1177/2515245918771304), 0.1 log rate or probit

    Raises
    ------
    TypeError
        For an unknown family or a rope that is not positive.
    """

    family: Family = field(default_factory=Bernoulli)
    rope: float | None = None
    # Groups whose sd may be zero make a funnel, which larger steps fall out of once in some thousand draws.
    target_accept: ClassVar[float] = 0.95

    def __post_init__(self) -> None:
        """Take families by their names, and refuse what is none."""
        if isinstance(self.family, str):
            if self.family not in FAMILIES:
                raise TypeError(f"unknown family {self.family!r}; known are {', '.join(FAMILIES)}")
            object.__setattr__(self, "family", FAMILIES[self.family]())
        if type(self.family) not in FAMILIES.values():
            raise TypeError(f"family is one of {', '.join(FAMILIES)}, or an object of these; got {self.family!r}")
        if self.rope is not None and not self.rope > 0:
            raise TypeError(f"rope is the half-width of an interval around zero, so it is positive; got {self.rope}")

    def prepare(
        self,
        table: pd.DataFrame | xr.Dataset,
        *,
        outcome: str,
        predictor: str | Sequence[str],
        formula: str | None = None,
        group: str | Sequence[str] | None = None,
        weights: str | None = None,
        exposure: str | None = None,
        patient: str | None = None,
        categories: Sequence[Any] | None = None,
        reference: Mapping[str, Any] | None = None,
        scale: Scale = "z_score",
        direction: Direction | None = None,
        units: Mapping[str, str] | None = None,
    ) -> xr.Dataset:
        """Lay out a table with a row a patient, or a cohort.

        Parameters
        ----------
        table : a table, or the Dataset of `bayesrg.cohort.join`
        outcome, predictor : columns; a predictor of text is compared level by level with its reference
        formula : covariates, as ``"age + C(grade)"``: the right-hand side of a formula, without outcome and predictor
        group : columns whose levels have effects of their own (site, batch; the patient, where rows are regions)
        weights : column; each row's log likelihood is multiplied by it
        exposure : column of what a count is proportional to, such as megabases assayed
        patient : column of labels; None takes the table's index
        categories : of the outcome, in order; of a binary one, the one without the event first
        reference : outcome or predictor of text -> level that the others are compared with; None takes the first
        scale : of a continuous outcome: ``"z_score"``, ``"log"`` or ``"rank_normal"``
        direction : ``"genome on image"`` or ``"image on genome"``; a cohort knows it
        units : column -> unit

        Returns
        -------
        Dataset with `value` (patient) on the model's scale, `predictor` (patient, term) and `covariates` (patient,
        covariate) standardised, `group_index`, `weight`, `offset`, what takes effects back to units, and in its
        attributes the rows that were left out (`dropped`), the `coding` of categories and `cautions` (JSON).

        Raises
        ------
        TableError
            For absent columns, text among numbers, an outcome or predictor that does not vary, fewer than three
            complete rows, labels that stand twice, a column in two roles, and a direction that is not the cohort's.
        DesignError
            For predictors or covariates that are linear combinations of others, more of them than rows, and groups of
            one level, of a level for every row, that divide the rows alike, or that the formula has as well.
        TypeError
            For categories, exposures, scales and references that the family does not have, and unknown directions.
        SettingsError
            For a formula that does more than name columns and transform them.
        """
        given = dict(units or {})
        if isinstance(table, xr.Dataset):
            predictors = [predictor] if isinstance(predictor, str) else predictor
            table, known, direction = table_of(table, outcome, predictors, direction)
            given = {**known, **given}
        data = lay_out_association(
            table,
            self.family.name,
            outcome=outcome,
            predictors=[predictor] if isinstance(predictor, str) else list(predictor),
            formula=formula,
            groups=[] if group is None else [group] if isinstance(group, str) else list(group),
            weights=weights,
            exposure=exposure,
            patient=patient,
            categories=categories,
            reference=reference or {},
            scale=scale,
            direction=direction,
            units=given,
        )
        cautions = json.loads(data.attrs["cautions"]) + find_association_cautions(data)
        return data.assign_attrs(cautions=json.dumps(cautions))

    def prepare_new(
        self, table: pd.DataFrame | xr.Dataset, data: xr.Dataset, *, patient: str | None = None
    ) -> xr.Dataset:
        """New patients, laid out as those that were fitted; their outcome need not be known.

        Counts go by the new patients' exposure, or by that of the average patient fitted where its column is absent.

        Raises
        ------
        TableError
            For absent columns, missing values, labels that stand twice, or levels of predictors and covariates that
            were never fitted.
        """
        return lay_out_new_rows(table, data, patient)

    def build(self, data: xr.Dataset) -> Any:
        """The PyMC model: slopes, covariates and groups for any family, and the family's own density."""
        import pymc as pm
        import pytensor.tensor as pt

        family, nominal = self.family, self.family.nominal
        dims = [
            dim for dim in ("term", "covariate", "grouping", "level", "category", "cutpoint", "gap") if dim in data.dims
        ]
        # Patients have no coordinate here, so that data of other numbers of them need not be compiled again.
        with pm.Model(coords={dim: data[dim].values for dim in dims}) as model:
            predictor = pm.Data("observed_predictor", data["predictor"].values)
            beta = slopes("beta", family.beta, "term", nominal)
            offset: Any = pm.Data("observed_offset", data["offset"].values)
            eta = (offset[:, None] if nominal else offset) + predictor @ beta
            if data.sizes["covariate"]:
                gamma = slopes("gamma", family.gamma, "covariate", nominal)
                eta = eta + pm.Data("observed_covariates", data["covariates"].values) @ gamma
            if data.sizes["grouping"]:
                eta = eta + self._add_groups(data).sum(axis=1)
            own = family.add_priors(data)
            if "delta" in own:
                own["stretch"] = pt.tensordot(predictor, own.pop("delta"), axes=1)
            observe(family, data, eta, own)
        return model

    def simulate(
        self, design: xr.Dataset, rng: np.random.Generator, parameters: xr.Dataset | None = None
    ) -> xr.DataTree:
        """New outcomes of the same patients, with NumPy alone; weights do not matter for it.

        Parameters
        ----------
        design : Dataset of `prepare`; its values are ignored
        parameters : Dataset of the posterior's variables, without chain and draw; None draws from the prior

        Returns
        -------
        DataTree with the groups `parameters` and `data`.
        """
        if parameters is None:
            return self.draw_prior(design, rng, 1).isel(draw=0)
        given = {str(name): own.values[None] for name, own in parameters.data_vars.items()}
        return self._simulate(design, rng, given).isel(draw=0)

    def draw_prior(self, design: xr.Dataset, rng: np.random.Generator, draws: int) -> xr.DataTree:
        """Draws from the prior, each with outcomes of the same patients, along the dim draw."""
        family, nominal = self.family, self.family.nominal
        own = family.draw_prior(design, rng, draws)
        kinds = (design.sizes["category"],) if nominal else ()
        own["beta"] = slopes_draw(family.beta, rng, (draws, design.sizes["term"], *kinds), nominal)
        if design.sizes["covariate"]:
            own["gamma"] = slopes_draw(family.gamma, rng, (draws, design.sizes["covariate"], *kinds), nominal)
        if design.sizes["grouping"]:
            own["group_sd"] = family.group_sd.draw(rng, (draws, design.sizes["grouping"]))
            own["group_offset"] = slopes_draw(UNIT, rng, (draws, design.sizes["level"], *kinds), nominal)
            sd = own["group_sd"][:, design["level_grouping"].values]
            own["group_effect"] = own["group_offset"] * sd.reshape(*sd.shape, *(1 for _ in kinds))
        return self._simulate(design, rng, own)

    def predict(self, posterior: xr.Dataset, data: xr.Dataset, new: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Outcomes to be expected of the patients in `new`, draw by draw.

        Parameters
        ----------
        new : `data` itself, or a Dataset of `prepare_new`; levels of a group that were not fitted get effects drawn
            from their distribution

        Returns
        -------
        Dataset with `value` (chain, draw, patient) on the model's scale, and `expected`: the mean, the probability of
        the event, or that of each category (…, category).
        """
        own = flatten_draws(posterior)
        eta, own = self.linear(self._with_new_levels(own, data, new, rng), new)
        expected = self.family.expected(eta, own)
        kinds = ("category",) if expected.ndim == 3 else ()
        outcomes = {
            "value": (("patient",), self.family.draw(eta, own, rng)),
            "expected": (("patient", *kinds), expected),
        }
        coords = {"patient": new["patient"].values, **{dim: data[dim].values for dim in kinds}}
        return unflatten_draws(outcomes, posterior, coords)

    def log_likelihood(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of each patient's outcome (`value`) times its weight, and the sum over all (`joint`)."""
        eta, own = self.linear(flatten_draws(posterior), data)
        rows = data["weight"].values * self.family.log_likelihood(data["value"].values, eta, own)
        return unflatten_draws({"value": (("patient",), rows), "joint": ((), rows.sum(axis=-1))}, posterior, {})

    def log_prior(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of each prior as it is stated, by draw, for power-scaling sensitivity."""
        found = {name: ((), density) for name, density in self._log_priors(flatten_draws(posterior)).items()}
        return unflatten_draws(found, posterior, {})

    def log_density(self, parameters: Mapping[str, np.ndarray], data: Mapping[str, np.ndarray]) -> np.ndarray:
        """Log posterior density up to a constant, of many points and of many pairs of outcome and predictor at once.

        Parameters
        ----------
        parameters : the posterior's variables, each with any leading dims before its own (beta: (..., term))
        data : `value` (..., patient), `predictor` (..., patient, term), and if there are any `covariates` (...,
            patient, covariate), `group_index` (patient, grouping), `level_grouping` (level), `weight` and `offset`
            (..., patient). Leading dims broadcast against those of the parameters

        Returns
        -------
        Array of the leading dims.
        """
        eta, own = self.linear(dict(parameters), data)
        rows = self.family.log_likelihood(np.asarray(data["value"]), eta, own)
        if "weight" in data:
            rows = rows * np.asarray(data["weight"])
        return rows.sum(axis=-1) + sum(self._log_priors(parameters).values())

    def estimands(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """The quantities of an association, draw by draw: effects, ratios, risks and where they lie (see `MEANING`).

        Returns
        -------
        Dataset over chain and draw, by `term`, `step` and, of categories, `category` or `contrast`; each with `unit`
        and `meaning`. The attribute `absent` says why an estimand is not there.
        """
        eta, own = self.linear(flatten_draws(posterior), data)
        found = estimate(self.family, own, eta, data, self.family.rope if self.rope is None else self.rope)
        arrays = {str(name): (tuple(map(str, one.dims[1:])), one.values) for name, one in found.data_vars.items()}
        unflattened = unflatten_draws(arrays, posterior, {str(dim): own.values for dim, own in found.coords.items()})
        for name, one in found.data_vars.items():
            unflattened[name].attrs = one.attrs
        return unflattened.assign_attrs(found.attrs)

    def _add_groups(self, data: xr.Dataset) -> Any:
        """Effects of each row's levels, (patient, grouping[, category]), in the PyMC model in context."""
        import pymc as pm

        family = self.family
        sd = family.group_sd.in_pymc("group_sd", dims="grouping")[pm.Data("level_of", data["level_grouping"].values)]
        offset = slopes("group_offset", UNIT, "level", family.nominal)
        dims = ("level", "category") if family.nominal else "level"
        effect: Any = pm.Deterministic("group_effect", offset * (sd[:, None] if family.nominal else sd), dims=dims)
        return effect[pm.Data("observed_group", data["group_index"].values)]

    def _simulate(self, design: xr.Dataset, rng: np.random.Generator, own: dict[str, np.ndarray]) -> xr.DataTree:
        eta, extended = self.linear(own, design)
        value = self.family.draw(eta, extended, rng)
        dims = self._dims(design)
        parameters = xr.Dataset({name: (("draw", *dims[name]), array) for name, array in own.items() if name in dims})
        coords = {dim: design[dim].values for dim in parameters.dims if dim in design.coords}
        data = design.assign(value=(("draw", "patient"), value))
        return xr.DataTree.from_dict({"parameters": parameters.assign_coords(coords), "data": data})

    def _dims(self, data: xr.Dataset) -> dict[str, tuple[str, ...]]:
        """Every parameter with its dims."""
        kinds = ("category",) if self.family.nominal else ()
        return {
            **self.family.own_dims(data),
            "beta": ("term", *kinds),
            "gamma": ("covariate", *kinds),
            "group_sd": ("grouping",),
            "group_offset": ("level", *kinds),
            "group_effect": ("level", *kinds),
        }

    def linear(
        self, own: dict[str, np.ndarray], data: Mapping[str, Any] | xr.Dataset
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Linear predictor (..., patient[, category]), and the parameters with what the density needs besides."""
        axes = "...k" if self.family.nominal else "..."
        term = f"...pt,{axes.replace('...', '...t')}->{axes.replace('...', '...p')}"
        predictor = np.asarray(data["predictor"])
        eta = np.einsum(term, predictor, own["beta"])
        if "gamma" in own:
            eta = eta + np.einsum(term, np.asarray(data["covariates"]), own["gamma"])
        if "group_effect" in own:
            axis = -2 if self.family.nominal else -1
            for index in np.asarray(data["group_index"]).T:
                eta = eta + np.take(own["group_effect"], index, axis=axis)
        if "offset" in data:
            offset = np.asarray(data["offset"])
            eta = eta + (offset[..., None] if self.family.nominal else offset)
        if "delta" in own:
            own = {**own, "stretch": np.einsum("...pt,...tg->...pg", predictor, own["delta"])}
        return eta, own

    def _log_priors(self, own: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Log density of each prior as it is stated, over the leading dims."""
        family, nominal = self.family, self.family.nominal
        found = family.log_prior(own)
        for name in ("beta", "gamma"):
            if name in own:
                found[name] = slopes_log_density(getattr(family, name), own[name], nominal).sum(axis=-1)
        if "group_sd" in own:
            found["group_sd"] = family.group_sd.log_density(own["group_sd"]).sum(axis=-1)
        if "group_offset" in own:
            found["group_offset"] = slopes_log_density(UNIT, own["group_offset"], nominal).sum(axis=-1)
        return found

    def _with_new_levels(
        self, own: dict[str, np.ndarray], data: xr.Dataset, new: xr.Dataset, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """The parameters, with effects drawn for levels of a group that only `new` has."""
        more = new.sizes["level"] - data.sizes["level"]
        if not more:
            return own
        sd = own["group_sd"][:, new["level_grouping"].values[-more:]]
        kinds = own["group_effect"].shape[2:]
        drawn = slopes_draw(UNIT, rng, (*sd.shape, *kinds), self.family.nominal) * sd.reshape(
            *sd.shape, *(1 for _ in kinds)
        )
        return {**own, "group_effect": np.concatenate([own["group_effect"], drawn], axis=1)}
