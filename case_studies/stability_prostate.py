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
# # Which features of the prostate would be the same tomorrow?
#
# Fifteen men had T2-weighted MR of the prostate twice within two weeks, and nothing was done in between. From both
# sessions the origin extracted 83 features of four structures by 36 pipelines. A Bayesian model of variance components
# says for each feature how much of what it shows is the man, how much the session, and how much the pipeline.
#
# **What this can teach, and what it cannot.** There are two sessions, so *repeatability* can be learned, for these
# structures on this kind of image. Everybody lay in the same kind of scanner: reproducibility across scanners cannot be
# learned. With 15 men (11 of whom have the tumour twice) the intervals are wide, and a study this small can rather
# reject features than certify them. A repeatable feature need not mean anything: the volume of the gland repeats
# well and diagnoses little.
#
# As a script: `python case_studies/stability_prostate.py`, or with `--small` for a minute's run on a few features. It
# writes figures, tables and a report to `output/stability_prostate`.

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
from bayesrg.inference.fitting import data_of
from bayesrg.models.averaging import decision_study
from bayesrg.models.feature_table import tabulate_features
from bayesrg.models.level_scales import MEANINGLESS, level_spread
from bayesrg.models.pooled_stability import PooledStability
from bayesrg.models.ranking import joint_above, rank_probability, select
from bayesrg.models.redundant_features import describe_groups, redundancy
from bayesrg.radiomics.foreign import family_of, features_from_pyradiomics
from bayesrg.reporting.feature_set import SelectionRule

STARTED = time.perf_counter()
SMALL = "--small" in sys.argv
SEED = 1
OUTPUT = Path("output/stability_prostate_small" if SMALL else "output/stability_prostate")
OUTPUT.mkdir(parents=True, exist_ok=True)
DRAWS = ("chain", "draw")
LIMIT, PROBABILITY = 0.75, 0.8  # a feature is kept where P(ICC > LIMIT) is at least PROBABILITY
COLOURS = {"none": "#0072B2", "image": "#009E73", "muscle": "#D55E00"}  # told apart by colour-blind readers too

# %% [markdown]
# ## The table
#
# The names are translated to IBSI's. Half of the pipelines measured textures slice by slice and half in 3D, which IBSI
# counts as different features. Here it is a choice among the pipelines, so the names go without it.

# %%
about = datasets.about("qin_prostate")
print(f"{about.title}\n{about.licence}\n{about.citation}\n")
table = features_from_pyradiomics(datasets.prostate_features())
table.columns = [str(name).removesuffix("_averaged").removesuffix("_3d") for name in table.columns]
FEATURES = [name for name in table.columns if family_of(name)]
FAMILIES = {name: family_of(name) for name in FEATURES}
STRUCTURES = {
    "WholeGland": "whole gland",
    "PeripheralZone": "peripheral zone",
    "TumorROI_PZ_1": "tumour",
    "NormalROI_PZ_1": "normal region",
}
twice = table[~table["registered"]].groupby(["structure", "patient"])["session"].nunique().eq(2).groupby("structure")
print(pd.DataFrame({"patients": twice.size(), "twice": twice.sum()}).loc[list(STRUCTURES)].rename(index=STRUCTURES))

# %% [markdown]
# Before any model, three things about the table decide how it may be modelled.
#
# 1. **Some rows are another experiment.** Those marked `registered` were measured after one session had been registered
#    to the other. They have the same pipelines' names, and must not be counted as further measurements: most of what
#    they hold of one of the sessions is a copy.
# 2. **Some pipelines are the same pipeline.** Standardising the image undoes an earlier scaling to muscle.
# 3. **Many features do not depend on the pipeline at all**, or only on its normalisation. Repeating one value ten times
#    does not make ten measurements, and a component of variance that must be zero is not worth fitting.

# %%
KEY = ["patient", "session", "structure", "dimensions", "bin_width"]
registered = table[table["registered"]].set_index([*KEY, "normalisation"])[FEATURES]
table = table[~table["registered"]].drop(columns="registered")
same_cell = table.set_index([*KEY, "normalisation"])[FEATURES].loc[registered.index]
equal = np.isclose(same_cell, registered, rtol=1e-9, atol=0).mean(axis=1)
for session, share in pd.Series(equal, index=registered.index).groupby("session").mean().items():
    print(f"registered rows of session {session}: {100 * share:.1f} % of cells equal the unregistered ones")

