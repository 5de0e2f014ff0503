"""Commands that fit models to features and show the fits."""

import json
import sys
import warnings
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from bayesrg.cli.outcome import DONE, MOST_LISTED, NOT_CONVERGED, check_out, say
from bayesrg.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesrg.inference import Diagnosis


def run_demo(options: Namespace) -> int:
    """Simulate, extract, fit and report, and hold the posterior against the truth."""
    check_out(options.out / "features.parquet")
    say("loading the packages (a few seconds)")
    from bayesrg.cli.multi_region_fitting import print_links
    from bayesrg.demo import FEATURE, demonstrate
    from bayesrg.inference import diagnose

    shown = demonstrate(options.out, progress=sys.stderr.isatty(), say=say)
    print(f"\n{FEATURE}: posterior with 95 % intervals, beside the truth where the simulation sets one")
    _print_comparison(shown.comparison)
    print(f"\ntumours' regions, features by genes ({shown.regions}): truth and posterior, in sds per sd")
    _print_comparison(shown.link_comparison)
    print()
    _print_fit(shown.tree)
    print_links(shown.link_tree)
    print(f"\nfeatures  {shown.features}\nfit       {shown.fit}\nreport    {shown.report}")
    print(f"and of {FEATURE} alone: {shown.feature_fit}, {shown.feature_report}")
    print(f"and of links with genes: {shown.link_fit}, {shown.link_report}")
    return max(judge(diagnose(tree)) for tree in (shown.tree, shown.feature_tree, shown.link_tree))


def run_fit(options: Namespace) -> int:
    """Fit the stability model to one feature of a table or to many, save the fit, and show its ICCs."""
    from bayesrg.tables import read_table

    check_out(options.out, options.table)
    factors = {role: getattr(options, role) for role in ("subject", "session", "scanner", "preprocessing")}
    table = read_table(options.table, text=[column for column in factors.values() if column is not None])
    say("loading the model (a few seconds)")
    from bayesrg.inference import diagnose, save

    model = _stability(options)
    table = _in_our_names(table, options.tool)
    with warnings.catch_warnings():
        # The features that are left out are listed below, more fully than the warning does.
        warnings.filterwarnings("ignore", message=r"\d+ of \d+ features are left out", category=UserWarning)
        data = model.prepare(table, features=_chosen(table, options), **factors, scale=options.scale, unit=options.unit)
    for why, count in json.loads(data.attrs["dropped"]).items():
        say(f"bayesrg: warning: {count} of {len(table)} rows are left out: {why}")
    for feature, why in json.loads(data.attrs.get("left_out", "{}")).items():
        say(f"bayesrg: warning: {feature} is left out: {why}")
    for caution in json.loads(data.attrs.get("cautions", "[]")):
        say(f"bayesrg: caution: {caution}")
    what = data.attrs["feature"] if options.feature else f"{data.sizes['feature']} features"
    say(f"fitting {what}: {data.sizes['measurement']} rows, {data.sizes['subject']} subjects")
    tree = fit_as_asked(model, data, options)
    if options.redundancy:
        from bayesrg.models import describe_groups, redundancy

        found = redundancy(model, data, tree["posterior"].to_dataset(), seed=options.seed, progress=sys.stderr.isatty())
        tree["redundancy"] = found
        groups = describe_groups(found)
        sizes = [size for size in groups["size"] if size > 1]
        say(f"{sum(sizes)} features in {len(sizes)} groups measure the same thing as another")
    save(tree, options.out)
    _print_fit(tree, ["icc"])
    print(
        f"saved to {options.out}\n"
        f"every estimand: bayesrg summary {options.out}\n"
        f"as a page:      bayesrg report {options.out} --out report.html"
    )
    return judge(diagnose(tree))


def run_summary(options: Namespace) -> int:
    """Print a fit's verdict and its estimands, and write them to a file if asked to."""
    from bayesrg.inference import diagnose, load, summary
    from bayesrg.tables import write_csv

    if options.csv:
        check_out(options.csv, options.fit)
    tree = load(options.fit)
    attributes = tree["constant_data"].attrs
    print(f"{_describe(tree)}: {diagnose(tree).verdict}")
    for caution in json.loads(attributes.get("cautions", "[]")):
        print(f"caution: {caution}")
    _print_fit(tree)
    if "alternatives" in tree:
        from bayesrg.cli.association_answers import print_alternatives

        print_alternatives(tree["alternatives"].to_dataset())
    if options.csv:
        print(f"written to {write_csv(summary(tree), options.csv)}")
    return DONE


def run_report(options: Namespace) -> int:
    """Write a fit's report."""
    from bayesrg.inference import load
    from bayesrg.reporting import report

    check_out(options.out, options.fit)
    report(load(options.fit), options.out, show_subjects=options.show_subjects)
    print(f"written to {options.out}")
    return DONE


