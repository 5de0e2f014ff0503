"""What a simulation put in beside what a posterior found, a row a quantity."""

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.simulation.lesions import SyntheticCohort

COLUMNS = ("quantity", "truth", "mean", "lower", "upper", "inside")


def compare_with_truth(tree: xr.DataTree, cohort: SyntheticCohort) -> pd.DataFrame:
    """Return what the simulation put into the images beside what the posterior found; columns as in `COLUMNS`.

    The scanners are compared twice: with the standard deviation of the population that they were drawn from, about
    which so few say little, and with that of the scanners that were drawn (finite population; Gelman 2005,
    doi:10.1214/009053604000001048).
    """
    estimands = tree["estimands"].to_dataset()
    subject, session, scanner = (cohort.sds[name] ** 2 for name in ("subject", "session", "scanner"))
    icc = {
        "repeatability": subject / (subject + session),
        "reproducibility": subject / (subject + session + scanner),
    }
    sds = {name: cohort.sds[name] for name in ("subject", "session", "scanner")}
    rows: list[tuple[str, float | None, xr.DataArray]] = [("mean of the population", cohort.mean, estimands["mean"])]
    for name in map(str, estimands["component"].values):
        rows.append((f"sd of {name}", sds.get(name), estimands["sd"].sel(component=name)))
    drawn = float(np.std(cohort.scanners["offset"].to_numpy(), ddof=1))
    rows.append(("sd of the scanners drawn", drawn, estimands["finite_sd"].sel(component="scanner")))
    for name in map(str, estimands["condition"].values):
        rows.append((f"ICC of {name}", icc.get(name), estimands["icc"].sel(condition=name)))
    return compare(rows)


def compare(rows: list[tuple[str, float | None, xr.DataArray]]) -> pd.DataFrame:
    """Return a row for each quantity, its truth (None where there is none) and its draws; columns as in `COLUMNS`."""
    return pd.DataFrame([_compare(*row) for row in rows], columns=pd.Index(COLUMNS))


def _compare(quantity: str, truth: float | None, posterior: xr.DataArray) -> tuple[object, ...]:
    lower, upper = np.quantile(posterior.values, [0.025, 0.975])
    inside = None if truth is None else bool(lower <= truth <= upper)
    return quantity, np.nan if truth is None else truth, float(posterior.mean()), float(lower), float(upper), inside
