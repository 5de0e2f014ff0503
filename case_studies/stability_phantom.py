# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What a phantom can say about scanners, and what it only seems to say
#
# A phantom does not change, so whatever changes is the measurement. Two CT phantoms: ten materials, each in sixteen
# regions, once on each of thirteen scanners; and six inserts, thirty times, in eight groups of reconstructions.
#
# **What this can teach, and what it cannot.** The first phantom was scanned once on each scanner: it teaches
# reproducibility across scanners, and nothing of repeatability. The second was scanned thirty times on what seems to be
# one scanner: it teaches repeatability, and nothing of scanners. Neither has lesions of patients: an intraclass
# correlation needs subjects that were drawn from a population, and nobody drew ten materials or six inserts from one.
#
# As a script: `python case_studies/stability_phantom.py`, or with `--small` for a minute's run on a few features. It
# writes figures, tables and a report to `output/stability_phantom`.

# %%
import json
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

from bayesrg import Stability, datasets, diagnose, fit, report
from bayesrg.models.feature_table import tabulate_features
from bayesrg.radiomics.foreign import family_of, features_from_pyradiomics

STARTED = time.perf_counter()
SMALL = "--small" in sys.argv
SEED = 1
OUTPUT = Path("output/stability_phantom_small" if SMALL else "output/stability_phantom")
OUTPUT.mkdir(parents=True, exist_ok=True)
DRAWS = ("chain", "draw")
LIMIT = 0.75
FEW = ("statistics_mean", "statistics_variance", "statistics_kurtosis", "histogram_uniformity", "glcm_joint_average")
FEW += ("glcm_correlation", "glrlm_run_entropy", "glrlm_run_percentage", "glszm_zone_percentage", "ngtdm_coarseness")
model = Stability()


def choose(names: list[str]) -> list[str]:
    """Return all features, or the few of a small run."""
    return [name for name in names if name.startswith(FEW)] if SMALL else names


def positive(rows: pd.DataFrame, names: list[str]) -> dict[str, list[str]]:
    """Return the features by the scale they allow: logarithms where all values are positive."""
    log = [name for name in names if (rows[name] > 0).all()]
    return {"log": log, "z_score": [name for name in names if name not in log]}


# %% [markdown]
# ## Thirteen scanners, ten materials

# %%
about = datasets.about("ccr_phantom")
print(f"{about.title}\n{about.licence}\n{about.citation}\n")
cartridges = features_from_pyradiomics(datasets.ccr_phantom_features())
# Energy and TotalEnergy differ by the volume of a voxel, which is how the table tells it.
cartridges["voxel_mm3"] = cartridges["pyradiomics_firstorder_TotalEnergy"] / cartridges["pyradiomics_firstorder_Energy"]
features = choose([name for name in cartridges.columns if family_of(name)])
if SMALL:
    cartridges = cartridges[cartridges["material"].isin(["020", "acrylic", "rubber", "wood"])]
materials = sorted(cartridges["material"].unique())
scanners = cartridges.drop_duplicates("scanner").set_index("scanner")[["vendor", "voxel_mm3"]].sort_index()
print(scanners.groupby("vendor")["voxel_mm3"].agg(scanners="size", smallest="min", largest="max").round(2))
cells = cartridges.groupby(["region", "scanner"]).size()
print(f"{len(features)} features; {len(cells)} pairs of region and scanner, each measured {cells.max()} time(s)")

# %% [markdown]
# Each vendor's scanners have their own voxel sizes. So what is called *scanner* below is a scanner together with its
# protocol, and the table cannot part the two.
#
# ## The answer that is usually given
#
# Take the regions for subjects and ask for the intraclass correlation. It comes out high, because cork is not acrylic:
# nearly all of what differs between regions is the material. That ICC is a property of these ten materials. Add an
# eleventh, or leave out acrylic, and it changes.