both = {name: rows.set_index(KEY)[FEATURES] for name, rows in table.groupby("normalisation")}
double = both["muscle_image"]
distance = ((both["image"].loc[double.index] - double) / both["image"].loc[double.index]).abs().max().max()
print(f"image and muscle_image normalisation: the same numbers within a factor of 1 ± {distance:.0e}")
table = table[table["normalisation"] != "muscle_image"]
print(f"{table['pipeline'].nunique()} distinct pipelines are left")


def depends(on: list[str], rows: pd.DataFrame) -> set[str]:
    """Return the features that differ between rows of one patient, session and structure with the same labels `on`."""
    groups = rows.groupby(["patient", "session", "structure", *on])[FEATURES]
    spread = (groups.max() - groups.min()) / (groups.max().abs() + groups.min().abs())
    return set(spread.columns[(spread > 1e-6).any()])


by_pipeline = depends(["normalisation"], table)
by_dimensions = depends(["normalisation", "bin_width"], table)
by_normalisation = depends([], table)
# What varies the measurement of each feature within one normalisation: its column of preprocessings.
FACTOR = {
    name: "pipeline" if name in by_dimensions else "bin_width" if name in by_pipeline else None for name in FEATURES
}
print(
    f"of {len(FEATURES)} features {len(set(FEATURES) - by_normalisation)} do not depend on the pipeline, "
    f"{len(by_normalisation - by_pipeline)} only on its normalisation, {len(by_pipeline - by_dimensions)} on bin width "
    f"too, {len(by_dimensions)} on all of it"
)
flat = table["glcm_joint_entropy"] < 1e-9
print(f"{flat.sum()} rows hold a single grey level and are left out: {sorted(set(table.loc[flat, 'structure']))} with")
print(
    f"normalisation {sorted(set(table.loc[flat, 'normalisation']))}, bins {sorted(set(table.loc[flat, 'bin_width']))}"
)
table = table[~flat]

if SMALL:
    chosen = ["morphology_volume_voxel_counting", "statistics_mean", "statistics_skewness", "histogram_entropy"]
    chosen += [
        "glcm_contrast",
        "glcm_joint_entropy",
        "glcm_inverse_difference_moment",
        "glcm_information_correlation_1",
    ]
    chosen += ["glrlm_run_percentage", "glszm_zone_percentage", "glszm_small_zone_emphasis"]
    FEATURES = [name for name in FEATURES if name in chosen]
    STRUCTURES = {name: STRUCTURES[name] for name in ("WholeGland", "TumorROI_PZ_1")}

# %% [markdown]
# ## What goes wrong when all is pooled
#
# One table, 28 pipelines, why not fit it as it stands? Because normalised and raw values are in different units. The
# library compares the standard deviations of the pipelines with what sampling alone would give, and warns.

# %%
model = Stability()
gland = table[table["structure"] == "WholeGland"]
WIDE = [name for name in FEATURES if FACTOR[name] == "pipeline"]
design = {"subject": "patient", "session": "session"}
raw = model.prepare(gland, features=WIDE, preprocessing="pipeline", **design)
for caution in json.loads(raw.attrs["cautions"]):
    print(f"Caution. {caution}\n")
ratios = {"all pipelines, raw": level_spread(raw)}
for normalisation in COLOURS:
    rows = gland[gland["normalisation"] == normalisation]
    positive = [name for name in WIDE if (rows[name] > 0).all()]
    logs = model.prepare(rows, features=positive, preprocessing="pipeline", scale="log", **design)
    ratios[f"{normalisation}, log"] = level_spread(logs)
spread = pd.DataFrame(
    {
        name: {
            "features": found.sizes["feature"],
            "median ratio": found["sd_ratio"].median().item(),
            "90 % of features": found["sd_ratio"].quantile(0.9).item(),
            "meaningless": (found["verdict"] == MEANINGLESS).sum().item(),
        }
        for name, found in ratios.items()
    }
).T
spread.to_csv(OUTPUT / "spread.csv")
print("largest sd of a pipeline over the smallest:")
print(spread.round(1))

# %% [markdown]
# Let us do it none the less, for one feature, in two ways. *Pooled*: one scale for all. *Calibrated*: each pipeline has
# a location and a scale of its own, which says how consistently the pipelines order the patients and gives up the claim
# that their values are exchangeable. The strata, further down, are the third way.

