"""A stability fit in the words of its field: components, conditions, units and labels."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from markupsafe import Markup

from bayesrg.design import number_within
from bayesrg.inference.provenance import read_json
from bayesrg.models.layout import EFFECTS, FACETS, Layout
from bayesrg.models.stability import CONDITIONS
from bayesrg.reporting import mathematics as mathml
from bayesrg.reporting.blocks import count, enumerate_words
from bayesrg.reporting.fitted import Fitted
from bayesrg.transformation import Transformation

GREEK: Mapping[str, tuple[str, ...]] = {
    "subject": ("α",),
    "session": ("β",),
    "scanner": ("γ",),
    "preprocessing": ("δ",),
    "subject:scanner": ("α", "γ"),
    "subject:preprocessing": ("α", "δ"),
    "residual": ("ε",),
}
LETTERS: Mapping[str, str] = {"subject": "i", "session": "j", "scanner": "s", "preprocessing": "p", "replicate": "r"}
# What each component is, to a reader who does not know the word.
WORDS: Mapping[str, str] = {
    "subject": "what makes one subject differ from another whenever and however they are measured: the signal",
    "session": "what changes from one session to the next",
    "scanner": "what a scanner adds to every subject alike",
    "preprocessing": "what a preprocessing adds to every image alike",
    "subject:scanner": "what a scanner adds to one subject more than to another",
    "subject:preprocessing": "what a preprocessing adds to one subject more than to another",
    "residual": "what is left: noise, and every interaction that is not in the model",
}
# Condition -> what is measured anew and what stays, in words; the gap names the session, where there is one.
MEANING: Mapping[str, str] = {
    "repeatability": "the same subject is measured again{session} with all else the same",
    "reproducibility": "the same subject is measured again{session} on another scanner with all else the same",
    "robustness": "the same image is processed in another way",
    "overall": "the same subject is measured again in every respect that was varied here",
}


def display(component: str) -> str:
    """A component as prose writes it."""
    return component.replace(":", " × ")


@dataclass(frozen=True)
class StudyDesign:
    """A stability fit of one feature or many, with what its report needs to know of the design.

    Parameters
    ----------
    fit : the fit
    show_subjects : whether labels of subjects may be shown
    """

    fit: Fitted
    show_subjects: bool

    @cached_property
    def layout(self) -> Layout:
        """Components and levels of the data."""
        return Layout(self.fit.data)

    @cached_property
    def components(self) -> list[str]:
        """All components of variance, the residual last."""
        return [*self.layout.components, "residual"]

    @property
    def personal(self) -> frozenset[str]:
        """Dims whose labels contain a subject's."""
        return frozenset(EFFECTS[name][1] for name in self.layout.components if "subject" in self.layout.facets[name])

    @property
    def calibrated(self) -> str | None:
        """The facet whose levels have a location and a scale each; None where all levels share one scale."""
        return self.layout.calibrated

    @property
    def cautions(self) -> list[str]:
        """What about the data should make a reader doubt."""
        return json.loads(self.fit.data.attrs.get("cautions", "[]"))

    @property
    def session_design(self) -> str:
        """How sessions are numbered: nested, crossed or visit."""
        return str(self.fit.data.attrs["session_design"])

    @cached_property
    def levels(self) -> dict[str, np.ndarray]:
        """Level numbers by facet, shape (measurement,); sessions are numbered within what they are nested in."""
        own = [name for name in EFFECTS if name in self.layout.components or name == self.calibrated]
        named = {name: self.layout.levels(name) for name in own if ":" not in name}
        if "session" in named and self.session_design != "crossed":
            nest = named["subject"]
            if self.session_design == "visit":
                nest = nest * (named["scanner"].max() + 1) + named["scanner"]
            named["session"] = number_within(named["session"], nest)
        return named

    def n_levels(self, component: str) -> int:
        """How many levels of a component were seen."""
        return self.n_rows if component == "residual" else int(np.unique(self.layout.levels(component)).size)

    @property
    def n_rows(self) -> int:
        """Measurements that were fitted."""
        return self.fit.data.sizes["measurement"]

    @property
    def replicated(self) -> bool:
        """Whether a cell of the design was measured more than once."""
        return bool(self.fit.data.attrs["replicated"])

    @cached_property
    def partitions(self) -> dict[str, tuple[list[str], list[str]]]:
        """Condition -> its signal components and its error components; only conditions that the fit has."""
        conditions = [str(name) for name in self.fit.estimands["condition"].values]
        return {name: self.layout.partition(FACETS - CONDITIONS[name], CONDITIONS[name]) for name in conditions}

    def meaning(self, condition: str) -> str:
        """What a condition measures anew and what it keeps, in words."""
        return MEANING[condition].format(session=" in another session" if "session" in self.components else "")

    @property
    def unavailable(self) -> dict[str, str]:
        """Conditions that the design does not have, with the reason."""
        return read_json(self.fit.estimands.attrs, "unavailable")

    @property
    def measured_by(self) -> str:
        """Who was measured how often, as a phrase."""
        facets = [name for name in ("session", "scanner", "preprocessing") if name in self.levels]
        parts = [count(self.n_rows, "measurement"), count(self.n_levels("subject"), "subject")]
        for name in facets:
            parts.append(count(self.n_levels(name), name, "preprocessings" if name == "preprocessing" else None))
        return f"{parts[0]} of {enumerate_words(parts[1:])}"

    def index(self, component: str) -> Markup:
        """The index of a component's effects as MathML, such as j(i) for sessions nested in subjects."""
        letters = [name for name in LETTERS if name in self.layout.facets[component]]
        if component == "session":
            nest = [LETTERS[name] for name in letters if name != "session"]
            own = mathml.symbol("j")
            return mathml.row(own, mathml.sign("("), *map(mathml.symbol, nest), mathml.sign(")")) if nest else own
        if component == "residual" and not self.replicated:
            letters.remove("replicate")
        return mathml.row(*(mathml.symbol(LETTERS[name]) for name in letters))

    def effect(self, component: str) -> Markup:
        """The effect of a component as MathML."""
        base = mathml.row(*map(mathml.symbol, GREEK[component]))
        if len(GREEK[component]) > 1:
            base = mathml.row(mathml.sign("("), base, mathml.sign(")"))
        return mathml.subscript(base, self.index(component))


