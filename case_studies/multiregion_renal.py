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
# # How far does a region speak for its tumour? Dividing cells and genomes in regions of renal tumours
#
# TRACERx Renal cut kidney tumours into regions, photographed where each came from, sequenced them, and counted in many
# the share of cells in division (Ki67). With 454 stained regions of 43 tumours, four times the biopsies of the gliomas
# in `multiregion_glioma3d.py`, one question can be asked well: **spatial intra-tumour heterogeneity**. How much of a
# measurement's variance lies between tumours, how much within them, how much of the latter is smooth in space, and over
# how many millimetres?
#
# $f_{tr} = a_{tr} + B_{tr} g_{tr} + \varepsilon_{tr}, \qquad B_{tr} = B_0 + U_t + W_{tr}$
#
# Here $f$ is log10 Ki67, $a$ varies between tumours and smoothly within them, and in the place of a gene stands the
# distance to the tumour's boundary, a **reverse regression** as in the study of the gliomas.
#
# **What this can teach, and what it cannot.** How the variance of one stain divides, with its uncertainty; how much of
# that answer is the prior's, and how many regions a tumour has to give before it is not; and whether neighbours are
# alike in their genomes too. It cannot teach radiogenomics: there is no image, Ki67 is a stain, and the genomes are
# published as distances between regions only, so that no gene can stand in the equation. All regions of a tumour lie in
# one plane of one photograph, and its millimetres are inferred (see `datasets.renal_regions`).
#
# As a script: `python case_studies/multiregion_renal.py`, or with `--small` for a short run with six regions of each
# tumour at most. It writes figures, tables and fits to `output/multiregion_renal`.

# %%
import sys
import time
from pathlib import Path

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

from bayesrg import datasets, diagnose, fit
from bayesrg.inference import Sampler, save
from bayesrg.models import MultiRegion
from bayesrg.models.intra_tumor import intra_tumor_heterogeneity
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.multi_region.overlaps import overlap
from bayesrg.reporting.multi_region.semivariances import semivariances
from bayesrg.reporting.multi_region.study import Study

STARTED = time.perf_counter()
SMALL = "--small" in sys.argv
SEED = 1
OUTPUT = Path("output/multiregion_renal_small" if SMALL else "output/multiregion_renal")
OUTPUT.mkdir(parents=True, exist_ok=True)
SETTINGS = {"draws": 200, "tune": 250, "chains": 2} if SMALL else {"draws": 1200, "tune": 600}
DRAWS = ("chain", "draw")
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "0.6"  # told apart by colour-blind readers too


def interval(draws: xr.DataArray, digits: int = 2) -> str:
    """Return the posterior median and the 95 % interval in words."""
    lower, middle, upper = draws.astype(float).quantile([0.025, 0.5, 0.975], DRAWS).values
    return f"{middle:.{digits}f} ({lower:.{digits}f} to {upper:.{digits}f})"


# %% [markdown]
# ## The regions
#
# Ki67 is a share with a long tail and a few zeros. It is taken as log10(Ki67 + 0.05): the constant, a tenth of the
# median, keeps zeros from being infinitely far away, and makes a floor at which quiet tumours differ little.

# %%
about = datasets.about("tracerx_renal")
print(f"{about.title}\n{about.licence}\n{about.citation}\n")
FEATURE, EDGE, OFFSET = "log_ki67", "distance_to_boundary", 0.05
stained = datasets.renal_regions().dropna(subset="ki67")
stained[FEATURE] = np.log10(stained["ki67"] + OFFSET)
sizes = stained.groupby("tumor").size().sort_values(ascending=False)
print(
    f"{len(stained)} regions of {len(sizes)} tumours of {stained['patient'].nunique()} patients, {sizes.min()} to "
    f"{sizes.max()} each, {sizes.median():.0f} in the median; in {(stained['ki67'] == 0).sum()} of them no cell divides"
)
print(
    f"Ki67: median {stained['ki67'].median():.2f}, nine tenths between {stained['ki67'].quantile(0.05):.3f} and "
    f"{stained['ki67'].quantile(0.95):.1f}; skewness as it is {stained['ki67'].skew():.1f}, of its logarithm "
    f"{stained[FEATURE].skew():.1f}"
)
centred = stained[[FEATURE, EDGE, "necrosis", "grade"]]
centred = centred - centred.groupby(stained["tumor"]).transform("mean")
print(f"necrotic are {stained['necrosis'].mean():.0%} of the regions of which that is known")
print("correlations with log10 Ki67 within tumours:", centred.corr()[FEATURE].drop(FEATURE).round(2).to_dict())

