"""Reports: a fit as one page that a reader can check, with its tables as CSV and its figures as SVG beside it."""

from bayesrg.reporting.feature_set import SelectionRule
from bayesrg.reporting.writing import report

__all__ = ["SelectionRule", "report"]
