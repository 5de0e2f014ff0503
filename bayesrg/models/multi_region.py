"""Multi-region radiogenomics: features of a tumour's regions by their genes, with links that may vary in space.

    f_tr = a_tr + B_tr g_tr + epsilon_tr,   B_tr = B_0 + U_t + W_tr

for regions r of tumours t: B_0 is the population's coefficient of each feature and gene, U_t a tumour's deviation,
and W_tr a process within the tumour. a_tr varies between tumours and in space on its own, so that what is smooth in the
image alone is imaging heterogeneity, and only what varies in B is radiogenomic heterogeneity. Coefficients varying in
space are those of Gelfand et al. 2003 (doi:10.1198/016214503000170), with replicates. B_0 and all effects are
integrated out of the sampled density, and drawn back exactly.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.models.draws import unflatten_draws
from bayesrg.models.multi_region_estimands import MEANING, estimate_links, sources
from bayesrg.models.regions.components import Components
from bayesrg.models.regions.conditioning import condition, draw_given_data, draw_new_values, split
from bayesrg.models.regions.correlation import MATERN, matern
from bayesrg.models.regions.laying_out import lay_out_regions
from bayesrg.models.regions.layout import RegionLayout
from bayesrg.models.regions.matching import align_parameters, check_replicates, read_layout
from bayesrg.models.regions.parameters import (
    PROCESSES,
    RECOVERED,
    draw_parameters,
    read_draws,
    split_coefficients,
    stated_log_priors,
)
from bayesrg.models.regions.priors import MultiRegionPriors
from bayesrg.models.regions.simulating import simulate_values
from bayesrg.prior import Prior
from bayesrg.transformation import Scale

__all__ = ["MEANING", "MultiRegion", "MultiRegionPriors"]

Spatial = Literal["matern12", "matern32", "matern52", "graph", "exchangeable"]
Residual = Literal["independent", "correlated"]
LENGTH_REASON = (
    "1 % lies below the smallest distance between regions of a tumour and 1 % above the largest: shorter or longer "
    "length-scales make no difference to these regions"
)
# Numbers in the draws of B that a fit keeps: beyond, `recover_local` makes them again.
MOST_KEPT = 2e7


@dataclass(frozen=True)
class MultiRegion:
    """Features of regions by genes of regions: f_tr = a_tr + B_tr g_tr + epsilon_tr, B_tr = B_0 + U_t + W_tr.

    Parameters
    ----------
    spatial : how a and B vary within a tumour: a Matérn function of the distance in mm (``"matern12"``, ``"matern32"``,
        ``"matern52"``), a ``"graph"`` of neighbours (BYM2), or ``"exchangeable"`` regions
    residual : ``"independent"`` features given B, each link with sds of its own (the general form); or
        ``"correlated"``, with a full covariance of the residuals over features, and sds that features share
    contextual : let the slope between tumours' means differ from that within tumours (Mundlak 1978,
        doi:10.2307/1913646), so that what differs between patients does not bias B_0
    rope : size of a coefficient that is practically nil, in sds of the feature per sd of the gene, or per step of a
        two-valued one
    delta : share of a feature's variance by the heterogeneity of a link that is of interest
    priors : `MultiRegionPriors`

    Raises
    ------
    TypeError
        For unknown options.
    """

    spatial: Spatial = "matern32"
    residual: Residual = "independent"
    contextual: bool = True
    rope: float = 0.1
    delta: float = 0.05
    priors: MultiRegionPriors = field(default_factory=MultiRegionPriors)

    def __post_init__(self) -> None:
        """Refuse unknown options."""
        for name, known in (("spatial", get_args(Spatial)), ("residual", get_args(Residual))):
            if getattr(self, name) not in known:
                raise TypeError(f"unknown {name} {getattr(self, name)!r}; known are {', '.join(known)}")
        if not self.rope > 0 or not 0 < self.delta < 1:
            raise TypeError(f"rope is positive and delta a share between 0 and 1; got {self.rope} and {self.delta}")
        if not isinstance(self.priors, MultiRegionPriors):
            raise TypeError(f"priors are MultiRegionPriors; got {self.priors!r}")

    @property
    def target_accept(self) -> float:
        """Mean acceptance that NUTS adapts its steps to.

        Sds of links that may be nil bend the posterior, and larger steps fall out of it once in some thousand draws;
        with a graph, whose process has no variance in one direction, 41 of 600,000 still did at 0.95.
        """
        return 0.99 if self.spatial == "graph" else 0.95

    def prepare(
        self,
        table: pd.DataFrame | xr.Dataset,
        *,
        features: Sequence[str],
        genes: Sequence[str],
        tumor: str = "tumor",
        region: str = "region",
        patient: str | None = None,
        coordinates: Sequence[str] | None = None,
        neighbours: pd.DataFrame | None = None,
        formula: str | None = None,
        batch: str | None = None,
        scale: Scale = "z_score",
        units: Mapping[str, str] | None = None,
    ) -> xr.Dataset:
        """Lay out a table with a row a region, or a cohort of regions.

        Parameters
        ----------
        table : a table, or the Dataset of `bayesrg.cohort.join`
        features, genes : columns of numbers; a missing feature is left out on its own where residuals are independent
        tumor, region, patient : columns of labels; `patient` where a patient may have several tumours
        coordinates : one to three columns in mm, of Matérn functions
        neighbours : pairs of a graph, with the columns ``tumor``, ``region`` and ``neighbour``; where patients share
            labels of tumours, ``tumor`` says ``P/T1`` of tumour T1 of patient P
        formula : covariates of regions, as ``"C(compartment) + purity"``
        batch : column whose levels have effects of their own
        scale : of the features: ``"z_score"``, ``"log"`` or ``"rank_normal"``
        units : column -> unit

        Returns
        -------
        Dataset with `value` (region, feature; NaN where missing) and `genome` (region, gene) on the model's scale, the
        tumours' means of the genes (`context`), `covariates`, pairs of regions with their distances or neighbourhood,
        and in its attributes (JSON) the rows that were left out (`dropped`) and `cautions`, which may name tumours and
        regions (`anonymous_cautions` do not).

        Raises
        ------
        TableError
            For absent columns, text among numbers, columns that do not vary, a region in two rows.
        DesignError
            For distances that no tumour has, covariates that repeat each other, and a batch of one level.
        TypeError
            For places that the spatial form does not use, or lacks.
        """
        if isinstance(table, xr.Dataset):
            from bayesrg.cohort.flattening import to_table

            # Its labels are the index.
            table = to_table(table).reset_index()
        return lay_out_regions(
            table,
            self.spatial,
            features=[features] if isinstance(features, str) else list(features),
            genes=[genes] if isinstance(genes, str) else list(genes),
            tumor=tumor,
            region=region,
            patient=patient,
            coordinates=coordinates,
            neighbours=neighbours,
            formula=formula,
            batch=batch,
            scale=scale,
            units=units or {},
            complete=self.residual == "correlated",
        )

    def build(self, data: xr.Dataset) -> Any:
        """The PyMC model without coefficients and effects, which are integrated out."""
        from bayesrg.models.regions.building import build_regions

        return build_regions(self, data, read_layout(self, data))

    def simulate(
        self, design: xr.Dataset, rng: np.random.Generator, parameters: xr.Dataset | None = None
    ) -> xr.DataTree:
        """New features of the same regions, with NumPy alone, effect by effect.

        Parameters
        ----------
        design : Dataset of `prepare`; its values are ignored, but for which of them are missing
        parameters : Dataset with every sampled parameter; it may have coefficients of the mean as well (`mu`, `B_0`,
            …), which are drawn where it does not. Dims are told by name, and features, genes and the like by their
            labels where it has any. None draws all from the prior

        Returns
        -------
        DataTree with the groups `parameters` (with `B` and `a` of every region) and `data`.

        Raises
        ------
        TypeError, DesignError
            For parameters that the model does not know, and for labels of the design of which one says nothing.
        """
        layout = read_layout(self, design)
        if parameters is None:
            own = draw_parameters(self, layout, rng, 1)
        else:
            own = align_parameters(self, layout, parameters)
        return simulate_values(self, layout, own, rng, local=True).isel(draw=0)

    def draw_prior(self, design: xr.Dataset, rng: np.random.Generator, draws: int) -> xr.DataTree:
        """Draws from the prior, each with data of the same design: `simulate` for many at once, along the dim draw."""
        layout = read_layout(self, design)
        return simulate_values(self, layout, draw_parameters(self, layout, rng, draws), rng, local=False)

    def recover(self, posterior: xr.Dataset, data: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Draw what was integrated out from its exact posterior given each draw of the sds.

        Returns
        -------
        Dataset with `mu` (feature), `B_0` and `contextual` (feature, gene), `gamma` (feature, covariate) and
        `batch_effect` (feature, level) where the model has them; the finite variances `B_variance`,
        `B_variance_within` and `B_variance_between` (feature, gene); and, where all draws of it have at most
        `MOST_KEPT` numbers, `B` (region, feature, gene) and `a` (region, feature). Otherwise `recover_local` makes
        them, of as many draws as there is room for.
        """
        numbers = data.sizes["region"] * data.sizes["feature"] * data.sizes["gene"]
        draws = posterior.sizes["chain"] * posterior.sizes["draw"]
        return self.recover_local(posterior, data, rng, local=numbers * draws <= MOST_KEPT)

    def recover_local(
        self, posterior: xr.Dataset, data: xr.Dataset, rng: np.random.Generator, *, local: bool = True
    ) -> xr.Dataset:
        """As `recover`; `local` says whether `B` and `a` of every region are kept."""
        layout = read_layout(self, data)
        own = read_draws(self, posterior)
        found = draw_given_data(self.components(own, layout), layout, rng, local=local)
        found |= split_coefficients(found.pop("coefficients"), layout)
        arrays = {name: (RECOVERED[name], array) for name, array in found.items()}
        return self._unflatten(arrays, posterior, data)

    def predict(self, posterior: xr.Dataset, data: xr.Dataset, new: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Features measured anew: of the regions fitted, and of others whose features are not known.

        Parameters
        ----------
        posterior : with what `recover` adds or without
        data : the data that were fitted
        new : the same Dataset, for replicates of the regions fitted, given their own B and a; it may have more regions
            beside them, whose values are missing

        Returns
        -------
        Dataset with `value` (chain, draw, region, feature) on the model's scale, and `expected`, without epsilon.

        Raises
        ------
        DesignError
            For regions fitted that `new` lacks or describes otherwise, and for others whose features it gives: the
            prediction would know its own answer.
        """
        check_replicates(data, new)
        layout = read_layout(self, new)
        found = draw_new_values(self.components(read_draws(self, posterior), layout), layout, rng)
        return self._unflatten({name: (RECOVERED["a"], own) for name, own in found.items()}, posterior, new)

    def log_likelihood(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of each region's features given all other regions, of each tumour's given all others, and of all.

        Returns
        -------
        Dataset over chain and draw with `value` (region), `tumor_left_out` (tumor) and `joint`.
        """
        layout = read_layout(self, data)
        components = self.components(read_draws(self, posterior), layout)
        regions, tumors, joint = [], [], []
        for some in split(components, layout):
            found = condition(components.part(some), layout)
            joint.append(found.joint)
            one = [
                found.left_out(np.array([row]), block)[0]
                for block, own in enumerate(layout.blocks)
                for row in range(own.stop - own.start)
            ]
            regions.append(np.stack(one, axis=1))
            tumors.append(np.stack([found.left_out(rows, block)[0] for block, rows in layout.tumors()], axis=1))
        arrays = {
            "value": (("region",), np.concatenate(regions)),
            "tumor_left_out": (("tumor",), np.concatenate(tumors)),
            "joint": ((), np.concatenate(joint)),
        }
        return self._unflatten(arrays, posterior, data)

    def log_prior(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of each prior as it is stated, by draw, for power-scaling sensitivity."""
        found = stated_log_priors(self, read_layout(self, data).data, read_draws(self, posterior))
        return unflatten_draws({name: ((), density) for name, density in found.items()}, posterior, {})

    def estimands(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """How features follow genes, and how far that varies between and within tumours, draw by draw (see `MEANING`).

        Returns
        -------
        Dataset over chain and draw, by feature and gene, feature and source of variance, or process; each with `unit`
        and `meaning`.
        """
        layout = read_layout(self, data)
        own = read_draws(self, posterior)
        found = estimate_links(own, self.components(own, layout), layout, data, self.rope, self.delta)
        arrays = {name: (dims, array) for name, (dims, array, _) in found.items()}
        dataset = self._unflatten(arrays, posterior, data)
        for name, (_, _, unit) in found.items():
            dataset[name].attrs = {"unit": unit, "meaning": MEANING[name]}
        return dataset

    def components(self, own: Mapping[str, np.ndarray], layout: RegionLayout) -> Components:
        """Variances and correlations of draws of the parameters, as `read_draws` gives them."""
        draws, n_features = len(own["slope_sd"]), layout.data.sizes["feature"]
        shares = self.components_of_a(layout)
        spread = own["a_sd"][:, None] if self.residual == "correlated" else own["total_sd"]
        share = own["share"] if "share" in own else np.ones((draws, 1))
        if self.residual == "correlated":
            share = share[:, None]
        variance = {name: spread**2 * share[..., place] for place, name in enumerate(shares)}
        zero, rotation = np.zeros((draws, n_features)), None
        if self.residual == "correlated":
            variance["residual"], rotation = np.linalg.eigh(own["residual_covariance"])
        links = {
            name: np.broadcast_to(
                own[name][:, None] if own[name].ndim == 2 else own[name], (draws, n_features, layout.genome.shape[1])
            )
            ** 2
            for name in ("tumor_sd", "space_sd")
        }
        correlation_a, correlation_b = self._correlations(own, layout)
        prior = np.concatenate(
            [
                np.broadcast_to(self.prior_variance(name, own), (draws, 1)).repeat(part.stop - part.start, axis=1)
                for name, part in layout.parts.items()
            ],
            axis=1,
        )
        return Components(
            patient=zero + variance.get("patient", 0.0),
            tumor=zero + variance["tumor"],
            space=zero + variance.get("space", 0.0),
            residual=variance["residual"],
            gene_tumor=links["tumor_sd"],
            gene_space=links["space_sd"],
            correlation_a=correlation_a,
            correlation_B=correlation_b,
            prior=prior,
            rotation=rotation,
        )

    def components_of_a(self, layout: RegionLayout) -> list[str]:
        """What the variance of a (and, of independent residuals, of epsilon) is divided among."""
        shares = ["patient"] if layout.several_tumors else []
        shares += ["tumor"]
        shares += ["space"] if self.spatial != "exchangeable" else []
        return shares if self.residual == "correlated" else [*shares, "residual"]

    def prior_variance(self, part: str, own: Mapping[str, Any]) -> Any:
        """Prior variance of a part of the mean's coefficients, where `own` has the sds that are learned."""
        if part == "B_0":
            return (own["slope_sd"] ** 2)[..., None]
        if part == "batch_effect":
            return (own["batch_sd"] ** 2)[..., None]
        return np.array([getattr(self.priors, part).arguments["sigma"] ** 2])

    def length_scale_prior(self, data: xr.Dataset) -> Prior:
        """The prior of both length-scales, in mm: the model's own, or the design's inverse gamma."""
        if self.priors.length_scale is not None:
            return self.priors.length_scale
        arguments = {"alpha": float(data["length_scale_alpha"]), "beta": float(data["length_scale_beta"])}
        return Prior("InverseGamma", arguments, LENGTH_REASON)

    def _correlations(self, own: Mapping[str, np.ndarray], layout: RegionLayout) -> tuple[np.ndarray, np.ndarray]:
        """Correlations in space of a and of B, each (draw, region_pair)."""
        draws, data = len(own["slope_sd"]), layout.data
        if self.spatial in MATERN:
            distance = data["pair_distance"].values
            a, b = (layout.in_tumor * matern(self.spatial, distance, one[:, None]) for one in own["length_scale"].T)
            return a, b
        unstructured = np.broadcast_to(layout.diagonal, (draws, layout.diagonal.size))
        if self.spatial == "exchangeable":
            return unstructured, unstructured
        structured = data["pair_neighbourhood"].values
        mixing = own["mixing"][:, None]
        return np.broadcast_to(structured, unstructured.shape), (1.0 - mixing) * layout.diagonal + mixing * structured

    def _unflatten(
        self, arrays: Mapping[str, tuple[tuple[str, ...], np.ndarray]], posterior: xr.Dataset, data: xr.Dataset
    ) -> xr.Dataset:
        """Arrays with their dims as a Dataset over chain and draw, with the labels of its dims."""
        return unflatten_draws(
            arrays, posterior, self.label_dims(data, (dim for dims, _ in arrays.values() for dim in dims))
        )

    def label_dims(self, data: xr.Dataset, dims: Iterable[str]) -> dict[str, Any]:
        """The labels of dims of parameters and estimands."""
        layout = RegionLayout(data, self.contextual)
        own = {
            "other_feature": data["feature"].values,
            "component": np.array(self.components_of_a(layout)),
            "process": np.array(PROCESSES),
            "source_of_variance": np.array(sources(layout)),
        }
        return {dim: own[dim] if dim in own else data[dim].values for dim in dict.fromkeys(dims)}