# %%
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
order = stained.groupby("tumor")[FEATURE].mean().sort_values().index
place = stained["tumor"].map({tumor: number for number, tumor in enumerate(order)})
axis.scatter(place, stained[FEATURE], s=9, color=BLUE, alpha=0.5, linewidth=0, label="a region")
axis.plot(stained.groupby("tumor")[FEATURE].mean()[order].to_numpy(), "_", color=ORANGE, label="the tumour's mean")
axis.set(xlabel="tumours in order of their means", ylabel="log10(Ki67 + 0.05)", xticks=[])
axis.legend(frameon=False)
figure.savefig(OUTPUT / "tumors.png", dpi=150)

# %% [markdown]
# *Figure 1. Ki67 of every region, by tumour.*

# %%
MAPPED = sizes.index[:6]
figure, axes = plt.subplots(2, 3, figsize=(9, 6), layout="constrained", subplot_kw={"aspect": 1})
for axis, tumor in zip(axes.flat, MAPPED, strict=True):
    own = stained[stained["tumor"] == tumor]
    dots = axis.scatter(own["x"], own["y"], c=own[FEATURE], s=45, cmap="viridis", vmin=-1.3, vmax=1, edgecolor="k")
    axis.set_title(f"{tumor}, {len(own)} regions", fontsize=9)
    axis.margins(0.15)
    axis.tick_params(labelsize=7)
figure.supxlabel("mm", fontsize=9)
figure.colorbar(dots, ax=axes, shrink=0.6, label="log10(Ki67 + 0.05)")
figure.savefig(OUTPUT / "places.png", dpi=150)

# %% [markdown]
# *Figure 2. Where the regions of the six tumours with most of them lie, each in its own photograph; colour is Ki67, on
# one scale.*
#
# ## Without places: within tumours or between them
#
# First the question that needs no place: an intraclass correlation.

# %%
plain = intra_tumor_heterogeneity(stained, [FEATURE], tumor="tumor", seed=SEED).sel(feature=FEATURE)
print(
    f"log10 Ki67: sd between tumours {interval(plain['sd_between'])}, within {interval(plain['sd_within'])}; share "
    f"between {interval(plain['icc'])} ({plain['verdict'].item()}; overlap with the prior {plain['prior_overlap']:.2f})"
)
print(f"two regions of a tumour differ by a factor of {10 ** (plain['sd_within'].median().item() * 2**0.5):.1f} (1 sd)")

# %% [markdown]
# ## With places: how much of what lies within is smooth?
#
# `MultiRegion` divides the variance within tumours into what is smooth in space (Matérn 3/2, a length-scale in mm) and
# what is not: error of the count, and heterogeneity that is finer than the regions are apart. The distance to the
# boundary has a slope within tumours and another between their means (Mundlak), and the slope may differ between
# tumours and between places. Everything is in sds over the regions.

# %%
model = MultiRegion()


def lay_out(rows: pd.DataFrame) -> xr.Dataset:
    """Return regions laid out for the model."""
    return model.prepare(rows, features=[FEATURE], genes=[EDGE], units={EDGE: "mm"}, coordinates=["x", "y"])


def choose(count: int) -> pd.DataFrame:
    """Return so many regions of each tumour at most, chosen at random."""
    return stained.sample(frac=1.0, random_state=SEED).groupby("tumor").head(count).sort_index()


data = lay_out(choose(6) if SMALL else stained)
apart = data["pair_distance"].values[(data["pair_in_tumor"] == 1) & (data["pair_row"] != data["pair_column"])]
print(f"{apart.size} pairs of regions of a tumour, {apart.min():.1f} to {apart.max():.0f} mm apart")
sampler = Sampler(model, data)
tree = fit(model, data, seed=SEED, sampler=sampler, progress=False, **SETTINGS)
print(diagnose(tree))
estimands, before = (tree[name].to_dataset().sel(feature=FEATURE) for name in ("estimands", "prior_estimands"))

