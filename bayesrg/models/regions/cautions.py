"""What a design of regions cannot tell, and what a table may not have meant, in sentences."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.sparse import coo_array, csgraph

from bayesrg.errors import list_some
from bayesrg.models.patient_rows.cells import labels_of, read_column
from bayesrg.models.regions.correlation import MATERN

# A smallest distance below this part of the median region's is suspected to be an error of places.
FAR_BELOW = 0.1


@dataclass(frozen=True)
class Caution:
    """A caution as the terminal says it, with labels of tumours and regions, and as a page that names nobody does."""

    named: str
    anonymous: str


def find_cautions(data: xr.Dataset) -> list[Caution]:
    """What of the question regions that are laid out cannot tell."""
    sizes = np.bincount(data["tumor_index"].values)
    found = []
    several = int((sizes >= 2).sum())
    if several < 5 or np.median(sizes[sizes >= 2] if several else sizes) < 3:
        found.append(
            f"{several} of {sizes.size} tumours have two regions or more (median {np.median(sizes):g} regions a "
            "tumour): how variance divides within and between tumours is decided largely by the prior"
        )
    if sizes.size < 8:
        found.append(
            f"{sizes.size} {'tumour' if sizes.size == 1 else 'tumours'} in all: how much links differ between tumours "
            "is decided largely by the prior"
        )
    genome, tumor = data["genome"].values, data["tumor_index"].values
    means = data["context"].values
    within = (genome - means).std(axis=0)
    flat = [str(name) for name, sd in zip(data["gene"].values, within, strict=True) if sd < 0.05]
    if flat:
        found.append(
            f"{list_some(flat)} hardly varies within tumours: its slope within them, and whether that differs, is not "
            "to be learned here"
        )
    if data.sizes["level"]:
        batch = data["batch_index"].values
        pure = all(np.unique(batch[tumor == number]).size == 1 for number in range(sizes.size))
        if pure:
            found.append(
                "every tumour is of one batch: what batches do is told from what tumours do by the prior alone"
            )
    close = _find_close_regions(data) if data.attrs["spatial"] in MATERN else []
    return [*(Caution(own, own) for own in found), *close]


def find_shared_labels(tumors: np.ndarray, patients: np.ndarray) -> list[Caution]:
    """Labels of tumours (row) that stand with several patients (row), so that each is taken as several tumours."""
    pairs = pd.DataFrame({"tumor": tumors, "patient": patients}).drop_duplicates()
    labels, owners = np.unique(pairs["tumor"].to_numpy(), return_counts=True)
    shared = labels[owners > 1]
    if not shared.size:
        return []
    start = f"{shared.size} of {labels.size} labels of tumours stand with several patients"
    rest = (
        f": a label means another tumour with each of them, {len(pairs)} tumours in all; where one tumour is meant, "
        "give its regions one patient"
    )
    return [Caution(f"{start} ({list_some(shared)}){rest}", start + rest)]


def find_lost_neighbours(
    neighbours: pd.DataFrame, tumors: np.ndarray, regions: np.ndarray, adjacency: np.ndarray
) -> list[Caution]:
    """Tumours in which a graph joins nothing, or joins regions only by way of others that have no row.

    Parameters
    ----------
    neighbours : columns ``tumor``, ``region``, ``neighbour``
    tumors, regions : labels of the rows
    adjacency : ndarray (row, row) of which rows are neighbours
    """
    found = []
    named = labels_of(read_column(neighbours, "tumor"))
    several = [tumor for tumor in pd.unique(tumors) if (tumors == tumor).sum() > 1]
    alone = [tumor for tumor in several if not adjacency[tumors == tumor].any()]
    if alone:
        strange = [tumor for tumor in pd.unique(named) if tumor not in set(tumors)]
        start = f"neighbours joins no regions of {len(alone)} of {len(several)} tumours with two regions or more"
        taken = ": their regions are taken to touch no other"
        also = f"; neighbours also names {len(strange)} tumour(s) without a row" if strange else ""
        rest = "; compare the labels of tumours and regions"
        which = f" ({list_some(strange)})" if strange else ""
        sentence = f"{start} ({list_some(alone)}){taken}{also}{which}{rest}"
        found.append(Caution(sentence, start + taken + also + rest))
    rows = list(zip(tumors, regions, strict=True))
    ends = [list(zip(named, labels_of(read_column(neighbours, name)), strict=True)) for name in ("region", "neighbour")]
    place = {node: number for number, node in enumerate(dict.fromkeys([*rows, *ends[0], *ends[1]]))}
    first, second = ([place[node] for node in own] for own in ends)
    whole = coo_array((np.ones(len(first)), (first, second)), shape=(len(place), len(place)))
    # The rows come first among the places.
    part_of_whole = csgraph.connected_components(whole, directed=False)[1][: len(rows)]
    part = csgraph.connected_components(adjacency, directed=False)[1]
    split = [
        tumor
        for tumor in several
        if np.unique(part[tumors == tumor]).size > np.unique(part_of_whole[tumors == tumor]).size
    ]
    if split:
        start = f"in {len(split)} of {len(several)} tumours with two regions or more"
        rest = (
            " regions are joined only by way of regions that have no row, or were left out: the graph falls into parts "
            "there, each on its own; where regions are neighbours all the same, name them as a pair"
        )
        found.append(Caution(f"{start} ({list_some(split)}){rest}", start + rest))
    return found


def _find_close_regions(data: xr.Dataset) -> list[Caution]:
    """A smallest distance that is far below the others, from which the design's prior of length-scales begins."""
    row, column = data["pair_row"].values, data["pair_column"].values
    # Within a region, between tumours and at one place the distance is zero.
    distance = np.where(data["pair_distance"].values > 0, data["pair_distance"].values, np.inf)
    nearest = np.full(data.sizes["region"], np.inf)
    np.minimum.at(nearest, row, distance)
    np.minimum.at(nearest, column, distance)
    median = np.median(nearest[np.isfinite(nearest)])
    pair = int(np.argmin(distance))
    if distance[pair] >= FAR_BELOW * median:
        return []
    names = data["region"].values
    rest = (
        f" are {distance[pair]:.2g} mm apart, while regions are {median:.2g} mm from the nearest other of their tumour "
        "(median): the prior of length-scales begins at the smallest distance, so check the coordinates of this pair, "
        "or state priors.length_scale"
    )
    return [Caution(f"{names[column[pair]]} and {names[row[pair]]}{rest}", f"two regions of a tumour{rest}")]
