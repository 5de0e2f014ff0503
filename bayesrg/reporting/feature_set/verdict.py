"""The answer for many features, first: how many can be trusted, and whether the numbers can."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from bayesrg.inference.diagnosis import IMPORTANCE
from bayesrg.reporting.blocks import Block, Column, Section, Table, enumerate_words, fill, prose
from bayesrg.reporting.feature_set.study import ADJECTIVES, FeatureSet, count_features
from bayesrg.reporting.judgement import cautions


def verdict(study: FeatureSet) -> Section:
    """Converged or not, what to beware of, how many features meet the rule, and how many each condition."""
    fit = study.fit
    blocks: list[Block] = [
        prose("<strong>{verdict}.</strong> {details}", verdict=fit.verdict, details=_details(study)),
        *cautions(study.cautions),
        prose(
            '<span class="answer"><b>{kept:,} of {counted}</b> {are} {words}: the ICC exceeds {limit:g}{at_once} with '
            "a posterior probability of at least {chance:g}.</span>",
            kept=int(study.kept.sum()),
            counted=study.counted,
            words=enumerate_words([ADJECTIVES.get(name, name) for name in study.thresholds]),
            limit=study.target,
            are="is" if study.n_features == 1 else "are",
            at_once=" in each of these conditions at once," if len(study.thresholds) > 1 else "",
            chance=study.rule.probability,
        ),
        _counts(study),
    ]
    return Section("verdict", "Verdict", blocks)


def _details(study: FeatureSet) -> Markup:
    checks = {check.name: check for check in study.fit.diagnosis.checks}
    failed = [check.name for check in checks.values() if not check.passed]
    if failed:
        return fill(
            "The numbers of features that failed must not be published or acted on. Failed: {names}; the section on "
            '<a href="#diagnostics">diagnostics</a> says where.',
            names=enumerate_words(failed),
        )
    if study.pooled:
        return fill(
            "One model for all features, in which they inform each other, was sampled by NUTS: R-hat is at most "
            "{r_hat:.3f}, every effective sample size at least {ess:.0f}, and no transition diverged.",
            r_hat=checks["R-hat"].value,
            ess=min(checks["bulk ESS"].value, checks["tail ESS"].value),
        )
    methods = study.fit.tree["sample_stats"].to_dataset()["method"].values.astype(str)
    important = int((methods == IMPORTANCE).sum())
    said = []
    if important:
        said.append(
            fill(
                "{n} by importance sampling (worst Pareto k {k:.2f}, effective sample size at least {ess:.0f})",
                n=count_features(important),
                k=checks["Pareto k"].value,
                ess=checks["importance ESS"].value,
            )
        )
    if important < methods.size:
        said.append(
            fill(
                "{n} by NUTS{why} (worst R-hat {r_hat:.3f}, {bad:.0f} divergences)",
                why=", where importance sampling could not be trusted" if important else "",
                n=count_features(methods.size - important),
                r_hat=checks["R-hat"].value,
                bad=checks["divergences"].value,
            )
        )
    return fill("Sampled were {said}.", said=enumerate_words(said))


def _counts(study: FeatureSet) -> Table:
    """How many features exceed the rule's threshold in each condition, and at once."""
    limit, required = study.target, study.rule.probability
    icc = study.fit.estimands["icc"]
    rows = {name: icc.sel(condition=name) > limit for name in study.conditions}
    if len(study.thresholds) > 1:
        rows["all at once"] = study.joint["all"]
    found, shown = [], []
    for above in rows.values():
        chance = above.mean(("chain", "draw")).values
        number = above.sum("feature").values.ravel()
        low, high = np.quantile(number, [0.025, 0.975])
        found.append(
            {
                "surely": int((chance >= required - 1e-12).sum()),
                "surely_not": int((chance <= 1.0 - required + 1e-12).sum()),
                "expected": number.mean(),
                "lower": low,
                "upper": high,
            }
        )
        shown.append(f"{number.mean():.0f} ({low:.0f}–{high:.0f})")
    frame = pd.DataFrame(found, index=pd.Index(list(rows), name="condition"))
    undecided = study.n_features - frame["surely"] - frame["surely_not"]
    frame.insert(2, "undecided", undecided)
    percent = f"{100 * required:g}"
    return Table(
        "counts",
        fill("Of {counted}: how many have an ICC above {limit:g}, by condition.", counted=study.counted, limit=limit),
        [
            Column("Condition", list(frame.index), numeric=False),
            Column(f"Yes: P ≥ {required:g}", [str(number) for number in frame["surely"]]),
            Column("Undecided", [str(number) for number in frame["undecided"]]),
            Column(f"No: P ≤ {1 - required:.3g}", [str(number) for number in frame["surely_not"]]),
            Column("Number expected (95 % interval)", shown),
        ],
        frame,
        notes=f"Yes: the posterior probability is at least {percent} %; no: it is at most {100 - 100 * required:g} %. "
        "The number expected is the posterior of how many features exceed the threshold.",
    )
