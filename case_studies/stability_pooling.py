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
# the features of a family share what they have in common: how large their totals are, how reliable they are, how their
# errors divide. That is a claim about the features, and it can be wrong. Here the truth is known, because we make it:
#
# - **alike**: the features of a family vary moderately about a common centre, as pooling assumes;
# - **two kinds**: half of them are reliable and half are not, and nobody has told the model which;
# - **a stranger**: all are reliable but one, which is not.
#
# Each is simulated for studies of 8 and 30 subjects (two sessions on each of two scanners), fitted with and without
# pooling, and both are held against the truth: error of the overall ICC's posterior mean, coverage and width of its
# 95 % intervals, and what happens to the stranger.
#
# As a script: `python case_studies/stability_pooling.py`, or with `--small` for a few replicates.

# %%
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bayesrg import Stability, fit
from bayesrg.inference import Sampler
from bayesrg.models import PooledStability

STARTED = time.perf_counter()
SMALL = "--small" in sys.argv
SEED = 20261122
OUTPUT = Path("output/stability_pooling_small" if SMALL else "output/stability_pooling")
OUTPUT.mkdir(parents=True, exist_ok=True)

FEATURES = 6 if SMALL else 16
SUBJECTS = (8,) if SMALL else (8, 30)
REPLICATES = 1 if SMALL else 6
COLUMNS = {"subject": "subject", "session": "session", "scanner": "scanner"}
NAMES = [f"feature_{number}" for number in range(FEATURES)]
FAMILY = dict.fromkeys(NAMES, "one family")

# %% [markdown]
# ## The truth
#
# Four components: subject, session (each subject's own), scanner and residual, with the interaction of subject and
# scanner as a fifth. The ICC over all facets is set, and the error is divided among the others in random parts.


# %%
def draw_icc(scenario: str, rng: np.random.Generator) -> np.ndarray:
    """Overall ICC of every feature."""
    if scenario == "alike":
        logit = rng.normal(np.log(0.75 / 0.25), 0.4, FEATURES)
    elif scenario == "two kinds":
        logit = np.where(np.arange(FEATURES) % 2 == 0, np.log(0.9 / 0.1), np.log(0.3 / 0.7))
    else:  # a stranger
        logit = rng.normal(np.log(0.85 / 0.15), 0.3, FEATURES)
        logit[0] = np.log(0.2 / 0.8)
    return 1.0 / (1.0 + np.exp(-logit))


