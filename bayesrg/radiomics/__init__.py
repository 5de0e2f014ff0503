"""Radiomic features of regions of interest, by IBSI's definitions: from an image and its mask to numbers.

`extract` describes one region, `extract_cohort` many; `Settings` says how, and `FEATURES` what each number means. The
kernels are compiled by numba when they are first used, and kept on disk; importing this package imports no numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from bayesrg.radiomics.features import FAMILIES, FEATURES, Family, Feature, find_feature, select_features
from bayesrg.radiomics.foreign import family_of, features_from_mirp, features_from_pyradiomics, unit_of
from bayesrg.radiomics.modality import ibsi_settings, settings_for
from bayesrg.radiomics.sections import Glcm, Gldzm, Glrlm, Glszm, IntensityVolumeHistogram, Ngldm, Ngtdm
from bayesrg.radiomics.settings import Features, Settings, read_perturbations, read_settings
from bayesrg.radiomics.settings_file import write_settings

if TYPE_CHECKING:
    from bayesrg.radiomics.cohort_extraction import extract_cohort
    from bayesrg.radiomics.extraction import extract, measure
    from bayesrg.radiomics.ibsi import check_compliance
    from bayesrg.radiomics.labels import extract_labels
    from bayesrg.radiomics.pyradiomics import PyradiomicsOptions, extract_as_pyradiomics

__all__ = [
    "FAMILIES",
    "FEATURES",
    "Family",
    "Feature",
    "Features",
    "Glcm",
    "Gldzm",
    "Glrlm",
    "Glszm",
    "IntensityVolumeHistogram",
    "Ngldm",
    "Ngtdm",
    "PyradiomicsOptions",
    "Settings",
    "check_compliance",
    "extract",
    "extract_as_pyradiomics",
    "extract_cohort",
    "extract_labels",
    "family_of",
    "features_from_mirp",
    "features_from_pyradiomics",
    "find_feature",
    "ibsi_settings",
    "measure",
    "read_perturbations",
    "read_settings",
    "select_features",
    "settings_for",
    "unit_of",
    "write_settings",
]

_HOMES = {
    "check_compliance": "bayesrg.radiomics.ibsi",
    "extract": "bayesrg.radiomics.extraction",
    "PyradiomicsOptions": "bayesrg.radiomics.pyradiomics",
    "extract_as_pyradiomics": "bayesrg.radiomics.pyradiomics",
    "extract_cohort": "bayesrg.radiomics.cohort_extraction",
    "extract_labels": "bayesrg.radiomics.labels",
    "measure": "bayesrg.radiomics.extraction",
}


def __getattr__(name: str) -> object:
    """Return a public name whose module imports numba, importing that module the first time it is asked for."""
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its public names are {', '.join(__all__)}")
