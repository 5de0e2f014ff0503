"""A multi-region fit as its report reads it: links, tumours by number, draws, and the words for both."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from bayesrg.inference.provenance import read_json
from bayesrg.models.draws import flatten_draws, thin_draws
from bayesrg.models.regions.components import Components
from bayesrg.models.regions.correlation import MATERN
from bayesrg.models.regions.layout import RegionLayout
from bayesrg.reporting.drawing import shorten
from bayesrg.reporting.fitted import Estimate, Fitted

# A batch whose name says that its levels are people, or that has hardly more rows than levels, may name patients.
PEOPLE = re.compile(r"patient|subject|participant|person|case|identifier|\bids?\b|_id\b", re.IGNORECASE)
FEWEST_ROWS = 3.0
MOST_LINKS = 24  # that a figure shows
THINNED = 200  # draws with which the page itself computes: variograms, values left out, local coefficients
SEED = 1


@dataclass(frozen=True)
class Link:
    """A feature and a gene."""

    feature: str
    gene: str

    @property
    def label(self) -> str:
        """Both names beside an axis."""
        return f"{shorten(self.gene, 11)}, {shorten(self.feature, 20)}"


@dataclass(frozen=True)
class Study:
    """A fit of a `MultiRegion`, with what its report finds from it.

    Parameters
    ----------
    fit : the fit
    show_subjects : whether labels of patients, tumours and regions may be shown
    """

    fit: Fitted
    show_subjects: bool

    @cached_property
    def personal(self) -> frozenset[str]:
        """Dims whose labels may be those of patients."""
        named = {"region", "tumor", "patient"}
        levels = self.data.sizes["level"]
        if levels and (PEOPLE.search(self.data.attrs["batch"]) or self.n_regions / levels < FEWEST_ROWS):
            named.add("level")
        return frozenset(named)

    @cached_property
    def data(self) -> xr.Dataset:
        """The data that were fitted."""
        return self.fit.data

    @property
    def model(self) -> Any:
        """The `MultiRegion`."""
        return self.fit.model

    @cached_property
    def posterior(self) -> xr.Dataset:
        """The posterior's draws."""
        return self.fit.tree["posterior"].to_dataset()

    @cached_property
    def layout(self) -> RegionLayout:
        """The regions as the model computes with them."""
        return RegionLayout(self.data, self.model.contextual)

    @cached_property
    def features(self) -> list[str]:
        """Names of the features."""
        return [str(name) for name in self.data["feature"].values]

    @cached_property
    def genes(self) -> list[str]:
        """Names of the genes."""
        return [str(name) for name in self.data["gene"].values]

    @property
    def n_regions(self) -> int:
        """Regions that were fitted."""
        return self.data.sizes["region"]

    @property
    def n_tumors(self) -> int:
        """Tumours that were fitted."""
        return self.data.sizes["tumor"]

    @property
    def n_patients(self) -> int:
        """Patients that were fitted."""
        return self.data.sizes["patient"]

    @cached_property
    def regions_of(self) -> np.ndarray:
        """Regions of each tumour, shape (tumor,)."""
        return np.bincount(self.data["tumor_index"].values, minlength=self.n_tumors)

    @property
    def matern(self) -> bool:
        """Whether correlation falls with a distance in mm."""
        return self.model.spatial in MATERN

    @property
    def placed(self) -> bool:
        """Whether places of regions are known."""
        return "position" in self.data

    @cached_property
    def tumors(self) -> list[str]:
        """Names of the tumours that may be shown: their labels, or their numbers."""
        if self.show_subjects:
            return [str(label) for label in self.data["tumor"].values]
        return [f"tumour {number}" for number in range(1, self.n_tumors + 1)]

    @cached_property
    def cautions(self) -> list[str]:
        """What about the data should make a reader doubt; without labels where these may not be shown."""
        return read_json(self.data.attrs, "cautions" if self.show_subjects else "anonymous_cautions")

    @cached_property
    def dropped(self) -> dict[str, int]:
        """Why rows were left out, with how many."""
        return read_json(self.data.attrs, "dropped")

    @cached_property
    def links(self) -> list[Link]:
        """Every feature with every gene."""
        return [Link(feature, gene) for feature in self.features for gene in self.genes]

    @cached_property
    def shown(self) -> list[Link]:
        """Links that figures show: all, or those of which most is known to be there, in their own order."""
        if len(self.links) <= MOST_LINKS:
            return self.links
        size = {link: max(abs(self.draws("B_0", link).mean()), self.spread(link).mean()) for link in self.links}
        kept = set(sorted(self.links, key=lambda link: -size[link])[:MOST_LINKS])
        return [link for link in self.links if link in kept]

    @property
    def partly(self) -> str:
        """What a caption says where not all links are drawn; empty where they are."""
        if len(self.shown) == len(self.links):
            return ""
        return f" Drawn are the {len(self.shown)} of {len(self.links)} links whose average or variation is largest."

    @cached_property
    def varying(self) -> list[Link]:
        """Links, the one whose variation makes up most of its feature first."""
        share = {link: float(self.draws("heterogeneity", link).mean()) for link in self.links}
        return sorted(self.links, key=lambda link: -share[link])

    @cached_property
    def strongest(self) -> Link:
        """The link whose average coefficient is largest beside its uncertainty."""
        drawn = {link: self.draws("B_0", link) for link in self.links}
        return max(self.links, key=lambda link: abs(drawn[link].mean()) / drawn[link].std())

    def draws(self, name: str, link: Link) -> np.ndarray:
        """Posterior draws of an estimand of a link, flat."""
        return self.fit.posterior(name, feature=link.feature, gene=link.gene)

    def spread(self, link: Link) -> np.ndarray:
        """Draws of the sd of a link's coefficient over tumours and regions of the superpopulation, flat."""
        # The variance within tumours cannot be added: of a graph it counts regions that vary against each other twice.
        return np.sqrt(self.draws("variance_between", link) / (1.0 - self.draws("local_share", link)))

    def estimate(self, name: str, link: Link) -> Estimate:
        """The estimate of an estimand of a link."""
        return self.fit.estimate(name, link.feature, link.gene)

    def estimates(self, name: str, links: list[Link]) -> np.ndarray:
        """Mean, lower and upper bound of an estimand, shape (3, link)."""
        found = [self.estimate(name, link) for link in links]
        return np.array([[getattr(one, part) for one in found] for part in ("mean", "lower", "upper")])

    def unit_of(self, feature: str) -> str:
        """A feature's unit; empty for none."""
        return str(self.data["unit"].sel(feature=feature).item())

    def native(self, feature: str, value: np.ndarray) -> np.ndarray:
        """Values of the model's scale in the feature's own units, or as normal scores."""
        own = self.data.sel(feature=feature)
        back = value * float(own["scale"]) + float(own["location"])
        return np.exp(back) if self.data.attrs["transformation"] == "log" else back

    def axis(self, feature: str, width: int = 34) -> str:
        """A feature with its unit, for an axis."""
        name, unit = shorten(feature, width), self.unit_of(feature)
        if self.data.attrs["transformation"] == "rank_normal":
            return f"normal scores of {name}"
        return f"{name} ({unit})" if unit and unit != "1" else name

    @cached_property
    def thinned(self) -> dict[str, np.ndarray]:
        """Some draws of the sampled parameters and of the mean's coefficients, with the draw as first axis."""
        return flatten_draws(self._thin.drop_vars(["B", "a"], errors="ignore"))

    @cached_property
    def components(self) -> Components:
        """Components of variance of these draws."""
        return self.model.components(self.thinned, self.layout)

    @cached_property
    def coefficients(self) -> np.ndarray:
        """Coefficients of the mean in these draws, shape (draw, feature, column)."""
        parts = [self.thinned[name] for name in self.layout.parts]
        return np.concatenate([own[..., None] if own.ndim == 2 else own for own in parts], axis=-1)

    @cached_property
    def local(self) -> np.ndarray:
        """Some draws of the coefficients of every region, shape (draw, region, feature, gene)."""
        if "B" in self.posterior:
            found = self._thin
        else:
            found = self.model.recover_local(self._thin, self.data, np.random.default_rng(SEED))
        return flatten_draws(found[["B"]].transpose("chain", "draw", "region", "feature", "gene"))["B"]

    @cached_property
    def _thin(self) -> xr.Dataset:
        return thin_draws(self.posterior, THINNED)