# %%
def fit_features(rows: pd.DataFrame, names: list[str], **columns: str) -> list[xr.DataTree]:
    """Return the fits of many features, those on the log scale first."""
    trees = []
    for scale, own in positive(rows, names).items():
        if own:
            data = model.prepare(rows, features=own, scale=scale, **columns)
            trees.append(fit(model, data, seed=SEED, progress=False))
    return trees


def join(trees: list[xr.DataTree], group: str, variable: str) -> xr.DataArray:
    """Return a variable of several fits along all their features, in the order of the table."""
    parts = [tree[group][variable].reset_coords(drop=True) for tree in trees]
    found = xr.concat(parts, "feature")
    return found.sel(feature=[name for name in features if name in found["feature"].values])


across = fit_features(cartridges, features, subject="region", scanner="scanner")
naive = join(across, "estimands", "icc").sel(condition="reproducibility", drop=True)
of_material = {}
for name in features:
    values = np.log(cartridges[name]) if (cartridges[name] > 0).all() else cartridges[name]
    of_material[name] = values.groupby(cartridges["material"]).transform("mean").var(ddof=0) / values.var(ddof=0)
of_material = pd.Series(of_material)
print(f"material is a median {100 * of_material.median():.0f} % of the variance of all values")

# %% [markdown]
# ## Material as a fixed group
#
# What can be asked without a population of materials: *within* one material, how much of the difference between two
# regions survives another scanner? Each material is fitted as a stratum of its own, with its sixteen regions as the
# subjects:
#
# $X_{rs} = \mu_m + \alpha_r + \gamma_{ms} + \varepsilon_{rs}$ for region $r$ of material $m$ on scanner $s$.
#
# One could instead subtract each material's mean and fit all regions at once. That would spend one degree of freedom
# for each material, which the model would not know of, and would give all materials the same scanner effects and the
# same noise. Whether scanners do the same to all materials we would rather ask than assume. The price is that each
# stratum rests on sixteen regions.

# %%
within = {
    material: fit_features(
        cartridges[cartridges["material"] == material], features, subject="region", scanner="scanner"
    )
    for material in materials
}
fits = [*across, *(tree for trees in within.values() for tree in trees)]
print(f"{len(fits)} fits: {pd.Series([diagnose(tree).verdict for tree in fits]).value_counts().to_dict()}")
print(pd.Series(np.concatenate([tree["sample_stats"]["method"].values for tree in fits])).value_counts().to_string())
along = xr.IndexVariable("material", materials)
icc = xr.concat([join(within[material], "estimands", "icc") for material in materials], along)
icc = icc.sel(condition="reproducibility", drop=True)
gamma = xr.concat([join(within[material], "posterior", "gamma") for material in materials], along)
tables = [
    tabulate_features(tree, "reproducibility")[["family", "icc", "lower", "upper", "method", "pareto_k"]].assign(
        material=material
    )
    for material, trees in within.items()
    for tree in trees
]
pd.concat(tables).to_csv(OUTPUT / "within_materials.csv")

variances = xr.concat([join(within[material], "posterior", "variance") for material in materials], along)
regions_alone = variances.sel(component="subject", drop=True)
calibrated = (regions_alone / (regions_alone + variances.sel(component="residual", drop=True))).mean(DRAWS)

own = icc.mean(DRAWS)
number_above = (icc > LIMIT).sum("material")
both = pd.DataFrame(
    {
        "family": [family_of(name) for name in features],
        "ten_materials": naive.mean(DRAWS).sel(feature=features).values,
        "within_median": own.median("material").sel(feature=features).values,
        "within_lowest": own.min("material").sel(feature=features).values,
        "within_highest": own.max("material").sel(feature=features).values,
        "within_calibrated": calibrated.median("material").sel(feature=features).values,
        "materials_above": number_above.mean(DRAWS).sel(feature=features).values,
    },
    index=pd.Index(features, name="feature"),
)
both.to_csv(OUTPUT / "two_questions.csv")
print(both.drop(columns="family").median().round(2).to_string())

