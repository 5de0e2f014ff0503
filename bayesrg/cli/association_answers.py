"""What an association's fit says, printed for a terminal: who is in, the effects, the evidence, and what others say."""

import json
from typing import Any

import numpy as np
import xarray as xr

from bayesrg.cli.outcome import MOST_LISTED, say
from bayesrg.inference import data_of
from bayesrg.models import classical_companions, model_of, savage_dickey
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.rounding import probability
from bayesrg.tables import print_table

PRIOR_SCALES = (0.4, 1.0, 2.5)
"""Scales of the prior, relative to the fit's own, whose Bayes factors are printed; the report has more."""

RATIOS = {"odds_ratio": "odds ratio", "rate_ratio": "rate ratio", "geometric_mean_ratio": "ratio of geometric means"}
"""Estimands that are quoted by their medians, as a mean of ratios is drawn out by the largest."""


def tell_data(data: xr.Dataset) -> None:
    """Tell on standard error who is left out, how text was coded, what to beware of, and what will be fitted."""
    dropped = json.loads(data.attrs["dropped"])
    everyone = data.sizes["patient"] + sum(dropped.values())
    for why, count in dropped.items():
        say(f"bayesrg: warning: {count} of {everyone} rows are left out: {why}")
    for column, coding in json.loads(data.attrs["coding"]).items():
        base, levels = coding["reference"], [str(level) for level in coding["levels"]]
        if base is None:
            say(f"{column} has the levels {', '.join(levels)}, coded by {coding['contrast']} contrasts")
        else:
            others = ", ".join(level for level in levels if level != str(base))
            say(f"{column}: {others} against the reference {base}")
    if "category" in data.coords and data.attrs["family"] != "rank":
        counts = np.bincount(data["value"].values.astype(int), minlength=data.sizes["category"])
        labels = data["category"].values
        told = ", ".join(f"{label} ({count})" for label, count in zip(labels, counts, strict=True))
        say(f"{data.attrs['outcome']} has the categories {told}")
    for caution in json.loads(data.attrs["cautions"]):
        say(f"bayesrg: caution: {caution}")
    say(f"fitting {describe_question(data)}: {data.sizes['patient']} rows")


def describe_question(data: xr.Dataset) -> str:
    """What a fit of an association is about, in a line: outcome, predictors, what is held fixed, and the family."""
    held = [text for text in (data.attrs["formula"], *map(str, data["grouping"].values)) if text]
    given = f" given {', '.join(held)}" if held else ""
    predictors = ", ".join(json.loads(data.attrs["predictors"]))
    return f"{data.attrs['outcome']} by {predictors}{given} ({data.attrs['family']})"


def print_answer(tree: xr.DataTree) -> None:
    """Print the effects, the evidence of dependence, the answers of other models, and the classical tests."""
    model = model_of(tree)
    study = Study(Fitted(tree, model), show_subjects=False)
    print(study.fit.verdict)
    print(f"\n{describe_question(study.data)}: posterior and 95 % interval (ratios: median, others: mean)")
    print_table(["quantity", "for", "estimate", "lower", "upper"], _effects(study))
    _print_direction(study)
    _print_bayes_factors(model, tree)
    if "alternatives" in tree:
        print_alternatives(tree["alternatives"].to_dataset())
    _print_classical(study.data)


def print_alternatives(found: xr.Dataset) -> None:
    """Print what other models say of the same question, and how well they predict where that can be compared."""
    print("\nthe same question asked of other models (mean, 95 % interval)")
    rows = []
    for name in found["alternative"].values:
        one = found.sel(alternative=name)
        trouble = "" if one["verdict"].item() == "converged" else "NOT CONVERGED"
        for term in found["term"].values:
            numbers = [float(one[column].sel(term=term)) for column in ("mean", "lower", "upper")]
            above = _chance(float(one["probability_positive"].sel(term=term)))
            rows.append([name, term, one["quantity"].item(), *numbers, f"{one['null'].item():g}", above, trouble])
    print_table(["model", "term", "quantity", "mean", "lower", "upper", "if none", "P(above that)", ""], rows)
    if found.attrs["comparison"]:
        print("\nleave-one-out prediction, best first, with stacking weights")
        columns = ["elpd_diff", "dse", "pareto_k"]
        compared = json.loads(found.attrs["comparison"]).items()
        rows = [[name, *(float(row[column]) for column in columns), f"{row['weight']:.2f}"] for name, row in compared]
        print_table(["model", *columns, "weight"], rows)


def _effects(study: Study) -> list[list[Any]]:
    """Rows of the estimands that a reader quotes: quantity, of what, estimate, lower, upper."""
    estimands = study.fit.estimands
    names = {name: words for name, words in _names(study).items() if name in estimands}
    rows = []
    for term in study.terms:
        # Probabilities are quoted in one step, ratios and differences in the predictor's own unit as well.
        steps = [study.step(term)] if study.two_valued(term) else ["sd", "unit"]
        for name, words in names.items():
            own = estimands[name].sel(term=term)
            if "step" not in own.dims:
                rows += _rows(words, _compared(study, term, name), own)
                continue
            for step in steps if name in (*RATIOS, "effect") else steps[:1]:
                rows += _rows(words, study.describe_step(term, step), own.sel(step=step), ratio=name in RATIOS)
    if "r_squared" in estimands:
        rows += _rows("share of variance explained", "all columns", estimands["r_squared"])
    return rows


