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
# # Where in a tumour, or in whose? Biopsies of gliomas with coordinates
#
# The 3D Glioma Atlas (Hilz et al., github.com/HenrikBengtsson/3DGliomaAtlas) holds up to 20 biopsies from each of 26
# gliomas, most with a place in the scanner's coordinates. It is as close as public data come to what this package's
# central model wants, features of regions f, genes of the same regions g, and distances between them in millimetres:
#
# $f_{tr} = a_{tr} + B_{tr} g_{tr} + \varepsilon_{tr}, \qquad B_{tr} = B_0 + U_t + W_{tr}$
#
# **What this can teach, and what it cannot.** It cannot be radiogenomics of images, for no intensity of any image is
# stored. What an image left behind is geometry: the outline of the tumour in T2, and with it how far a biopsy lies from
# the centroid and from the edge. So the equation is turned round. The response is an expression programme, or a copy
# number, and the predictors are geometry: a **reverse regression**. Its coefficients say how expression differs between
# places, never how a genome makes an image. It can teach how much of a programme's variance lies between patients, how
# much within a tumour and how much of that in space; whether so few biopsies can tell a coefficient that varies in
# space from one that does not; and how much of the answer is the prior's. Ten patients have RNA and places. Nothing
# here generalises to gliomas at large.
#
# As a script: `python case_studies/multiregion_glioma3d.py`, or with `--small` for a minute's run of one fit. It writes
# figures, tables and fits to `output/multiregion_glioma3d`.

# %%
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import binary_erosion, distance_transform_edt

from bayesrg import datasets, diagnose, fit
from bayesrg.inference import data_of, save
from bayesrg.inference.pareto import smooth_weights
from bayesrg.models import MultiRegion, MultiRegionPriors
from bayesrg.models.regions.laying_out import add_pairs
from bayesrg.prior import Prior
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.multi_region.overlaps import overlap
from bayesrg.reporting.multi_region.semivariances import semivariances
from bayesrg.reporting.multi_region.study import Study

STARTED = time.perf_counter()
SMALL = "--small" in sys.argv
SEED = 1
OUTPUT = Path("output/multiregion_glioma3d_small" if SMALL else "output/multiregion_glioma3d")
OUTPUT.mkdir(parents=True, exist_ok=True)
SETTINGS = {"draws": 250, "tune": 300} if SMALL else {}
DRAWS = ("chain", "draw")
PLACE = ["x", "y", "z"]
# The smaller questions after the first are content with fewer draws.
FEWER = {"draws": 1000, "tune": 750}
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "0.6"  # told apart by colour-blind readers too


def interval(draws: xr.DataArray) -> str:
    """Return the posterior median and the 95 % interval in words."""
    lower, middle, upper = draws.astype(float).quantile([0.025, 0.5, 0.975], DRAWS).values
    return f"{middle:.2f} ({lower:.2f} to {upper:.2f})"


# %% [markdown]
# ## The biopsies, and where they lie

# %%
about = datasets.about("glioma3d")
print(f"{about.title}\n{about.licence}\n{about.citation}\n")
biopsies = datasets.glioma_biopsies().set_index("sample")
counts = {
    "all": biopsies,
    "with a place": biopsies.dropna(subset="x"),
    "with distances to centroid and edge": biopsies.dropna(subset="distance_to_centroid"),
    "with enhancement": biopsies.dropna(subset="enhancing"),
}
for title, own in counts.items():
    print(f"{title}: {len(own)} biopsies of {own['patient'].nunique()} patients")

# %% [markdown]
# The masks of the tumours come as arrays without an origin. Coordinates are called L, P and S, so they should run
# towards the left, the back and the top. If the published distances to the centroid are true, a biopsy lies on a sphere
# around it, and four biopsies fix it: the shift between array and patient can be solved for, and of the eight ways to
# flip the axes the distances to the edge choose one. That was done once, patient by patient, and is what
# `datasets.glioma_mask` returns. Here it is checked: measured again in the masks, do the published distances come out?


