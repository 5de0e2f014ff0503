"""A cohort on paper: oncoplot, flow diagram, who is where, what is missing, and the page that has all of it."""

from bayesrg.reporting.cohort.combinations import combinations_plot
from bayesrg.reporting.cohort.flow import flow_diagram
from bayesrg.reporting.cohort.missingness import missingness_map
from bayesrg.reporting.cohort.oncoplot import oncoplot
from bayesrg.reporting.cohort.page import report_cohort

__all__ = ["combinations_plot", "flow_diagram", "missingness_map", "oncoplot", "report_cohort"]
