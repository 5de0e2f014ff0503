"""The decision study: how reliable the mean of several sessions, scanners and preprocessings would be.

A component that contains the subject and the facets F contributes its variance divided by the product of the numbers of
levels of F that are averaged; the residual contains every facet and the replicate. Sessions nested in subjects are
divided by their number, those nested in subjects on scanners (visits) by the number of scanners too. With tau the
variance of subjects' universe scores, delta the error of relative decisions (components with the subject) and Delta
that of absolute decisions (main effects of facets too),

    E rho^2 = tau / (tau + delta),    Phi = tau / (tau + Delta)

(Brennan 2001, chapter 4, doi:10.1007/978-1-4757-3456-0; Shavelson & Webb 1991, Generalizability Theory: A Primer,
chapter 6).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import DesignError, FitError
from bayesrg.inference.summarising import quantiles_of_draws
from bayesrg.models.layout import FACETS, Layout

REFERENCE = "Brennan 2001, chapter 4, doi:10.1007/978-1-4757-3456-0"
MEANING = {
    "generalisability": "E rho^2: reliability of the mean over the design, for relative decisions",
    "dependability": "Phi: reliability of the mean over the design, for absolute decisions",
}
NUMBERS = (1.0, 2.0, 3.0, 4.0, 5.0)
BLOCK = 500_000  # coefficients worked out at once where draws are reduced: arrays of 4 MB stay near the processor
DRAWS = ("chain", "draw")
Reduce = Literal["mean"] | Sequence[float] | None


def decision_study(
    posterior: xr.Dataset,
    data: xr.Dataset,
    *,
    sessions: Sequence[float] | None = None,
    scanners: Sequence[float] | None = None,
    preprocessings: Sequence[float] | None = None,
    replicates: int = 1,
    fixed: Iterable[str] = (),
    reduce: Reduce = None,
) -> xr.Dataset:
    """Reliability of the mean over each number of sessions, scanners and preprocessings, draw by draw.

    Parameters
    ----------
    posterior : Dataset with `variance` (chain, draw, [feature], component)
    data : Dataset of `Stability.prepare`
    sessions, scanners, preprocessings : numbers to be averaged, of facets that the design has; None takes 1 to 5.
        Sessions are counted for each subject (of visits: for each subject on each scanner). Infinity averages the
        facet's whole universe, so that it leaves no error: the best that more levels could do
    replicates : measurements of each cell
    fixed : facets whose levels are the universe and not a sample of it. What a fixed facet interacts with then belongs
        to the universe score (divided by its number), and its main effect is no error (Brennan 2001, mixed models).
        With one level of it this is a statement about that very scanner or preprocessing alone
    reduce : None keeps all draws; ``"mean"`` the posterior mean; numbers between 0 and 1 the quantiles (dim quantile).
        Many features are reduced block by block, so that the draws of all are never held at once

    Returns
    -------
    Dataset with `generalisability` and `dependability` over [chain, draw or quantile], [feature], and those of
    n_session, n_scanner, n_preprocessing that the design has. Where an interaction is not among the model's components
    it is within the residual, and is averaged as if it were independent between all measurements: the attribute
    `within_residual` (JSON) names them.

    Raises
    ------
    DesignError
        For numbers of a facet that the design does not have, numbers below one or broken ones, or an unknown facet.
    """
    layout = Layout(data)
    asked = {"session": sessions, "scanner": scanners, "preprocessing": preprocessings}
    numbers: dict[str, np.ndarray] = {}
    for facet, given in asked.items():
        if facet in layout.components:
            numbers[facet] = _checked(f"{facet}s", NUMBERS if given is None else given)
        elif given is not None and facet == layout.calibrated:
            raise DesignError(f"every {facet} has a location and a scale of its own: to average them mixes units")
        elif given is not None:
            raise DesignError(f"the design has no {facet}, so it cannot say what averaging {given} of them would do")
    held = frozenset(fixed)
    if held - numbers.keys():
        raise DesignError(f"fixed={sorted(held)}: the design's facets are {', '.join(numbers) or 'none'}")
    if not np.isfinite(_checked("replicates", [replicates])).all():
        raise DesignError("replicates must be a finite number")
    weights = _weights(layout, numbers, replicates, held)
    found = _reduced(posterior["variance"], weights, reduce)
    for name, meaning in MEANING.items():
        found[name].attrs = {"unit": "1", "meaning": meaning, "reference": REFERENCE}
    return found.assign_attrs(
        replicates=replicates, fixed=json.dumps(sorted(held)), within_residual=data.attrs["not_identified"]
    )


def cheapest(
    study: xr.Dataset,
    target: float,
    probability: float,
    coefficient: Literal["generalisability", "dependability"] = "generalisability",
) -> pd.DataFrame:
    """Designs with the fewest measurements of a subject whose coefficient exceeds a target with enough probability.

    Parameters
    ----------
    study : Dataset of `decision_study`: with its draws, or reduced to quantiles among which is 1 - probability (the
        coefficient exceeds the target with at least this probability where that quantile does)
    target : coefficient to be exceeded
    probability : posterior probability that is required
    coefficient : for relative (generalisability) or absolute decisions (dependability)

    Returns
    -------
    DataFrame with a row for each design of the smallest total (ties are all there), for each feature where there are
    many: `reached`, the numbers averaged, `measurements` (their product with the replicates; infinite numbers cannot be
    measured and are left out), and `probability` of exceeding the target (absent where the study was reduced). Where no
    design reaches it there is one row with `reached` False, and the greatest probability of any design.

    Raises
    ------
    FitError
        For a study that was reduced otherwise, or has no finite design.
    """
    dims = [str(dim) for dim in study.dims if str(dim).startswith("n_")]
    values = study[coefficient]
    for dim in dims:
        values = values.isel({dim: np.isfinite(study[dim].values)})
    if not all(values.sizes[dim] for dim in dims):
        raise FitError("every design of the study averages infinitely many levels: none can be measured")
    if "draw" in values.dims:
        chance = (values > target).mean(DRAWS)
        enough = chance >= probability - 1e-12
    elif "quantile" in values.dims and np.isclose(values["quantile"], 1.0 - probability).any():
        enough = values.sel(quantile=1.0 - probability, method="nearest") > target
        chance = None
    else:
        raise FitError(
            f"the study was reduced without the quantile {1.0 - probability:g}, which decides whether the target is "
            f"exceeded with probability {probability:g}: call decision_study(…, reduce=[{1.0 - probability:g}])"
        )
    order = ["feature"] * ("feature" in enough.dims) + dims
    enough = enough.transpose(*order)
    designs = pd.DataFrame(
        np.array(np.meshgrid(*(enough[dim].values for dim in dims), indexing="ij")).reshape(len(dims), -1).T,
        columns=dims,
    ).astype(int)
    designs["measurements"] = designs[dims].prod(axis=1) * int(study.attrs["replicates"])
    reached = enough.values.reshape(-1, len(designs))
    chances = None if chance is None else chance.transpose(*order).values.reshape(-1, len(designs))
    labels = enough["feature"].values if "feature" in order else [None]
    tables = []
    for number, label in enumerate(labels):
        inside = reached[number]
        if inside.any():
            fewest = designs.loc[inside, "measurements"].min()
            chosen = inside & (designs["measurements"] == fewest).to_numpy()
            table = designs[chosen].assign(reached=True)
        else:
            chosen = np.zeros(len(designs), dtype=bool)
            table = pd.DataFrame([{**dict.fromkeys(designs.columns, pd.NA), "reached": False}])
        if chances is not None:
            table = table.assign(probability=chances[number][chosen] if inside.any() else chances[number].max())
        tables.append(table if label is None else table.assign(feature=str(label)))
    table = pd.concat([part.astype(dict.fromkeys(designs.columns, "Int64")) for part in tables], ignore_index=True)
    shown = [name for name in ("feature", "reached", *designs.columns, "probability") if name in table]
    table = table.reindex(columns=shown)
    table.attrs = {"target": target, "probability": probability, "coefficient": coefficient}
    return table


def _checked(name: str, numbers: Sequence[float]) -> np.ndarray:
    found = np.asarray(list(numbers), dtype=float)
    whole = np.isinf(found) | (found == np.round(found))
    if not found.size or not ((found >= 1) & whole).all() or np.unique(found).size < found.size:
        raise DesignError(f"{name}={list(numbers)}: give whole numbers of at least 1 (or infinity), each once")
    return found


def _weights(
    layout: Layout, numbers: dict[str, np.ndarray], replicates: int, fixed: frozenset[str]
) -> dict[str, xr.DataArray]:
    """What each component contributes to universe score, relative and absolute error: (component, numbers)."""
    counts = {
        facet: xr.DataArray(number, dims=f"n_{facet}", coords={f"n_{facet}": _as_coordinate(number)})
        for facet, number in numbers.items()
    }
    whole = xr.DataArray(1.0)
    for count in counts.values():
        whole = whole * xr.ones_like(count)
    random = (FACETS - fixed) | {"replicate"}
    columns: dict[str, list[xr.DataArray]] = {"universe": [], "relative": [], "absolute": []}
    for facets in layout.facets.values():
        share = whole / (replicates if "replicate" in facets else 1)
        for facet in facets & counts.keys():
            share = share / counts[facet]
        places = {
            "universe": "subject" in facets and not facets & random,
            "relative": "subject" in facets and bool(facets & random),
            "absolute": bool(facets & random),
        }
        for place, column in columns.items():
            column.append(share * places[place])
    along = xr.IndexVariable("component", list(layout.facets))
    return {place: xr.concat(column, along) for place, column in columns.items()}


def _as_coordinate(number: np.ndarray) -> np.ndarray:
    return number.astype(np.int64) if np.isfinite(number).all() else number


def _coefficients(variance: np.ndarray, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Both coefficients, shape (…, design, draw), from variances (…, component, draw) and weights (design, component).

    Draws come last so that those of one design lie together to be sorted. einsum, because seven components are too few
    for a threaded matrix product, which takes five times as long where cores are shared.
    """

    def weigh(weight: np.ndarray) -> np.ndarray:
        return np.einsum("dk,...ks->...ds", weight, variance)

    score = weights["universe"]
    universe = weigh(score[:1] if (score == score[0]).all() else score)  # without fixed facets the same for all
    found = {}
    for name, error in (("generalisability", "relative"), ("dependability", "absolute")):
        found[name] = universe / weigh(weights["universe"] + weights[error])
    return found