# %%
SHOWN = "glcm_contrast"
some = gland[(gland["dimensions"] == "2D") & gland["bin_width"].isin(["10", "20"])] if SMALL else gland
answers = {}
for name, own in {"pooled": model, "calibrated": Stability(heteroscedastic="preprocessing")}.items():
    # A list of features is sampled by importance sampling where it can be: calibrated levels need NUTS.
    features = [SHOWN] if name == "pooled" else SHOWN
    data = own.prepare(some, features=features, preprocessing="pipeline", **design)
    settings = {"draws": 500, "tune": 500} if SMALL else {"draws": 1500}
    tree = fit(own, data, seed=SEED, progress=False, **settings)
    answers[name] = tree["estimands"]["icc"].squeeze(drop=True)
    print(f"{SHOWN}, {name}: {diagnose(tree).verdict}")

# %% [markdown]
# ## Strata
#
# From here on every structure is fitted by itself, and every normalisation by itself. A feature that is positive in all
# rows of a structure is modelled on the log scale, where a pipeline that multiplies only shifts; the others, which have
# no logarithm, as they are. What has a pipeline within the stratum is
#
# $X_{ijp} = \mu + \alpha_i + \beta_{ij} + \delta_p + (\alpha\delta)_{ip} + \varepsilon_{ijp}$
#
# for patient $i$ in session $j$ (nested in the patient) by pipeline $p$. What has none has one value for each session,
# and session and residual are one: $X_{ij} = \mu + \alpha_i + \varepsilon_{ij}$. *Repeatability* is the ICC of two
# sessions by the same pipeline, *robustness* that of two pipelines on the same images.

# %%
SCALES = {
    (structure, name): "log" if (rows[name] > 0).all() else "z_score"
    for structure, rows in table.groupby("structure")
    for name in FEATURES
}


def fit_stratum(structure: str, normalisation: str) -> list[xr.DataTree]:
    """Return the fits of a stratum: the features of each factor and each scale together."""
    rows = table[(table["structure"] == structure) & (table["normalisation"] == normalisation)]
    groups: dict[tuple[str, str | None], list[str]] = {}
    for name in FEATURES:
        groups.setdefault((SCALES[structure, name], FACTOR[name]), []).append(name)
    trees = []
    for (scale, factor), features in groups.items():
        own, columns = rows, {"subject": "patient"}
        if factor is None:
            own = rows.drop_duplicates(["patient", "session"])
        else:
            own = rows.drop_duplicates(["patient", "session", factor])
            columns |= {"session": "session", "preprocessing": factor}
        data = model.prepare(own, features=features, scale=scale, family=FAMILIES, **columns)
        trees.append(fit(model, data, seed=SEED, progress=False))
    return trees


strata = {(structure, name): fit_stratum(structure, name) for structure in STRUCTURES for name in COLOURS}
fits = [tree for trees in strata.values() for tree in trees]
verdicts = pd.Series([diagnose(tree).verdict for tree in fits])
methods = pd.Series(np.concatenate([tree["sample_stats"]["method"].values for tree in fits]))
print(f"{len(fits)} fits: {verdicts.value_counts().to_dict()}; features by {methods.value_counts().to_dict()}")


def gather(key: tuple[str, str], condition: str) -> xr.DataArray:
    """Return the draws of an ICC for all features of a stratum that have it."""
    own = [tree["estimands"]["icc"] for tree in strata[key] if condition in tree["estimands"]["condition"]]
    parts = [icc.sel(condition=condition, drop=True).reset_coords(drop=True) for icc in own]
    found = xr.concat(parts, "feature")
    return found.sel(feature=[name for name in FEATURES if name in found["feature"]])


repeatability = {key: gather(key, "repeatability") for key in strata}
robustness = {key: gather(key, "robustness") for key in strata}
rows = []
for (structure, normalisation), trees in strata.items():
    for tree in trees:
        own = tabulate_features(tree, "repeatability")[["family", "icc", "lower", "upper", "method", "pareto_k"]]
        rows.append(own.assign(structure=STRUCTURES[structure], normalisation=normalisation))
