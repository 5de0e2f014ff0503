"""The command that fits features of regions by their genes: who is in, the fit, and a compact answer."""

import json
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesrg.cli.associating import read_pairs, read_rows
from bayesrg.cli.fitting import fit_as_asked, judge
from bayesrg.cli.outcome import MOST_LISTED, check_out, given, say, warnings_told
from bayesrg.errors import BayesrgError, SettingsError, TableError, list_some

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

LOCATED = ("matern12", "matern32", "matern52")
NEIGHBOURS = ("tumor", "region", "neighbour")


def run_multi_region(options: Namespace) -> int:
    """Fit features of regions by their genes, save the fit, and show what it says."""
    check_out(options.out, options.table, options.neighbours)
    units = read_pairs(options.unit, "unit")
    _check_places(options)
    labels = [name for name in (options.patient, options.tumor, options.region) if name]
    table = read_rows(options.table, [*labels, *([options.batch] if options.batch else [])])
    neighbours = _read_neighbours(options.neighbours)
    say("loading the model (a few seconds)")
    import pandas as pd

    from bayesrg.cohort import to_table
    from bayesrg.inference import diagnose, save

    model = _multi_region(options)
    with warnings_told():
        if not isinstance(table, pd.DataFrame):
            table = to_table(table).reset_index()
        if table.empty:
            raise TableError(
                f"{options.table}: there is no row below the names of the columns; expected a row a region"
            )
        with _naming_files(options):
            genes, features = _choose(table, options, labels)
            data = _prepare(model, table, options, features, genes, neighbours, units)
            if neighbours is not None:
                _tell_strangers(neighbours, table, options)
    tell_regions(data)
    tree = fit_as_asked(model, data, options)
    save(tree, options.out)
    diagnosis = diagnose(tree)
    print(f"{describe_links(data)}: {diagnosis.verdict}")
    print_links(tree)
    print(
        f"\nsaved to {options.out}\n"
        f"every estimand: bayesrg summary {options.out} --csv summary.csv\n"
        f"as a page:      bayesrg report {options.out} --out report.html"
    )
    return judge(diagnosis)


def tell_regions(data: "xr.Dataset") -> None:
    """Tell on standard error which regions are left out, what to beware of, and what will be fitted."""
    dropped = json.loads(data.attrs["dropped"])
    everyone = data.sizes["region"] + sum(dropped.values())
    for why, count in dropped.items():
        say(f"bayesrg: warning: {count} of {everyone} regions are left out: {why}")
    for caution in json.loads(data.attrs["cautions"]):
        say(f"bayesrg: caution: {caution}")
    missing = int(data["value"].isnull().sum())
    if missing:
        say(f"{missing} single values of features are missing, and are left out on their own")
    say(f"fitting {describe_links(data)}: {count_regions(data)}")


def describe_links(data: "xr.Dataset") -> str:
    """What a fit is about, in a line: features by genes, what is held fixed, and how space enters."""
    features, genes = (list(map(str, data[name].values)) for name in ("feature", "gene"))
    held = ", ".join(text for text in (data.attrs["formula"], data.attrs["batch"]) if text)
    by = f"{list_some(features)} by {list_some(genes)}"
    return f"{by}{f' given {held}' if held else ''} ({data.attrs['spatial']})"


def count_regions(data: "xr.Dataset") -> str:
    """How many regions, tumours and patients there are."""
    tumors, patients = data.sizes["tumor"], data.sizes["patient"]
    of = f" of {patients} patients" if patients != tumors else ""
    return f"{data.sizes['region']} regions of {tumors} tumours{of}"


