"""Draw the README's pictures: from the demo a stability study and links in regions, from public data an oncoplot.

Run `uv run python docs/make_picture.py`; it writes docs/images/stability.png (two scans of a lesion, shares of a
feature's variance, its intraclass correlations), docs/images/regions.png (a link's coefficient at the regions of
tumours) and docs/images/oncoplot.png (193 acute myeloid leukaemias).
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
from bayesrg.demo.regions import LOCAL, UNIVERSAL, fit_links, simulate_tumors
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


SOURCES = {
    "genes": ("genes, everywhere", BLUE),
    "B_between": ("link differs between tumours", "#56B4E9"),
    "B_within": ("link differs within tumours", ORANGE),
    "a_between": ("tumour", "#009E73"),
    "a_within": ("place", "#8fd3bd"),
    "residual": ("rest", "#d0d5dd"),
}


def draw_links(tree: xr.DataTree, target: Path) -> None:
    """Draw a link's coefficient in one tumour, two links' coefficients at all regions, and shares of variance."""
    data, estimands = tree["constant_data"].to_dataset(), tree["estimands"].to_dataset()
    coefficient = tree["posterior"]["B"].sel(gene="VEGFA")
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained", width_ratios=[1, 1.35, 1.35])
    tumor = data["tumor_index"].values
    mean = coefficient.mean(("chain", "draw")).sel(feature=LOCAL).values
    chosen = tumor == np.argmax([np.ptp(mean[tumor == number]) for number in range(data.sizes["tumor"])])
    x, y = data["position"].values[chosen, :2].T
    dots = axes[0].scatter(x, y, c=mean[chosen], cmap="PuOr_r", vmin=-1, vmax=1, s=170, edgecolor=GREY)
    axes[0].set(title="Local link in a tumour", xlabel="x (mm)", ylabel="y (mm)", aspect="equal")
    axes[0].margins(0.25)
    figure.colorbar(dots, ax=axes[0], shrink=0.8, label="sd per sd")
    for feature, colour, label in ((UNIVERSAL, BLUE, "universal link"), (LOCAL, ORANGE, "local link")):
        drawn = coefficient.sel(feature=feature).transpose(..., "region").values.reshape(-1, data.sizes["region"])
        lower, middle, upper = np.quantile(drawn[:, np.argsort(drawn.mean(axis=0))], [0.025, 0.5, 0.975], axis=0)
        places = np.arange(middle.size)
        axes[1].fill_between(places, lower, upper, color=colour, alpha=0.2, linewidth=0)
        axes[1].plot(places, middle, color=colour, label=label)
    axes[1].axhline(0.0, color=GREY, linestyle=":", zorder=0)
    axes[1].set(
        title="Coefficient at each region, 95 % intervals",
        xlabel=f"{data.sizes['region']} regions of {data.sizes['tumor']} tumours, each link in its own order",
    )
    axes[1].legend(frameon=False, loc="upper left")
    left = np.zeros(2)
    for source, (label, colour) in SOURCES.items():
        share = estimands["variance_share"].sel(feature=[LOCAL, UNIVERSAL], source_of_variance=source)
        width = share.mean(("chain", "draw")).values
        axes[2].barh(["entropy", "mean"], width, left=left, color=colour, label=label, height=0.55)
        left += width
    axes[2].set(title="Share of each feature’s variance", xlim=(0, 1), ylim=(-0.5, 2.7))
    axes[2].legend(frameon=False, ncols=2, loc="upper center", fontsize=8.5)
    for own in axes[1:]:
        own.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, dpi=110, metadata={"Software": None})
    print(target)


def main() -> None:
    """Draw the oncoplot, then run the demo and draw its pictures."""
    images = Path(__file__).parent / "images"
    draw_oncoplot(images / "oncoplot.png")
    plt.rcParams |= {"font.size": 10, "axes.titlesize": 10.5, "axes.titlelocation": "left"}
    table, _ = simulate_tumors(40, seed=1)
    links = fit_links(table, seed=1, draws=None, tune=1000, chains=4, progress=False)
    draw_links(links, images / "regions.png")
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
