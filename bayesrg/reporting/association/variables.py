"""The variables of an association in the words of its field: outcome, predictors, units, levels and steps."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from bayesrg.inference.provenance import read_json
from bayesrg.models.association_estimands import reference_category
from bayesrg.reporting.blocks import Column, breakable
from bayesrg.reporting.drawing import shorten
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.rounding import significant
from bayesrg.transformation import Transformation


@dataclass(frozen=True)
class Variables:
    """The variables of an `Association`'s fit.

    Parameters
    ----------
    fit : the fit
    show_subjects : whether labels of patients may be shown
    """

    fit: Fitted
    show_subjects: bool

    @cached_property
    def data(self) -> xr.Dataset:
        """The data that were fitted."""
        return self.fit.data

    @cached_property
    def family(self) -> str:
        """The family's name."""
        return str(self.data.attrs["family"])

    @property
    def outcome(self) -> str:
        """The outcome's column."""
        return str(self.data.attrs["outcome"])

    @property
    def unit(self) -> str:
        """The outcome's unit; empty for none."""
        return str(self.data.attrs["unit"])

    @cached_property
    def terms(self) -> list[str]:
        """The predictors, those of text level by level."""
        return [str(term) for term in self.data["term"].values]

    @cached_property
    def predictors(self) -> list[str]:
        """The predictors' columns."""
        return json.loads(self.data.attrs["predictors"])

    @cached_property
    def coding(self) -> dict[str, Any]:
        """How columns of text were coded, by column."""
        return json.loads(self.data.attrs["coding"])

    @cached_property
    def cautions(self) -> list[str]:
        """What about the data should make a reader doubt."""
        return json.loads(self.data.attrs["cautions"])

    @cached_property
    def categories(self) -> list[str]:
        """Labels of the outcome's categories; of ranks its distinct values; empty where there are none."""
        if "category" not in self.data.coords:
            return []
        return [str(label).removesuffix(".0") for label in self.data["category"].values]

    @cached_property
    def covariates(self) -> list[str]:
        """Columns of the covariates' design."""
        return [str(name) for name in self.data["covariate"].values]

    @cached_property
    def groups(self) -> list[str]:
        """Columns whose levels have effects of their own."""
        return [str(name) for name in self.data["grouping"].values]

    @property
    def n_patients(self) -> int:
        """Rows that were fitted."""
        return self.data.sizes["patient"]

    @property
    def weighted(self) -> bool:
        """Whether some rows count more than others."""
        return bool(np.ptp(self.data["weight"].values) > 0)

    @property
    def transformation(self) -> Transformation:
        """A continuous outcome's way to the model's scale."""
        attributes = self.data.attrs
        return Transformation(attributes["transformation"], attributes["location"], attributes["scale"])

    @property
    def continuous(self) -> bool:
        """Whether the outcome has a density."""
        return self.family in ("gaussian", "student_t")

    @cached_property
    def values(self) -> np.ndarray:
        """The outcome as it is drawn, (patient,): in its units, counts, 0 and 1, or numbers of categories."""
        value = self.data["value"].values
        if self.continuous:
            back = value * self.transformation.scale + self.transformation.location
            return np.exp(back) if self.transformation.name == "log" else back
        if self.family == "rank" and self.data["category"].dtype.kind == "f":
            return self.data["category"].values[value.astype(int)]
        return value

    @property
    def axis(self) -> str:
        """The outcome with its unit, for an axis."""
        name = shorten(self.outcome, 36)
        if self.continuous and not self.transformation.has_units:
            return f"normal scores of {name}"
        return f"{name} ({self.unit})" if self.unit else name

    @property
    def event(self) -> str:
        """What happened where a binary outcome is 1: ``IDH1 = mutant``."""
        return f"{self.outcome} = {self.categories[1]}"

    @property
    def reference(self) -> str:
        """The category that others are compared with."""
        return self.categories[reference_category(self.data)]

    def unit_of(self, term: str) -> str:
        """A predictor's unit; empty for none."""
        return json.loads(self.data.attrs["predictor_units"]).get(term, "")

    def of_term(self, name: str, term: str) -> Any:
        """A number of a term, such as its `predictor_sd`."""
        return self.data[name].values[self.terms.index(term)]

    def two_valued(self, term: str) -> bool:
        """Whether a predictor has two values."""
        return bool(self.of_term("two_valued", term))

    def predictor(self, term: str) -> np.ndarray:
        """A predictor in its own units, (patient,)."""
        column = self.data["predictor"].values[:, self.terms.index(term)]
        return column * self.of_term("predictor_scale", term) + self.of_term("predictor_location", term)

    def levels(self, term: str) -> tuple[str, str]:
        """The two values of a two-valued predictor, the one that is compared with first."""
        for name, own in self.coding.items():
            if name in self.predictors and term in [f"{name}[{level}]" for level in own["levels"]]:
                return str(own["reference"]), term[len(name) + 1 : -1]
        low, high = self.of_term("predictor_low", term), self.of_term("predictor_high", term)
        return f"{low:.4g}".replace("-", "−"), f"{high:.4g}".replace("-", "−")

    def compared(self, term: str) -> np.ndarray:
        """Patients that a term compares, (patient,): all, or of a level of text those at it or at the reference."""
        for name in self.predictors:
            own = [f"{name}[{level}]" for level in self.coding.get(name, {}).get("levels", [])]
            if term in own:
                others = [other for other in own if other in self.terms and other != term]
                return ~np.any([self.predictor(other) > 0.5 for other in others], axis=0) if others else self.everyone
        return self.everyone

    @property
    def everyone(self) -> np.ndarray:
        """All patients, (patient,)."""
        return np.ones(self.n_patients, dtype=bool)

    def step(self, term: str) -> str:
        """The step in which a term's effect is most readable: an sd, or from one value to the other."""
        return "unit" if self.two_valued(term) else "sd"

    def describe_step(self, term: str, step: str | None = None) -> str:
        """A step in words, such as ``one sd of size (5.45 mm)``."""
        chosen, unit = step or self.step(term), self.unit_of(term)
        if chosen == "unit" and self.two_valued(term):
            low, high = self.levels(term)
            return f"{term.partition('[')[0] if term not in self.predictors else term} {high} instead of {low}"
        if chosen == "unit":
            return f"one {unit or 'unit'} of {term}"
        sd = significant(float(self.of_term("predictor_sd", term)))
        return f"one sd of {term} ({sd}{f' {unit}' if unit else ''})"

    def term_column(self, terms: Iterable[str]) -> list[Column]:
        """A table's column of terms; none where there is only one."""
        shown = list(terms)
        if len(self.terms) == 1 and set(shown) == set(self.terms):
            return []
        return [Column("Term", [breakable(term) for term in shown], numeric=False)]

    @property
    def dropped(self) -> dict[str, int]:
        """Why rows were left out, with how many."""
        return read_json(self.data.attrs, "dropped")
