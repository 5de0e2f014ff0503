"""Images in and out, IBSI's processing chain, and perturbation: from files to the arrays that features come from.

Reading: ``read_image``, ``read_mask``, ``labels``, ``select_label``. Geometry: ``check_geometry``, ``resample_mask``.
Processing: ``process`` with ``ProcessingSettings`` and its parts ``Crop``, ``Normalisation``, ``Interpolation``,
``Rounding``, ``Resegmentation`` and ``Discretisation``. Perturbation: ``perturb``, ``Perturbation``,
``STANDARD_PERTURBATIONS``.
"""

from bayesrg.imaging.discretise import GreyLevels, discretise
from bayesrg.imaging.geometry import check_geometry, resample_mask
from bayesrg.imaging.normalise import normalise
from bayesrg.imaging.perturb import perturb
from bayesrg.imaging.perturbation import STANDARD_PERTURBATIONS, Perturbation
from bayesrg.imaging.process import process
from bayesrg.imaging.read import labels, read_image, read_mask, select_label
from bayesrg.imaging.resegment import resegment
from bayesrg.imaging.settings import (
    Crop,
    Discretisation,
    Interpolation,
    Normalisation,
    ProcessingSettings,
    Resegmentation,
    Rounding,
)

__all__ = [
    "STANDARD_PERTURBATIONS",
    "Crop",
    "Discretisation",
    "GreyLevels",
    "Interpolation",
    "Normalisation",
    "Perturbation",
    "ProcessingSettings",
    "Resegmentation",
    "Rounding",
    "check_geometry",
    "discretise",
    "labels",
    "normalise",
    "perturb",
    "process",
    "read_image",
    "read_mask",
    "resample_mask",
    "resegment",
    "select_label",
]
