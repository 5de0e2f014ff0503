"""The data sets that tests, case studies and benchmarks read: found locally first, else fetched by hash.

A file is looked for in the folder that ``BAYESRG_DATA`` names; where that is not set, in ``../shared/data`` beside a
checkout of this project. A file that is not there and is byte for byte its origin's is downloaded once into the user's
cache and checked against the SHA-256 in ``files.sha256`` (``sha256sum --check`` reads that file too). Nothing here
is redistributed by bayesrg: `about` tells each data set's licence and what to cite.
"""

from bayesrg.datasets.catalogue import DataSet, about
from bayesrg.datasets.fetching import folder, path
from bayesrg.datasets.gliomas import glioma_biopsies, glioma_copy_number, glioma_expression, glioma_mask
from bayesrg.datasets.loading import (
    ccr_phantom_features,
    ctp4r_features,
    ibsi_reference_values,
    prostate_features,
    sarcoma_pet,
    sarcomas,
)
from bayesrg.datasets.regions import ivygap_coefficients, ivygap_regions, renal_pairs, renal_regions

__all__ = [
    "DataSet",
    "about",
    "ccr_phantom_features",
    "ctp4r_features",
    "folder",
    "glioma_biopsies",
    "glioma_copy_number",
    "glioma_expression",
    "glioma_mask",
    "ibsi_reference_values",
    "ivygap_coefficients",
    "ivygap_regions",
    "path",
    "prostate_features",
    "renal_pairs",
    "renal_regions",
    "sarcoma_pet",
    "sarcomas",
]
