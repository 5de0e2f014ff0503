"""An association's fit: its slopes, what is found from them, and which labels may be shown."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.models.bayes_factor import savage_dickey
from bayesrg.models.predictive_checks import check_prediction
from bayesrg.reporting.association.variables import Variables

# A group whose name says that its levels are people, or that has hardly more rows than levels, may name patients.
PEOPLE = re.compile(r"patient|subject|participant|person|case|identifier|\bids?\b|_id\b", re.IGNORECASE)
FEWEST_ROWS = 3.0
SEED = 1  # of what the page itself draws: randomised residuals, jitter, draws of the mutual information


@dataclass(frozen=True)
class Slope:
    """One slope on the model's scale, with its draws from the posterior.

    Parameters
    ----------
    term : of the predictor
    part : the contrast of two categories, or the cutpoint; empty where the term has one slope
    draws : shape (draw,)
    """

    term: str
    part: str
    draws: np.ndarray

    @property
    def label(self) -> str:
        """The term, with its part."""
        return f"{self.term}, {self.part}" if self.part else self.term


@dataclass(frozen=True)
class Study(Variables):
    """A fit of an `Association`, with what its report finds from it."""

    @cached_property
    def personal(self) -> frozenset[str]:
        """Dims whose labels may be those of patients."""
        rows = {
            name: self.n_patients / np.unique(index).size
            for name, index in zip(self.groups, self.data["group_index"].values.T, strict=True)
        }
        named = [name for name, each in rows.items() if PEOPLE.search(name) or each < FEWEST_ROWS]
        return frozenset({"patient", "level"} if named else {"patient"})

    @cached_property
    def posterior(self) -> xr.Dataset:
        """The posterior's draws."""
        return self.fit.tree["posterior"].to_dataset()

    @property
    def proportional(self) -> bool:
        """Whether a term has one slope for all cutpoints."""
        return "delta" not in self.posterior

    @cached_property
    def slopes(self) -> list[Slope]:
        """Every slope on the model's scale, per standardised step."""
        found = []
        for term in self.terms:
            if self.proportional:
                drawn = self.fit.estimands["effect"].sel(term=term, step=self.step(term))
                drawn = drawn / self.transformation.scale if self.continuous else drawn
            else:
                drawn = self.fit.estimands["category_slope"].sel(term=term)
            by = next((str(dim) for dim in drawn.dims if dim in ("contrast", "cutpoint")), "")
            parts = [str(label) for label in drawn[by].values] if by else [""]
            found += [Slope(term, part, (drawn.sel({by: part}) if by else drawn).values.ravel()) for part in parts]
        return found

    @property
    def rope(self) -> float:
        """Half-width of the region of practical equivalence, on the scale of the slopes."""
        model = self.fit.model
        return float(model.family.rope if model.rope is None else model.rope)

    @cached_property
    def bayes_factors(self) -> xr.Dataset:
        """Log Bayes factors by term and scale of the prior."""
        return savage_dickey(self.fit.model, self.posterior, self.data)

    @cached_property
    def checks(self) -> xr.Dataset:
        """Each patient as predicted from all others."""
        return check_prediction(self.fit.tree, self.fit.model, seed=SEED)

    @property
    def alternatives(self) -> xr.Dataset | None:
        """The answers of other models; None where they were not fitted."""
        return self.fit.tree["alternatives"].to_dataset() if "alternatives" in self.fit.tree else None

    def patients(self) -> pd.Index:
        """Labels of the rows where they may be shown, else their numbers."""
        labels = self.data["patient"].values.astype(str) if self.show_subjects else np.arange(1, self.n_patients + 1)
        return pd.Index(labels, name="patient" if self.show_subjects else "row")
