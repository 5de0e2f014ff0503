"""`report_cohort`: a cohort as one page: who is where, who is missing from what and why, and where it all came from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup

from bayesrg.cohort import membership, missing_by_patient, read_flow
from bayesrg.reporting.blocks import Block, Page, Section, count, fill, prose
from bayesrg.reporting.cohort.combinations import combinations_blocks
from bayesrg.reporting.cohort.flow import flow_figure
from bayesrg.reporting.cohort.missingness import missingness_figure
from bayesrg.reporting.cohort.oncoplot import oncoplot_blocks
from bayesrg.reporting.cohort.records import history_table, mapped_blocks, source_table, version_table
from bayesrg.reporting.cohort.staircase import percent
from bayesrg.reporting.cohort.tables import flow_table, patient_table, reason_table, variable_table, who_table
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
    show_patients : whether identifiers of patients may stand in the page and its files; without it they are counted

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
    missing, who = missing_by_patient(cohort), membership(cohort, left_out=True)
    answer = say_answer(cohort, who, missing)
    return write_page(compose(cohort, who, missing, show_patients), Path(path), verdict=answer, judged=False)


def compose(cohort: xr.Dataset, who: pd.DataFrame, missing: pd.DataFrame, show_patients: bool) -> Page:
    """The page's sections in their order; `who` and `missing` are what `membership` and `missing_by_patient` return."""
    sections = [
        _flow_section(cohort),
        _where_section(cohort, who, show_patients),
        _variable_section(cohort),
        _patient_section(missing, show_patients),
        Section("identifiers", "Identifiers that were mapped", mapped_blocks(cohort, show_patients)),
        *_mutation_section(cohort, show_patients),
        Section(
            "record",
            "Sources, history and versions",
            [source_table(cohort), *history_table(cohort, show_patients), version_table()],
        ),
    ]
    sources = count(cohort.sizes["source"], "source")
    return Page("Cohort", f"{count(cohort.sizes['patient'], 'patient')} from {sources}", sections)


def say_answer(cohort: xr.Dataset, who: pd.DataFrame, missing: pd.DataFrame) -> str:
    """The first line: how many patients have everything, of how many."""
    total, sources = cohort.sizes["patient"], cohort.sizes["source"]
    if not total:
        return "No patient is left in the cohort."
    everywhere = who["why"].to_numpy()[:total] == ""
    held, whole = int(everywhere.sum()), int((everywhere & (missing["total"].to_numpy() == 0)).sum())
    joined = read_flow(cohort)[sources].counts.get("patient", total)
    gone = joined - total
    left = f" Of the {joined} joined, {gone} {_agree(gone, 'was', 'were')} left out." if gone else ""
    place = {1: "the only source", 2: "both sources"}.get(sources, f"all {sources} sources")
    return (
        f"{held} of {count(total, 'patient')} ({percent(held / total)}) {_agree(held, 'has', 'have')} values in "
        f"{place}; {whole} of these {_agree(whole, 'has', 'have')} every value.{left}"
    )


def _agree(number: int, one: str, several: str) -> str:
    return one if number == 1 else several


def _flow_section(cohort: xr.Dataset) -> Section:
    steps = read_flow(cohort)
    left = sum(n for step in steps for _, n in step.left_out)
    sentence = prose(
        "{left} on the way{rule}.",
        left="Nobody was left out" if not left else f"{count(left, 'patient')} {_agree(left, 'was', 'were')} left out",
        rule="; a patient who fails several conditions is counted at the first" if left else "",
    )
    blocks = [sentence, flow_figure(cohort), flow_table(steps, cohort.sizes["source"])]
    return Section("flow", "How the cohort came about", blocks)


def _where_section(cohort: xr.Dataset, who: pd.DataFrame, show_patients: bool) -> Section:
    figure, table = combinations_blocks(cohort)
    blocks: list[Block] = [figure, table, reason_table(who)]
    blocks.append(who_table(who) if show_patients else prose("Identifiers of patients are not shown in this report."))
    return Section("where", "Who is in which source", blocks)


def _variable_section(cohort: xr.Dataset) -> Section:
    table = variable_table(cohort)
    complete = int(np.sum(table.frame["missing"].to_numpy() == 0))
    largest = float(np.nan_to_num(table.frame["share"].to_numpy(dtype=float)).max(initial=0.0))
    sentence = prose(
        "{complete} of {all} {have} no missing value{most}.",
        complete=complete,
        all=count(len(table.frame), "variable"),
        have=_agree(complete, "has", "have"),
        most=f"; the most that one lacks is {percent(largest)}" if largest > 0 else "",
    )
    return Section("variables", "What is missing, by variable", [sentence, missingness_figure(cohort), table])


def _patient_section(missing: pd.DataFrame, show_patients: bool) -> Section:
    shares = missing["share"].to_numpy(dtype=float)
    shares = shares[~np.isnan(shares)]
    lacking_none = int(np.sum(missing["total"].to_numpy() == 0))
    sentence = prose(
        "The median patient lacks {middle} of the values that there would be; {none} {lack} none.",
        middle=percent(float(np.median(shares))) if shares.size else "–",
        none=count(lacking_none, "patient"),
        lack=_agree(lacking_none, "lacks", "lack"),
    )
    return Section("patients", "What is missing, by patient", [sentence, *patient_table(missing, show_patients)])


def _mutation_section(cohort: xr.Dataset, show_patients: bool) -> Sequence[Section]:
    if "mutated" not in cohort or 0 in cohort["mutated"].shape:
        return []
    few = show_patients and cohort.sizes["patient"] <= 60
    figure, table = oncoplot_blocks(cohort, show_patients=few)
    note: Markup = fill("Genes that were not assayed are missing, not wild type; shares are of those assayed.")
    return [Section("mutations", "Mutations", [prose("{note}", note=note), figure, table])]