def _print_comparison(comparison: "pd.DataFrame") -> None:
    """Print truth and posterior side by side, and how many of the known truths lie in their intervals."""
    from bayesrg.tables import print_table

    answers = {True: "yes", False: "no", None: ""}
    table = comparison.assign(inside=[answers[inside] for inside in comparison["inside"]])
    print_table([str(column) for column in table.columns], table.itertuples(index=False))
    known = comparison["inside"].dropna()
    print(f"{known.sum()} of {len(known)} truths lie inside; of many 95 % intervals, 1 in 20 misses.")


def _stability(options: Namespace) -> Any:
    """The model that the options describe."""
    from bayesrg.models import IndependentSds, PooledStability, Priors, Shares, Stability

    if options.threshold and not all(0 < limit < 1 for limit in options.threshold):
        raise SettingsError(f"--threshold is an intraclass correlation between 0 and 1, not {options.threshold}")
    if options.redundancy and not options.features:
        raise SettingsError("--redundancy compares features: it takes --features, not --feature")
    chosen = {"session": options.session_design}
    if options.threshold:
        chosen["thresholds"] = tuple(options.threshold)
    if not options.pooled:
        variances = {"shares": Shares, "half-normal": IndependentSds}[options.variance_prior]()
        return Stability(**chosen, heteroscedastic=options.heteroscedastic, priors=Priors(variances=variances))
    if options.feature or options.heteroscedastic or options.variance_prior != "shares":
        raise SettingsError(
            "--pooled lets features inform each other: it takes --features, not --feature, and has neither "
            "--heteroscedastic nor --variance-prior"
        )
    return PooledStability(**chosen)


def _in_our_names(table: "pd.DataFrame", tool: str) -> "pd.DataFrame":
    """The table with features named as IBSI names them."""
    from bayesrg.radiomics import features_from_mirp, features_from_pyradiomics

    if tool == "bayesrg":
        return table
    return {"pyradiomics": features_from_pyradiomics, "mirp": features_from_mirp}[tool](table)


def _chosen(table: "pd.DataFrame", options: Namespace) -> str | list[str]:
    """The columns of the features that were asked for."""
    from bayesrg.radiomics.features import ALIASES
    from bayesrg.tables import choose_columns

    if options.features:
        factors = (options.subject, options.session, options.scanner, options.preprocessing)
        return choose_columns(table, options.features, [column for column in factors if column])
    feature = options.feature
    if feature not in table and feature.lower() in ALIASES and ALIASES[feature.lower()].name in table:
        feature = ALIASES[feature.lower()].name
        say(f"{options.feature} is {feature}")
    return feature


def _describe(tree: Any) -> str:
    """What a fit is of, in a few words."""
    data = tree["constant_data"]
    if "outcome" in data.attrs:
        from bayesrg.cli.association_answers import describe_question

        return describe_question(data.to_dataset())
    if "gene" in data.dims:
        from bayesrg.cli.multi_region_fitting import describe_links

        return describe_links(data.to_dataset())
    return data.attrs.get("feature", f"{data.sizes.get('feature')} features")


def _print_fit(tree: Any, estimands: list[str] | None = None) -> None:
    """Print the estimands of one feature, a line for each of many (the most reliable first), or links with genes."""
    from bayesrg.inference import summary
    from bayesrg.tables import print_table

    if "gene" in tree["estimands"].dims:
        from bayesrg.cli.multi_region_fitting import print_links

        print_links(tree)
        return
    if "feature" not in tree["estimands"].dims:
        table = summary(tree, estimands)
        columns = ["mean", "median", "lower", "upper", "ess_bulk", "r_hat", "unit"]
        print_table(
            ["estimand", *columns], ([name, *row] for name, row in zip(table.index, table[columns].values, strict=True))
        )
        return
    from bayesrg.models import tabulate_features

    ranked = tabulate_features(tree)
    shown = ranked.head(MOST_LISTED)
    print(f"overall ICC of {len(ranked)} features, most reliable first: posterior mean, 95 % interval, probabilities")
    print_table(
        ["feature", *map(str, shown.columns)],
        ([name, *row] for name, row in zip(shown.index, shown.values, strict=True)),
    )
    if len(ranked) > len(shown):
        print(f"and {len(ranked) - len(shown)} more: see the report, or `bayesrg summary FIT --csv FILE`")


def fit_as_asked(model: Any, data: "xr.Dataset", options: Namespace) -> "xr.DataTree":
    """Return the fit with the sampling that the command line asks for, and its progress on a terminal."""
    from bayesrg.inference import fit

    return fit(
        model,
        data,
        seed=options.seed,
        draws=options.draws,
        tune=options.tune,
        chains=options.chains,
        progress=sys.stderr.isatty(),
    )


def judge(diagnosis: "Diagnosis") -> int:
    """Return the exit code of a fit, and say loudly if it did not converge."""
    if diagnosis.passed:
        return DONE
    some = 0 < len(diagnosis.failed) < diagnosis.members
    use = "Do not use those that failed" if some else "Do not use this fit"
    say(
        f"bayesrg: warning: {diagnosis.verdict}. {use}. It is saved, so that you can look at it; "
        "sample longer (--draws, --tune), or see `bayesrg report` for what the trouble is."
    )
    return NOT_CONVERGED
