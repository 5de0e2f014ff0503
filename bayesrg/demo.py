"""The whole chain on simulated lesions whose answer is known: images, features, fit, report, posterior beside truth.

Every subject is scanned in two sessions on two scanners, and every image is processed in five ways. All features are
fitted. Of one, ``statistics_mean``, the simulation draws the mean and the effects of subject, session and scanner, so
its posterior can be held against the truth; what preprocessing does to it is the work of real image processing, and
the simulation sets no truth for that.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.imaging import STANDARD_PERTURBATIONS, Interpolation
from bayesrg.inference import fit, save
from bayesrg.models import Stability
from bayesrg.radiomics import FEATURES, Settings, extract_cohort
from bayesrg.reporting import report
from bayesrg.simulation.lesions import SyntheticCohort, simulate_lesions, write_lesions

FEATURE = "statistics_mean"
LEVELS = ("original", "noise", "rotate_6_degrees", "grow_10_percent", "cubic_bspline")
FACTORS: Mapping[str, Any] = {role: role for role in ("subject", "session", "scanner", "preprocessing")}
COLUMNS = ("quantity", "truth", "mean", "lower", "upper", "inside")

SEED = 11
"""Of a simulation whose two scanners differ about as much as scanners do on average: from two alone, nobody could tell
that a pair is unusually alike."""


@dataclass(frozen=True)
class Demonstration:
    """What `demonstrate` has made.

    Attributes
    ----------
    features, fit, report
        Paths of the features (Parquet), the saved fit of all of them, and its report page.
    feature_fit, feature_report
        Paths of the saved fit of `FEATURE` alone, and of its page.
    tree, feature_tree
        The two fits.
    comparison
        A row per quantity: ``quantity``, ``truth``, posterior ``mean``, ``lower`` and ``upper`` end of the 95 %
        interval (intensity units; intraclass correlations have none), and whether the truth is ``inside``. Quantities
        without a known truth have NaN and None.
    """

    features: Path
    fit: Path
    report: Path
    feature_fit: Path
    feature_report: Path
    tree: xr.DataTree
    feature_tree: xr.DataTree
    comparison: pd.DataFrame


def demonstrate(
    out: str | PathLike[str],
    *,
    n_subjects: int = 12,
    draws: int = 1500,
    tune: int = 1000,
    chains: int = 4,
    seed: int = SEED,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Demonstration:
    """Simulate lesions, extract their features, fit them, write the reports, and compare posterior and truth.

    Into the folder go ``images/``, ``manifest.csv``, ``truth.csv``, ``features.parquet``, ``fit.zarr.zip`` and
    ``report.html`` of all features, ``statistics_mean.zarr.zip`` and ``statistics_mean.html``. Called again, features
    that are there already are used, and everything else is made anew.

    Parameters
    ----------
    out
        Folder to write to; made if need be.
    n_subjects
        Subjects, each with four scans.
    draws, tune, chains
        As `bayesrg.fit` takes them, for the one feature that is fitted alone.
    seed
        Of the simulation, the perturbations and the sampler.
    progress
        Show bars while features are extracted and the sampler runs.
    say
        Called with a line of text as each stage begins and ends.
    """
    folder = Path(out)
    with _stage(1, f"simulating and writing images of {n_subjects} subjects, 2 sessions and 2 scanners", say):
        # One image's own deviation is not a component of the model: its preprocessings would share it as a session's.
        cohort = simulate_lesions(
            n_subjects=n_subjects, subject_sd=15.0, session_sd=5.0, scanner_sd=5.0, residual_sd=0.0, seed=seed
        )
        manifest = write_lesions(cohort, folder)
    with _stage(2, f"extracting features of {len(cohort.images)} images in {len(LEVELS)} preprocessings", say):
        features = extract_cohort(
            manifest,
            Settings(interpolation=Interpolation(spacing=(2.0, 2.0, 2.0))),
            perturbations={level: STANDARD_PERTURBATIONS[level] for level in LEVELS},
            seed=seed,
            out=folder / "features.parquet",
            progress=progress,
        )
    model = Stability()
    names = [name for name in features if name in FEATURES]
    with _stage(3, f"fitting all {len(names)} features", say), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        data = model.prepare(features, features=names, **FACTORS)
        tree = fit(model, data, seed=seed, progress=progress)
        save(tree, folder / "fit.zarr.zip")
    for warning in caught:
        say(f"    {warning.message}")
    with _stage(4, f"fitting {FEATURE} alone, which has a known truth", say):
        one = model.prepare(features, features=FEATURE, **FACTORS, unit="intensity")
        feature_tree = fit(model, one, seed=seed, draws=draws, tune=tune, chains=chains, progress=progress)
        save(feature_tree, folder / f"{FEATURE}.zarr.zip")
    with _stage(5, "writing the reports", say):
        report(tree, folder / "report.html")
        report(feature_tree, folder / f"{FEATURE}.html")
    return Demonstration(
        features=folder / "features.parquet",
        fit=folder / "fit.zarr.zip",
        report=folder / "report.html",
        feature_fit=folder / f"{FEATURE}.zarr.zip",
        feature_report=folder / f"{FEATURE}.html",
        tree=tree,
        feature_tree=feature_tree,
        comparison=compare_with_truth(feature_tree, cohort),
    )


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
    return pd.DataFrame([_compare(*row) for row in rows], columns=pd.Index(COLUMNS))


def _compare(quantity: str, truth: float | None, posterior: xr.DataArray) -> tuple[object, ...]:
    lower, upper = np.quantile(posterior.values, [0.025, 0.975])
    inside = None if truth is None else bool(lower <= truth <= upper)
    return quantity, np.nan if truth is None else truth, float(posterior.mean()), float(lower), float(upper), inside


@contextmanager
def _stage(number: int, purpose: str, say: Callable[[str], None]) -> Iterator[None]:
    started = time.perf_counter()
    say(f"{number}/5 {purpose}")
    yield
    say(f"    done in {time.perf_counter() - started:.1f} s")