def simulate(scenario: str, n_subjects: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of features, and their true ICCs."""
    table = pd.DataFrame(list(np.ndindex(n_subjects, 2, 2)), columns=list(COLUMNS))
    icc = draw_icc(scenario, rng)
    subject, scanner = table["subject"].to_numpy(), table["scanner"].to_numpy()
    session = 2 * subject + table["session"].to_numpy()
    cell = 2 * subject + scanner
    for name, share in zip(NAMES, icc, strict=True):
        # The scanners' part is small: two scanners say little about it, whatever the prior.
        parts = (1.0 - share) * rng.dirichlet([6.0, 1.0, 3.0, 8.0])
        value = np.sqrt(share) * rng.standard_normal(n_subjects)[subject]
        for part, level in zip(parts, (session, scanner, cell, np.arange(len(table))), strict=True):
            value = value + np.sqrt(part) * rng.standard_normal(level.max() + 1)[level]
        table[name] = 10.0 + 3.0 * value
    return table, icc


# %% [markdown]
# ## The fits
#
# Both ways use the same likelihood and report the same estimand. The pooled model is compiled once for each design.

# %%
alone, pooled = Stability(), PooledStability()
samplers: dict[int, Sampler] = {}
rows = []
for scenario in ("alike", "two kinds", "a stranger"):
    for n_subjects in SUBJECTS:
        for replicate in range(REPLICATES):
            rng = np.random.default_rng([SEED, n_subjects, replicate, len(scenario)])
            table, truth = simulate(scenario, n_subjects, rng)
            data = alone.prepare(table, features=NAMES, family=FAMILY, **COLUMNS)
            if n_subjects not in samplers:
                samplers[n_subjects] = Sampler(pooled, data)
            fits = {
                "alone": fit(alone, data, seed=replicate, progress=False),
                "pooled": fit(
                    pooled,
                    data,
                    seed=replicate,
                    draws=500,
                    tune=700,
                    sampler=samplers[n_subjects],
                    progress=False,
                ),
            }
            for way, tree in fits.items():
                icc = tree["estimands"]["icc"].sel(condition="overall")
                low, high = icc.quantile([0.025, 0.975], ("chain", "draw")).values
                for number, name in enumerate(NAMES):
                    rows.append(
                        {
                            "scenario": scenario,
                            "subjects": n_subjects,
                            "replicate": replicate,
                            "feature": name,
                            "way": way,
                            "truth": truth[number],
                            "mean": float(icc.sel(feature=name).mean()),
                            "lower": low[number],
                            "upper": high[number],
                            "verdict": tree["provenance"].attrs["verdict"],
                        }
                    )
results = pd.DataFrame(rows)
results.to_csv(OUTPUT / "results.csv", index=False)
unconverged = results.groupby(["scenario", "subjects", "replicate", "way"])["verdict"].first().ne("converged")
print(f"{int(unconverged.sum())} of {len(unconverged)} fits did not pass every check")

# %% [markdown]
# ## What came out

# %%
results["error"] = results["mean"] - results["truth"]
results["covered"] = results["truth"].between(results["lower"], results["upper"])
results["width"] = results["upper"] - results["lower"]
groups = results.groupby(["scenario", "subjects", "way"])
score = pd.DataFrame(
    {
        "root mean squared error": groups["error"].agg(lambda own: float(np.sqrt(np.mean(own**2)))),
        "coverage": groups["covered"].mean(),
        "width": groups["width"].mean(),
    }
)
print(score.round(3).to_string())
score.to_csv(OUTPUT / "score.csv")

strange = results[(results["scenario"] == "a stranger") & (results["feature"] == NAMES[0])]
stranger = strange.groupby(["subjects", "way"]).agg(
    truth=("truth", "mean"), mean=("mean", "mean"), coverage=("covered", "mean"), width=("width", "mean")
)
print("\nthe stranger\n" + stranger.round(3).to_string())
stranger.to_csv(OUTPUT / "stranger.csv")

# %%
INK, BLUE, ORANGE = "0.25", "#0072B2", "#D55E00"
figure, axes = plt.subplots(2, 3, figsize=(9, 5), sharex=True, sharey="row", layout="constrained")
for column, scenario in enumerate(("alike", "two kinds", "a stranger")):
    for way, colour, marker in (("alone", BLUE, "o"), ("pooled", ORANGE, "s")):
        own = score.xs((scenario, way), level=("scenario", "way"))
        axes[0, column].plot(own.index, own["root mean squared error"], marker=marker, color=colour, label=way)
        n = REPLICATES * FEATURES
        error = np.sqrt(own["coverage"] * (1 - own["coverage"]) / n)
        axes[1, column].errorbar(own.index, own["coverage"], yerr=2 * error, marker=marker, color=colour, capsize=3)
    axes[1, column].axhline(0.95, color=INK, linewidth=0.8, linestyle=":")
    axes[0, column].set_title(scenario)
    axes[1, column].set_xlabel("subjects")
    axes[1, column].set_xticks(SUBJECTS)
axes[0, 0].set_ylabel("error of the ICC (RMSE)")
axes[0, 0].set_ylim(bottom=0)
axes[1, 0].set_ylabel("coverage of 95 % intervals")
axes[0, 0].legend(frameon=False)
figure.savefig(OUTPUT / "pooling.svg")
figure.savefig(OUTPUT / "pooling.png", dpi=150)
plt.close(figure)

# %% [markdown]
# ## In words

# %%
smallest = SUBJECTS[0]


def gain(scenario: str, subjects: int) -> float:
    """By how much pooling lowers the error, as a share of the error without it."""
    errors = score["root mean squared error"].loc[scenario, subjects]
    return 1.0 - errors["pooled"] / errors["alone"]


for scenario in ("alike", "two kinds", "a stranger"):
    for subjects in SUBJECTS:
        change = gain(scenario, subjects)
        coverage = score["coverage"].loc[scenario, subjects]
        print(
            f"{scenario}, {subjects} subjects: pooling {'lowers' if change > 0 else 'raises'} the error of the ICC by "
            f"{abs(change):.0%}; 95 % intervals cover {coverage['pooled']:.0%} (alone {coverage['alone']:.0%})"
        )
for subjects in SUBJECTS:
    pulled = stranger["mean"].loc[subjects]
    print(
        f"the stranger, {subjects} subjects: its ICC is {stranger['truth'].loc[subjects, 'pooled']:.2f}; pooled it is "
        f"estimated at {pulled['pooled']:.2f}, alone at {pulled['alone']:.2f}"
    )
print(
    "Pool when the study is small and the features of a family are of one kind. Do not pool to judge a single feature "
    "that may be unlike its family: its estimate is drawn towards the others, the more the smaller the study."
)
print(f"{time.perf_counter() - STARTED:.0f} s; written to {OUTPUT}")
