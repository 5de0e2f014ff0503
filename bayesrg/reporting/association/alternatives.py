"""The same question asked with other models: whether they agree, and which predicts better."""

import json

import pandas as pd
from markupsafe import Markup

from bayesrg.reporting import references as works
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Column, Prose, Section, Table, breakable, code, enumerate_words, prose
from bayesrg.reporting.rounding import interval, probability, rounded, significant

# Below it a difference of expected log predictive densities decides nothing, whatever its standard error.
LEAST_DIFFERENCE = 4.0
PLACE = Markup('<a href="#alternatives">other models beside it</a>')


def alternatives(study: Study) -> Section:
    """The section on alternatives."""
    found = study.alternatives
    if found is None:
        return Section(
            "alternatives",
            "Other models beside it",
            [
                prose(
                    "No other model was fitted beside this one. {call} fits a robust, a rank or a freer model, as "
                    "suits the outcome; kept as {place}, their answers stand here.",
                    call=code("bayesrg.models.alternatives.fit_alternatives(tree, model, seed=1)"),
                    place=code('tree["alternatives"]'),
                )
            ],
        )
    blocks: list[Block] = [
        prose(
            "The same question asked with other assumptions. Where the answers agree, the assumption does not matter; "
            "where they do not, the figures above say which to believe."
        ),
        _answers(study),
    ]
    if found.attrs["comparison"]:
        blocks += [
            prose(
                "<b>Which predicts better?</b> Expected log predictive density of patients left out (LOO; {loo}), and "
                "the weights by which the predictions would best be averaged (stacking; {stacking}). A difference of "
                "less than two standard errors, or of less than about 4, decides nothing. Better prediction is no "
                "evidence of an association: all of these models have one.",
                loo=works.LOO.link("Vehtari et al. 2017"),
                stacking=works.STACKING.link("Yao et al. 2018"),
            ),
            _comparison(found.attrs["comparison"]),
        ]
    else:
        blocks.append(
            prose(
                "Their likelihoods are of other things than this fit’s (values, ranks, counts), so that none can be "
                "said to predict better."
            )
        )
    return Section("alternatives", "Other models beside it", blocks)


def objections(study: Study) -> list[Prose]:
    """What the other models hold against this one, for the verdict; nothing where they do not."""
    found = study.alternatives
    if found is None:
        return []
    said = []
    if "category slopes" in found["alternative"].values:
        freer = found.sel(alternative="category slopes")
        unlike = [
            str(term)
            for term in found["term"].values
            if not freer["lower"].sel(term=term) < 0 < freer["upper"].sel(term=term)
        ]
        if unlike:
            said.append(
                prose(
                    "<b>Odds are not proportional</b> in {terms}: the 95 % interval of the last cutpoint’s slope less "
                    "the first’s excludes zero, so that one odds ratio stands for unlike ones. See {place}.",
                    terms=enumerate_words(list(map(breakable, unlike))),
                    place=PLACE,
                )
            )
    if found.attrs["comparison"]:
        scores = pd.DataFrame.from_dict(json.loads(found.attrs["comparison"]), orient="index")
        own = scores[scores.index.str.startswith("this fit")].iloc[0]
        if own["elpd_diff"] < -max(LEAST_DIFFERENCE, 2.0 * own["dse"]):
            said.append(
                prose(
                    "<b>Another model predicts these patients better</b>: {best}, by {by} (standard error {error}) of "
                    "expected log predictive density. See {place}.",
                    best=str(scores["elpd"].idxmax()),
                    by=significant(-float(own["elpd_diff"]), 2),
                    error=significant(float(own["dse"]), 2),
                    place=PLACE,
                )
            )
    return said


def _answers(study: Study) -> Table:
    found = study.alternatives
    assert found is not None
    rows = []
    for name in found["alternative"].values:
        own = found.sel(alternative=name)
        for term in study.terms:
            rows.append(
                {
                    "alternative": str(name),
                    "term": term,
                    "quantity": str(own["quantity"].item()),
                    **{
                        key: float(own[key].sel(term=term) if "term" in own[key].dims else own[key])
                        for key in ("mean", "lower", "upper", "null", "probability_positive")
                    },
                    "verdict": str(own["verdict"].item()),
                }
            )
    frame = pd.DataFrame(rows)
    draws = study.fit.n_draws
    return Table(
        "alternatives",
        "Answers of other models: posterior means with 95 % intervals, and the probability of the positive side.",
        [
            Column("Model", list(frame["alternative"]), numeric=False),
            *study.term_column(frame["term"].astype(str)),
            Column("Quantity", list(frame["quantity"]), numeric=False),
            Column("Mean", [rounded(mean, (high - low) / 140) for mean, low, high in _bounds(frame)]),
            Column("95 % interval", [interval(low, high, (high - low) / 140) for _, low, high in _bounds(frame)]),
            Column("Nil is", [f"{null:g}" for null in frame["null"]]),
            Column("P(> nil)", [probability(value, draws) for value in frame["probability_positive"]]),
            Column("Verdict", [_short(verdict) for verdict in frame["verdict"]], numeric=False),
        ],
        frame.set_index(["alternative", "term"]),
    )


def _bounds(frame: pd.DataFrame) -> list[tuple[float, float, float]]:
    return list(frame[["mean", "lower", "upper"]].itertuples(index=False, name=None))


def _short(verdict: str) -> str:
    """Converged or not; which check failed may name a level."""
    return "converged" if verdict == "converged" else "NOT CONVERGED"


def _comparison(text: str) -> Table:
    frame = pd.DataFrame.from_dict(json.loads(text), orient="index").rename_axis("model")
    return Table(
        "comparison",
        "Leave-one-out comparison, the best first.",
        [
            Column("Model", [breakable(str(name)) for name in frame.index], numeric=False),
            Column("elpd", [rounded(value, 0.1) for value in frame["elpd"]]),
            Column("Standard error", [rounded(value, 0.1) for value in frame["se"]]),
            Column("Difference", [rounded(value, 0.1) for value in frame["elpd_diff"]]),
            Column("Its error", [rounded(value, 0.1) for value in frame["dse"]]),
            Column("Effective parameters", [rounded(value, 0.1) for value in frame["p"]]),
            Column("Stacking weight", [f"{value:.2f}" for value in frame["weight"]]),
            Column("Largest Pareto k", [significant(value, 2) for value in frame["pareto_k"]]),
        ],
        frame,
    )
