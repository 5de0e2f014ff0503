"""The data of an association as classical regressions take them: steps of size one, and groups as dummies."""

import json
from dataclasses import dataclass

import numpy as np
import xarray as xr

FEWEST_PER_LEVEL = 5
"""Patients per level, on average, from which each level of a grouping gets a fixed effect: with fewer, the many effects
bias the other coefficients (Neyman & Scott 1948, doi:10.2307/1914288)."""
_NEARLY_DEPENDENT = 1e-9


@dataclass(frozen=True)
class Term:
    """A predictor's column.

    Parameters
    ----------
    name : label along `term`
    predictor : shape (patient,), scaled so that the step is one
    step : "sd", or "unit" for the step from the lower to the higher of two values
    compared : shape (patient,), whom a comparison without covariates takes: of a level of a text predictor the patients
        of that level and of the reference, otherwise everybody
    predictor_name : the text predictor that this is a level of; empty otherwise
    """

    name: str
    predictor: np.ndarray
    step: str
    compared: np.ndarray
    predictor_name: str = ""

    @property
    def two_valued(self) -> bool:
        """Whether the step is from the lower to the higher of two values."""
        return self.step == "unit"

    @property
    def high(self) -> np.ndarray:
        """Who has the higher of two values, shape (patient,)."""
        return np.greater(self.predictor, (self.predictor.min() + self.predictor.max()) / 2)


@dataclass(frozen=True)
class Regression:
    """Everything that a classical regression needs.

    Parameters
    ----------
    value : outcome, shape (patient,)
    terms : the predictors
    adjustment : covariates and dummies of levels, shape (patient, column), independent of each other and of a constant
    weight, offset : shape (patient,)
    categories : labels of the outcome's categories; empty of other families
    reference : the category that others are compared with; empty for the first
    scale : what brings the value to the outcome's units
    transformation : how the value was scaled
    identified : whether the terms can be told apart from each other and from the adjustment
    note : how groups entered
    leaves_out : what a test without covariates leaves out besides other terms
    """

    value: np.ndarray
    terms: tuple[Term, ...]
    adjustment: np.ndarray
    weight: np.ndarray
    offset: np.ndarray
    categories: tuple[str, ...]
    reference: str
    scale: float
    transformation: str
    identified: bool
    note: str
    leaves_out: tuple[str, ...]

    @property
    def weighted(self) -> bool:
        """Whether some patient counts for more or less than one."""
        return bool(np.any(self.weight != 1))

    @property
    def unweighted_note(self) -> str:
        """What a library without weights has to say."""
        return "weights ignored" if self.weighted else ""

    @property
    def confounded_note(self) -> str:
        """Why no regression is fitted; empty where one is."""
        return "" if self.identified else "not fitted: the predictors and covariates determine each other"

    def design(self, *, without: int | None = None, constant: bool = True) -> np.ndarray:
        """Columns of the regression: constant, terms but the one left out, adjustment; shape (patient, column)."""
        terms = [term.predictor for place, term in enumerate(self.terms) if place != without]
        ones = [np.ones_like(self.value)] if constant else []
        return np.column_stack([*ones, *terms, self.adjustment])

    @property
    def text_predictors(self) -> list[tuple[str, np.ndarray, str]]:
        """Every text predictor of more than two levels: its name, the level of each patient as a number, and a note."""
        found = []
        for name in dict.fromkeys(term.predictor_name for term in self.terms if not term.compared.all()):
            own = [term for term in self.terms if term.predictor_name == name]
            level = sum((place * term.high for place, term in enumerate(own, start=1)), np.zeros(self.value.size))
            others = ["other predictors"] if len(own) < len(self.terms) else []
            found.append((name, level, _ignores([*others, *self.leaves_out])))
        return found

    def marginal_note(self, term: Term) -> str:
        """What a test of this term without covariates leaves out, and whom it compares."""
        others = [other for other in self.terms if other is not term]
        beside = any(not term.predictor_name or other.predictor_name != term.predictor_name for other in others)
        whom = "" if term.compared.all() else "against the reference level"
        return "; ".join(filter(None, [whom, _ignores([*(["other predictors"] if beside else []), *self.leaves_out])]))


