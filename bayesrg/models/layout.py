"""How a stability table becomes components, levels and effects, and back: the index work behind `Stability`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from bayesrg.design import number_within
from bayesrg.inference.elimination import Elimination, eliminate, recover_effects
from bayesrg.inference.strata import Strata, balanced_strata

# Component -> the name of its effects in the article, and the dim of their levels.
EFFECTS: Mapping[str, tuple[str, str]] = {
    "subject": ("alpha", "subject"),
    "session": ("beta", "session"),
    "scanner": ("gamma", "scanner"),
    "preprocessing": ("delta", "preprocessing"),
    "subject:scanner": ("alpha_gamma", "subject_scanner"),
    "subject:preprocessing": ("alpha_delta", "subject_preprocessing"),
}
# How sessions are numbered -> the facets that a session effect depends on.
SESSION_FACETS: Mapping[str, frozenset[str]] = {
    "nested": frozenset({"subject", "session"}),
    "crossed": frozenset({"session"}),
    "visit": frozenset({"subject", "scanner", "session"}),
}


@dataclass(frozen=True)
class Layout:
    """The components of one prepared data set, with the two forms of their collapsed density.

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
            facets["session"] = SESSION_FACETS[self.data.attrs["session_design"]]
        facets["residual"] = frozenset().union(*facets.values()) | {"subject", "replicate"}
        return facets

    def levels(self, component: str) -> np.ndarray:
        """Level numbers of a component, shape (measurement,)."""
        return self.data[f"{EFFECTS[component][1]}_index"].values

    @cached_property
    def strata(self) -> Strata | None:
        """The strata of a balanced design; None for any other."""
        named = {name: self.levels(name) for name in ("subject", "scanner", "preprocessing") if name in self.components}
        if "session" in self.components:
            nest = {"nested": "subject", "visit": "subject:scanner"}.get(self.data.attrs["session_design"])
            sessions = self.levels("session")
            if nest == "subject:scanner":
                pair = self.levels("subject") * (self.levels("scanner").max() + 1) + self.levels("scanner")
                sessions = number_within(sessions, pair)
            elif nest == "subject":
                sessions = number_within(sessions, self.levels("subject"))
            named["session"] = sessions
        return balanced_strata(named, [self.facets[name] for name in self.components])

    @cached_property
    def elimination(self) -> Elimination:
        """The arrowhead layout of any design."""
        local = {k: self.levels(name) for k, name in enumerate(self.components) if "subject" in self.facets[name]}
        border = {k: self.levels(name) for k, name in enumerate(self.components) if k not in local}
        return eliminate(self.levels("subject"), local, border, len(self.components))

    def recover(self, variance: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Effects by name, `mu` among them, drawn from their exact posterior; `variance` has shape (draw, component + 1)."""
        layout = self.elimination
        n_effects = int(layout.local_offset[-1]) + layout.border_variance.size
        noise = rng.standard_normal((variance.shape[0], n_effects))
        drawn = recover_effects(variance, noise, layout.local_offset, self.data["value"].values, *layout.arrays)
        effects = {"mu": drawn[:, layout.local_offset[-1]]}
        start = layout.local_offset[layout.subject]
        place_local, place_border = 0, 1
        for name in self.components:
            if "subject" in self.facets[name]:
                column = start + layout.local[:, place_local]
                place_local += 1
            else:
                column = layout.local_offset[-1] + layout.border[:, place_border]
                place_border += 1
            levels, first = np.unique(self.levels(name), return_index=True)
            effects[EFFECTS[name][0]] = np.empty((variance.shape[0], levels.size))
            effects[EFFECTS[name][0]][:, levels] = drawn[:, column[first]]
        return effects

    def finite_spread(self, component: str) -> np.ndarray:
        """Projection whose quadratic form in a component's effects is their finite-population variance (Gelman 2005).

        The levels observed are centred on the margins that the component is nested in or crossed with (sessions within their
        subject, interactions on both margins), and divided by the degrees of freedom that are left. Zero where none are left.
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
        return (np.eye(levels.size) - basis @ basis.T) / freedom if freedom else np.zeros((levels.size, levels.size))
