"""Simulation: calibration of models, and synthetic lesions and tumours. Names are imported when they are first used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayesrg.simulation.calibration import calibrate
    from bayesrg.simulation.clones import CopyNumberGene, ExpressedGene, MutatedGene
    from bayesrg.simulation.designs import CalibrationPlan, calibrate_designs
    from bayesrg.simulation.lesions import SyntheticCohort, simulate_lesions, write_lesions
    from bayesrg.simulation.regions import distance_to_ellipsoid, neighbours_of, simulate_regions
    from bayesrg.simulation.uniformity import Calibration, plot_calibration

__all__ = [
    "Calibration",
    "CalibrationPlan",
    "CopyNumberGene",
    "ExpressedGene",
    "MutatedGene",
    "SyntheticCohort",
    "calibrate",
    "calibrate_designs",
    "distance_to_ellipsoid",
    "neighbours_of",
    "plot_calibration",
    "simulate_lesions",
    "simulate_regions",
    "write_lesions",
]

_HOMES = {
    "Calibration": "bayesrg.simulation.uniformity",
    "CalibrationPlan": "bayesrg.simulation.designs",
    "CopyNumberGene": "bayesrg.simulation.clones",
    "ExpressedGene": "bayesrg.simulation.clones",
    "MutatedGene": "bayesrg.simulation.clones",
    "SyntheticCohort": "bayesrg.simulation.lesions",
    "calibrate": "bayesrg.simulation.calibration",
    "calibrate_designs": "bayesrg.simulation.designs",
    "distance_to_ellipsoid": "bayesrg.simulation.regions",
    "neighbours_of": "bayesrg.simulation.regions",
    "plot_calibration": "bayesrg.simulation.uniformity",
    "simulate_lesions": "bayesrg.simulation.lesions",
    "simulate_regions": "bayesrg.simulation.regions",
    "write_lesions": "bayesrg.simulation.lesions",
}


def __getattr__(name: str) -> object:
    """Return the public name, importing its file the first time it is asked for."""
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its public names are {', '.join(__all__)}")