answer = pd.concat(rows).set_index(["structure", "normalisation"], append=True)
answer = answer.reorder_levels(["structure", "normalisation", "feature"])
for key, icc in repeatability.items():
    ranks = rank_probability(icc, min(10, icc.sizes["feature"] // 2))
    for name in icc["feature"].values:
        own = ranks.sel(feature=name)
        place = (STRUCTURES[key[0]], key[1], name)
        answer.loc[place, ["mean_rank", "lower_rank", "upper_rank"]] = [
            own[column].item() for column in ("mean_rank", "lower_rank", "upper_rank")
        ]
answer.to_csv(OUTPUT / "repeatability.csv")
medians = answer["icc"].groupby(level=["structure", "normalisation"], sort=False).median().unstack()
print("median over features of the posterior mean of repeatability:")
print(medians.round(2))

# %% [markdown]
# ## One feature, five answers

# %%
for normalisation in COLOURS:
    answers[f"only {normalisation}"] = next(
        tree["estimands"]["icc"].sel(feature=SHOWN)
        for tree in strata["WholeGland", normalisation]
        if SHOWN in tree["estimands"]["feature"]
    )
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
sds = ratios["all pipelines, raw"]["preprocessing_sd"].sel(feature=SHOWN).to_series().sort_values()
of_pipeline = gland.drop_duplicates("pipeline").set_index("pipeline")["normalisation"]
for normalisation, colour in COLOURS.items():
    places = np.flatnonzero(of_pipeline[sds.index] == normalisation)
    left.scatter(places, sds.iloc[places], s=18, color=colour, label=normalisation)
left.set(yscale="log", xlabel="pipelines in order", ylabel=f"sd of {SHOWN}", xticks=[])
left.legend(title="normalisation", frameon=False)
CONDITIONS = {"repeatability": ("o", "0.1"), "robustness": ("s", "0.6")}
places = np.arange(len(answers))
for offset, (condition, (marker, colour)) in zip((-0.12, 0.12), CONDITIONS.items(), strict=True):
    drawn = [icc.sel(condition=condition) for icc in answers.values()]
    means = np.array([own.mean().item() for own in drawn])
    ends = np.array([own.quantile([0.025, 0.975]).values for own in drawn]).T
    right.errorbar(
        means, places + offset, xerr=np.abs(ends - means), fmt=marker, markersize=4, color=colour, label=condition
    )
right.set(xlim=(0, 1), xlabel="ICC (95 % interval)")
right.set_yticks(places, list(answers))
right.invert_yaxis()
right.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
figure.savefig(OUTPUT / "pooling.svg")

# %% [markdown]
# *Figure 1. GLCM contrast of the whole gland. Left: the standard deviation of its raw values by pipeline. Right: its
# ICCs pooled raw, with a scale for each pipeline, and within each normalisation on the log scale. The pooled answer is
# that of the few pipelines with the largest numbers; the calibrated one is an average over pipelines that deserve
# different answers.*

# %%


def describe(icc: xr.DataArray) -> str:
    """Return an ICC in words: posterior mean and interval."""
    lower, upper = icc.quantile([0.025, 0.975]).values
    return f"{icc.mean().item():.2f} (95 % interval {lower:.2f} to {upper:.2f})"


for name, icc in answers.items():
    print(f"{SHOWN}, {name}: repeatability {describe(icc.sel(condition='repeatability'))}, robustness ", end="")
    print(describe(icc.sel(condition="robustness")))

# %% [markdown]
# ## Ranked, with the uncertainty of the ranks in sight
#
# One page for each structure. Features are in the order of their repeatability without normalisation, so that the other
# two panels show at once where normalisation changes the order.

# %%
for structure, title in STRUCTURES.items():
    reference = repeatability[structure, "none"].mean(DRAWS).to_series().sort_values()
    order = list(reference.index)
    height = 1.3 + 0.135 * len(order)
    figure, panels = plt.subplots(1, 3, figsize=(9, height), sharey=True, layout="constrained")
    for panel, (normalisation, colour) in zip(panels, COLOURS.items(), strict=True):
        icc = repeatability[structure, normalisation].sel(feature=order)
        places, means = np.arange(len(order)), icc.mean(DRAWS).values
        lower, upper = icc.quantile([0.025, 0.975], DRAWS).values
        panel.hlines(places, lower, upper, color=colour, linewidth=1)
        panel.scatter(means, places, s=9, color=colour, zorder=3)
        panel.axvline(LIMIT, color="0.5", linewidth=0.8, linestyle=":")
        panel.set(
            xlim=(0, 1), xticks=[0, 0.25, 0.5, 0.75], ylim=(-1, len(order)), title=f"normalisation: {normalisation}"
        )
        panel.set_xlabel("repeatability (ICC)")
    panels[0].set_yticks(places, order, fontsize=6)
    figure.suptitle(f"{title}, {len(set(table.loc[table['structure'] == structure, 'patient']))} patients")
    figure.savefig(OUTPUT / f"repeatability_{structure}.svg")
    plt.close(figure)

# %% [markdown]
# *Figures 2. Repeatability of every feature by structure and normalisation: posterior means and 95 % intervals; the
# dotted line is 0.75. Shape does not depend on the normalisation and is the same in all panels. The intervals overlap
# so much that most neighbours could change places.*
#
# How much is a rank worth? The next table has the best features of each stratum with the interval of their rank.

# %%
best = answer.sort_values("mean_rank").groupby(level=["structure", "normalisation"], sort=False).head(3).sort_index()
print(best[["icc", "lower", "upper", "lower_rank", "upper_rank"]].round(2).to_string())
width = (answer["upper_rank"] - answer["lower_rank"]).groupby(level="structure").median()

# %% [markdown]
# ## Which normalisation?
#
# The features are the same, the patients are the same, so the normalisations can be compared feature by feature and
# draw by draw. The strata were fitted apart, as if their errors were independent; they share the patients, so the
# intervals of the differences are rather too wide than too narrow. Features that no normalisation changes are left out.

# %%
figure, panels = plt.subplots(
    2, len(STRUCTURES), figsize=(9, 5.6), sharex=True, sharey=True, squeeze=False, layout="constrained"
)
comparisons = []
for column, (structure, title) in enumerate(STRUCTURES.items()):
    for row, other in enumerate(("image", "muscle")):
        panel = panels[row, column]
        names = [name for name in repeatability[structure, "none"]["feature"].values if name in by_normalisation]
        names = [name for name in names if name in repeatability[structure, other]["feature"].values]
        change = repeatability[structure, other].sel(feature=names) - repeatability[structure, "none"].sel(
            feature=names
        )
        mean, better = change.mean(DRAWS), (change > 0).mean(DRAWS)
        lower, upper = change.quantile([0.025, 0.975], DRAWS)
        order = np.argsort(mean.values)
        certain = np.where(better > 0.95, COLOURS["image"], np.where(better < 0.05, COLOURS["muscle"], "0.6"))[order]
        panel.hlines(np.arange(len(order)), lower.values[order], upper.values[order], colors=certain, linewidth=0.8)
        panel.scatter(mean.values[order], np.arange(len(order)), s=5, c=certain, zorder=3)
        panel.axvline(0, color="0.2", linewidth=0.8)
        found = {
            "structure": title,
            "normalisation": other,
            "features": len(names),
            "better": int((better > 0.95).sum()),
            "worse": int((better < 0.05).sum()),
            "median_change": float(mean.median()),
        }
        panel.set_title(f"{title}\n{found['better']} better, {found['worse']} worse", fontsize=9)
        comparisons.append(found)
    panels[1, column].set_xlabel("difference of ICCs")
panels[0, 0].set_ylabel("image − none")
panels[1, 0].set_ylabel("muscle − none")
panels[0, 0].set(yticks=[], xlim=(-1, 1))
figure.savefig(OUTPUT / "normalisation.svg")
comparison = pd.DataFrame(comparisons)
comparison.to_csv(OUTPUT / "normalisation.csv", index=False)
print(comparison.round(2).to_string(index=False))

# %% [markdown]
# *Figure 3. Change of repeatability by a normalisation, each line a feature with its 95 % interval, in order. Green:
# better with a probability above 0.95; orange: worse with a probability above 0.95; grey: these data cannot tell.*
#
# Energy, TotalEnergy and RootMeanSquared need a warning. With the `image` normalisation the origin added 300 before
# squaring, so that Energy is not far from 300² times the number of voxels, and repeats as volume does. A feature that
# gains by an offset has gained nothing.
#
# ## How would we measure better?
#
# The mean of several sessions is more reliable than one. How many sessions would lift the reliability of a feature,
# E ρ², above 0.75 for a pipeline that is fixed? Each further session costs a visit of the patient.

# %%
SESSIONS = [1, 2, 3, 4, 5, 6]


def reliability(tree: xr.DataTree) -> xr.DataArray:
    """Return E rho^2 of the mean over sessions, by one fixed pipeline; dims chain, draw, feature, n_session."""
    data, posterior = data_of(tree), tree["posterior"].to_dataset()
    if "session" in data["component"]:
        study = decision_study(posterior, data, sessions=SESSIONS, preprocessings=[1], fixed=["preprocessing"])
        return study["generalisability"].isel(n_preprocessing=0, drop=True)
    # One value a session: sessions are the replicates.
    studies = [decision_study(posterior, data, replicates=n)["generalisability"] for n in SESSIONS]
    return xr.concat(studies, xr.IndexVariable("n_session", SESSIONS))


reached = {}
for key, trees in strata.items():
    chance = xr.concat([(reliability(tree) > LIMIT).mean(DRAWS) for tree in trees], "feature")
    reached[key] = (chance >= PROBABILITY).mean("feature")
figure, panels = plt.subplots(1, len(STRUCTURES), figsize=(9, 2.8), sharey=True, squeeze=False, layout="constrained")
for panel, (structure, title) in zip(panels[0], STRUCTURES.items(), strict=True):
    for (normalisation, colour), marker in zip(COLOURS.items(), "os^", strict=True):
        share = 100 * reached[structure, normalisation].values
        panel.plot(SESSIONS, share, marker=marker, markersize=4, color=colour, label=normalisation)
    panel.set(title=title, xlabel="sessions averaged", xticks=SESSIONS, ylim=(0, 102))
panels[0, 0].set_ylabel("features that reach it (%)")
panels[0, -1].legend(title="normalisation", frameon=False, loc="upper left", fontsize=8)
figure.savefig(OUTPUT / "sessions.svg")
needed = pd.DataFrame({key: share.to_series() for key, share in reached.items()})
needed.to_csv(OUTPUT / "sessions.csv")

# %% [markdown]
# *Figure 4. Share of the features whose reliability exceeds 0.75 with a probability of at least 0.8, by the number of
# sessions that are averaged.*
#
# ## Features kept
#
# The rule, stated before looking: a feature is kept where the repeatability exceeds 0.75 with a probability of at least
# 0.8. A stricter one asks for robustness too: values could then be compared across pipelines. Repeatability by one
# pipeline is what a study needs that fixes its pipeline by protocol.

# %%
kept, strict = {}, {}
for key, trees in strata.items():
    alone = repeatability[key].expand_dims(condition=["repeatability"])
    kept[key] = select(joint_above(alone, {"repeatability": LIMIT}), PROBABILITY)
    # Without a factor of preprocessing within the stratum a feature is robust by construction: the rule asks nothing.
    both_rules = {"repeatability": LIMIT, "robustness": LIMIT}
    own = [tree["estimands"]["icc"] for tree in trees if "robustness" in tree["estimands"]["condition"]]
    strict[key] = pd.concat([select(joint_above(icc, both_rules), PROBABILITY) for icc in own])
    kept[key].to_csv(OUTPUT / f"kept_{key[0]}_{key[1]}.csv")
print(next(iter(kept.values())).attrs["rule"])
counts = pd.DataFrame(
    {
        (STRUCTURES[structure], normalisation): {
            "features": len(own),
            "kept": own["kept"].sum(),
            "with pipelines": len(strict[structure, normalisation]),
            "kept by the strict rule": strict[structure, normalisation]["kept"].sum(),
        }
        for (structure, normalisation), own in kept.items()
    }
).T
counts.to_csv(OUTPUT / "counts.csv")
print(counts)

STRATA = [(structure, normalisation) for structure in STRUCTURES for normalisation in COLOURS]
chance = pd.DataFrame({key: kept[key]["probability"].reindex(FEATURES) for key in STRATA})
chance = chance.iloc[np.lexsort((-chance.mean(axis=1).to_numpy(), chance.index.map(FAMILIES)))]
figure, panel = plt.subplots(figsize=(7, 1.8 + 0.135 * len(chance)), layout="constrained")
image = panel.imshow(chance.to_numpy(float), aspect="auto", cmap="cividis", vmin=0, vmax=1)
panel.set_yticks(range(len(chance)), chance.index, fontsize=6)
labels = [f"{STRUCTURES[key[0]]}, {key[1]}" for key in STRATA]
panel.set_xticks(range(len(STRATA)), labels, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
for row, column in np.argwhere(chance.to_numpy(float) >= PROBABILITY):
    panel.text(column, row, "•", ha="center", va="center", fontsize=7, color="black")
for edge in range(3, len(STRATA), 3):
    panel.axvline(edge - 0.5, color="white", linewidth=1.5)
figure.colorbar(image, ax=panel, shrink=0.4, label=f"P(repeatability > {LIMIT})")
figure.savefig(OUTPUT / "kept.svg")

# %% [markdown]
# *Figure 5. Probability that the repeatability of a feature exceeds 0.75, by stratum, features by family; a dot marks
# what the rule keeps.*
#
# ## Which features say the same?
#
# Of ten kept features that measure one thing, nine are not needed. What counts is the correlation of the *patients'*
# effects: the noise of one image moves all its features together, so the correlation of raw values is not it.

# %%


def textures_of(structure: str, normalisation: str) -> xr.DataTree:
    """Return the fit of the features on the log scale that vary with the whole pipeline."""
    return max(
        (tree for tree in strata[structure, normalisation] if "preprocessing" in tree["posterior"]["component"]),
        key=lambda tree: tree["posterior"].sizes["feature"],
    )


main = textures_of("WholeGland", "none")
overlap = redundancy(
    model,
    data_of(main),
    main["posterior"].to_dataset(),
    seed=SEED,
    icc=main["estimands"]["icc"].sel(condition="repeatability"),
    progress=False,
)
groups = describe_groups(overlap)
groups.to_csv(OUTPUT / "redundancy.csv")
print(f"whole gland, no normalisation, {overlap.sizes['feature']} textures; {groups.attrs['rule']}:")
print(f"{len(groups)} groups of two or more make {groups.attrs['redundant']} features redundant")
for row in groups.itertuples():
    print(f"  {row.members}")

# %%
names = overlap["feature"].values[np.lexsort((-overlap["icc"].values, overlap["group"].values))]
correlation = overlap["estimate"].sel(feature=names, other_feature=names)
side = 0.125 * max(len(names), 20)
figure, panel = plt.subplots(figsize=(side + 3.4, side + 0.3), layout="constrained")
image = panel.imshow(np.abs(correlation), cmap="cividis", vmin=0, vmax=1)
panel.set_yticks(range(len(names)), names, fontsize=6)
panel.set_xticks([])
sizes = overlap["group"].to_series().value_counts().sort_index()
for start, size in zip(np.cumsum([0, *sizes.iloc[:-1]]), sizes, strict=True):
    if size > 1:
        edges = (start - 0.5, start - 0.5)
        panel.add_patch(plt.Rectangle(edges, size, size, fill=False, edgecolor="#D55E00", linewidth=1.5))
figure.colorbar(image, ax=panel, shrink=0.5, label="|correlation of patients|")
figure.savefig(OUTPUT / "redundancy.svg")

# %% [markdown]
# *Figure 6. Correlation of the patients' effects (absolute, by moments) between textures of the whole gland, in the
# order of their groups, the most repeatable of each group first; orange frames hold features of which every two are
# redundant.*
#
# ## Eleven tumours: do features help each other?
#
# With eleven patients each ICC alone is little more than a guess. Features of one family are computed from the same
# matrix, so a model may let them inform each other: `PooledStability` draws the features of a family towards what is
# usual in it, the more so the less their own data say. If families are alike in truth this sharpens all; a feature
# that is unlike its family is pulled away from its truth. (One joint model takes about half a minute to compile, so the
# small run leaves it out.)

# %%
alone = textures_of("TumorROI_PZ_1", "none")
if not SMALL:
    pooled = PooledStability()
    together = fit(pooled, data_of(alone), seed=SEED, draws=2000, progress=False)
    print(f"tumour, no normalisation, pooled within families: {diagnose(together).verdict}")
    found = {}
    trees_of_tumour = {"alone": alone, "pooled": together}
    for name, tree in trees_of_tumour.items():
        icc = tree["estimands"]["icc"].sel(condition="repeatability").reset_coords(drop=True)
        lower, upper = icc.quantile([0.025, 0.975], DRAWS)
        found |= {(name, "icc"): icc.mean(DRAWS), (name, "lower"): lower, (name, "upper"): upper}
        found[name, "probability"] = (icc > LIMIT).mean(DRAWS)
    pooling = pd.DataFrame({key: own.to_series() for key, own in found.items()})
    pooling.to_csv(OUTPUT / "pooling_tumour.csv")
    pooling = pooling.sort_values(("alone", "icc"))
    figure, panel = plt.subplots(figsize=(6.5, 1.2 + 0.15 * len(pooling)), layout="constrained")
    for name, offset, colour, marker in (("alone", -0.18, "#0072B2", "o"), ("pooled", 0.18, "#E69F00", "s")):
        own, places = pooling[name], np.arange(len(pooling)) + offset
        panel.hlines(places, own["lower"], own["upper"], color=colour, linewidth=1)
        panel.scatter(own["icc"], places, s=9, color=colour, marker=marker, label=name, zorder=3)
    panel.axvline(LIMIT, color="0.5", linewidth=0.8, linestyle=":")
    panel.set_yticks(range(len(pooling)), pooling.index, fontsize=6)
    panel.set(xlim=(0, 1), ylim=(-1, len(pooling)), xlabel="repeatability in the tumour (ICC, 95 % interval)")
    panel.legend(frameon=False, loc="lower right")
    figure.savefig(OUTPUT / "pooling_tumour.svg")
    widths = {name: pooling[name, "upper"] - pooling[name, "lower"] for name in ("alone", "pooled")}
    wider = widths["pooled"] / widths["alone"]
    passed = {name: int((pooling[name, "probability"] >= PROBABILITY).sum()) for name in ("alone", "pooled")}
    spreads = {name: pooling[name, "icc"].std() for name in ("alone", "pooled")}
    print(
        f"Pooling the {len(pooling)} textures narrows the 95 % interval of repeatability from "
        f"{widths['alone'].median():.2f} to {widths['pooled'].median():.2f} (median), draws the estimates together (sd "
        f"among features {spreads['alone']:.3f} to {spreads['pooled']:.3f}), and the rule keeps {passed['pooled']} "
        f"instead of {passed['alone']}. The interval becomes wider for {(wider > 1).sum()} features, most for "
        f"{wider.idxmax()}:"
    )
    for name, tree in trees_of_tumour.items():
        icc = tree["estimands"]["icc"].sel(feature=wider.idxmax(), condition="repeatability")
        print(f"  {name}: repeatability {describe(icc)}")

# %% [markdown]
# *Figure 7. Repeatability of textures in eleven tumours, each feature fitted alone and pooled within its family.*
#
# The feature that pooling blurs is the price: its own data had said more than its family, which is the wrong company
# for a feature that grows with the region. And the pooled model treats features of a family as exchangeable, and their
# noise as independent. It is not: the same two images made them all. So pooled intervals are, if anything, too narrow,
# and a feature that only the pooled fit keeps is a candidate for the next study, no more.

# %% [markdown]
# ## Report and conclusion

# %%
main["redundancy"] = overlap
page = report(main, OUTPUT / "whole_gland_none.html", rule=SelectionRule(LIMIT, PROBABILITY, ("repeatability",)))
print(f"report of one stratum: {page}")

worst = spread["median ratio"].iloc[0]
by_title = counts["kept"]
print(
    f"Pooled raw, a texture's sd in one pipeline is {worst:.3g} times that in another (median over features), and no "
    "answer is worth printing. Within a normalisation, and on the log scale, it is "
    f"{spread['median ratio'].iloc[1:].min():.2g} to {spread['median ratio'].iloc[1:].max():.2g} times."
)
for title in STRUCTURES.values():
    own = ", ".join(f"{medians.loc[title, name]:.2f} with {name}" for name in COLOURS)
    number = ", ".join(f"{by_title[title, name]:.0f} with {name}" for name in COLOURS)
    print(f"{title}: median repeatability {own}; the rule keeps {number} of {len(FEATURES)} features.")
for row in comparison.itertuples():
    print(
        f"{row.structure}, {row.normalisation} against none: with a probability above 0.95 {row.better} of "
        f"{row.features} features are better and {row.worse} worse; the others are undecided; median change "
        f"{row.median_change:+.2f}."
    )
for structure, title in STRUCTURES.items():
    share = 100 * reached[structure, "none"]
    print(
        f"{title}, no normalisation: one session is enough for {share.sel(n_session=1).item():.0f} % of features, the "
        f"mean of three for {share.sel(n_session=3).item():.0f} %, of six for {share.sel(n_session=6).item():.0f} %."
    )
print(
    f"The strict rule, repeatable and robust to the pipeline, keeps {counts['kept by the strict rule'].sum():.0f} of "
    f"{counts['with pipelines'].sum():.0f} combinations of stratum and feature: fix the pipeline by protocol."
)
print(
    f"The interval of a rank spans {width.min():.0f} to {width.max():.0f} places (medians by structure): do not rank."
)
for why in json.loads(main["estimands"].attrs["unavailable"]).values():
    print(f"Not learned here: {why}.")

# %% [markdown]
# What cannot be claimed. That a normalisation is harmful as such: scaling to muscle was done with one small reference
# region, whose own noise enters every feature, and it also shrinks the intensities so far that the same bin widths
# leave few grey levels; these data cannot take the two apart. That a kept feature is useful: repeatability is needed
# for that and does not suffice. That a removed feature is bad: with so few patients most features are removed because
# too little is known of them, which is another thing. And nothing here speaks of another scanner.

# %%
print(f"{time.perf_counter() - STARTED:.0f} s; written to {OUTPUT}")