def print_links(tree: "xr.DataTree") -> None:
    """Print the coefficients, how far they vary between and within tumours, what a is, and how far space reaches."""
    from bayesrg.reporting.rounding import probability
    from bayesrg.tables import print_table

    estimands = tree["estimands"].to_dataset()
    n_draws = estimands.sizes["chain"] * estimands.sizes["draw"]
    chances = estimands[["above_zero", "heterogeneity_above", "universal", "local"]].mean(("chain", "draw"))

    def chance_of(share: float) -> str:
        return probability(share, n_draws).replace("\u00a0", " ")

    links = [(feature, gene) for feature in estimands["feature"].values for gene in estimands["gene"].values]
    ranked = sorted(links, key=lambda link: -abs(float(estimands["B_0"].sel(feature=link[0], gene=link[1]).mean())))
    print("\nB_0: sds of the feature per sd of the gene (per step of a two-valued one); posterior mean, 95 % interval")
    rows = []
    for feature, gene in ranked[:MOST_LISTED]:
        own, chance = estimands.sel(feature=feature, gene=gene), chances.sel(feature=feature, gene=gene)
        above = float(chance["above_zero"])
        sign = ["positive" if above >= 0.5 else "negative", chance_of(max(above, 1.0 - above))]
        between = _summarise(own["slope_between"]) if "slope_between" in own else []
        rows.append([feature, gene, *_summarise(own["B_0"]), *sign, *between])
    columns = ["feature", "gene", "B_0", "lower", "upper", "sign", "P(sign)"]
    columns += ["between tumours", "lower", "upper"] if "slope_between" in estimands else []
    print_table(columns, rows)
    delta, rope = (_setting(tree, name) for name in ("delta", "rope"))
    print(
        f"\nheterogeneity of links: how the coefficient varies; share of the feature's variance, P(> {delta:g}); "
        f"P(universal: |B_0| > {rope:g} and > 2 sds), P(local: sd within tumours > {rope:g} and > |B_0| / 2)"
    )
    rows = []
    for feature, gene in ranked[:MOST_LISTED]:
        own, chance = estimands.sel(feature=feature, gene=gene), chances.sel(feature=feature, gene=gene)
        sds = [float(own[f"link_{name}_sd"].median()) for name in ("tumor", "space")]
        called = [chance_of(float(chance[name])) for name in ("heterogeneity_above", "universal", "local")]
        rows.append(
            [feature, gene, *sds, float(own["local_share"].median()), *_summarise(own["heterogeneity"]), *called]
        )
    columns = ["feature", "gene", "sd tumours", "sd space", "local share", "share", "lower", "upper"]
    print_table([*columns, f"P(> {delta:g})", "P(universal)", "P(local)"], rows)
    if len(links) > MOST_LISTED:
        print(f"and {len(links) - MOST_LISTED} more links: see the report, or `bayesrg summary FIT --csv FILE`")
    print("\nimaging heterogeneity that genes do not explain: variance of a + epsilon within tumours, and its ICC")
    rows = []
    for feature in estimands["feature"].values[:MOST_LISTED]:
        own = estimands.sel(feature=feature)
        rows.append([feature, *_summarise(own["a_variance_within"]), *_summarise(own["a_icc"])])
    print_table(["feature", "variance", "lower", "upper", "ICC", "lower", "upper"], rows)
    if "correlation_length" in estimands:
        print("\ndistance at which correlation in space falls to 1/e, in mm: median, 95 % interval; before the data")
        prior = tree["prior_estimands"]["correlation_length"]
        rows = [
            [process, *_summarise(own, middle="median"), *_summarise(prior.sel(process=process), middle="median")]
            for process, own in estimands["correlation_length"].groupby("process", squeeze=False)
        ]
        print_table(["of", "median", "lower", "upper", "prior", "lower", "upper"], rows)


def _summarise(drawn: Any, middle: str = "mean") -> list[float]:
    """Mean (or median) and the ends of the 95 % interval."""
    lower, upper = drawn.quantile([0.025, 0.975]).values
    return [float(getattr(drawn, middle)()), float(lower), float(upper)]


def _setting(tree: Any, name: str) -> float:
    """An option of the model that a fit was made with."""
    from bayesrg.models import model_of

    return float(getattr(model_of(tree), name))


def _check_places(options: Namespace) -> None:
    """Refuse places that the spatial form does not use, or lacks."""
    if options.spatial in LOCATED and not options.coordinates:
        raise SettingsError(
            f"--spatial {options.spatial} needs --coordinates, columns of places in mm; without places use --spatial "
            "graph with --neighbours, or --spatial exchangeable"
        )
    if options.spatial == "graph" and not options.neighbours:
        raise SettingsError("--spatial graph needs --neighbours, a table of pairs: tumor, region, neighbour")
    if options.neighbours and options.spatial != "graph":
        raise SettingsError(f"--neighbours does nothing with --spatial {options.spatial}: add --spatial graph")