# %%
FAMILY_COLOURS = {
    "statistics": "#0072B2",
    "histogram": "#56B4E9",
    "glcm": "#009E73",
    "glrlm": "#E69F00",
    "glszm": "#D55E00",
    "ngldm": "#CC79A7",
    "ngtdm": "#000000",
}
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", width_ratios=(1, 1.15))
for family, colour in FAMILY_COLOURS.items():
    rows = both[both["family"] == family]
    left.scatter(rows["ten_materials"], rows["within_median"], s=16, color=colour, label=family)
left.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
left.set(
    xlim=(0, 1), ylim=(0, 1), xlabel=f"ICC over {len(materials)} materials", ylabel="ICC within a material (median)"
)
left.legend(frameon=False, fontsize=7, loc="upper left")
order = own.median("feature").to_series().sort_values(ascending=False).index
right.boxplot([own.sel(material=name).values for name in order], orientation="horizontal", widths=0.55, sym=".")
right.set_yticks(range(1, len(order) + 1), order)
right.invert_yaxis()
right.set(xlim=(0, 1), xlabel="ICC within the material, features")
figure.savefig(OUTPUT / "two_questions.svg")

# %% [markdown]
# *Figure 1. Left: each feature's reproducibility across scanners, asked in two ways: over all materials, and within one
# (median over materials). Right: the ICCs of all features within each material (posterior means).*
#
# The two axes are answers to different questions, and neither is a patient's. Within a material the regions are meant
# to be alike, so there is little for a feature to show: a low ICC there says that the scanner outweighs what little
# there is. (`within_calibrated` in the table is what would be left if each scanner were calibrated on that very
# material: the scanner's effect no longer counts as error, the noise does.) What does not depend on how alike the
# regions are is the size of the disagreement itself.

# %%
shown = [
    name for name in features if all(name in within[material][0]["posterior"]["feature"] for material in materials)
]
spread = {}
for material in materials:
    estimands = within[material][0]["estimands"].to_dataset().sel(feature=shown)
    spread[material] = {name: estimands[name].mean(DRAWS).to_series() for name in ("rdc_lower", "rdc_upper")}
upper = pd.DataFrame({material: own["rdc_upper"] for material, own in spread.items()})
lower = pd.DataFrame({material: own["rdc_lower"] for material, own in spread.items()})
upper.to_csv(OUTPUT / "reproducibility_coefficient_upper.csv")
lower.to_csv(OUTPUT / "reproducibility_coefficient_lower.csv")
ordered = upper.median(axis=1).sort_values()

figure, panel = plt.subplots(figsize=(7.5, 1.5 + 0.135 * len(ordered)), layout="constrained")
image = panel.imshow(np.log10(upper.loc[ordered.index]), aspect="auto", cmap="cividis_r", vmin=0, vmax=np.log10(1000))
panel.set_yticks(range(len(ordered)), ordered.index, fontsize=6)
panel.set_xticks(range(len(materials)), materials, rotation=45, ha="right")
bar = figure.colorbar(image, ax=panel, shrink=0.5, extend="max", ticks=np.log10([1, 3, 10, 30, 100, 300, 1000]))
bar.ax.set_yticklabels(["1 %", "3 %", "10 %", "30 %", "100 %", "300 %", "1000 %"])
bar.set_label("reproducibility coefficient, increase")
figure.savefig(OUTPUT / "reproducibility_coefficient.svg")

# %% [markdown]
# *Figure 2. Reproducibility coefficient of every feature that has a logarithm in all materials: two scanners that
# measure one region differ by less than this in 95 % of pairs (posterior mean; the larger one in per cent of the
# smaller). Features in the order of their median.*
#
# ## Do scanners do the same to all materials?
#
# If they did, one could calibrate them: a factor for each scanner, learned on the phantom. Now the *material* takes the
# place of the subject and its sixteen regions are replicates, so that scanner and scanner × material can be told apart.
# (The regions' own differences are small beside either; here they are left in the residual, with the noise.)