# %%
def measure(mask: xr.DataArray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances in mm from places (rows of x, y, z) to a mask's centroid and to its outermost voxels."""
    inside = np.argwhere(mask.values)
    low, high = np.maximum(inside.min(axis=0) - 12, 0), inside.max(axis=0) + 13
    mask = mask[tuple(slice(start, end) for start, end in zip(low, high, strict=True))]
    spacing = [float(mask[dim][1] - mask[dim][0]) for dim in mask.dims]
    edge = mask.values & ~binary_erosion(mask.values)
    to_edge = mask.copy(data=distance_transform_edt(~edge, sampling=spacing))
    x, y, z = (xr.DataArray(own, dims="place") for own in places.T)
    stands = np.stack([mask[dim].values[own] for dim, own in zip("zyx", np.nonzero(mask.values), strict=True)], axis=1)
    from_centroid = np.linalg.norm(places[:, ::-1] - stands.mean(axis=0), axis=1)
    return from_centroid, to_edge.sel(x=x, y=y, z=z, method="nearest").values


MASKED = ["P327", "P454"] if SMALL else counts["with distances to centroid and edge"]["patient"].unique()
rows = []
for patient in MASKED:
    mask = datasets.glioma_mask(patient)
    own = counts["with a place"].query("patient == @patient")
    centroid, edge = measure(mask, own[PLACE].to_numpy())
    inside = [bool(mask.sel(x=row.x, y=row.y, z=row.z, method="nearest")) for row in own.itertuples()]
    rows.append(own.assign(centroid=centroid, edge=edge, inside=inside))
placed = pd.concat(rows)
placed["centroid_error"] = placed["centroid"] - placed["distance_to_centroid"]
placed["edge_error"] = placed["edge"] - placed["distance_to_periphery"]
errors = placed.groupby("patient").agg(
    biopsies=("x", "size"),
    inside=("inside", "sum"),
    centroid_mm=("centroid_error", lambda error: error.abs().mean()),
    edge_mm=("edge_error", lambda error: error.abs().mean()),
)
errors["drawn"] = (errors["centroid_mm"] < 0.5) & (errors["edge_mm"] < 1.5)
errors.to_csv(OUTPUT / "masks.csv")
print("mean difference between published and measured distances, mm:")
print(errors.round(2).to_string())
TRUSTED = errors.index[errors["drawn"]].tolist()

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained")
for axis, name in zip(axes, ("centroid", "edge"), strict=True):
    published = "distance_to_centroid" if name == "centroid" else "distance_to_periphery"
    for trusted, colour, label in ((True, BLUE, "drawn in their masks"), (False, ORANGE, "not drawn")):
        own = placed[placed["patient"].isin(TRUSTED) == trusted]
        axis.scatter(own[published], own[name], s=9, color=colour, label=label, alpha=0.7, linewidth=0)
    axis.axline((0, 0), slope=1, color=GREY, linewidth=0.8)
    axis.set(title=f"to the {name}", xlabel="published (mm)", ylabel="measured in the mask (mm)")
axes[0].legend(frameon=False)
figure.savefig(OUTPUT / "masks.png", dpi=150)

# %% [markdown]
# *Figure 1. Distances of biopsies to the centroid and to the edge of the tumour in T2: as published, and measured in
# the masks as `glioma_mask` places them.*
#
# The masks are placed by these very distances, so agreement is the fit of a shift (three numbers) to twenty or more
# distances a patient, not a proof; that one choice of axes serves everybody is what convinces. Most biopsies come out
# inside. Of the five patients not drawn, in three the centroid fits and the edge does not, as if it had been another
# mask; in the other two no shift fits both, nor the centroid alone. Their published distances are used all the same,
# since it is not known which of the two is wrong; only no map is drawn. Left and right are as named; were all three
# axes mirrored, no distance would change.
#
# ## Three programmes
#
# *Proliferation* is the mean of the 11 genes of the PAM50 proliferation index (Nielsen et al. 2010,
# doi:10.1158/1078-0432.CCR-10-1282), *hypoxia* that of the 15 genes of Toustrup et al. 2011
# (doi:10.1158/0008-5472.CAN-11-1182), and *neurons* that of the neuron markers by which Verhaak et al. 2010
# (doi:10.1016/j.ccr.2009.12.020) describe their neural subtype. Each gene is log2(CPM + 1), in sds over the biopsies.
# The first two lists were made in other cancers; whether a list is a programme here is seen in how its genes correlate.

# %%
PROGRAMMES = {
    "proliferation": "BIRC5 CCNB1 CDC20 CEP55 MKI67 NDC80 NUF2 PTTG1 RRM2 TYMS UBE2C",
    "hypoxia": "ADM ALDOA ANKRD37 BNIP3 BNIP3L EGLN3 FAM162A KCTD11 LOX NDRG1 P4HA1 P4HA2 PDK1 PFKFB3 SLC2A1",
    "neurons": "GABRA1 NEFL SLC12A5 SYT1",
}
GEOMETRY = ["distance_to_centroid", "distance_to_periphery"]
FEATURES = list(PROGRAMMES)
expression = np.log2(datasets.glioma_expression() + 1)
expression = (expression - expression.mean()) / expression.std()
scores = {}
for name, listed in PROGRAMMES.items():
    genes = [gene for gene in listed.split() if gene in expression]
    scores[name] = expression[genes].mean(axis="columns")
    together = expression[genes].corr().to_numpy()[np.triu_indices(len(genes), 1)].mean()
    print(f"{name}: {len(genes)} of {len(listed.split())} genes, mean correlation of two of them {together:.2f}")
table = biopsies.join(pd.DataFrame(scores), how="inner").dropna(subset=[*PLACE, *GEOMETRY]).reset_index()
print(f"{len(table)} biopsies of {table['patient'].nunique()} patients have RNA and a place")
within = table[[*FEATURES, *GEOMETRY, "purity"]]
within = within - within.groupby(table["patient"]).transform("mean")
print("correlations within patients:")
print(within.corr().loc[FEATURES].round(2).to_string())
summary = table.groupby(["patient", "histology", "idh_mutated"])[[*FEATURES, "purity"]].agg(["mean", "std"])
summary.round(3).to_csv(OUTPUT / "programmes.csv")

# %%
figure, axes = plt.subplots(1, len(FEATURES), figsize=(9, 3), layout="constrained")
order = table.groupby("patient")["proliferation"].mean().sort_values().index
for axis, name in zip(axes, FEATURES, strict=True):
    for place, patient in enumerate(order):
        own = table[table["patient"] == patient]
        colour = ORANGE if own["histology"].iloc[0] == "GBM" else BLUE
        axis.scatter(own[name], np.full(len(own), place), s=10, color=colour, alpha=0.7, linewidth=0)
    axis.set(title=name, xlabel="mean of genes in sds")
    axis.set_yticks(range(len(order)), order if name == FEATURES[0] else [])
figure.savefig(OUTPUT / "programmes.png", dpi=150)

# %% [markdown]
# *Figure 2. The programmes by patient, a point a biopsy: glioblastomas orange, lower grades blue.*
#
# ## The model
#
# Programmes are the model's *features*, the two distances stand where *genes* stand. All are in sds over the biopsies.
# Distances enter twice, as they are and as the tumour's mean (Mundlak): B_0 is then the slope *within* tumours. What is
# smooth in space for reasons that geometry does not explain belongs to a, and only what varies in the slope to B. Both
# processes are Matérn 3/2 with length-scales of their own.

# %%
UNITS = dict.fromkeys(GEOMETRY, "mm")
model = MultiRegion()
data = model.prepare(table, features=FEATURES, genes=GEOMETRY, coordinates=PLACE, units=UNITS)
tree = fit(model, data, seed=SEED, progress=False, **SETTINGS)
print(diagnose(tree))
estimands = tree["estimands"].to_dataset()
FITS = {"expression": tree}

# %% [markdown]
# ## Whose variance is it: the patient's or the place's?
#
# Of each programme's variance over these biopsies: what the two distances explain (their slopes), what variation of the
# slopes adds, and of the rest what all biopsies of a patient share, what is smooth within the tumour, and what is left.

# %%
SOURCES = {
    "genes": ("geometry", GREEN),
    "B_between": ("slopes differ, patients", "#56B4E9"),
    "B_within": ("slopes differ, places", "#F0E442"),
    "a_between": ("patient", BLUE),
    "a_within": ("place (smooth)", ORANGE),
    "residual": ("rest", "0.75"),
}
shares = estimands["variance_share"]
rows = {
    feature: {
        SOURCES[source][0]: interval(shares.sel(feature=feature, source_of_variance=source)) for source in SOURCES
    }
    for feature in FEATURES
}
split = pd.DataFrame(rows)
split.to_csv(OUTPUT / "variance_share.csv")
print("share of the variance, posterior median (95 % interval):")
print(split.to_string())
print(
    "correlation length within the tumour (to 1/e), mm: a", interval(estimands["correlation_length"].sel(process="a"))
)
print("and of the slopes:", interval(estimands["correlation_length"].sel(process="B")))

# %%
figure, axis = plt.subplots(figsize=(7, 2.4), layout="constrained")
left = np.zeros(len(FEATURES))
for source, (label, colour) in SOURCES.items():
    width = shares.sel(source_of_variance=source).mean(DRAWS).values
    axis.barh(FEATURES, width, left=left, color=colour, label=label, edgecolor="white", linewidth=0.5)
    left += width
axis.set(xlabel="share of the variance (posterior mean)", xlim=(0, 1))
axis.invert_yaxis()
axis.legend(frameon=False, ncols=1, loc="center left", bbox_to_anchor=(1, 0.5))
figure.savefig(OUTPUT / "variance_share.png", dpi=150)

# %% [markdown]
# *Figure 3. Where each programme's variance lies, posterior means. Geometry counts its slopes within and between
# patients; ten patients cannot tell the latter from the patients themselves.*
#
# Proliferation is the patient's more than the place's (glioblastomas proliferate, Figure 2); of hypoxia and neurons
# patient and place have shares that these data do not tell apart. What is smooth reaches a centimetre or so, at
# least half of one and less than three. That slopes differ explains next to nothing.
#
# ## Slopes within tumours and between them, universal and local
#
# A link is called *universal* where |B_0| exceeds 0.1 sds per sd and twice the sd of the coefficient over tumours and
# places, *local* where the coefficient's sd within tumours exceeds 0.1 and half of |B_0|. Both are said with their
# probability.

# %%
rows = []
for feature in FEATURES:
    for gene in GEOMETRY:
        own = estimands.sel(feature=feature, gene=gene)
        rows.append(
            {
                "programme": feature,
                "distance": gene.removeprefix("distance_to_"),
                "within tumours": interval(own["B_0"]),
                "between tumours": interval(own["slope_between"]),
                "P(within > 0)": own["above_zero"].mean().item(),
                "sd within": interval(own["link_space_sd"]),
                "sd between": interval(own["link_tumor_sd"]),
                "P(share > 0.05)": own["heterogeneity_above"].mean().item(),
                "P(universal)": own["universal"].mean().item(),
                "P(local)": own["local"].mean().item(),
            }
        )
links = pd.DataFrame(rows)
links.to_csv(OUTPUT / "links.csv", index=False)
print("sds of the programme per sd of the distance:")
print(links.round(3).to_string(index=False))
scale = data["gene_scale"].to_series().round(1).to_dict()
print(f"one sd is, in mm: {scale}")

# %% [markdown]
# Within tumours no slope is told from nil, and no interval goes beyond a quarter of an sd. Between them, patients whose
# biopsies lie farther from the edge have less proliferation: a difference between ten patients, and one of six
# coefficients. That a link is universal, or local, has a probability of one eighth at the most.
#
# ## The variogram, of the data and of the posterior
#
# Half the mean squared difference of two biopsies of a tumour, less what slopes explain, by their distance. If space
# counts, it rises from the residual variance to a sill. The band is of data replicated at these very places.

# %%
found = semivariances(Study(Fitted(tree, model), show_subjects=True))
figure, axes = plt.subplots(1, len(FEATURES), figsize=(9, 2.8), sharey=True, layout="constrained")
for place, (axis, feature) in enumerate(zip(axes, FEATURES, strict=True)):
    lower, median, upper = np.quantile(found.replicated[:, place, :-1], [0.025, 0.5, 0.975], axis=0)
    axis.fill_between(found.distance, lower, upper, color=BLUE, alpha=0.2, linewidth=0)
    axis.plot(found.distance, median, color=BLUE)
    axis.plot(found.distance, found.observed[:, place, :-1].mean(axis=0), "o", color=ORANGE, markersize=4)
    axis.set(title=feature, xlabel="distance (mm)")
axes[0].set(ylabel="semivariance (sd²)", ylim=(0, None))
figure.savefig(OUTPUT / "variogram.png", dpi=150)
inside = ~found.outside[:, :-1]
print(f"classes of distance inside the 95 % band: {inside.sum()} of {inside.size}")

# %% [markdown]
# *Figure 4. Semivariograms within tumours: of the data (points) and of the posterior (median and 95 % band of 200
# replicates).*
#
# ## Is heterogeneity of the slopes identified?
#
# A prior that comes out as it went in has learned nothing. The overlap of prior and posterior is 1 where they are the
# same, and 0 where they have nothing in common.

# %%
before = tree["prior_estimands"].to_dataset()
QUANTITIES = [
    ("sd of slopes within, neurons on edge", "link_space_sd", {"feature": "neurons", "gene": GEOMETRY[1]}),
    ("sd of slopes between, neurons on edge", "link_tumor_sd", {"feature": "neurons", "gene": GEOMETRY[1]}),
    ("local share, neurons on edge", "local_share", {"feature": "neurons", "gene": GEOMETRY[1]}),
    ("correlation length of slopes", "correlation_length", {"process": "B"}),
    ("correlation length of a", "correlation_length", {"process": "a"}),
    ("ICC of a, proliferation", "a_icc", {"feature": "proliferation"}),
]
figure, axes = plt.subplots(2, 3, figsize=(9, 4.2), layout="constrained")
rows = []
for axis, (title, name, where) in zip(axes.flat, QUANTITIES, strict=True):
    pair = [own[name].sel(where).values.ravel() for own in (before, estimands)]
    rows.append((title, overlap(*pair)))
    if name == "correlation_length":
        pair = [np.log10(own) for own in pair]
    bins = np.linspace(*np.quantile(np.concatenate(pair), [0.005, 0.99]), 40)
    for own, colour, label in zip(pair, (GREY, BLUE), ("prior", "posterior"), strict=True):
        axis.hist(own, bins, density=True, histtype="step", color=colour, label=label)
    axis.set_title(f"{title}\noverlap {rows[-1][1]:.2f}", fontsize=8)
    axis.set_yticks([])
    if name == "correlation_length":
        axis.set_xlabel("log10 of mm", fontsize=8)
axes.flat[0].legend(frameon=False, fontsize=8)
figure.savefig(OUTPUT / "identified.png", dpi=150)
identified = pd.DataFrame(rows, columns=["quantity", "overlap"])
for name in ("link_space_sd", "link_tumor_sd"):
    for feature in FEATURES:
        for gene in GEOMETRY:
            pair = [own[name].sel(feature=feature, gene=gene).values.ravel() for own in (before, estimands)]
            identified.loc[len(identified)] = (f"{name} {feature} {gene}", overlap(*pair))
identified.to_csv(OUTPUT / "identified.csv", index=False)
print(identified.round(2).to_string(index=False))

# %% [markdown]
# *Figure 5. What was known before (grey) and after (blue).*
#
# Of the slopes' variation little was learned but that it is not large, and of how it divides, and how far it reaches,
# nothing. Of a, its length and its share between patients, a good deal was.
#
# ## Other kernels, other priors of the length-scale
#
# Nothing is fitted again for this: draws of the posterior are reweighted by the ratio of the densities
# (Pareto-smoothed; k below 0.7 means that the weights can be trusted). The mean weight is a Bayes factor against the
# model fitted. "Short" and "long" are log-normal priors around 4 and 15 mm; the model's own prior spans the smallest
# distance between two biopsies (0.6 mm, one pair) to the largest.

# %%
ALTERNATIVES = {
    "Matérn 1/2": MultiRegion("matern12"),
    "Matérn 5/2": MultiRegion("matern52"),
    "short lengths": MultiRegion(
        priors=MultiRegionPriors(length_scale=Prior("LogNormal", {"mu": np.log(4.0), "sigma": 0.5}, "a few mm"))
    ),
    "long lengths": MultiRegion(
        priors=MultiRegionPriors(length_scale=Prior("LogNormal", {"mu": np.log(15.0), "sigma": 0.7}, "a cm or two"))
    ),
}


def reweight(model: MultiRegion, tree: xr.DataTree, other: MultiRegion, thin: int) -> tuple[np.ndarray, float, float]:
    """Return weights that turn draws of a fit, thinned, into another model's; Pareto k; and the log mean weight."""
    data, own = data_of(tree), tree["posterior"].to_dataset().isel(draw=slice(None, None, thin))
    log_weight = np.zeros(own.sizes["chain"] * own.sizes["draw"])
    if other.spatial != model.spatial:
        alike = data.assign_attrs(spatial=other.spatial)
        for sign, one, on in ((1, other, alike), (-1, model, data)):
            log_weight += sign * one.log_likelihood(own, on)["joint"].values.ravel()
    for sign, one in ((1, other), (-1, model)):
        lengths = own["length_scale"].values.reshape(len(log_weight), -1)
        log_weight += sign * one.length_scale_prior(data).log_density(lengths).sum(axis=1)
    weight, k = smooth_weights(log_weight[None])
    evidence = np.log(np.exp(log_weight - log_weight.max()).mean()) + log_weight.max()
    return weight[0], float(k[0]), float(evidence)


THIN = 8 if SMALL else 4
rows = []
thinned = estimands.isel(draw=slice(None, None, THIN))
WATCHED = {
    "smooth share, neurons": shares.sel(feature="neurons", source_of_variance="a_within"),
    "patient share, proliferation": shares.sel(feature="proliferation", source_of_variance="a_between"),
    "correlation length of a, mm": estimands["correlation_length"].sel(process="a"),
    "slope, neurons on edge": estimands["B_0"].sel(feature="neurons", gene=GEOMETRY[1]),
    "P(share > 0.05), neurons on edge": estimands["heterogeneity_above"].sel(feature="neurons", gene=GEOMETRY[1]),
}
for title, other in {"as fitted": model, **ALTERNATIVES}.items():
    weight, k, evidence = reweight(model, tree, other, THIN)
    row = {"model": title, "pareto_k": k, "log10 Bayes factor": evidence / np.log(10)}
    for name, drawn in WATCHED.items():
        own = drawn.isel(draw=slice(None, None, THIN)).values.ravel().astype(float)
        row[name] = float((weight * own).sum())
    rows.append(row)
sensitivity = pd.DataFrame(rows)
sensitivity.to_csv(OUTPUT / "sensitivity.csv", index=False)
print("posterior means:")
print(sensitivity.round(3).to_string(index=False))

# %% [markdown]
# (As fitted all weights are one, and k means nothing.) The kernel hardly matters. The prior of the length-scale matters
# for the length and for the smooth share of the neurons, not for the patient's share of proliferation, nor for the
# slope. The data lean, by a Bayes factor of about five, towards longer lengths than a prior that one close pair of
# biopsies has drawn to a few millimetres.
#
# ## Maps in the tumours
#
# Given all biopsies, the model predicts the programme and the slope at every place of a tumour whose mask is trusted.
# One axial slice each, through the middle of the biopsies. Prediction is an average with an uncertainty, and far from
# any biopsy it returns to the patient's mean: the map of the sd says where.


# %%
def add_places(data: xr.Dataset, patient: str, places: np.ndarray, genes: np.ndarray) -> xr.Dataset:
    """Return the Dataset with further regions of a patient, of unknown features, after the patient's own."""
    number = int(np.flatnonzero(data["tumor"].values == patient)[0])
    own = data.isel(region=data["tumor_index"].values == number)
    more = own.isel(region=np.zeros(len(places), dtype=int)).assign_coords(
        region=[f"{patient}:map {count}" for count in range(len(places))]
    )
    standard = (genes - data["gene_location"].values) / data["gene_scale"].values
    more = more.assign(
        value=more["value"] * np.nan, genome=(("region", "gene"), standard), position=(("region", "axis"), places)
    )
    of_regions = [name for name in data.data_vars if "region" in data[name].dims]
    kept = data.drop_dims(["region", "region_pair"])
    parts = []
    for count in range(data.sizes["tumor"]):
        parts.append(data[of_regions].isel(region=data["tumor_index"].values == count))
        parts += [more[of_regions]] if count == number else []
    return add_pairs(kept.merge(xr.concat(parts, "region", data_vars="minimal", coords="minimal", compat="override")))


def slice_of(patient: str, step: float) -> tuple[xr.DataArray, np.ndarray, np.ndarray]:
    """Return the slice of a mask at the middle of the biopsies, and places inside it with their distances."""
    mask = datasets.glioma_mask(patient)
    height = table.loc[table["patient"] == patient, "z"].median()
    flat = mask.sel(z=height, method="nearest")
    inside = np.argwhere(flat.values)
    low, high = inside.min(axis=0), inside.max(axis=0)
    stride = int(step)
    ys = flat["y"].values[low[0] : high[0] + 1 : stride]
    xs = flat["x"].values[low[1] : high[1] + 1 : stride]
    grid = np.array([(x, y, float(flat["z"])) for y in ys for x in xs if flat.sel(x=x, y=y)])
    return flat, grid, np.stack(measure(mask, grid), axis=1)


MAPPED = [patient for patient in (["P454"] if SMALL else ["P260", "P453", "P454"]) if patient in TRUSTED]
SHOWN = "neurons"
STEP = 6.0 if SMALL else 4.0
some = tree["posterior"].to_dataset().isel(draw=slice(None, None, 12 if SMALL else 40))
maps = {}
for patient in MAPPED:
    flat, grid, distances = slice_of(patient, STEP)
    joined = add_places(data, patient, grid, distances)
    new = joined["region"].str.startswith(f"{patient}:map").values
    predicted = model.predict(some, data, joined, np.random.default_rng(SEED))["expected"].isel(region=new)
    slopes = model.recover_local(some, joined, np.random.default_rng(SEED), local=True)["B"].isel(region=new)
    maps[patient] = (flat, grid, predicted.sel(feature=SHOWN), slopes.sel(feature=SHOWN, gene=GEOMETRY[1]))

# %%
figure, axes = plt.subplots(
    len(MAPPED), 4, figsize=(10.5, 2.9 * len(MAPPED)), squeeze=False, layout="constrained", subplot_kw={"aspect": 1}
)
PANELS = ["programme, mean", "programme, sd", "slope on edge, mean", "slope on edge, sd"]
for line, patient in zip(axes, MAPPED, strict=True):
    flat, grid, predicted, slopes = maps[patient]
    own = table[table["patient"] == patient]
    near = own[(own["z"] - grid[0, 2]).abs() < 8]
    value = (near[SHOWN] - data["location"].sel(feature=SHOWN).item()) / data["scale"].sel(feature=SHOWN).item()
    layers = [predicted.mean(DRAWS), predicted.std(DRAWS), slopes.mean(DRAWS), slopes.std(DRAWS)]
    limits = [("RdBu_r", -2, 2), ("viridis", 0, 1), ("RdBu_r", -0.2, 0.2), ("viridis", 0, 0.2)]
    for axis, title, layer, (colours, low, high) in zip(line, PANELS, layers, limits, strict=True):
        raster = pd.DataFrame({"x": grid[:, 0], "y": grid[:, 1], "layer": layer.values}).pivot(index="y", columns="x")
        raster = raster["layer"].reindex(index=np.unique(grid[:, 1]), columns=np.unique(grid[:, 0]))
        drawn = axis.pcolormesh(raster.columns, raster.index, raster, cmap=colours, vmin=low, vmax=high)
        axis.contour(flat["x"], flat["y"], flat.values.astype(float), [0.5], colors="k", linewidths=0.7)
        if title == PANELS[0]:
            axis.scatter(near["x"], near["y"], c=value, s=34, cmap=colours, vmin=low, vmax=high, edgecolor="k")
        else:
            axis.scatter(near["x"], near["y"], s=8, color="k")
        axis.set(xlim=(grid[:, 0].min() - 8, grid[:, 0].max() + 8), ylim=(grid[:, 1].max() + 8, grid[:, 1].min() - 8))
        if patient == MAPPED[0]:
            axis.set_title(title, fontsize=9)
        if patient == MAPPED[-1]:
            figure.colorbar(drawn, ax=axes[:, PANELS.index(title)], shrink=0.6, location="bottom")
        axis.tick_params(labelsize=7)
    line[0].set_ylabel(f"{patient}\nP (mm)", fontsize=8)
figure.savefig(OUTPUT / "maps.png", dpi=150)
for patient, (_, grid, predicted, slopes) in maps.items():
    print(
        f"{patient}: {len(grid)} places; {SHOWN} from {predicted.mean(DRAWS).min().item():.2f} to "
        f"{predicted.mean(DRAWS).max().item():.2f} sds, with an sd of {predicted.std(DRAWS).median().item():.2f} in "
        f"the median; slope from {slopes.mean(DRAWS).min().item():.3f} to {slopes.mean(DRAWS).max().item():.3f}, sd "
        f"{slopes.std(DRAWS).median().item():.3f}"
    )

# %% [markdown]
# *Figure 6. One axial slice of each tumour in T2 (outline), as radiologists see it (the patient's left at the right, if
# L is left; the front above), with biopsies within 8 mm of it: the neuronal programme in sds, predicted and measured
# (circles); its sd; the local slope on the distance to the edge, and its sd.*
#
# ## A link that is known to differ between tumours: copies of a gene by purity
#
# So far little heterogeneity of slopes was found. Would it be, if it were there? Copy number makes a test whose answer
# is known. Copies are those of the mixed tissue. Where all tumour cells have lost one copy of PTEN, a purity p leaves 2
# - p copies, and log2(copies / 2) falls along purity by about 1 for each unit; where nothing is lost, it does not. So
# the slope on purity differs between patients *because their genomes do*. (It is a test of the machinery, not a
# finding: FACETS reads purity from the same sequences.) Biopsies whose purity is a placeholder are left out. The
# distance to the edge stands beside it as a link that nobody promises.

# %%
COPIES = ["PTEN", "EGFR"]
copies = biopsies.join(np.log2(datasets.glioma_copy_number()[COPIES] / 2), how="inner").dropna(
    subset=[*PLACE, *GEOMETRY]
)
print(f"{len(copies)} biopsies of {copies['patient'].nunique()} patients have copy numbers and a place", end="; ")
copies = copies[~copies["purity_floored"]].reset_index()
print(f"{len(copies)} of {copies['patient'].nunique()} with their purity")
PREDICTORS = ["purity", "distance_to_periphery"]
if not SMALL:
    counted = model.prepare(copies, features=COPIES, genes=PREDICTORS, coordinates=PLACE, units={"purity": "1"} | UNITS)
    FITS["copies"] = fit(model, counted, seed=SEED, progress=False, draws=3000)
    print(diagnose(FITS["copies"]))
    own = FITS["copies"]["estimands"].to_dataset()
    rows = []
    for feature in COPIES:
        for gene in PREDICTORS:
            link = own.sel(feature=feature, gene=gene)
            names = ("B_0", "link_tumor_sd", "link_space_sd", "heterogeneity", "local_share")
            rows.append({"copies": feature, "on": gene} | {name: interval(link[name]) for name in names})
            rows[-1] |= {name: link[name].mean().item() for name in ("heterogeneity_above", "universal", "local")}
    copied = pd.DataFrame(rows)
    copied.to_csv(OUTPUT / "copies.csv", index=False)
    print(copied.round(3).to_string(index=False))

    # B at regions, averaged over those of a tumour, in the feature's units per unit of purity.
    unit = counted["scale"].sel(feature="PTEN").item() / counted["gene_scale"].sel(gene="purity").item()
    slopes = FITS["copies"]["posterior"]["B"].sel(feature="PTEN", gene="purity") * unit
    rows = []
    for number, patient in enumerate(counted["tumor"].values):
        mine = slopes[..., counted["tumor_index"].values == number].mean("region")
        lower, middle, upper = mine.quantile([0.025, 0.5, 0.975], DRAWS).values
        line = np.polyfit(*copies.loc[copies["patient"] == patient, ["purity", "PTEN"]].to_numpy().T, 1)
        rows.append((patient, line[0], np.polyval(line, 0.8), middle, lower, upper))
    by_patient = pd.DataFrame(rows, columns=["patient", "crude", "at purity 0.8", "B", "lower", "upper"])
    by_patient = by_patient.sort_values("crude", ignore_index=True)
    by_patient.to_csv(OUTPUT / "copies_by_patient.csv", index=False)
    figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
    axis.hlines(by_patient.index, by_patient["lower"], by_patient["upper"], color=BLUE)
    axis.plot(by_patient["B"], by_patient.index, "o", color=BLUE, markersize=4, label="B, mean of a tumour's biopsies")
    axis.plot(by_patient["crude"], by_patient.index, "x", color=ORANGE, label="line through the patient's biopsies")
    lost = np.diff(np.log2((2 - np.array([0.4, 0.9])) / 2)).item() / 0.5
    for value in (0.0, lost):
        axis.axvline(value, color=GREY, linewidth=0.8)
    axis.set(xlabel="log2(copies of PTEN / 2) per unit of purity")
    axis.set_yticks(by_patient.index, by_patient["patient"])
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(OUTPUT / "copies.png", dpi=150)
    print(by_patient.round(2).to_string(index=False))
    print(f"one copy lost in every tumour cell: {lost:.2f} per unit of purity between 0.4 and 0.9")

# %% [markdown]
# *Figure 7. Slope of PTEN's copies on purity by patient: B (median, 95 % interval) and a line through the patient's own
# biopsies. Grey lines: no loss, and the loss of one copy in all tumour cells.*
#
# Where a copy is lost in every tumour cell the slope should lie at the left line, where none is lost at the right one,
# and in between where a part of the cells has lost it. So it is found: the intervals of seven patients hold the left
# line and exclude zero, those of five lie about zero, and that the slopes differ is beyond doubt, while the slope on
# the distance to the edge is left alone. P454 falls faster than one lost copy can explain. P413 has lost copies at a
# purity of 0.8 by its own line, and yet they do not fall along purity: both are read from the same sequences and can
# contradict each other. How the variation divides between patients and places (local share 0.23, 0.00 to 0.55) is not
# known: a process that stays the same over a whole tumour is a deviation of the tumour.
#
# ## Contrast enhancement: three patients
#
# Enhancement is the one finding of an image that is stored with places and RNA, as yes or no, in three patients. It is
# asked as a sensitivity analysis of how far this goes, not for an answer: where all biopsies of a patient enhance, they
# say nothing about a slope within the tumour, and that leaves one patient.

# %%
enhanced = table.dropna(subset="enhancing")
print(enhanced.groupby("patient")["enhancing"].agg(["size", "sum"]).to_string())
if not SMALL:
    seen = model.prepare(enhanced, features=FEATURES, genes=["enhancing"], coordinates=PLACE)
    FITS["enhancing"] = fit(model, seen, seed=SEED, progress=False, **FEWER)
    print(diagnose(FITS["enhancing"]))
    own = FITS["enhancing"]["estimands"].to_dataset().sel(gene="enhancing")
    earlier = FITS["enhancing"]["prior_estimands"].to_dataset().sel(gene="enhancing")
    rows = []
    for feature in FEATURES:
        row = {"programme": feature, "B_0": interval(own["B_0"].sel(feature=feature))}
        row["P(> 0)"] = own["above_zero"].sel(feature=feature).mean().item()
        for name in ("link_tumor_sd", "link_space_sd"):
            pair = [one[name].sel(feature=feature).values.ravel() for one in (earlier, own)]
            row |= {name: interval(own[name].sel(feature=feature)), f"overlap {name}": overlap(*pair)}
        rows.append(row)
    enhancement = pd.DataFrame(rows)
    enhancement.to_csv(OUTPUT / "enhancement.csv", index=False)
    print("sds of the programme where the place enhances, against where it does not, within tumours:")
    print(enhancement.round(3).to_string(index=False))

# %% [markdown]
# One patient decides nothing. The intervals of all three slopes include zero, and what is said of how the slopes vary
# is the prior, with which the posterior overlaps by nine tenths and more.
#
# ## Report and conclusion

# %%
for name, own in FITS.items():
    save(own, OUTPUT / f"{name}.zarr.zip")
print(f"verdicts: { {name: diagnose(own).verdict for name, own in FITS.items()} }")
patient_share = {name: interval(shares.sel(feature=name, source_of_variance="a_between")) for name in FEATURES}
smooth_share = {name: interval(shares.sel(feature=name, source_of_variance="a_within")) for name in FEATURES}
for name in FEATURES:
    print(
        f"{name}: share of the variance that is the patient's {patient_share[name]}, the place's {smooth_share[name]}."
    )
reach = estimands["correlation_length"].sel(process="a")
print(f"What is smooth within these tumours is correlated to 1/e over {interval(reach)} mm.")
most = links["P(share > 0.05)"].max()
print(
    f"Heterogeneity of a slope explains more than a twentieth of a programme with probability {most:.2f} at the most."
)
print(f"The surest universal link has a probability of {links['P(universal)'].max():.2f} of being one.")
kept = identified.set_index("quantity")["overlap"]
print(
    f"Prior and posterior overlap by {kept['local share, neurons on edge']:.2f} in the local share and by "
    f"{kept['correlation length of slopes']:.2f} in the length of the slopes: these were not learned. In the length of "
    f"a they overlap by {kept['correlation length of a']:.2f}."
)
moved = sensitivity.set_index("model")["correlation length of a, mm"]
print(f"By kernel and prior the mean length of a goes from {moved.min():.1f} to {moved.max():.1f} mm.")
if not SMALL:
    control = copied.set_index(["copies", "on"])
    print(
        f"PTEN's copies on purity, where the answer is known: heterogeneity above a twentieth with probability "
        f"{control.loc[('PTEN', 'purity'), 'heterogeneity_above']:.2f}, sd between tumours "
        f"{control.loc[('PTEN', 'purity'), 'link_tumor_sd']}; on the distance to the edge "
        f"{control.loc[('PTEN', 'distance_to_periphery'), 'heterogeneity_above']:.2f}."
    )
    agreement = np.corrcoef(by_patient["crude"], by_patient["B"])[0, 1]
    print(f"B by patient and a line through the patient's own biopsies correlate by {agreement:.2f}.")

# %% [markdown]
# What cannot be claimed. That any of this is radiogenomics of images: the regression is reversed, and its predictors
# are distances. That the slopes do not vary: ten patients of some ten biopsies cannot show variation that is not large,
# and the posterior of it is the prior with its tail cut off. That what varies is the tumour's: surgeons chose the
# places, purity differs between them, normal brain is biopsied at the edge (neurons are no programme of a glioma), and
# a score of two humps (neurons) or with one far biopsy (hypoxia) is not normal. That the masks lie where they are drawn
# within a voxel: they were placed by the distances that they are then said to give. That the patient is the reason for
# what the patients do not share: histology, grade and IDH go with the patient here. And that a neighbour predicts its
# neighbour in other tumours: nobody was held back.

# %%
print(f"{time.perf_counter() - STARTED:.0f} s; written to {OUTPUT}")
