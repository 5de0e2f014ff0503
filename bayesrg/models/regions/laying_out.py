"""A table of regions laid out for a multi-region model: features, genomes, places, covariates, and who was left out."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.design import read_numbers, require_column
from bayesrg.errors import DesignError, TableError, list_some
from bayesrg.models.covariates import CovariateFormula, build_covariates, read_formula
from bayesrg.models.patient_rows.cells import labels_of, read_column, with_text_names
from bayesrg.models.patient_rows.predictor_columns import standardise, two_valued
from bayesrg.models.regions.cautions import find_cautions, find_lost_neighbours, find_shared_labels
from bayesrg.models.regions.correlation import MATERN, length_scale_prior
from bayesrg.models.regions.neighbourhood import read_neighbours, scaled_icar
from bayesrg.radiomics.foreign import family_of, unit_of
from bayesrg.transformation import Scale, transform

AXES = ("x", "y", "z")
FEWEST_ROWS = 3


def lay_out_regions(
    table: pd.DataFrame,
    spatial: str,
    *,
    features: Sequence[str],
    genes: Sequence[str],
    tumor: str,
    region: str,
    patient: str | None,
    coordinates: Sequence[str] | None,
    neighbours: pd.DataFrame | None,
    formula: str | None,
    batch: str | None,
    scale: Scale,
    units: Mapping[str, str],
    complete: bool,
) -> xr.Dataset:
    """Lay out a table, a row a region, as `MultiRegion.prepare` says; `complete` drops rows that lack a feature."""
    table = with_text_names(table)
    _check_columns(table, features, genes, units)
    _check_places(spatial, coordinates, neighbours)
    parsed = None
    if formula is not None and formula.strip():
        others = [*features[1:], *genes]
        parsed = read_formula(formula, list(table.columns), outcome=features[0], predictors=others)
    covariates = () if parsed is None else parsed.columns
    labels = [name for name in (patient, tumor, region, batch) if name is not None]
    needed = [*labels, *genes, *(coordinates or ()), *covariates]
    table, dropped = _drop_incomplete(table, needed, features, complete)
    table, tumors, patients = _order(table, tumor, region, patient)
    regions = labels_of(read_column(table, region))
    names = np.array([f"{one}:{other}" for one, other in zip(tumors, regions, strict=True)], dtype=str)
    data = xr.Dataset(
        coords={"region": names, "tumor": pd.unique(tumors).astype(str), "patient": pd.unique(patients).astype(str)},
        attrs={
            "features": json.dumps(list(features)),
            "genes": json.dumps(list(genes)),
            "spatial": spatial,
            "transformation": scale,
            "formula": "" if parsed is None else parsed.text,
            "batch": batch or "",
            "dropped": json.dumps(dropped),
        },
    )
    data["tumor_index"] = "region", _places(tumors)
    data["patient_index"] = "region", _places(patients)
    data = _add_features(data, table, features, scale, units)
    data = _add_genome(data, table, genes, units)
    data = _add_covariates(data, table, parsed)
    data = _add_batch(data, table, batch)
    if coordinates is not None:
        position = np.stack([read_numbers(table, name) for name in coordinates], axis=1)
        data = data.assign_coords(axis=list(AXES[: position.shape[1]]))
        data["position"] = ("region", "axis"), position, {"units": "mm"}
    adjacency, cautions = None, []
    if patient is not None:
        cautions += find_shared_labels(labels_of(read_column(table, tumor)), patients)
    if neighbours is not None:
        adjacency = read_neighbours(neighbours, tumors, regions)
        cautions += find_lost_neighbours(neighbours, tumors, regions, adjacency)
    data = add_pairs(data, adjacency)
    cautions = [*find_cautions(data), *cautions]
    return data.assign_attrs(
        cautions=json.dumps([own.named for own in cautions]),
        anonymous_cautions=json.dumps([own.anonymous for own in cautions]),
    )


def add_pairs(data: xr.Dataset, adjacency: np.ndarray | None = None) -> xr.Dataset:
    """The Dataset with every pair of regions of one patient, the lower triangles patient by patient and row by row.

    Adds `pair_row` and `pair_column` (region_pair; places among regions), `pair_in_tumor` (1 within a tumour), with
    places `pair_distance` in mm (0 between tumours), with a graph `pair_neighbourhood` (the covariance of
    `scaled_icar`), with Matérn functions `length_scale_alpha` and `length_scale_beta`.

    Raises
    ------
    DesignError
        For Matérn functions if no tumour has two places.
    """
    spatial = data.attrs["spatial"]
    ends = np.cumsum(np.bincount(data["patient_index"].values, minlength=data.sizes["patient"]))
    starts = ends - np.diff(ends, prepend=0)
    blocks = [np.tril_indices(end - start) for start, end in zip(starts, ends, strict=True)]
    row = np.concatenate([own[0] + start for own, start in zip(blocks, starts, strict=True)])
    column = np.concatenate([own[1] + start for own, start in zip(blocks, starts, strict=True)])
    tumor = data["tumor_index"].values
    within = tumor[row] == tumor[column]
    data = data.assign(
        pair_row=("region_pair", row),
        pair_column=("region_pair", column),
        pair_in_tumor=("region_pair", within.astype(float)),
    )
    if "position" in data:
        place = data["position"].values
        distance = np.where(within, np.linalg.norm(place[row] - place[column], axis=1), 0.0)
        data["pair_distance"] = "region_pair", distance, {"units": "mm"}
    if adjacency is not None:
        covariance = np.zeros(adjacency.shape)
        for number in range(data.sizes["tumor"]):
            members = np.flatnonzero(tumor == number)
            covariance[np.ix_(members, members)] = scaled_icar(adjacency[np.ix_(members, members)])
        data["pair_neighbourhood"] = "region_pair", covariance[row, column]
    if spatial in MATERN:
        apart = data["pair_distance"].values[within & (row != column)]
        apart = apart[apart > 0]
        if not apart.size:
            raise DesignError(
                "no tumour has two regions at different places, so no distance within a tumour is known: use "
                "spatial='exchangeable' (--spatial exchangeable), which needs no places, or Association (bayesrg fit "
                "association) where each tumour has one region"
            )
        # With one distance only, a prior between the smallest and the largest would be a point.
        alpha, beta = length_scale_prior(float(apart.min()), max(float(apart.max()), 3.0 * float(apart.min())))
        data["length_scale_alpha"], data["length_scale_beta"] = alpha, beta
    return data


def _check_columns(
    table: pd.DataFrame, features: Sequence[str], genes: Sequence[str], units: Mapping[str, str]
) -> None:
    if not features or not genes:
        raise TypeError("name at least one feature and one gene: a link is of two things")
    named = [*features, *genes]
    for column in named:
        require_column(table, column)
    twice = [name for name in dict.fromkeys(named) if named.count(name) > 1]
    if twice:
        raise TableError(f"{list_some(twice, show=repr)} is named twice among features and genes: name each once")
    strange = sorted(set(units) - set(table.columns))
    if strange:
        raise TableError(f"units are given for {list_some(strange, show=repr)}, but the table has no such column")


def _check_places(spatial: str, coordinates: Sequence[str] | None, neighbours: pd.DataFrame | None) -> None:
    if spatial in MATERN and coordinates is None:
        raise TypeError(
            f"spatial={spatial!r} needs coordinates= (columns in mm); without places use spatial='graph' with "
            "neighbours=, or spatial='exchangeable'"
        )
    if (spatial == "graph") != (neighbours is not None):
        raise TypeError(f"neighbours= belongs to spatial='graph' and to no other; spatial is {spatial!r}")
    if coordinates is not None and not 1 <= len(coordinates) <= len(AXES):
        raise TypeError(f"coordinates are one to three columns in mm; got {len(coordinates)}")


def _drop_incomplete(
    table: pd.DataFrame, needed: Sequence[str], features: Sequence[str], complete: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows that have all that is needed and a feature (or all), and how many were left out for what, in this order."""
    kept, dropped = np.ones(len(table), dtype=bool), {}
    for name in dict.fromkeys(needed):
        require_column(table, name)
        missing = np.asarray(read_column(table, name).isna(), dtype=bool) & kept
        if missing.any():
            dropped[f"{name} is missing"] = int(missing.sum())
            kept &= ~missing
    absent = np.isnan(np.stack([read_numbers(table, name) for name in features], axis=1))
    without = kept & (absent.any(axis=1) if complete else absent.all(axis=1))
    if without.any():
        dropped["a feature is missing" if complete else "every feature is missing"] = int(without.sum())
        kept &= ~without
    if kept.sum() < FEWEST_ROWS:
        reasons = "; ".join(f"{why} ({count})" for why, count in dropped.items())
        raise TableError(
            f"{int(kept.sum())} of {len(table)} regions are complete{': ' if reasons else ''}{reasons}. A multi-region "
            f"model needs {FEWEST_ROWS}"
        )
    return table.loc[kept], dropped