def _names(study: Study) -> dict[str, str]:
    """Estimand -> what a reader of this family calls it, in the order of printing; ``{}`` is for a category."""
    outcome, unit = study.outcome, study.unit
    if study.continuous and not study.transformation.has_units:
        unit = "normal scores"
    odds = {"bernoulli": study.event, "ordinal": f"a higher {outcome}"} if study.categories else {}
    of = f" of {odds.get(study.family, outcome)}"
    chance = f"P({study.event})" if study.family == "bernoulli" else f"P({outcome} = {{}})"
    names = {name: f"{words}{of}" for name, words in RATIOS.items()}
    if not any(name in study.fit.estimands for name in RATIOS):
        names["effect"] = f"difference of {outcome}{f' ({unit})' if unit else ''}"
    if study.family == "rank":
        names = {"probability_of_superiority": "probability of superiority", "effect": "shift of the probit"}
    change = f"expected {outcome}" if study.family == "negative_binomial" else chance
    return {
        **names,
        "category_slope": f"log odds ratio{of}",
        "slope_difference": "slope at the last cut less that at the first",
        "average_marginal_effect": f"{change}, average change",
        "risk_difference": f"{chance}, difference",
        "probability_of_superiority": "probability of superiority",
        "standardised_effect": "sds of the outcome",
    }


def _compared(study: Study, term: str, name: str) -> str:
    """What is compared where an estimand has no step of its own."""
    if name in ("category_slope", "slope_difference"):
        return study.describe_step(term)
    if name == "standardised_effect":
        return f"one sd of {term}"
    low, high = study.levels(term)
    return f"{term if term in study.predictors else term.partition('[')[0]} {high} against {low}"


def _rows(quantity: str, what: str, drawn: xr.DataArray, *, ratio: bool = False) -> list[list[Any]]:
    """A row for each category, contrast or cutpoint of an estimand, or one."""
    by = next((str(dim) for dim in drawn.dims if dim not in ("chain", "draw")), None)
    parts = {quantity: drawn}
    if by is not None:
        named = quantity if "{}" in quantity else quantity + ", {}"
        parts = {named.replace("{}", str(label)): drawn.sel({by: label}) for label in drawn[by].values}
    rows = []
    for name, own in parts.items():
        lower, middle, upper = (float(value) for value in np.quantile(own.values, [0.025, 0.5, 0.975]))
        rows.append([name, what, middle if ratio else float(own.mean()), lower, upper])
    return rows


def _chance(value: float) -> str:
    """A probability with three digits, never as a certainty."""
    return probability(value, 1000).replace("\u00a0", " ")


def _print_direction(study: Study) -> None:
    print("\nprobability of direction, and of a slope that is practically nil")
    rows = []
    for slope in study.slopes:
        above = float((slope.draws > 0.0).mean())
        inside = float((np.abs(slope.draws) < study.rope).mean())
        rows.append(
            [slope.label, "positive" if above >= 0.5 else "negative", _chance(max(above, 1.0 - above)), _chance(inside)]
        )
    print_table(["slope", "direction", "probability", f"P(within ±{study.rope:g})"], rows)


def _print_bayes_factors(model: Any, tree: xr.DataTree) -> None:
    found = savage_dickey(model, tree["posterior"].to_dataset(), data_of(tree), scales=PRIOR_SCALES)
    headings = [
        f"slope ~ Normal(0, {sd:g}){' (the fit)' if scale == 1.0 else ''}"
        for sd, scale in zip(found["prior_sd"].values, found["prior_scale"].values, strict=True)
    ]
    print("\nBayes factor of an association against none, by the prior (above 1 for one, below 1 for none)")
    rows = []
    for term in found["term"].values:
        own = found.sel(term=term)
        doubt = "not reliable: Pareto k above 0.7" if bool((own["pareto_k"] > 0.7).any()) else ""
        with np.errstate(over="ignore"):
            rows.append([term, *map(float, np.exp(own["log_bayes_factor"].values)), doubt])
    print_table(["predictor", *headings, ""], rows)


def _print_classical(data: xr.Dataset) -> None:
    table = classical_companions(data)
    print("\nclassical tests beside it (95 % confidence interval)")
    columns = ["term", "test", "quantity", "estimate", "lower", "upper", "p_value"]
    print_table(columns, table[columns].head(MOST_LISTED).itertuples(index=False, name=None))
    if len(table) > MOST_LISTED:
        print(f"and {len(table) - MOST_LISTED} more: see the report")
    for note in dict.fromkeys(note for note in table["note"].head(MOST_LISTED) if note):
        print(f"note: {note}")
