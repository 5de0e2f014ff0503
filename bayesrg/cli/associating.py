"""Commands on associations: fit one, and predict new patients from it."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesrg.cli.fitting import fit_as_asked, judge
from bayesrg.cli.outcome import DONE, NOT_CONVERGED, check_out, say, warnings_told
from bayesrg.errors import FitError, SettingsError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def run_association(options: Namespace) -> int:
    """Fit an association, ask other models the same, save the fit, and show what it says."""
    check_out(options.out, options.table)
    pairs = {name: read_pairs(getattr(options, name), name) for name in ("reference", "unit")}
    table = read_rows(options.table, [*([options.patient] if options.patient else []), *(options.group or [])])
    say("loading the model (a few seconds)")
    from bayesrg.cli.association_answers import print_answer, tell_data
    from bayesrg.inference import diagnose, save

    model = _association(options)
    with warnings_told():
        data = _prepare(model, _by_levels(table, options.predictor, pairs["reference"]), options, pairs)
    tell_data(data)
    tree = fit_as_asked(model, data, options)
    if not options.no_alternatives:
        from bayesrg.models import alternatives_of, fit_alternatives

        others = alternatives_of(model, data)
        if others:
            say(f"asking other models the same: {', '.join(others)}")
            tree["alternatives"] = fit_alternatives(
                tree, model, seed=options.seed, draws=options.draws, progress=sys.stderr.isatty()
            )
    save(tree, options.out)
    print_answer(tree)
    print(
        f"\nsaved to {options.out}\n"
        f"every estimand: bayesrg summary {options.out}\n"
        f"as a page:      bayesrg report {options.out} --out report.html\n"
        f"new patients:   bayesrg predict {options.out} TABLE --out predictions.csv --seed 1"
    )
    return judge(diagnose(tree))


def run_predict(options: Namespace) -> int:
    """Predict new patients from a saved fit of an association, and write a table of them."""
    check_out(options.out, options.fit, options.table)
    from bayesrg.inference import data_of, diagnose, load
    from bayesrg.models import Association, model_of, predict_patients
    from bayesrg.tables import write_csv

    tree = load(options.fit)
    model = model_of(tree)
    if not isinstance(model, Association):
        raise FitError(
            f"{options.fit} is a fit of {type(model).__name__}; patients are predicted from fits of `bayesrg fit "
            "association`"
        )
    groups = [str(name) for name in data_of(tree)["grouping"].values]
    table = read_rows(options.table, [*([options.patient] if options.patient else []), *groups])
    with warnings_told():
        predicted = predict_patients(tree, model, table, seed=options.seed, patient=options.patient)
    print(f"{len(predicted)} patients predicted, written to {write_csv(predicted, options.out)}")
    diagnosis = diagnose(tree)
    if diagnosis.passed:
        return DONE
    say(f"bayesrg: warning: {diagnosis.verdict}. Do not use these predictions: fit again with more draws")
    return NOT_CONVERGED


def read_rows(path: Path, text: Sequence[str]) -> Any:
    """Return the table, or the Dataset of a cohort, that a file holds; the columns `text` stay text."""
    from bayesrg.storage import SUFFIX, read_dataset
    from bayesrg.tables import read_table

    return read_dataset(path) if path.name.lower().endswith(SUFFIX) else read_table(path, text=text)


def read_pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """Return column -> value, as ``COL=VALUE`` of an option gives them.

    Raises
    ------
    SettingsError
        For what is not of this form, or names a column twice.
    """
    found: dict[str, str] = {}
    for text in given:
        column, _, value = text.rpartition("=")
        if not column or not value or column in found:
            raise SettingsError(
                f"--{option} {text!r} is not understood, or names a column twice; expected "
                f"COL={'LEVEL' if option == 'reference' else 'UNIT'}"
            )
        found[column] = value
    return found


def _by_levels(table: Any, predictors: Sequence[str], reference: dict[str, str]) -> "pd.DataFrame | xr.Dataset":
    """The table with predictors of numbers as categories where a reference level is asked for; a cohort as it is."""
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        return table
    coded = [name for name in predictors if name in reference and name in table]
    return table.assign(**{name: table[name].astype("category") for name in coded})


def _association(options: Namespace) -> Any:
    """The model that the options describe."""
    from bayesrg.models import Association
    from bayesrg.models.families import FAMILIES, Ordinal

    if options.category_slopes and options.family != "ordinal":
        raise SettingsError(f"--category-slopes are of --family ordinal, not of {options.family}: leave them out")
    family: Any = Ordinal(proportional=False) if options.category_slopes else FAMILIES[options.family]()
    return Association(family, rope=options.rope)


def _prepare(model: Any, table: Any, options: Namespace, pairs: dict[str, dict[str, str]]) -> "xr.Dataset":
    """The data laid out; an option that the family does not have is told in one line."""
    direction = options.direction.replace("-", " ") if options.direction else None
    try:
        return model.prepare(
            table,
            outcome=options.outcome,
            predictor=options.predictor,
            formula=options.formula,
            group=options.group,
            weights=options.weights,
            exposure=options.exposure,
            patient=options.patient,
            categories=options.categories,
            reference=pairs["reference"],
            scale=options.scale,
            direction=direction,
            units=pairs["unit"],
        )
    except TypeError as problem:
        raise SettingsError(str(problem)) from problem