@dataclass(frozen=True)
class Study(StudyDesign):
    """A stability fit of one feature."""

    @property
    def feature(self) -> str:
        """The feature's name."""
        return str(self.fit.data.attrs["feature"])

    @property
    def unit(self) -> str:
        """The feature's unit, empty where none was given."""
        return str(self.fit.data.attrs["unit"])

    @property
    def axis(self) -> str:
        """The feature with its unit, for an axis."""
        name = self.feature if len(self.feature) <= 40 else self.feature[:39] + "…"
        if self.calibrated:
            return f"{name}, standardised by {self.calibrated}"
        if not self.transformation.has_units:
            return f"normal scores of {name}"
        return f"{name} ({self.unit})" if self.unit else name

    @property
    def transformation(self) -> Transformation:
        """The feature's way to the model's scale; none where every level has its own, and checks stay on that scale."""
        attributes = self.fit.data.attrs
        if self.calibrated:
            return Transformation("z_score", 0.0, 1.0)
        return Transformation(attributes["transformation"], attributes["location"], attributes["scale"])

    @property
    def spread_unit(self) -> str:
        """Unit of standard deviations: the feature's, of its logarithm, or of normal scores."""
        if self.calibrated:
            return "standardised"
        return {"z_score": self.unit, "log": "log", "rank_normal": "normal scores"}[self.transformation.name]

    def native(self, value: np.ndarray) -> np.ndarray:
        """Values from the model's scale back to the feature's (ranks stay normal scores)."""
        back = value * self.transformation.scale + self.transformation.location
        return np.exp(back) if self.transformation.name == "log" else back
