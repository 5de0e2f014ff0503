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
FACETS = frozenset({"session", "scanner", "preprocessing"})
# How sessions are numbered -> the facets within which a session is numbered.
SESSION_NEST: Mapping[str, tuple[str, ...]] = {
    "nested": ("subject",),
    "crossed": (),
    "visit": ("subject", "scanner"),
}


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
        facets["residual"] = frozenset().union(*facets.values()) | {"replicate"}
        return facets

    def levels(self, component: str) -> np.ndarray:
        """Level numbers of a component, shape (measurement,)."""
        return self.data[f"{EFFECTS[component][1]}_index"].values

    @cached_property
    def strata(self) -> Strata | None:
        """The strata of a balanced design; None for any other."""
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
        return eliminate(self.levels("subject"), local, border, len(self.components))

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

    def recover(self, variance: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
        """Effects, `mu` among them, drawn from their exact posterior.

        Parameters
        ----------
        variance : ndarray, shape (draw, component + 1), the prior variance of the mean last

        Returns
        -------
        Dataset over draw and the levels of each component.
        """
        layout = self.elimination
        first_border = int(layout.local_offset[-1])
        noise = rng.standard_normal((variance.shape[0], first_border + layout.border_variance.size))
        drawn = recover_effects(variance, noise, layout.local_offset, self.data["value"].values, *layout.arrays)
        effects = {"mu": drawn[:, first_border]}
        places = {"local": iter(range(layout.local.shape[1])), "border": iter(range(1, layout.border.shape[1]))}
        for name in self.components:
            if "subject" in self.facets[name]:
                column = layout.local_offset[layout.subject] + layout.local[:, next(places["local"])]
            else:
                column = first_border + layout.border[:, next(places["border"])]
            _, first = np.unique(self.levels(name), return_index=True)
            effects[EFFECTS[name][0]] = drawn[:, column[first]]
        return self.name(effects)

    def draw(
        self, variance: np.ndarray, rng: np.random.Generator, mu: float | None = None
    ) -> tuple[xr.Dataset, np.ndarray]:
        """Fresh effects (over draw) and values (draw, measurement) from their distribution, with NumPy alone."""
        sd = np.sqrt(variance)
        draws = sd.shape[0]
        effects = {"mu": sd[:, -1] * rng.standard_normal(draws) if mu is None else np.full(draws, mu)}
        value = effects["mu"][:, None] + sd[:, -2, None] * rng.standard_normal((draws, self.data.sizes["measurement"]))
        for number, name in enumerate(self.components):
            effect, dim = EFFECTS[name]
            effects[effect] = sd[:, number, None] * rng.standard_normal((draws, self.data.sizes[dim]))
            value = value + effects[effect][:, self.levels(name)]
        return self.name(effects), value

    def name(self, effects: Mapping[str, np.ndarray]) -> xr.Dataset:
        """Arrays of effects (draw, level) as a Dataset with the labels of their levels."""
        dims = {effect: dim for effect, dim in EFFECTS.values() if effect in effects}
        return xr.Dataset(
            {name: (("draw", dims[name]) if name in dims else "draw", array) for name, array in effects.items()},
            coords={dim: self.data[dim] for dim in dims.values()},
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