def _read_neighbours(path: Path | None) -> "pd.DataFrame | None":
    """The pairs of neighbours, labels as text."""
    from bayesrg.tables import read_table

    if path is None:
        return None
    table = read_table(path, text=NEIGHBOURS, kind="table of neighbours")
    columns = [str(name) for name in table.columns]
    for name in NEIGHBOURS:
        if name not in columns:
            near = get_close_matches(name, columns, n=1)
            raise TableError(
                f"{path}: no column {name!r}; expected the columns {', '.join(NEIGHBOURS)}, a row a pair; it has "
                f"{list_some(columns)}{f'. Rename {near[0]!r} to {name!r}' if near else ''}"
            )
    return table


def _tell_strangers(neighbours: "pd.DataFrame", table: "pd.DataFrame", options: Namespace) -> None:
    """Tell which pairs of neighbours are of regions that the table does not have: a label may be misspelt."""
    from bayesrg.models.patient_rows.cells import label, read_column

    def named(tumors: Iterable[object], regions: Iterable[object]) -> list[str]:
        return [f"{label(tumor)}:{label(region)}" for tumor, region in zip(tumors, regions, strict=True)]

    own = named(read_column(table, options.tumor), read_column(table, options.region))
    known = set(own)
    if options.patient:  # a tumour's label that several patients have is told apart as patient/tumour
        patients = read_column(table, options.patient)
        known |= {f"{label(patient)}/{region}" for patient, region in zip(patients, own, strict=True)}
    met = [
        region
        for end in NEIGHBOURS[1:]
        for region in named(read_column(neighbours, "tumor"), read_column(neighbours, end))
    ]
    strange = [region for region in dict.fromkeys(met) if region not in known]
    if strange:
        say(
            f"bayesrg: warning: {options.neighbours} has pairs of regions that {options.table} does not have, and they "
            f"join nothing: {list_some(strange)}. If a label is misspelt, correct it"
        )


@contextmanager
def _naming_files(options: Namespace) -> Iterator[None]:
    """Name the files that were read before what is wrong with them."""
    try:
        yield
    except SettingsError:
        raise
    except BayesrgError as problem:
        files = [str(path) for path in (options.table, options.neighbours) if path]
        raise type(problem)(f"{' with '.join(files)}: {problem}") from problem


def _multi_region(options: Namespace) -> Any:
    """The model that the options describe."""
    from bayesrg.models import MultiRegion

    if options.delta is not None and options.delta >= 1:
        raise SettingsError(f"--delta is a share between 0 and 1, not {options.delta:g}")
    return MultiRegion(
        spatial=options.spatial,
        residual=options.residual,
        contextual=not options.no_contextual,
        **given(options, "rope", "delta"),
    )


def _choose(table: "pd.DataFrame", options: Namespace, labels: list[str]) -> tuple[list[str], list[str]]:
    """Columns of genes, and of features, that were asked for."""
    from bayesrg.tables import choose_columns

    # Mutations of a cohort are truth values, of which patterns of numbers know nothing.
    truths = table.select_dtypes(["bool", "boolean"]).columns
    numbers = table.astype(dict.fromkeys(truths, "Float64"))
    others = [*labels, *(options.coordinates or []), *([options.batch] if options.batch else [])]
    both = [name for name in options.features if name in options.genes]
    if both:
        raise SettingsError(
            f"{list_some(both, show=repr)} stands under --features and under --genes: a link is of two columns, so "
            "leave it out of one of the two"
        )
    genes = choose_columns(numbers, options.genes, others)
    return genes, choose_columns(numbers, options.features, [*others, *genes])


def _prepare(
    model: Any,
    table: "pd.DataFrame",
    options: Namespace,
    features: list[str],
    genes: list[str],
    neighbours: "pd.DataFrame | None",
    units: dict[str, str],
) -> "xr.Dataset":
    """The data laid out; what the model does not take is told in one line."""
    try:
        return model.prepare(
            table,
            features=features,
            genes=genes,
            tumor=options.tumor,
            region=options.region,
            patient=options.patient,
            coordinates=options.coordinates,
            neighbours=neighbours,
            formula=options.formula,
            batch=options.batch,
            scale=options.scale,
            units=units,
        )
    except TypeError as problem:
        raise SettingsError(str(problem)) from problem