# %%
SOURCES = {
    "genes": "boundary",
    "B_between": "slopes differ, tumours",
    "B_within": "slopes differ, places",
    "a_between": "tumour",
    "a_within": "place (smooth)",
    "residual": "rest",
}
both = (before, estimands)
drawn = {
    f"share: {label}": [own["variance_share"].sel(source_of_variance=source) for own in both]
    for source, label in SOURCES.items()
}
for process in ("a", "B"):
    lengths = [own["correlation_length"].sel(process=process) for own in both]
    drawn[f"correlation length of {process}, mm"] = lengths
TITLES = {
    "B_0": "slope within tumours",
    "slope_between": "slope between tumours",
    "link_tumor_sd": "sd of slopes between tumours",
    "link_space_sd": "sd of slopes in space",
    "local_share": "local share of the slopes' variance",
}
drawn |= {title: [own[name].sel(gene=EDGE) for own in both] for name, title in TITLES.items()}
learned = pd.DataFrame(
    {
        title: (interval(prior), interval(own), overlap(prior.values.ravel(), own.values.ravel()))
        for title, (prior, own) in drawn.items()
    },
    index=["prior", "posterior", "overlap"],
).T
learned.to_csv(OUTPUT / "learned.csv")
print("medians (95 % intervals), and how much of prior and posterior is the same:")
print(learned.to_string(float_format="{:.2f}".format))
link = estimands.sel(gene=EDGE)
print(f"one sd of the distance to the boundary is {data['gene_scale'].item():.1f} mm")
print(f"slope within tumours, log10 Ki67 per mm: {interval(link['slope'], 3)}")
print(f"P(slopes' variation explains more than {model.delta:g}): {link['heterogeneity_above'].mean().item():.2f}")
print(f"P(universal) {link['universal'].mean().item():.2f}, P(local) {link['local'].mean().item():.2f}")

# %% [markdown]
# The last column tells how to read the others: where prior and posterior are nearly the same, what is printed is the
# prior's, and where they hardly overlap it is the data's. So most of the variance is the tumours', and the slope within
# them is nil or small. That something is smooth is learned in part, how far it reaches hardly, and how slopes would
# vary, which they do little if at all, is not.
#
# ## The variogram, of the data and of the posterior
#
# Half the mean squared difference of two regions, by their distance: low where regions are alike. The last point is of
# regions of different tumours.

# %%
found = semivariances(Study(Fitted(tree, model), show_subjects=True))
observed = found.observed[:, 0].mean(axis=0)
far = found.distance[-1] * 1.25
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
where = np.append(found.distance, far)
for name, alpha, label in (("replicated", 0.15, "data replicated"), ("implied", 0.35, "expected")):
    lower, upper = np.quantile(getattr(found, name)[:, 0], [0.025, 0.975], axis=0)
    axis.fill_between(where[:-1], lower[:-1], upper[:-1], color=BLUE, alpha=alpha, linewidth=0, label=label)
    axis.fill_between([far - 2, far + 2], lower[-1], upper[-1], color=BLUE, alpha=alpha, linewidth=0)
axis.plot(where, observed, "o", color=ORANGE, markersize=4, label="observed")
axis.set(xlabel="distance (mm); at the right, different tumours", ylabel="semivariance (sd²)", ylim=(0, None))
axis.legend(frameon=False, fontsize=8, loc="upper left")
figure.savefig(OUTPUT / "variogram.png", dpi=150)
variogram = pd.DataFrame({"pairs": found.pairs[0], "observed": observed, "outside": found.outside[0]}, found.labels)
variogram.to_csv(OUTPUT / "variogram.csv")
print(variogram.round(2).to_string())

# %% [markdown]
# *Figure 3. Semivariogram of log10 Ki67 less what the distance to the boundary explains: the data (points), what the
# posterior expects (dark band, 95 %), and where such points of replicated data lie (pale band, 95 %).*
#
# ## How many regions until the answer is the data's?
#
# The same tumours with fewer regions each, drawn at random. What is asked is how prior and posterior overlap, not what
# the posterior is: with two regions there is one distance a tumour, and little can be known of space.