# %%
common = model.prepare(cartridges, features=shown, subject="material", scanner="scanner", scale="log")
interaction = fit(model, common, seed=SEED, progress=False)
print(f"material by scanner: {diagnose(interaction).verdict}")
variance = interaction["posterior"]["variance"].sel(feature=shown)
of_scanners = variance.sel(component="scanner", drop=True)
additive = of_scanners / (of_scanners + variance.sel(component="subject:scanner", drop=True))
# Acrylic has hardly any texture, so a scanner's noise is all there is to measure: does it decide the matter alone?
textured = cartridges[cartridges["material"] != "acrylic"]
data = model.prepare(textured, features=shown, subject="material", scanner="scanner", scale="log")
variance_textured = fit(model, data, seed=SEED, progress=False)["posterior"]["variance"]
of_both = variance_textured.sel(component=["scanner", "subject:scanner"])
additive_textured = of_both.sel(component="scanner", drop=True) / of_both.sum("component")
share = variance / variance.sum("component")
order = share.sel(component="subject").mean(DRAWS).to_series().sort_values().index
PARTS = {
    "subject": ("material", "#0072B2"),
    "scanner": ("scanner", "#D55E00"),
    "subject:scanner": ("scanner × material", "#E69F00"),
    "residual": ("regions and noise", "#999999"),
}
figure, panel = plt.subplots(figsize=(7.5, 1.5 + 0.135 * len(order)), layout="constrained")
start = np.zeros(len(order))
for component, (label, colour) in PARTS.items():
    width = share.sel(component=component).mean(DRAWS).sel(feature=order).values
    panel.barh(range(len(order)), width, left=start, height=0.8, color=colour, label=label)
    start += width
panel.set_yticks(range(len(order)), order, fontsize=6)
panel.set(xlim=(0, 1), ylim=(-0.7, len(order) - 0.3), xlabel="share of variance (posterior mean)")
panel.legend(ncols=4, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8)
figure.savefig(OUTPUT / "interaction.svg")

# %% [markdown]
# *Figure 3. Where the variance of each feature lies, materials taken as if they were a sample. The orange part next to
# the red one is what a calibration factor for each scanner could not mend.*
#
# The same by eye: the effect of each scanner within each material.

