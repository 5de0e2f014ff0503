"""Regions of each tumour in space, coloured by a feature and by the local coefficient of a link."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure as Canvas
from scipy.sparse import csgraph

from bayesrg.reporting.blocks import Block, Figure, Section, prose
from bayesrg.reporting.drawing import GREY, INK, draw, shorten
from bayesrg.reporting.multi_region.study import Study
from bayesrg.reporting.rounding import significant

MOST_TUMORS = 12
COLUMNS = 4


@dataclass(frozen=True)
class Map:
    """Where the regions of the tumours that are drawn lie on the page."""

    study: Study

    @cached_property
    def drawn(self) -> np.ndarray:
        """Numbers of the tumours that are drawn: those with most regions, in the order of the data."""
        sizes = self.study.regions_of
        most = np.argsort(-sizes, kind="stable")[:MOST_TUMORS]
        return np.sort(most[sizes[most] > 1])

    @property
    def arranged(self) -> bool:
        """Whether places are known; else regions stand on a circle."""
        return self.study.placed

    @cached_property
    def axes(self) -> list[int]:
        """The two axes along which regions of a tumour spread most, in their order; one if there is no other."""
        position = self.study.data["position"].values
        tumor = self.study.data["tumor_index"].values
        centre = (
            np.stack([np.bincount(tumor, column) for column in position.T], axis=1) / self.study.regions_of[:, None]
        )
        spread = (position - centre[tumor]).std(axis=0)
        return sorted(int(axis) for axis in np.argsort(-spread, kind="stable")[:2])

    @property
    def axis_names(self) -> list[str]:
        """Names of these axes."""
        return [str(self.study.data["axis"].values[axis]) for axis in self.axes]

    def rows(self, tumor: int) -> np.ndarray:
        """Regions of a tumour."""
        return np.flatnonzero(self.study.data["tumor_index"].values == tumor)

    def places(self, tumor: int) -> np.ndarray:
        """Places of a tumour's regions, shape (region, 2), about their middle."""
        rows = self.rows(tumor)
        if not self.arranged:
            angle = 2.0 * np.pi * np.arange(rows.size) / rows.size
            return np.stack([np.cos(angle), np.sin(angle)], axis=1)
        own = self.study.data["position"].values[np.ix_(rows, self.axes)]
        if own.shape[1] == 1:
            own = np.concatenate([own, np.zeros_like(own)], axis=1)
        return own - (own.min(axis=0) + own.max(axis=0)) / 2.0

    def edges(self, tumor: int) -> list[tuple[int, int]]:
        """Pairs of neighbours, as places within the tumour; none without a graph.

        The covariance of an intrinsic autoregression is the inverse of its graph's Laplacian, and gives the graph back.
        """
        if "pair_neighbourhood" not in self.study.data:
            return []
        layout, rows = self.study.layout, self.rows(tumor)
        block = int(np.searchsorted(layout.start, rows[0], side="right")) - 1
        own = rows - layout.start[block]
        covariance = layout.square(self.study.data["pair_neighbourhood"].values, block)[np.ix_(own, own)]
        return neighbours(covariance)