# %%
COUNTS = [2] if SMALL else [2, 4, 8]
FITS = {"all": tree}
for count in COUNTS:
    some = choose(count)
    FITS[str(count)] = fit(model, lay_out(some), seed=SEED, sampler=sampler, progress=False, **SETTINGS)
    print(f"{count} regions a tumour: {len(some)} regions; {diagnose(FITS[str(count)]).verdict}")
ASKED = {
    "share of the tumour": ("variance_share", {"source_of_variance": "a_between"}),
    "smooth share": ("variance_share", {"source_of_variance": "a_within"}),
    "correlation length of a, mm": ("correlation_length", {"process": "a"}),
    "sd of slopes in space": ("link_space_sd", {"gene": EDGE}),
}
figure, axes = plt.subplots(1, len(ASKED), figsize=(10, 2.6), layout="constrained")
colours = {"2": "#56B4E9", "4": GREEN, "8": ORANGE, "all": "k"}
rows = []
for axis, (title, (name, which)) in zip(axes, ASKED.items(), strict=True):
    which = which if name == "correlation_length" else which | {"feature": FEATURE}
    groups = ("prior_estimands", "estimands")
    asked = {count: [FITS[count][group][name].sel(which) for group in groups] for count in [*map(str, COUNTS), "all"]}
    rows += [
        (title, count, interval(own[1]), overlap(*(one.values.ravel() for one in own))) for count, own in asked.items()
    ]
    known = {"prior": asked["all"][0]} | {count: own[1] for count, own in asked.items()}
    flat = {label: (np.log10(own) if "mm" in title else own).values.ravel() for label, own in known.items()}
    bins = np.linspace(*np.quantile(np.concatenate([flat["prior"], flat["all"]]), [0.001, 0.998]), 30)
    axis.hist(flat.pop("prior"), bins, density=True, color=GREY, alpha=0.4, label="prior")
    for count, own in flat.items():
        axis.hist(own, bins, density=True, histtype="step", color=colours[count], label=count)
    axis.set_yticks([])
    axis.set_title(title, fontsize=9)
axes[2].set_xlabel("log10 of mm", fontsize=8)
axes[0].legend(frameon=False, fontsize=8, title="regions", title_fontsize=8)
figure.savefig(OUTPUT / "regions.png", dpi=150)
fewer = pd.DataFrame(rows, columns=["quantity", "regions", "posterior", "overlap"]).set_index(["quantity", "regions"])
fewer.to_csv(OUTPUT / "regions.csv")
print(fewer.to_string(float_format="{:.2f}".format))

# %% [markdown]
# *Figure 4. Prior (grey, that of all regions) and posterior (lines) with two, four, eight and all regions of each
# tumour.*
#
# With two regions the smooth share is still the prior's, with eight as much is learned as with all of them. An overlap
# says that the posterior has left the prior, not that it is right: the length goes from 26 to 71 mm and back to 33 as
# regions are added, each time with an interval of a factor of ten and more.
#
# ## Do places help?
#
# The same model without places takes the regions of a tumour as exchangeable. If places tell nothing, it predicts a
# region from all the others as well: `elpd` is the sum of the log densities of regions left out one by one.

# %%
if not SMALL:
    plainer = MultiRegion("exchangeable")
    laid = plainer.prepare(stained, features=[FEATURE], genes=[EDGE], units={EDGE: "mm"})
    FITS["exchangeable"] = fit(plainer, laid, seed=SEED, progress=False, **SETTINGS)
    print(f"exchangeable: {diagnose(FITS['exchangeable']).verdict}")
    scores = {name: az.loo(FITS[name], var_name="value", pointwise=True) for name in ("all", "exchangeable")}
    gain = scores["all"].elpd_i - scores["exchangeable"].elpd_i
    by_tumor = gain.groupby(xr.DataArray(data["tumor"].values[data["tumor_index"].values], dims="region")).sum()
    error = by_tumor.std(ddof=1).item() * by_tumor.size**0.5
    for name, score in scores.items():
        print(f"{name}: elpd {score.elpd:.1f}, worst Pareto k {score.pareto_k.max().item():.2f}")
    print(f"places gain {gain.sum().item():.1f} (standard error over tumours {error:.1f})")
    simpler = FITS["exchangeable"]["estimands"].to_dataset().sel(feature=FEATURE)
    print(f"without places: tumour {interval(simpler['variance_share'].sel(source_of_variance='a_between'))}, ", end="")
    print(f"slope on the distance to the boundary {interval(simpler['B_0'].sel(gene=EDGE))}")