def _reduced(variance: xr.DataArray, weights: Mapping[str, xr.DataArray], reduce: Reduce) -> xr.Dataset:
    """Coefficients from the variances, all draws or reduced block of features by block of features."""
    shape = weights["universe"].isel(component=0, drop=True)
    flat = {
        place: np.ascontiguousarray(weight.values.reshape(weight.sizes["component"], -1).T)
        for place, weight in weights.items()
    }
    many = ["feature"] if "feature" in variance.dims else []
    ordered = variance.sel(component=weights["universe"]["component"].values).transpose(*many, "component", *DRAWS)
    chains, draws = ordered.shape[-2:]
    values = ordered.values.reshape(*ordered.shape[:-2], -1)
    coords = {name: coord for name, coord in variance.coords.items() if set(coord.dims) <= {"feature"}}
    coords |= dict(shape.coords)
    if reduce is None:
        last, coords = list(DRAWS), coords | {dim: variance[dim].values for dim in DRAWS}
        found = {
            name: whole.reshape(*whole.shape[:-2], *shape.shape, chains, draws)
            for name, whole in _coefficients(values, flat).items()
        }
    else:
        quantiles = None if reduce == "mean" else np.asarray(list(reduce), dtype=float)
        last = [] if quantiles is None else ["quantile"]
        coords |= {} if quantiles is None else {"quantile": quantiles}
        blocks = values if many else values[None]
        step = max(1, BLOCK // (shape.size * chains * draws))
        parts: dict[str, list[np.ndarray]] = {name: [] for name in MEANING}
        for start in range(0, len(blocks), step):
            for name, whole in _coefficients(blocks[start : start + step], flat).items():
                parts[name].append(whole.mean(axis=-1) if quantiles is None else quantiles_of_draws(whole, quantiles))
        found = {}
        for name, reduced in parts.items():
            joined = np.concatenate(reduced) if many else reduced[0][0]
            tail = joined.shape[2:] if many else joined.shape[1:]
            found[name] = joined.reshape(*joined.shape[: len(many)], *shape.shape, *tail)
    dims = [*many, *map(str, shape.dims), *last]
    dataset = xr.Dataset({name: (dims, array) for name, array in found.items()}, coords=coords)
    return dataset.transpose(*DRAWS, "quantile", "feature", ..., missing_dims="ignore")
