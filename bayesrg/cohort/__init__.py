"""Cohorts: imaging, genomic and clinical tables joined by patient, tumour and region, with nobody lost in silence."""

from bayesrg.cohort.flattening import to_table
from bayesrg.cohort.flow import Step, read_flow
from bayesrg.cohort.joining import join
from bayesrg.cohort.matching import suggest_identifiers
from bayesrg.cohort.membership import membership, reasons
from bayesrg.cohort.missingness import missing_by_patient, missing_by_variable
from bayesrg.cohort.restricting import restrict
from bayesrg.cohort.source import ROLES, Source

__all__ = [
    "ROLES",
    "Source",
    "Step",
    "join",
    "membership",
    "missing_by_patient",
    "missing_by_variable",
    "read_flow",
    "reasons",
    "restrict",
    "suggest_identifiers",
    "to_table",
]