# %% [markdown]
# Places gain about as much as their standard error: that neighbours predict a region better than the tumour's other
# regions do is not shown.
#
# ## Genomes of neighbours
#
# The genomic distance of two regions counts the drivers and copy-number events that one has and the other has not (it
# is the root of their number). It is compared within tumours: each tumour's mean over its pairs is taken away. Pairs
# share regions, and tumours differ, so whole tumours are drawn anew for the intervals. Pairs that are far apart come
# from large tumours only.

# %%
pairs = datasets.renal_pairs()
ki67 = stained.set_index(["tumor", "region"])[FEATURE]
ends = [ki67.reindex(pd.MultiIndex.from_frame(pairs[["tumor", end]])).to_numpy() for end in ("region", "other")]
pairs["ki67_difference"] = np.abs(ends[0] - ends[1])
BOOTSTRAPS = 200 if SMALL else 2000


def draw_tumors(number: int) -> np.ndarray:
    """Return how often each tumour is drawn in each bootstrap, shape (bootstrap, tumour)."""
    return np.random.default_rng(SEED).multinomial(number, np.full(number, 1 / number), size=BOOTSTRAPS)


def average(pairs: pd.DataFrame, value: str, classes: pd.Series) -> pd.DataFrame:
    """Return the mean of a column less its tumours' means, by class of pairs, with 95 % of a bootstrap over tumours."""
    centred = pairs[value] - pairs.groupby("tumor")[value].transform("mean")
    sums, counts = (
        getattr(centred.groupby([pairs["tumor"], classes], observed=False), what)().unstack().to_numpy()
        for what in ("sum", "count")
    )
    times = draw_tumors(len(sums))
    lower, upper = np.nanquantile((times @ sums) / (times @ counts), [0.025, 0.975], axis=0)
    columns = {"pairs": counts.sum(axis=0), "mean": sums.sum(axis=0) / counts.sum(axis=0)}
    return pd.DataFrame(columns | {"lower": lower, "upper": upper}, classes.cat.categories)


by_place = average(pairs, "genomic_distance", pd.cut(pairs["distance"], np.arange(0, 81, 10.0)))
by_place.to_csv(OUTPUT / "genomes.csv")
alike = pairs.groupby(pairs["distance"] < 10)["genomic_distance"].agg(lambda own: (own == 0).mean())
print(f"{len(pairs)} pairs of {pairs['tumor'].nunique()} tumours; genomes are the same ", end="")
print(f"in {alike[True]:.0%} of pairs within 10 mm, in {alike[False]:.0%} of others")
print("genomic distance less the tumour's mean, by distance in mm:")
print(by_place.round(2).to_string())
known = pairs.dropna(subset="ki67_difference")
by_genome = average(known, "ki67_difference", pd.cut(known["genomic_distance"], [-0.1, 0, 1, 2, 3, 6]))
by_genome.to_csv(OUTPUT / "ki67_by_genome.csv")
print(f"{len(known)} pairs of {known['tumor'].nunique()} tumours have Ki67; its difference by genomic distance:")
print(by_genome.round(3).to_string())

names = ["ki67_difference", "genomic_distance", "distance"]
centred = known[names] - known.groupby("tumor")[names].transform("mean")
products = np.stack([own.to_numpy().T @ own.to_numpy() for _, own in centred.groupby(known["tumor"])])
drawn_products = np.concatenate([products.sum(axis=0)[None], np.tensordot(draw_tumors(len(products)), products, 1)])
precision = np.linalg.inv(drawn_products)
partial = {
    other: -precision[:, 0, place] / np.sqrt(precision[:, 0, 0] * precision[:, place, place])
    for place, other in ((1, "genome"), (2, "place"))
}
told = {}
for other, own in partial.items():
    lower, upper = np.quantile(own[1:], [0.025, 0.975])
    told[other] = f"{own[0]:.2f} ({lower:.2f} to {upper:.2f})"