# %%
SHOWN = [
    name for name in ("statistics_variance", "glrlm_run_percentage_3d_averaged", "ngtdm_coarseness_3d") if name in shown
]
places = [list(scanners.index).index(name) for name in scanners.sort_values(["vendor", "voxel_mm3"]).index]
labels = [f"{name.split('_')[1]}  {scanners.loc[name, 'voxel_mm3']:.1f} mm³" for name in scanners.index[places]]
ordered_vendors = scanners["vendor"].to_numpy()[places]
figure, panels = plt.subplots(1, len(SHOWN), figsize=(9, 3.9), sharey=True, layout="constrained")
for panel, name in zip(panels, SHOWN, strict=True):
    scales = [float(within[material][0]["constant_data"]["scale"].sel(feature=name)) for material in materials]
    effect = gamma.sel(feature=name).mean(DRAWS).transpose("scanner", "material").values[places] * np.array(scales)
    largest = np.quantile(np.abs(effect), 0.97)
    image = panel.imshow(effect, aspect="auto", cmap="PuOr", vmin=-largest, vmax=largest)
    panel.set_title(name.removesuffix("_averaged").removesuffix("_3d"), fontsize=9)
    panel.set_xticks(range(len(materials)), materials, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    for edge in np.flatnonzero(ordered_vendors[1:] != ordered_vendors[:-1]):
        panel.axhline(edge + 0.5, color="0.2", linewidth=0.8)
    figure.colorbar(
        image, ax=panel, location="bottom", shrink=0.85, extend="both", label="log ratio to the mean scanner"
    )
panels[0].set_yticks(range(len(labels)), labels, fontsize=8)
figure.savefig(OUTPUT / "scanner_effects.svg")

# %% [markdown]
# *Figure 4. Effect of each scanner (rows, by vendor and voxel volume) within each material (columns), on the log scale:
# posterior means of $\gamma_{ms}$. A row of one colour would be a scanner that acts alike on all materials.*
#
# ## Is it the vendor?
#
# Scanners are nested in vendors, and there are three vendors, one of them with a single scanner. A variance between
# three vendors would be mostly its prior, so the model has none. What the posterior does know are these thirteen
# scanners: draw by draw, how much of the variance among their effects lies between vendors. By chance alone, labels
# without meaning would put 2/12 there on average, and any one property would explain 1/12. Voxel volume is such a
# property, and competes with the vendor for the same thirteen numbers.

# %%
vendor = scanners["vendor"].to_numpy()
effects = gamma.sel(scanner=list(scanners.index)).transpose("material", "feature", ..., "scanner")
centred = effects - effects.mean("scanner")
total = (centred**2).sum("scanner")
between = sum(
    int((vendor == name).sum()) * centred.isel(scanner=np.flatnonzero(vendor == name)).mean("scanner") ** 2
    for name in np.unique(vendor)
)
of_vendor = between / total
volume = np.log(scanners["voxel_mm3"].to_numpy())
volume = xr.DataArray((volume - volume.mean()) / np.linalg.norm(volume - volume.mean()), dims="scanner")
of_volume = (centred.drop_vars("scanner") * volume).sum("scanner") ** 2 / total
explained = {"vendor": (of_vendor, 2), "voxel volume": (of_volume, 1)}
freedom = len(scanners) - 1
rng = np.random.default_rng(SEED)
rows = []
for name, (found, degrees) in explained.items():
    chance = rng.beta(degrees / 2, (freedom - degrees) / 2, 20_000)
    certain = (found > np.quantile(chance, 0.95)).mean(DRAWS)
    rows.append(
        {
            "explained by": name,
            "median": float(found.mean(DRAWS).median()),
            "by chance": degrees / freedom,
            "95 % of chance": float(np.quantile(chance, 0.95)),
            "beyond chance (%)": 100 * float((certain > 0.95).mean()),
        }
    )
nested = pd.DataFrame(rows).set_index("explained by")
nested.to_csv(OUTPUT / "vendor.csv")
print(nested.round(2).to_string())

figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for panel, (name, (found, _)) in zip(panels, explained.items(), strict=True):
    means = found.mean(DRAWS)
    panel.boxplot(
        [means.sel(material=material).values for material in materials], orientation="horizontal", widths=0.55, sym="."
    )
    panel.axvline(nested.loc[name, "by chance"], color="#D55E00", linewidth=1, label="chance, mean")
    panel.axvline(
        nested.loc[name, "95 % of chance"], color="#D55E00", linewidth=1, linestyle=":", label="chance, 95 % quantile"
    )
    panel.set(xlim=(0, 1), xlabel=f"share of the scanners' variance explained by {name}")
panels[0].set_yticks(range(1, len(materials) + 1), materials)
panels[0].invert_yaxis()
panels[1].legend(frameon=False, fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
figure.savefig(OUTPUT / "vendor.svg")

# %% [markdown]
# *Figure 5. How much of the differences among these thirteen scanners lies between their vendors, and how much goes
# with the logarithm of their voxel volume: posterior means, a box for all features of a material.*
#
# The two overlap, since vendors came with their voxel sizes, and features of one image are far from independent, so the
# share of features beyond chance counts no evidence. A statement about vendors needs several scanners of each at one
# protocol.
#
# ## The second phantom: thirty times the same
#
# Six inserts of a liver phantom, each measured in a single slice, so textures are two-dimensional. The origin does not
# say what its eight groups are. From the data they look like eight reconstructions of the same thirty acquisitions (see
# `bayesrg.datasets.ctp4r_features`), and so they are modelled: acquisitions as the subjects, the group as a
# *preprocessing*. It is no scanner: a scanner would have acquisitions, and noise, of its own. Nor is it said here which
# parameter makes a group what it is.

# %%
about = datasets.about("ctp4r")
print(f"{about.title}\n{about.licence}\n{about.citation}\n")
repeated = features_from_pyradiomics(datasets.ctp4r_features(), force_2d=True)
replicated = choose([name for name in repeated.columns if family_of(name)])
replicated = [name for name in replicated if (repeated[name] > 0).all()]
regions = ["hem", "n1"] if SMALL else sorted(repeated["region"].unique())
tissues = repeated.drop_duplicates("region").set_index("region")["tissue"]
print(f"{len(replicated)} features with logarithms; scans by region and group:")
print(repeated.groupby(["region", "group"]).size().unstack())

# %% [markdown]
# Each insert is a stratum: six inserts are no population of lesions, and there is no ICC of them to be had. Within an
# insert $\log X_{ag} = \mu + \alpha_a + \delta_g + \varepsilon_{ag}$ for acquisition $a$ in group $g$. Two acquisitions
# in one group differ by $\alpha$ and $\varepsilon$ (repeatability), two groups of one acquisition by $\delta$ and
# $\varepsilon$ (reproducibility over groups). If the groups were scans of their own, $\alpha$ would be nothing: its
# share of the variance between acquisitions tests what was inferred. (What acquisitions share need not be noise of the
# scanner: the region was not drawn in exactly the same slice and shape each time.)


# %%
def fit_insert(rows: pd.DataFrame) -> xr.DataTree:
    """Return the fit of all features of one insert."""
    data = model.prepare(rows, features=replicated, subject="acquisition", preprocessing="group", scale="log")
    return fit(model, data, seed=SEED, progress=False)


def within_cv(tree: xr.DataTree, *components: str) -> xr.DataArray:
    """Return the coefficient of variation (%) that some components make together, draw by draw."""
    sd = tree["estimands"]["sd"].reset_coords(drop=True).sel(component=list(components))
    return 100 * np.sqrt(np.expm1((sd**2).sum("component")))


inserts = {region: fit_insert(repeated[repeated["region"] == region]) for region in regions}
print(pd.Series({region: diagnose(tree).verdict for region, tree in inserts.items()}).to_string())
along = xr.IndexVariable("region", regions)
repeat = xr.concat([within_cv(tree, "subject", "residual") for tree in inserts.values()], along)
over_groups = xr.concat([within_cv(tree, "preprocessing", "residual") for tree in inserts.values()], along)
shared = xr.concat(
    [
        tree["posterior"]["variance"].sel(component="subject", drop=True).reset_coords(drop=True)
        / tree["posterior"]["variance"].sel(component=["subject", "residual"]).sum("component").reset_coords(drop=True)
        for tree in inserts.values()
    ],
    along,
)
print("of the variance between acquisitions, the part that all groups share (median over features, posterior means):")
print(shared.mean(DRAWS).median("feature").to_series().round(2).to_string())
print("and of the mean intensity alone:")
print(shared.sel(feature="statistics_mean").mean(DRAWS).to_series().round(2).to_string())

columns = {"repeatability": repeat, "over groups": over_groups}
summary_cv = pd.concat(
    {name: own.mean(DRAWS).transpose("feature", "region").to_pandas() for name, own in columns.items()}, axis=1
)
summary_cv.to_csv(OUTPUT / "within_cv.csv")
order = summary_cv["repeatability"].median(axis=1).sort_values().index
ends = repeat.quantile([0.025, 0.975], DRAWS).sel(feature=list(order))
figure, panels = plt.subplots(
    1, 2, figsize=(9, 1.5 + 0.13 * len(order)), sharey=True, sharex=True, layout="constrained"
)
REGION_COLOURS = ["#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#000000"]
for panel, (name, own) in zip(panels, columns.items(), strict=True):
    means = own.mean(DRAWS).sel(feature=list(order))
    for region, colour, marker in zip(regions, REGION_COLOURS, "osD^v*", strict=False):
        label = f"{region} ({tissues[region]})"
        panel.scatter(means.sel(region=region), range(len(order)), s=9, color=colour, marker=marker, label=label)
    panel.set(xscale="log", ylim=(-1, len(order)), xlabel=f"coefficient of variation, {name} (%)")
panels[0].set_yticks(range(len(order)), order, fontsize=6)
panels[1].legend(frameon=False, fontsize=7, loc="lower right")
figure.savefig(OUTPUT / "inserts.svg")

# %% [markdown]
# *Figure 6. Within-insert coefficient of variation, posterior means: left between acquisitions in one group, right
# between groups of one acquisition.*
#
# ## How many repeats are enough?
#
# Thirty acquisitions are a luxury. Had there been fewer, how much would have been known? One insert, fitted with the
# first two, three, five ... acquisitions, in all groups: how wide is the interval of the coefficient of variation, and
# where does it lie?

# %%
NUMBERS = [2, 5, 30] if SMALL else [2, 3, 5, 7, 10, 15, 20, 30]
hem = repeated[repeated["region"] == "hem"]
acquisitions = sorted(hem["acquisition"].unique())
whole = repeat.sel(region="hem", drop=True)
rows = []
for number in NUMBERS:
    part = hem[hem["acquisition"].isin(acquisitions[:number])]
    drawn = whole if number == len(acquisitions) else within_cv(fit_insert(part), "subject", "residual")
    low, middle, high = drawn.quantile([0.025, 0.5, 0.975], DRAWS)
    final = whole.median(DRAWS).sel(feature=drawn["feature"])
    rows.append(
        pd.DataFrame(
            {
                "acquisitions": number,
                "factor": (high / low).values,
                "ratio": (middle / final).values,
                "holds": ((low <= final) & (final <= high)).values,
            },
            index=drawn["feature"].values,
        )
    )
repeats = pd.concat(rows)
repeats.to_csv(OUTPUT / "repeats.csv")
enough = repeats.groupby("acquisitions").agg(
    factor=("factor", "median"),
    ratio=("ratio", "median"),
    lower=("ratio", lambda own: own.quantile(0.1)),
    upper=("ratio", lambda own: own.quantile(0.9)),
    holds=("holds", "mean"),
)
print(enough.round(2).to_string())
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
quarters = repeats.groupby("acquisitions")["factor"].quantile([0.1, 0.5, 0.9]).unstack()
left.fill_between(quarters.index, quarters[0.1], quarters[0.9], color="#0072B2", alpha=0.25, linewidth=0)
left.plot(quarters.index, quarters[0.5], "o-", color="#0072B2", markersize=4)
left.set(xscale="log", yscale="log", xlabel="acquisitions", ylabel="upper end / lower end")
right.axhline(1, color="0.5", linewidth=0.8)
right.fill_between(enough.index, enough["lower"], enough["upper"], color="#D55E00", alpha=0.25, linewidth=0)
right.plot(enough.index, enough["ratio"], "s-", color="#D55E00", markersize=4)
right.set(xscale="log", yscale="log", xlabel="acquisitions", ylabel="median / that of all thirty")
for panel in (left, right):
    panel.set_xticks(NUMBERS, NUMBERS)
    panel.minorticks_off()
for panel, ticks in ((left, [1.5, 2, 3, 5, 10, 20]), (right, [0.5, 0.7, 1, 1.5, 2, 3])):
    panel.set_yticks(ticks, ticks)
figure.savefig(OUTPUT / "repeats.svg")

# %% [markdown]
# *Figure 7. Left: width of the 95 % interval of the repeatability coefficient of variation, as the ratio of its ends.
# Right: its posterior median against that of all thirty acquisitions. Lines are medians over features, bands hold the
# middle 80 % of them.*
#
# The first acquisitions are part of the thirty, so agreement with the thirty flatters. And were the thirty
# exchangeable, the right line would settle at one from both sides; where it stays on one side, earlier and later
# acquisitions do not vary alike, and no number of early ones makes up for that. With two or three acquisitions the
# prior has its say.

# %% [markdown]
# ## Report and conclusion

# %%
chosen = "rubber"
page = report(within[chosen][0], OUTPUT / f"{chosen}.html")
print(f"report of one stratum: {page}")

additive_mean = additive.mean(DRAWS)
print(
    f"Over {len(materials)} materials the ICC across scanners is {both['ten_materials'].median():.2f} (median of "
    f"{len(both)} features); within a material it is {both['within_median'].median():.2f}, and "
    f"{both['within_calibrated'].median():.2f} had each scanner been calibrated on that material. Above {LIMIT} are "
    f"{(both['ten_materials'] > LIMIT).sum()} features by the first and {(both['within_median'] > LIMIT).sum()} by the "
    f"second. Material alone makes a median {100 * of_material.median():.0f} % of the variance."
)
best, least = ordered.index[0], ordered.index[-1]
agreement = {name: f"{lower.loc[name].median():+.0f} % to {upper.loc[name].median():+.0f} %" for name in (best, least)}
print(
    f"Two scanners that measure one region agree best in {best}: within {agreement[best]} (medians over materials), "
    f"worst in {least}: {agreement[least]}. For half of the features the upper limit exceeds {ordered.median():+.0f} %."
)
low, high = 100 * additive_mean.quantile([0.1, 0.9]).values
print(
    f"Of what scanners do, a median {100 * additive_mean.median().item():.0f} % is the same for all materials (10 to "
    f"90 % of features: {low:.0f} to {high:.0f} %; without acrylic a median "
    f"{100 * additive_textured.mean(DRAWS).median().item():.0f} %). The rest is scanner × material, which no one "
    "factor for each scanner takes away."
)
print(
    f"Vendors hold {100 * nested.loc['vendor', 'median']:.0f} % of the scanners' variance (median; chance "
    f"{100 * nested.loc['vendor', 'by chance']:.0f} %), voxel volume goes with "
    f"{100 * nested.loc['voxel volume', 'median']:.0f} % (chance {100 * nested.loc['voxel volume', 'by chance']:.0f} "
    f"%). Above the 95 % quantile of chance, with a probability above 0.95, are "
    f"{nested.loc['vendor', 'beyond chance (%)']:.0f} % and {nested.loc['voxel volume', 'beyond chance (%)']:.0f} % of "
    "all materials and features."
)
middle = {name: own.stack().median() for name, own in summary_cv.T.groupby(level=0)}
print(
    f"One insert again and again: the coefficient of variation is {middle['repeatability']:.1f} % between acquisitions "
    f"in one group and {middle['over groups']:.1f} % between groups (medians over features and inserts)."
)
for number, row in enough.iterrows():
    print(
        f"With {number} acquisitions the interval of the former spans a factor {row['factor']:.2f} (median), its "
        f"median is {row['ratio']:.2f} times that of all thirty, and it holds that for {100 * row['holds']:.0f} % of "
        "features."
    )
for why in json.loads(within[chosen][0]["estimands"].attrs["unavailable"]).values():
    print(f"Not learned from the first phantom: {why}.")

# %% [markdown]
# What cannot be claimed. That a feature with a high ICC here will have one in patients: the materials were chosen to
# differ, and lesions were not. That a vendor is worse: protocols differ with vendors. That one reconstruction is better
# than another: nobody wrote down which is which. What can: the size of a disagreement in per cent needs no population.
# A feature that two scanners give with a factor of two between them on the same piece of plastic is not to be compared
# between patients of the two before someone has shown how to mend it, and Figure 3 says that a factor is not enough.

# %%
print(f"{time.perf_counter() - STARTED:.0f} s; written to {OUTPUT}")
