"""The whole chain on simulated lesions and tumours: images, features, genes, fits, reports, posteriors beside truth.

Every subject is scanned in two sessions on two scanners, and every image is processed in five ways. All features are
fitted. Of one, ``statistics_mean``, the simulation draws the mean and the effects of subject, session and scanner, so
its posterior can be held against the truth; what preprocessing does to it is the work of real image processing, and
the simulation sets no truth for that. Then tumours with several regions are simulated, whose features follow their
genes (`bayesrg.demo.regions`).
"""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from bayesrg.demo.comparison import compare_with_truth
from bayesrg.demo.regions import compare_links, fit_links, simulate_tumors
from bayesrg.imaging import STANDARD_PERTURBATIONS, Interpolation
from bayesrg.inference import fit, save
from bayesrg.models import Stability
from bayesrg.radiomics import FEATURES, Settings, extract_cohort
from bayesrg.reporting import report
from bayesrg.simulation.lesions import simulate_lesions, write_lesions
from bayesrg.tables import write_csv

FEATURE = "statistics_mean"
LEVELS = ("original", "noise", "rotate_6_degrees", "grow_10_percent", "cubic_bspline")
FACTORS: Mapping[str, Any] = {role: role for role in ("subject", "session", "scanner", "preprocessing")}

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
    regions, link_fit, link_report, link_tree, link_comparison
        The same of the tumours with several regions: paths of the table (CSV), of the fit of their features by their
        genes, and of its page; the fit; and truth and posterior.
    """

    features: Path
    fit: Path
    report: Path
    feature_fit: Path
    feature_report: Path
    tree: xr.DataTree
    feature_tree: xr.DataTree
    comparison: pd.DataFrame
    regions: Path
    link_fit: Path
    link_report: Path
    link_tree: xr.DataTree
    link_comparison: pd.DataFrame


def demonstrate(
    out: str | PathLike[str],
    *,
    n_subjects: int = 12,
    n_tumors: int = 16,
    draws: int = 1500,
    tune: int = 1000,
    chains: int = 4,
    seed: int = SEED,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Demonstration:
    """Simulate lesions and tumours, extract features, fit models, write reports, and compare posteriors and truth.

    Into the folder go ``images/``, ``manifest.csv``, ``truth.csv``, ``features.parquet``, ``fit.zarr.zip`` and
    ``report.html`` of all features, ``statistics_mean.zarr.zip`` and ``statistics_mean.html``; and of tumours with
    several regions ``regions.csv``, ``links.zarr.zip`` and ``links.html``. Called again, features that are there
    already are used, and everything else is made anew.

    Parameters
    ----------
    out
        Folder to write to; made if need be.
    n_subjects
        Subjects, each with four scans.
    n_tumors
        Tumours, each with five to eight regions.
    draws, tune, chains
        As `bayesrg.fit` takes them, for the one feature that is fitted alone and for the links of features and genes.
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
    with _stage(5, f"simulating {n_tumors} tumours with several regions, whose features follow their genes", say):
        regions, truth = simulate_tumors(n_tumors, seed)
        write_csv(regions.set_index("tumor"), folder / "regions.csv")
    with _stage(6, "fitting how features follow genes, and where that differs", say):
        link_tree = fit_links(regions, seed=seed, draws=draws, tune=tune, chains=chains, progress=progress)
        save(link_tree, folder / "links.zarr.zip")
    with _stage(7, "writing the reports", say):
        report(tree, folder / "report.html")
        report(feature_tree, folder / f"{FEATURE}.html")
        report(link_tree, folder / "links.html")
    return Demonstration(
        features=folder / "features.parquet",
        fit=folder / "fit.zarr.zip",
        report=folder / "report.html",
        feature_fit=folder / f"{FEATURE}.zarr.zip",
        feature_report=folder / f"{FEATURE}.html",
        tree=tree,
        feature_tree=feature_tree,
        comparison=compare_with_truth(feature_tree, cohort),
        regions=folder / "regions.csv",
        link_fit=folder / "links.zarr.zip",
        link_report=folder / "links.html",
        link_tree=link_tree,
        link_comparison=compare_links(link_tree, truth),
    )


@contextmanager
def _stage(number: int, purpose: str, say: Callable[[str], None]) -> Iterator[None]:
    started = time.perf_counter()
    say(f"{number}/7 {purpose}")
    yield
    say(f"    done in {time.perf_counter() - started:.1f} s")