print(f"partial correlation of the difference of Ki67 within tumours, with genome {told['genome']}, at the same place")
print(f"and with distance {told['place']}, at the same genome")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for axis, own, colour in zip(axes, (by_place, by_genome), (GREEN, BLUE), strict=True):
    places = np.arange(len(own))
    axis.errorbar(places, own["mean"], [own["mean"] - own["lower"], own["upper"] - own["mean"]], fmt="o-", color=colour)
    axis.axhline(0, color=GREY, linewidth=0.8)
axes[0].set(xlabel="distance (mm)", ylabel="genomic distance, less\nthe tumour's mean", title="genomes by place")
axes[0].set_xticks(range(len(by_place)), [f"{own.left:.0f}–{own.right:.0f}" for own in by_place.index], fontsize=7)
axes[1].set(
    xlabel="genomic distance", ylabel="difference of log10 Ki67, less\nthe tumour's mean", title="Ki67 by genome"
)
axes[1].set_xticks(range(len(by_genome)), ["0", "to 1", "to 2", "to 3", "more"], fontsize=8)
figure.savefig(OUTPUT / "genomes.png", dpi=150)

# %% [markdown]
# *Figure 5. Genomic distance of two regions of a tumour by the distance between them, and difference of their Ki67 by
# genomic distance, each less the tumour's mean (95 % bootstrap over tumours).*
#
# The nearer two regions of a tumour, the more alike their genomes: clearly so within two centimetres, and regions more
# than six apart differ more than the tumour's others. That Ki67 follows is not seen: as far as these pairs can tell,
# regions with unlike genomes differ in it as much as regions with the same. With distance it differs a little more.
#
# ## Report and conclusion

# %%
for name, own in FITS.items():
    save(own, OUTPUT / f"{name}.zarr.zip")
print(f"verdicts: { {name: diagnose(own).verdict for name, own in FITS.items()} }")
shown = learned["posterior"]
print(
    f"Of the variance of log10 Ki67 {shown['share: tumour']} lies between tumours, {shown['share: place (smooth)']} is "
    f"smooth within them, {shown['share: rest']} is neither."
)
print(f"What is smooth is correlated to 1/e over {shown['correlation length of a, mm']} mm.")
print(f"The distance to the boundary has a slope within tumours of {shown['slope within tumours']} sds per sd.")
sure = link["heterogeneity_above"].mean().item()
print(
    f"Its variation explains more than a twentieth with probability {sure:.2f}. In how that divides between tumours "
    f"and places prior and posterior overlap by {learned.loc[TITLES['local_share'], 'overlap']:.2f}."
)
overlaps = fewer["overlap"].unstack()
for title in ("share of the tumour", "smooth share", "correlation length of a, mm"):
    told_counts = ", ".join(f"{overlaps.loc[title, count]:.2f} with {count}" for count in [*map(str, COUNTS), "all"])
    print(f"Prior and posterior overlap in the {title} by {told_counts} regions.")
if not SMALL:
    print(f"Places gain {gain.sum().item():.1f} (standard error {error:.1f}) in predicting a region from the others.")
first = by_place.iloc[0]
print(
    f"Genomes within 10 mm differ by {-first['mean']:.2f} ({-first['upper']:.2f} to {-first['lower']:.2f}) less than "
    "their tumour's mean."
)
print(f"Regions whose genomes differ more differ in Ki67 with a partial correlation of {told['genome']}.")

# %% [markdown]
# What cannot be claimed. That any of this is radiogenomics: there is no image here, and no gene. That the rest is error
# or heterogeneity: each region was counted once, and only counting it again would tell. That millimetres are
# millimetres: they are inferred. That lengths hold in three dimensions, or below the distance of the nearest regions.
# That the regions stand for their tumours: surgeons and pathologists chose them, and necrosis is hardly among those
# that were stained. That the boundary does nothing: a linear slope was asked, over the range that regions cover. And
# that distances of genomes are distances of clones: they weigh every driver and every event alike.

# %%
print(f"{time.perf_counter() - STARTED:.0f} s; written to {OUTPUT}")
