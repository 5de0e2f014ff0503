"""`report_cohort`: a cohort as one page: who is where, who is missing from what and why, and where it all came from."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup

from bayesrg.cohort import membership, missing_by_patient, read_flow
from bayesrg.cohort.membership import reasons
from bayesrg.reporting.blocks import Block, Page, Section, count, fill, prose
from bayesrg.reporting.cohort.combinations import combinations_blocks
from bayesrg.reporting.cohort.flow import flow_figure
from bayesrg.reporting.cohort.leaving import count_emptied, say_units_left, say_without, without_units
from bayesrg.reporting.cohort.masking import mask_people
from bayesrg.reporting.cohort.missingness import missingness_figure
from bayesrg.reporting.cohort.oncoplot import oncoplot_blocks
from bayesrg.reporting.cohort.records import history_table, mapped_blocks, source_table, version_table
from bayesrg.reporting.cohort.staircase import percent
from bayesrg.reporting.cohort.tables import (
    flow_table,
    patient_table,
    reason_table,
    variable_table,
    who_table,
)
from bayesrg.reporting.writing import write_page


def report_cohort(cohort: xr.Dataset, path: str | Path, *, show_patients: bool = False) -> Path:
    """Write the page of a joined cohort and return its path.

    The page is one HTML file that needs no network. Its first line says how many patients have everything; then come
    the flow diagram, who is in which source, what is missing by variable and by patient, identifiers that were mapped,
    mutations where the cohort has them, and sources, history and versions. Its tables (CSV) and figures (SVG) are also
    written to the folder ``<stem>_files`` beside it. The same cohort gives the same bytes. Each file appears whole, the
    page last.

    Parameters
    ----------
    cohort : what `bayesrg.cohort.join` or `restrict` returned
    path : of the page, such as ``flow.html``
    show_patients : whether identifiers of patients may stand in the page and its files; without it they are counted,
        and masked in reasons, history and names of sources. Names of variables and genes stand as they are

    Raises
    ------
    TableError
        If the Dataset is no cohort.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from bayesrg.cohort import Source, join
    >>> ages = pd.DataFrame({"patient": ["P1", "P2"], "age": [50, 61]})
    >>> with TemporaryDirectory() as folder:
    ...     page = report_cohort(join({"clinical": Source(ages, "clinical")}), f"{folder}/flow.html")
    ...     "2 of 2 patients" in page.read_text(encoding="utf-8")
    True
    """
    shown = cohort if show_patients else mask_people(cohort)
    missing, lacking = missing_by_patient(shown), reasons(shown, left_out=True)
    answer = say_answer(shown, lacking, missing)
    return write_page(compose(shown, lacking, missing, show_patients), Path(path), verdict=answer, judged=False)


def compose(
    cohort: xr.Dataset, lacking: Mapping[str, Sequence[str]], missing: pd.DataFrame, show_patients: bool
) -> Page:
    """The page's sections in their order; `lacking` and `missing` are what `reasons` and `missing_by_patient` return.

    Without `show_patients` the cohort is what `mask_people` returned.
    """
    sections = [
        _flow_section(cohort, lacking),
        _where_section(cohort, lacking, show_patients),
        _variable_section(cohort),
        _patient_section(cohort, missing, show_patients),
        Section("identifiers", "Identifiers that were mapped", mapped_blocks(cohort, show_patients)),
        *_mutation_section(cohort, show_patients),
        Section(
            "record",
            "Sources, history and versions",
            [source_table(cohort), *history_table(cohort), version_table()],
        ),
    ]
    sources = count(cohort.sizes["source"], "source")
    return Page("Cohort", f"{count(cohort.sizes['patient'], 'patient')} from {sources}", sections)


def say_answer(cohort: xr.Dataset, lacking: Mapping[str, Sequence[str]], missing: pd.DataFrame) -> str:
    """The first line: how many patients have everything, of how many."""
    total, sources = cohort.sizes["patient"], cohort.sizes["source"]
    if not total:
        return f"No patient is left in the cohort.{_say_left(cohort, lacking)}"
    everywhere = np.array([not lacking[str(patient)] for patient in missing.index])
    held, whole = int(everywhere.sum()), int((everywhere & (missing["total"].to_numpy() == 0)).sum())
    place = {1: "the only source", 2: "both sources"}.get(sources, f"all {sources} sources")
    return (
        f"{held} of {count(total, 'patient')} ({percent(held / total)}) {_agree(held, 'has', 'have')} values in "
        f"{place}; {whole} of these {_agree(whole, 'has', 'have')} every value.{_say_left(cohort, lacking)}"
    )


def _say_left(cohort: xr.Dataset, lacking: Mapping[str, Sequence[str]]) -> str:
    """Who and what was left out, for the first line; empty if nobody and nothing was."""
    joined, gone, outside = _count_left(cohort)
    told = [f"Of the {joined} joined, {gone} {_agree(gone, 'was', 'were')} left out"] if gone else []
    if outside:
        told.append(f"{outside} more {_agree(outside, 'was', 'were')} left out of the join")
    sentence = f" {'; '.join(told)}." if told else ""
    parts = _say_parts_left(cohort, lacking)
    return f"{sentence} {parts}." if parts else sentence


def _say_parts_left(cohort: xr.Dataset, lacking: Mapping[str, Sequence[str]]) -> str:
    """Which tumours and regions were left out by themselves, and how many patients lost all; empty if none were."""
    units = say_units_left(cohort)
    lost = say_without(count_emptied(lacking), " left")
    return f"{units} left while their patients stayed{f', and {lost}' if lost else ''}" if units else ""


def _count_left(cohort: xr.Dataset) -> tuple[int, int, int]:
    """How many patients were joined, how many of these left, and how many were left out of the join."""
    join = read_flow(cohort)[cohort.sizes["source"]]
    joined = join.counts.get("patient", 0)
    return joined, joined - cohort.sizes["patient"], sum(n for _, n in join.left_out)


def _agree(number: int, one: str, several: str) -> str:
    return one if number == 1 else several


def _flow_section(cohort: xr.Dataset, lacking: Mapping[str, Sequence[str]]) -> Section:
    _, gone, outside = _count_left(cohort)
    parts = _say_parts_left(cohort, lacking)
    told = [
        f"{count(gone, 'patient')} {_agree(gone, 'was', 'were')} left out on the way; a patient who fails several "
        "conditions is counted at the first"
        if gone
        else f"{'No patient' if parts or outside else 'Nobody'} was left out on the way"
    ]
    told += [parts] if parts else []
    told += (
        [f"{count(outside, 'patient')} more {_agree(outside, 'was', 'were')} left out of the join"] if outside else []
    )
    blocks = [prose("{told}.", told=". ".join(told)), flow_figure(cohort), flow_table(cohort)]
    return Section("flow", "How the cohort came about", blocks)


def _where_section(cohort: xr.Dataset, lacking: Mapping[str, Sequence[str]], show_patients: bool) -> Section:
    none = prose("No patient is left, so that there is no combination of sources to show.")
    blocks: list[Block] = [*combinations_blocks(cohort)] if cohort.sizes["patient"] else [none]
    blocks.append(reason_table(lacking))
    hidden = prose("Identifiers of patients are not shown in this report.")
    blocks.append(who_table(membership(cohort, left_out=True)) if show_patients else hidden)
    return Section("where", "Who is in which source", blocks)


def _variable_section(cohort: xr.Dataset) -> Section:
    title = "What is missing, by variable"
    if not cohort.sizes["patient"]:
        return Section("variables", title, [prose("No patient is left of whom a value could be missing.")])
    table = variable_table(cohort)
    complete = int(np.sum(table.frame["missing"].to_numpy() == 0))
    largest = float(np.nan_to_num(table.frame["share"].to_numpy(dtype=float)).max(initial=0.0))
    sentence = prose(
        "{complete} of {all} {have} no missing value{most}{parts}.",
        complete=complete,
        all=count(len(table.frame), "variable"),
        have=_agree(complete, "has", "have"),
        most=f"; the most that one lacks is {percent(largest)}" if largest > 0 else "",
        parts=_say_parts(cohort),
    )
    return Section("variables", title, [sentence, missingness_figure(cohort), table])


def _say_parts(cohort: xr.Dataset) -> str:
    """What counts as missing of tumours and regions; empty where everybody has them."""
    without = say_without({level: int(none.sum()) for level, none in without_units(cohort).items()})
    return f"; {without}, of which nothing is counted as missing" if without else ""


def _patient_section(cohort: xr.Dataset, missing: pd.DataFrame, show_patients: bool) -> Section:
    title = "What is missing, by patient"
    if missing.empty:
        return Section("patients", title, [prose("No patient is left who could lack anything.")])
    shares = missing["share"].to_numpy(dtype=float)
    shares = shares[~np.isnan(shares)]
    lacking_none = int(np.sum(missing["total"].to_numpy() == 0))
    sentence = prose(
        "The median patient lacks {middle} of the values that there would be; {none} {lack} none{parts}.",
        middle=percent(float(np.median(shares))) if shares.size else "–",
        none=count(lacking_none, "patient"),
        lack=_agree(lacking_none, "lacks", "lack"),
        parts=_say_parts(cohort),
    )
    tables = patient_table(missing, show_patients, without_units(cohort))
    return Section("patients", title, [sentence, *tables])


def _mutation_section(cohort: xr.Dataset, show_patients: bool) -> Sequence[Section]:
    if "mutated" not in cohort or 0 in cohort["mutated"].shape:
        return []
    few = show_patients and cohort.sizes["patient"] <= 60
    figure, table = oncoplot_blocks(cohort, show_patients=few)
    note: Markup = fill("Genes that were not assayed are missing, not wild type; shares are of those assayed.")
    return [Section("mutations", "Mutations", [prose("{note}", note=note), figure, table])]
