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
# # When does it help to let features learn from each other, and when does it hurt?
#
# A study of eight patients says little about any one of its features, but it has many features. Partial pooling lets
# the features of a family share what they have in common: how reliable they are, how their errors divide. That is a
# claim about the features, and it can be wrong. Here we make the truth ourselves, in four ways:
#
# - **alike**: the features of a family vary moderately about a common centre, as pooling assumes;
# - **two kinds**: half of them are reliable and half are not, and nobody has told the model which;
# - **a stranger**: all are reliable but one, which is not;
# - **one image**: as alike as in the first, but all are computed from the same images, so that the same patients and
#   the same noise make them all, while the model takes them for independent witnesses.
#
# Each is simulated for studies of 8 and 24 subjects (two sessions on each of two scanners) and fitted with and without
# pooling; both are held against the truth.
#
# **What this can teach, and what it cannot.** It shows what pooling does to the error, the coverage and the width of
# intervals when we know how alike features are. It does not say how alike the features of your study are.
#
# As a script: `python case_studies/stability_pooling.py`, or with `--small` for one replicate of a few features. It
# writes figures and tables to `output/stability_pooling`.

# %%
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

from bayesrg import Stability, fit
from bayesrg.inference import Sampler
from bayesrg.models import PooledStability

STARTED = time.perf_counter()
SMALL = "--small" in sys.argv
SEED = 20261122
OUTPUT = Path("output/stability_pooling_small" if SMALL else "output/stability_pooling")
OUTPUT.mkdir(parents=True, exist_ok=True)

SCENARIOS = ("alike", "two kinds", "a stranger", "one image")
WAYS = {"alone": ("#0072B2", "o"), "pooled": ("#D55E00", "s")}
FEATURES = 4 if SMALL else 12
SUBJECTS = (8,) if SMALL else (8, 24)
REPLICATES = 1 if SMALL else 6
DRAWS = {"draws": 200, "tune": 300} if SMALL else {"draws": 800, "tune": 700}
COLUMNS = {"subject": "subject", "session": "session", "scanner": "scanner"}
COMPONENTS = ("subject", "session", "scanner", "subject:scanner", "residual")
NAMES = [f"feature_{number}" for number in range(FEATURES)]
FAMILY = dict.fromkeys(NAMES, "one family")
SCALE = 3.0  # sd of every feature over all its values, in its own units

# %% [markdown]
# ## The truth
#
# The ICC over all facets is set by the scenario, and the rest of the variance is divided among session, scanner, their
# interaction with the subject and noise in parts that differ at random from feature to feature.


# %%
def logit(share: float) -> float:
    return float(np.log(share / (1.0 - share)))


def draw_shares(scenario: str, rng: np.random.Generator) -> np.ndarray:
    """Share of each component in the variance, shape (feature, component)."""
    if scenario == "two kinds":
        signal = np.where(np.arange(FEATURES) % 2 == 0, logit(0.9), logit(0.3))
    elif scenario == "a stranger":
        signal = rng.normal(logit(0.85), 0.3, FEATURES)
        signal[0] = logit(0.2)
    else:
        signal = rng.normal(logit(0.75), 0.4, FEATURES)
    icc = 1.0 / (1.0 + np.exp(-signal[:, None]))
    # The scanners' part is small: two scanners say little about it, whatever the prior.
    return np.hstack([icc, (1.0 - icc) * rng.dirichlet([6.0, 1.0, 3.0, 8.0], FEATURES)])


