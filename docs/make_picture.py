"""Draw the README's pictures: from the demo's images a stability study, from public data an oncoplot.

Run `uv run python docs/make_picture.py`; it writes docs/images/stability.png (two scans of a lesion, shares of a
feature's variance, its intraclass correlations) and docs/images/oncoplot.png (193 acute myeloid leukaemias).
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import SimpleITK as sitk
import xarray as xr
from matplotlib.axes import Axes

from bayesrg import Stability, datasets, fit, genomics
from bayesrg.demo import demonstrate
from bayesrg.reporting import oncoplot

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
FEATURE = "glcm_joint_entropy_3d_merged"
SLICE = 12


def show_scan(axes: Axes, row: pd.Series, folder: Path) -> None:
    """Draw one slice of a scan with the contour of its region."""
    image, mask = (sitk.GetArrayFromImage(sitk.ReadImage(str(folder / row[name])))[SLICE] for name in ("image", "mask"))
    axes.imshow(image, cmap="gray", vmin=-100, vmax=140)
    axes.contour(mask, levels=[0.5], colors=ORANGE, linewidths=1.5)
    axes.set(xticks=[], yticks=[], title=str(row["scanner"]).replace("_", " "))


def show_intervals(axes: Axes, estimands: xr.Dataset, name: str, dim: str, title: str) -> None:
    """Draw posterior means and 95 % intervals of an estimand, the first label on top."""
    drawn = estimands[name]
    places = np.arange(drawn.sizes[dim])[::-1]
    lower, upper = np.quantile(drawn.transpose("chain", "draw", dim).values, [0.025, 0.975], axis=(0, 1))
    axes.hlines(places, lower, upper, color=BLUE, linewidth=2.5)
    axes.plot(drawn.mean(("chain", "draw")), places, "o", color=BLUE)
    axes.set(xlim=(-0.02, 1.02), yticks=places, yticklabels=drawn[dim].values, title=title)
    axes.set_ylim(-0.6, len(places) - 0.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e4e7ec")


def draw_oncoplot(target: Path) -> None:
    """Draw the mutations of public leukaemias with their French-American-British class."""
    mutations = genomics.read_maf(datasets.path("laml/tcga_laml.maf.gz"), variants="snv+indel")
    table = pd.read_csv(datasets.path("laml/tcga_laml_annot.tsv"), sep="\t", index_col=0)
    figure = oncoplot(mutations, genes=12, annotations=table[["FAB_classification"]], width=7.5)
    figure.savefig(target, dpi=110, metadata={"Software": None})
    print(target)


def main() -> None:
    """Draw the oncoplot, then run the demo and draw its picture."""
    images = Path(__file__).parent / "images"
    draw_oncoplot(images / "oncoplot.png")
    plt.rcParams |= {"font.size": 10, "axes.titlesize": 10.5, "axes.titlelocation": "left"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = pd.read_parquet(demonstrate(folder, progress=False).features)
        columns = {name: name for name in ("subject", "session", "scanner", "preprocessing")}
        model = Stability()
        tree = fit(model, model.prepare(features, features=FEATURE, **columns), seed=1, progress=False)
        estimands = tree["estimands"].to_dataset()
        manifest = pd.read_csv(folder / "manifest.csv")
        scans = manifest[manifest["subject"] == manifest["subject"].iloc[0]].sort_values(["session", "scanner"])
        figure = plt.figure(figsize=(12, 3.4), layout="constrained")
        grid = figure.add_gridspec(1, 4, width_ratios=[1.35, 1.35, 1, 1])
        for place, (_, row) in enumerate(scans.iloc[:2].iterrows()):
            show_scan(figure.add_subplot(grid[place]), row, folder)
        shares, agreement = figure.add_subplot(grid[2]), figure.add_subplot(grid[3])
        show_intervals(shares, estimands, "share", "component", f"{FEATURE}:\nshare of the variance")
        show_intervals(agreement, estimands, "icc", "condition", "intraclass correlation")
        agreement.axvline(0.75, color=GREY, linestyle=":", zorder=0)
        target = images / "stability.png"
        figure.savefig(target, dpi=110, metadata={"Software": None})
        print(target)


if __name__ == "__main__":
    main()
