"""What two guidelines for radiomics ask about reproducibility and robustness of features, as data.

CLEAR (Kocak et al. 2023, doi:10.1186/s13244-023-01415-8) is a reporting checklist of 58 items, METRICS (Kocak et al.
2024, doi:10.1186/s13244-023-01572-w) a quality score of 30. Numbers and headings were compared with their online tools,
version 1.0 of each (addresses below), and those of METRICS with table 1 of the article; what items ask is told here in
other words. Items about patients, images, prediction models and open science, of which a stability fit knows nothing,
are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bayesrg.reporting import references as works
from bayesrg.reporting.references import Reference

TOOLS: Mapping[str, tuple[Reference, str, str]] = {
    "CLEAR": (works.CLEAR, "1.0", "https://clearchecklist.github.io/clear_checklist/CLEAR.html"),
    "METRICS": (works.METRICS, "1.0", "https://metricsscore.github.io/metrics/METRICS.html"),
}


@dataclass(frozen=True)
class Item:
    """One item of a guideline.

    Parameters
    ----------
    guideline, number : as the guideline numbers it
    topic : its subject, in a few words
    asks : what it wants to know, in our words
    """

    guideline: str
    number: int
    topic: str
    asks: str


ITEMS: tuple[Item, ...] = (
    Item("CLEAR", 9, "sample size", "How the number of subjects was settled, before or after the study."),
    Item("CLEAR", 16, "imaging protocol", "How images were acquired, on which scanners, and how many on each."),
    Item("CLEAR", 26, "feature classes", "Which classes of features there are, by IBSI’s names, and how many of each."),
    Item("CLEAR", 27, "number of features", "How many features each instance has."),
    Item("CLEAR", 29, "missing data", "Whether data are missing, how many, and what was done about it."),
    Item(
        "CLEAR",
        31,
        "reliability of segmentation",
        "How the influence of different segmentations or readers was assessed, with which coefficient of which form.",
    ),
    Item("CLEAR", 32, "feature scaling", "How feature values were normalised or transformed."),
    Item(
        "CLEAR",
        33,
        "dimension reduction",
        "By which steps features were removed, reproducibility among them, with the cut-off of each step.",
    ),
    Item("CLEAR", 36, "confounders", "How confounders such as acquisition and site were detected and dealt with."),
    Item("CLEAR", 40, "uncertainty", "How uncertainty was evaluated and which measures of it are reported."),
    Item("CLEAR", 41, "statistical software", "Which software and versions, which comparisons, which thresholds."),
    Item(
        "CLEAR",
        46,
        "feature statistics",
        "Names and number of the features found reproducible, with their class and their reproducibility statistics.",
    ),
    Item("CLEAR", 52, "strengths and limitations", "What may bias the results or keep them from holding elsewhere."),
    Item("CLEAR", 56, "modelling code", "Whether the analysis can be run again from what is shared."),
    Item(
        "METRICS",
        14,
        "removal of non-robust features",
        "Whether unstable features were removed after test-retest scans, repeated segmentation or perturbed images, "
        "with the method and the result of each step.",
    ),
    Item("METRICS", 15, "removal of redundant features", "Whether features that carry the same were reduced, and how."),
    Item("METRICS", 16, "dimensionality and data size", "Whether the features left are few enough for the subjects."),
    Item(
        "METRICS",
        17,
        "robustness of end-to-end deep learning",
        "Whether a pipeline without tabulated features stays consistent when scans or segmentations are repeated.",
    ),
    Item("METRICS", 19, "confounding factors", "Whether confounding, by scanner for one, was looked for and handled."),
    Item(
        "METRICS", 21, "consideration of uncertainty", "Whether intervals or errors are given, and how they were made."
    ),
)