def lay_out(data: xr.Dataset) -> Regression:
    """Lay the prepared data of an association out for classical regressions.

    Returns
    -------
    Predictors divided by what makes their step one: the sd, or the distance of two values. Dummies of levels only where
    a grouping has enough patients a level and does not determine the predictors.
    """
    terms = _terms(data)
    value, weight = data["value"].to_numpy().astype(float), data["weight"].to_numpy().astype(float)
    constant = np.ones((value.size, 1))
    covariate = _independent(data["covariates"].to_numpy().astype(float), constant)
    predictors = np.column_stack([term.predictor for term in terms])
    adjustment, notes = covariate, []
    for place, grouping in enumerate(map(str, data["grouping"].values) if "group_index" in data else ()):
        index = data["group_index"].to_numpy()[:, place]
        levels = np.unique(index)
        if value.size < FEWEST_PER_LEVEL * levels.size:
            notes.append(f"{grouping} ignored: {levels.size} levels for {value.size} patients")
            continue
        dummies = (index[:, None] == levels[1:]).astype(float)
        wider = np.column_stack([adjustment, _independent(dummies, np.column_stack([constant, adjustment]))])
        if _is_full(np.column_stack([constant, covariate, predictors])) and not _is_full(
            np.column_stack([constant, wider, predictors])
        ):
            notes.append(f"{grouping} ignored: it determines the predictors")
            continue
        adjustment = wider
        notes.append(f"{grouping} as fixed effects")
    leaves_out = [
        *(["covariates"] if covariate.size else []),
        *(map(str, data["grouping"].values) if "group_index" in data else ()),
        *(["weights"] if np.any(weight != 1) else []),
    ]
    return Regression(
        value=value,
        terms=terms,
        adjustment=adjustment,
        weight=weight,
        offset=data["offset"].to_numpy().astype(float) if "offset" in data else np.zeros_like(value),
        categories=tuple(map(str, data["category"].values)) if "category" in data.coords else (),
        reference=json.loads(data.attrs.get("reference", "{}")).get(data.attrs.get("outcome"), ""),
        scale=float(data.attrs.get("scale", 1.0)),
        transformation=str(data.attrs.get("transformation", "")),
        identified=_is_full(np.column_stack([constant, predictors, adjustment])),
        note="; ".join(notes),
        leaves_out=tuple(leaves_out),
    )


def _ignores(names: list[str]) -> str:
    return f"ignores {', '.join(names)}" if names else ""


def _terms(data: xr.Dataset) -> tuple[Term, ...]:
    names = [str(name) for name in data["term"].values]
    predictor = data["predictor"].transpose("patient", "term").to_numpy().astype(float)
    two_valued = data["two_valued"].to_numpy().astype(bool)
    step = np.where(two_valued, np.ptp(predictor, axis=0), (data["predictor_sd"] / data["predictor_scale"]).to_numpy())
    predictor = predictor / step
    given = json.loads(data.attrs.get("predictors", "[]"))
    texts = [next((name for name in given if term.startswith(f"{name}[") and term not in given), "") for term in names]
    terms = []
    for place, name in enumerate(names):
        compared = np.ones(predictor.shape[0], dtype=bool)
        for other, text in enumerate(texts):
            if text and text == texts[place] and other != place:
                compared &= predictor[:, other] == predictor[:, other].min()
        terms.append(
            Term(name, predictor[:, place], "unit" if two_valued[place] else "sd", compared, str(texts[place]))
        )
    return tuple(terms)


def _is_full(matrix: np.ndarray) -> bool:
    norms = np.linalg.norm(matrix, axis=0)
    return bool(np.all(norms > 0)) and np.linalg.matrix_rank(matrix / norms, rtol=_NEARLY_DEPENDENT) == matrix.shape[1]


def _independent(columns: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Columns that are no combination of those given and of the columns before them."""
    kept = given
    for column in columns.T:
        wider = np.column_stack([kept, column])
        kept = wider if _is_full(wider) else kept
    return kept[:, given.shape[1] :]
