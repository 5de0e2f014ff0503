"""Bayesian radiogenomics: from medical images and genomic profiles to posteriors and reports.

``import bayesrg`` loads nothing heavy. The public names below are looked up when they are first used (PEP 562), so
that PyMC, ArviZ, numba, SimpleITK and matplotlib are paid for only by the work that needs them.

Rooms: ``imaging``, ``radiomics``, ``genomics``, ``cohort``, ``models``, ``inference``, ``simulation``, ``datasets``.
Reading images into features: ``extract``, ``extract_cohort``, ``Settings``.
Genomes: ``genomics.read_maf`` and its kin; all of a study's tables together: ``cohort.join``.
From features to a posterior: ``Stability``, ``PooledStability``, ``Prior``, ``fit``, ``save``, ``load``,
``summary``, ``diagnose``, ``report``, ``SelectionRule``.
From a feature and a genome to their dependence: ``Association``.
From several regions of each tumour to links that vary in space: ``MultiRegion``.
"""

__version__ = "0.1.0"

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayesrg import cohort, datasets, genomics, imaging, inference, models, radiomics, simulation
    from bayesrg.inference import diagnose, fit, load, save, summary
    from bayesrg.models import Association, MultiRegion, PooledStability, Stability
    from bayesrg.prior import Prior
    from bayesrg.radiomics import Settings, extract, extract_cohort
    from bayesrg.reporting import SelectionRule, report

__all__ = [
    "Association",
    "MultiRegion",
    "PooledStability",
    "Prior",
    "SelectionRule",
    "Settings",
    "Stability",
    "__version__",
    "cohort",
    "datasets",
    "diagnose",
    "extract",
    "extract_cohort",
    "fit",
    "genomics",
    "imaging",
    "inference",
    "load",
    "models",
    "radiomics",
    "report",
    "save",
    "simulation",
    "summary",
]

_ROOMS = frozenset({"cohort", "datasets", "genomics", "imaging", "inference", "models", "radiomics", "simulation"})
_HOMES = {
    "Association": "bayesrg.models",
    "MultiRegion": "bayesrg.models",
    "PooledStability": "bayesrg.models",
    "Prior": "bayesrg.prior",
    "SelectionRule": "bayesrg.reporting",
    "Settings": "bayesrg.radiomics",
    "Stability": "bayesrg.models",
    "diagnose": "bayesrg.inference",
    "extract": "bayesrg.radiomics",
    "extract_cohort": "bayesrg.radiomics",
    "fit": "bayesrg.inference",
    "load": "bayesrg.inference",
    "report": "bayesrg.reporting",
    "save": "bayesrg.inference",
    "summary": "bayesrg.inference",
}


def __getattr__(name: str) -> object:
    """Return the public name, importing the room it lives in the first time it is asked for."""
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its public names are {', '.join(__all__)}")


def __dir__() -> list[str]:
    """Return the public names, loaded or not, so that completion offers them."""
    return sorted({*globals(), *__all__})