def simulate(scenario: str, n_subjects: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of features, and the true shares."""
    table = pd.DataFrame(list(np.ndindex(n_subjects, 2, 2)), columns=list(COLUMNS))
    shares = draw_shares(scenario, rng)
    subject, session, scanner = (table[name].to_numpy() for name in COLUMNS)
    levels = (subject, 2 * subject + session, scanner, 2 * subject + scanner, np.arange(len(table)))
    common = 0.8 if scenario == "one image" else 0.0  # correlation of two features' effects
    value = np.zeros((len(table), FEATURES))
    for part, level in zip(shares.T, levels, strict=True):
        size = level.max() + 1
        effect = np.sqrt(common) * rng.standard_normal((size, 1))
        effect = effect + np.sqrt(1.0 - common) * rng.standard_normal((size, FEATURES))
        value += np.sqrt(part) * effect[level]
    table[NAMES] = 10.0 + SCALE * value
    return table, shares


# %% [markdown]
# ## The fits
#
# Both ways use the same likelihood and report the same estimands. The pooled model is compiled once: a study of another
# size has the same structure.


# %%
def score(tree: xr.DataTree, shares: np.ndarray) -> pd.DataFrame:
    """Truth, posterior mean and 95 % interval of every feature's overall ICC and of its components' log sds."""
    estimands = tree["estimands"].to_dataset().sel(feature=NAMES)
    quantities = {"ICC": (estimands["icc"].sel(condition="overall"), shares[:, 0])}
    for place, component in enumerate(COMPONENTS):
        sd = estimands["sd"].sel(component=component)
        quantities[f"log sd, {component}"] = np.log(sd), np.log(SCALE * np.sqrt(shares[:, place]))
    rows = []
    for drawn, truth in quantities.values():
        lower, upper = drawn.quantile([0.025, 0.975], ("chain", "draw")).values
        mean = drawn.mean(("chain", "draw")).values
        rows.append(pd.DataFrame({"truth": truth, "mean": mean, "lower": lower, "upper": upper}, index=NAMES))
    return pd.concat(rows, keys=quantities, names=["quantity", "feature"]).reset_index()


alone, pooled = Stability(), PooledStability()
sampler = None
found, verdicts = [], []
for number, scenario in enumerate(SCENARIOS):
    for n_subjects in SUBJECTS:
        for replicate in range(REPLICATES):
            rng = np.random.default_rng([SEED, number, n_subjects, replicate])
            table, shares = simulate(scenario, n_subjects, rng)
            data = alone.prepare(table, features=NAMES, family=FAMILY, **COLUMNS)
            sampler = sampler or Sampler(pooled, data)
            trees = {
                "alone": fit(alone, data, seed=replicate, progress=False),
                "pooled": fit(pooled, data, seed=replicate, sampler=sampler, progress=False, **DRAWS),
            }
            for way, tree in trees.items():
                case = {"scenario": scenario, "subjects": n_subjects, "replicate": replicate, "way": way}
                found.append(score(tree, shares).assign(**case))
                verdicts.append(case | {"verdict": tree["provenance"].attrs["verdict"]})
results = pd.concat(found)
results.to_csv(OUTPUT / "results.csv", index=False)
verdicts = pd.DataFrame(verdicts)
verdicts.to_csv(OUTPUT / "verdicts.csv", index=False)
print(f"{int((verdicts['verdict'] != 'converged').sum())} of {len(verdicts)} fits did not pass every check:")
print(verdicts.loc[verdicts["verdict"] != "converged", "verdict"].to_string())

# %% [markdown]
# ## Error, coverage and width

# %%
results["error"] = results["mean"] - results["truth"]
results["covered"] = results["truth"].between(results["lower"], results["upper"])
results["width"] = results["upper"] - results["lower"]


def summarise(rows: pd.DataFrame) -> pd.Series:
    """Error, coverage with its Monte Carlo error (between studies, whose features are no independent trials), width."""
    by_study = rows.groupby("replicate")["covered"].mean()
    between = by_study.std(ddof=1) / np.sqrt(len(by_study)) if len(by_study) > 1 else np.nan
    return pd.Series(
        {
            "rmse": np.sqrt((rows["error"] ** 2).mean()),
            "coverage": rows["covered"].mean(),
            "coverage_error": between,
            "width": rows["width"].mean(),
        }
    )


groups = results.groupby(["quantity", "scenario", "subjects", "way"])
summary = groups[["replicate", "error", "covered", "width"]].apply(summarise)
summary.to_csv(OUTPUT / "summary.csv")
print(summary.loc["ICC"].reindex(SCENARIOS, level="scenario").round(3).to_string())

# %%
figure, axes = plt.subplots(3, len(SCENARIOS), figsize=(9, 6.5), sharex=True, sharey="row", layout="constrained")
for column, scenario in enumerate(SCENARIOS):
    for way, (colour, marker) in WAYS.items():
        own = summary.loc["ICC"].xs((scenario, way), level=("scenario", "way"))
        for panel, name in zip(axes[:, column], ("rmse", "coverage", "width"), strict=True):
            error = 2 * own["coverage_error"].fillna(0.0) if name == "coverage" else None
            panel.errorbar(own.index, own[name], yerr=error, marker=marker, color=colour, capsize=3, label=way)
    axes[1, column].axhline(0.95, color="0.25", linewidth=0.8, linestyle=":")
    axes[0, column].set_title(scenario)
    axes[2, column].set_xlabel("subjects")
    axes[2, column].set_xticks(SUBJECTS)
for panel, label in zip(axes[:, 0], ("error of the ICC (RMSE)", "coverage", "width of the interval"), strict=True):
    panel.set_ylabel(label)
axes[0, 0].set_ylim(bottom=0)
axes[2, 0].set_ylim(bottom=0)
axes[0, 0].legend(frameon=False)
figure.savefig(OUTPUT / "pooling.svg")
plt.close(figure)

# %% [markdown]
# *Figure 1. Overall ICC of features by scenario and size of the study: root mean squared error of the posterior mean,
# coverage and width of 95 % intervals (bars: two Monte Carlo errors, between studies).*
#
# Averages over features hide who pays. Here is every feature of the smallest studies.

# %%
smallest = SUBJECTS[0]
figure, axes = plt.subplots(1, len(SCENARIOS), figsize=(9, 2.8), sharex=True, sharey=True, layout="constrained")
icc = results[(results["quantity"] == "ICC") & (results["subjects"] == smallest)]
for panel, scenario in zip(axes, SCENARIOS, strict=True):
    for way, (colour, marker) in WAYS.items():
        own = icc[(icc["scenario"] == scenario) & (icc["way"] == way)]
        panel.scatter(own["truth"], own["mean"], s=12, color=colour, marker=marker, alpha=0.6, linewidth=0, label=way)
    panel.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    panel.set(xlim=(0, 1), ylim=(0, 1), title=scenario, xlabel="true ICC")
axes[0].set_ylabel("estimated ICC")
axes[0].legend(frameon=False)
figure.savefig(OUTPUT / "features.svg")
plt.close(figure)

# %% [markdown]
# *Figure 2. True ICC of every feature in the smallest studies, and its posterior mean.*
#
# ## The components
#
# An ICC is a ratio. Whether its parts are better known with pooling need not be the same question.

# %%
errors = summary["rmse"].unstack("way")
ratio = (errors["pooled"] / errors["alone"]).drop("ICC", level="quantity").unstack("quantity")
order = [f"log sd, {component}" for component in COMPONENTS]
figure, axes = plt.subplots(1, len(SUBJECTS), figsize=(9, 3), sharey=True, squeeze=False, layout="constrained")
for panel, n_subjects in zip(axes[0], SUBJECTS, strict=True):
    own = ratio.xs(n_subjects, level="subjects").loc[list(SCENARIOS), order]
    for number, (scenario, colour) in enumerate(
        zip(SCENARIOS, ("#009E73", "#E69F00", "#CC79A7", "#56B4E9"), strict=True)
    ):
        places = np.arange(len(order)) + 0.2 * (number - 1.5)
        panel.bar(places, own.loc[scenario], width=0.18, color=colour, label=scenario)
    panel.axhline(1.0, color="0.25", linewidth=0.8)
    panel.set_xticks(range(len(order)), COMPONENTS, rotation=20)
    panel.set_title(f"{n_subjects} subjects")
axes[0, 0].set_ylabel("RMSE of the log sd,\npooled / alone")
axes[0, 0].legend(frameon=False, fontsize=7)
figure.savefig(OUTPUT / "components.svg")
plt.close(figure)
print(ratio.round(2).to_string())

# %% [markdown]
# *Figure 3. Error of the components' sds with pooling, relative to that without: below one pooling helps.*

# %% [markdown]
# ## Report and conclusion


# %%
def compare(scenario: str, n_subjects: int) -> tuple[str, pd.DataFrame]:
    """What pooling does to the ICC: helps, hurts or makes no clear difference, and the figures that it is said from.

    It hurts if its squared error is larger in the same studies, or if its intervals cover less than those of features
    alone and less than they claim; it helps if its squared error is smaller and it does not hurt. A difference counts
    if it is larger than two Monte Carlo errors (between studies).
    """
    own = summary.loc["ICC", scenario, n_subjects]
    rows = results[results["quantity"] == "ICC"].set_index(["scenario", "subjects"]).loc[(scenario, n_subjects)]
    squared = rows.assign(squared=rows["error"] ** 2).groupby(["replicate", "way"])["squared"].mean().unstack()
    difference = squared["pooled"] - squared["alone"]
    margin = 2 * difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else 0.0
    with_pooling, without = own.loc["pooled"], own.loc["alone"]
    short = 2 * np.nan_to_num(with_pooling["coverage_error"])
    if difference.mean() > margin or with_pooling["coverage"] < min(without["coverage"], 0.95) - short:
        return "hurts", own
    return ("helps" if difference.mean() < -margin else "makes no clear difference"), own


words = {}
for scenario in SCENARIOS:
    for n_subjects in SUBJECTS:
        word, own = compare(scenario, n_subjects)
        words[scenario, n_subjects] = word
        print(
            f"{scenario}, {n_subjects} subjects: pooling {word}. Error of the ICC {own.loc['alone', 'rmse']:.3f} "
            f"alone, {own.loc['pooled', 'rmse']:.3f} pooled; its intervals cover {own.loc['alone', 'coverage']:.0%} "
            f"and {own.loc['pooled', 'coverage']:.0%}, with mean widths of {own.loc['alone', 'width']:.2f} and "
            f"{own.loc['pooled', 'width']:.2f}."
        )
stranger = results[(results["quantity"] == "ICC") & (results["scenario"] == "a stranger")]
stranger = stranger[stranger["feature"] == NAMES[0]].groupby(["subjects", "way"])[["truth", "mean", "covered"]].mean()
stranger.to_csv(OUTPUT / "stranger.csv")
for n_subjects in SUBJECTS:
    own = stranger.loc[n_subjects]
    print(
        f"The stranger, {n_subjects} subjects: its ICC is {own.loc['pooled', 'truth']:.2f}; alone it is estimated at "
        f"{own.loc['alone', 'mean']:.2f}, pooled at {own.loc['pooled', 'mean']:.2f} (means over studies); the "
        f"intervals hold the truth in {own.loc['alone', 'covered']:.0%} and {own.loc['pooled', 'covered']:.0%} of "
        "studies."
    )
kinds = results[(results["quantity"] == "ICC") & (results["scenario"] == "two kinds")].copy()
kinds["kind"] = np.where(kinds["truth"] > 0.5, "reliable", "unreliable")
for (n_subjects, kind), rows in kinds.groupby(["subjects", "kind"]):
    means = rows.groupby("way")[["mean", "truth", "covered"]].mean()
    print(
        f"Two kinds, {n_subjects} subjects, the {kind}: true ICC {means.loc['alone', 'truth']:.2f}, estimated alone "
        f"{means.loc['alone', 'mean']:.2f} and pooled {means.loc['pooled', 'mean']:.2f}; covered "
        f"{means.loc['alone', 'covered']:.0%} and {means.loc['pooled', 'covered']:.0%}."
    )
for n_subjects in SUBJECTS:
    own = ratio.xs(n_subjects, level="subjects")
    print(
        f"Components, {n_subjects} subjects: pooling changes the error of their log sds by a factor of "
        f"{own.min().min():.2f} ({', '.join(own.stack().idxmin())}) to {own.max().max():.2f} "
        f"({', '.join(own.stack().idxmax())})."
    )
for word in ("helps", "makes no clear difference", "hurts"):
    cases = [f"{scenario} ({n_subjects} subjects)" for (scenario, n_subjects), own in words.items() if own == word]
    print(f"On average over features pooling {word}: {', '.join(cases) or 'nowhere here'}.")

# %% [markdown]
# What cannot be claimed. That a family of IBSI's is alike in any of these ways: in a study nobody knows. The spread
# that the model reports is learned from the same few subjects, and a family of two kinds looks like one with a wide
# spread. That the sizes of gain and loss carry over to other designs: they depend on how many features a family has,
# how far they differ, and how much of one image they share. So look at each feature alone before pooling decides
# anything, and where the two disagree, ask what the feature has in common with its family.

# %%
print(f"{time.perf_counter() - STARTED:.0f} s; written to {OUTPUT}")