def neighbours(covariance: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of neighbours of the graph with this `scaled_icar` covariance (region, region)."""
    n_parts, part = csgraph.connected_components(np.abs(covariance) > 1e-9, directed=False)
    found = []
    for number in range(n_parts):
        members = np.flatnonzero(part == number)
        laplacian = np.linalg.pinv(covariance[np.ix_(members, members)], hermitian=True, rtol=1e-9)
        near = np.argwhere(np.triu(laplacian < -1e-6 * np.abs(laplacian).max(), 1))
        found += [(int(members[one]), int(members[other])) for one, other in near]
    return found


def places(study: Study) -> Section:
    """The section on regions in space."""
    shown = Map(study)
    if not shown.drawn.size or (not study.placed and "pair_neighbourhood" not in study.data):
        why = "no tumour has two regions" if not shown.drawn.size else "no places or neighbours of regions were given"
        return Section("places", "Regions in space", [prose("There is no map, because {why}.", why=why)])
    link = study.varying[0]
    feature = study.strongest.feature
    value = study.native(feature, study.data["value"].sel(feature=feature).values)
    column = study.features.index(link.feature), study.genes.index(link.gene)
    local = study.local[(slice(None), slice(None), *column)].mean(axis=0)
    size = float(np.abs(local).max())
    blocks: list[Block] = [
        _figure(
            shown,
            "places_feature",
            value,
            title=f"Where regions lie, and their {shorten(feature, 30)}",
            scale=study.axis(feature),
            colours=colormaps["viridis"],
            limits=(float(np.nanmin(value)), float(np.nanmax(value))),
        ),
        _figure(
            shown,
            "places_B",
            local,
            title=f"Local coefficient of {shorten(link.feature, 24)} on {shorten(link.gene, 14)}",
            scale="local coefficient B (sds per sd or step)",
            colours=colormaps["PuOr"],
            limits=(-size, size),
            words=" The coefficient is the posterior mean, pulled towards the average where a region says little; of "
            "all links this one’s variation is largest.",
        ),
    ]
    return Section("places", "Regions in space", blocks)


def _figure(
    shown: Map,
    name: str,
    value: np.ndarray,
    *,
    title: str,
    colours: Colormap,
    limits: tuple[float, float],
    scale: str,
    words: str = "",
) -> Figure:
    study, tumors = shown.study, shown.drawn
    rows = -(-tumors.size // COLUMNS)
    norm = Normalize(*limits)
    reach = max(float(np.abs(shown.places(tumor)).max()) for tumor in tumors) * 1.2

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True)
        for number, axes in enumerate(panels.ravel()):
            if number >= tumors.size:
                axes.remove()
                continue
            _paint(axes, shown, int(tumors[number]), value, colours, norm)
            axes.set_xlim(-reach, reach)
            axes.set_ylim(-reach, reach)
        _label_axes(panels, shown)
        canvas.colorbar(
            ScalarMappable(norm, colours),
            ax=list(panels.ravel()[: tumors.size]),
            location="bottom",
            shrink=0.7,
            aspect=40,
            label=scale,
        )

    kept = np.concatenate([shown.rows(tumor) for tumor in tumors])
    low, high = np.nanmin(value[kept]), np.nanmax(value[kept])
    where = (
        "on a circle, for their places are not known"
        if not shown.arranged
        else f"by {' and '.join(shown.axis_names)} in mm"
    )
    several = int((study.regions_of > 1).sum())
    some = (
        f" Drawn are the {tumors.size} tumours with most regions, of {several} with two or more."
        if tumors.size < several
        else ""
    )
    lines = " Lines join neighbours." if any(shown.edges(int(tumor)) for tumor in tumors) else ""
    about = ", each tumour about its middle" if shown.arranged else ""
    crosses = " Crosses: the value is missing." if np.isnan(value[kept]).any() else ""
    middles = "; ".join(f"{shorten(study.tumors[tumor], 16)} {_mean(value[shown.rows(tumor)])}" for tumor in tumors)
    return draw(
        study.fit,
        name,
        title=title,
        alt=f"{kept.size} regions of {tumors.size} tumours {where}, coloured by {scale}, from "
        f"{significant(float(low))} to {significant(float(high))}. Means by tumour: {middles}.",
        caption=f"Regions of each tumour {where}{about}.{_hidden(shown)}{lines}{crosses}{words}{some}",
        height=1.5 + 1.2 * rows,
        paint=paint,
    )


def _mean(value: np.ndarray) -> str:
    known = value[~np.isnan(value)]
    return significant(float(known.mean()), 2) if known.size else "missing"


def _hidden(shown: Map) -> str:
    """What the projection does not show."""
    if not shown.arranged:
        return ""
    left = [str(name) for name in shown.study.data["axis"].values if str(name) not in shown.axis_names]
    return f" Depth along {left[0]} is not drawn." if left else ""


def _label_axes(panels: np.ndarray, shown: Map) -> None:
    """Name the axes beside the outer panels."""
    if not shown.arranged:
        return
    names = [f"{name} (mm)" for name in shown.axis_names]
    for number in range(shown.drawn.size):
        axes = panels.ravel()[number]
        if number + COLUMNS >= shown.drawn.size:
            axes.set_xlabel(names[0], fontsize=8)
            axes.tick_params(labelbottom=True)
        if number % COLUMNS == 0 and len(names) > 1:
            axes.set_ylabel(names[1], fontsize=8)


def _paint(axes: Axes, shown: Map, tumor: int, value: np.ndarray, colours: Colormap, norm: Normalize) -> None:
    place, own = shown.places(tumor), value[shown.rows(tumor)]
    for one, other in shown.edges(tumor):
        axes.plot(*place[[one, other]].T, color=GREY, linewidth=0.8, zorder=1)
    known = ~np.isnan(own)
    axes.scatter(*place[known].T, c=own[known], cmap=colours, norm=norm, s=34, edgecolors=INK, linewidths=0.6, zorder=2)
    axes.plot(*place[~known].T, "x", color=GREY, markersize=5, zorder=2)
    axes.set_title(shorten(shown.study.tumors[tumor], 13), fontsize=8.5)
    axes.set_aspect("equal")
    if not shown.arranged:
        axes.set_xticks([])
        axes.set_yticks([])
    else:
        axes.locator_params(nbins=3)
        axes.tick_params(labelsize=7.5)