def _order(
    table: pd.DataFrame, tumor: str, region: str, patient: str | None
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows patient by patient and tumour by tumour in the order in which they are met, with tumours and patients."""
    tumors = labels_of(read_column(table, tumor)).astype(object)
    patients = tumors if patient is None else labels_of(read_column(table, patient)).astype(object)
    # T1 of one patient is not T1 of another.
    if patient is not None and len(set(zip(tumors, patients, strict=True))) > len(set(tumors)):
        tumors = np.array([f"{who}/{which}" for who, which in zip(patients, tumors, strict=True)], dtype=object)
    own = pd.DataFrame({"tumor": tumors, "region": labels_of(read_column(table, region))}, index=table.index)
    twice = own.duplicated()
    if twice.any():
        shown = [f"{one.tumor}:{one.region}" for one in own.loc[twice].itertuples()]
        raise TableError(
            f"{len(shown)} region(s) stand in several rows: {list_some(shown)}. One row a region: average repeats, or "
            "give them labels of their own if they are places of their own"
        )
    order = np.lexsort((_places(tumors), _places(patients)))
    return table.iloc[order], tumors[order], patients[order]


def _places(labels: np.ndarray) -> np.ndarray:
    return pd.factorize(labels)[0].astype(np.int64)


def _add_features(
    data: xr.Dataset, table: pd.DataFrame, features: Sequence[str], scale: Scale, units: Mapping[str, str]
) -> xr.Dataset:
    values, location, spread = [], [], []
    for name in features:
        raw = read_numbers(table, name)
        given = ~np.isnan(raw)
        value = np.full(raw.shape, np.nan)
        value[given], how = transform(raw[given], scale, name)
        values.append(value)
        location.append(float(how.location))
        spread.append(float(how.scale))
    return data.assign_coords(
        feature=np.array(features, dtype=str),
        unit=("feature", np.array([units.get(name, unit_of(name)) for name in features], dtype=str)),
        family=("feature", np.array([family_of(name) for name in features], dtype=str)),
    ).assign(
        value=(("region", "feature"), np.stack(values, axis=1)),
        location=("feature", np.array(location)),
        scale=("feature", np.array(spread)),
    )


def _add_genome(data: xr.Dataset, table: pd.DataFrame, genes: Sequence[str], units: Mapping[str, str]) -> xr.Dataset:
    columns = pd.DataFrame({name: read_numbers(table, name) for name in genes}, index=table.index)
    flat = [name for name in genes if np.ptp(columns[name].to_numpy()) == 0]
    if flat:
        raise TableError(
            f"{list_some(flat, show=repr)} is the same in all {len(columns)} complete regions: nothing can be linked "
            "with it"
        )
    genome, location, spread, _ = standardise(columns)
    tumor = data["tumor_index"].values
    means = pd.DataFrame(genome).groupby(tumor).transform("mean").to_numpy()
    return data.assign_coords(
        gene=np.array(genes, dtype=str),
        gene_unit=("gene", np.array([units.get(name, "") for name in genes], dtype=str)),
    ).assign(
        genome=(("region", "gene"), genome),
        context=(("region", "gene"), means),
        gene_location=("gene", location),
        gene_scale=("gene", spread),
        two_valued=("gene", two_valued(columns.to_numpy(float))),
    )


def _add_covariates(data: xr.Dataset, table: pd.DataFrame, formula: CovariateFormula | None) -> xr.Dataset:
    names, columns, location, spread = [], np.zeros((len(table), 0)), np.zeros(0), np.zeros(0)
    if formula is not None:
        built = build_covariates(formula, table)
        columns, location, spread, _ = standardise(built.design)
        names = list(built.design.columns)
    return data.assign_coords(covariate=np.array(names, dtype=str)).assign(
        covariates=(("region", "covariate"), columns),
        covariate_location=("covariate", location),
        covariate_scale=("covariate", spread),
    )


def _add_batch(data: xr.Dataset, table: pd.DataFrame, batch: str | None) -> xr.Dataset:
    if batch is None:
        return data.assign_coords(level=np.array([], dtype=str))
    labels = labels_of(read_column(table, batch))
    levels, index = np.unique(labels, return_inverse=True)
    if levels.size < 2:
        raise DesignError(f"batch {batch!r} has one level ({levels[0]}): leave it out")
    return data.assign_coords(level=levels.astype(str)).assign(batch_index=("region", index.astype(np.int64)))
