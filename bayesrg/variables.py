"""Every dimension and variable that passes between two rooms, named once: documentation and check in one place."""

from collections.abc import Hashable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import xarray as xr

from bayesrg.errors import TableError

# The unit of an estimand of many features, each in its own; the coordinate `unit` along `feature` says which.
OWN_UNIT = "the feature's own"

Kind = Literal["real", "integer", "boolean", "label"]

# NumPy's dtype kinds that each of our kinds may be stored as.
_DTYPE_KINDS: dict[Kind, str] = {"real": "f", "integer": "iu", "boolean": "b", "label": "OSTU"}

DIMS = MappingProxyType(
    {
        "z": "voxel index along the image's third axis (slices)",
        "y": "voxel index along the image's second axis (rows)",
        "x": "voxel index along the image's first axis (columns)",
        "patient": "a person in a radiogenomic study",
        "tumor": "a lesion; a patient may have several",
        "region": "a sampled place within a tumour",
        "subject": "a person, animal or phantom insert that was measured repeatedly",
        "subject_scanner": "a subject on one scanner: a level of their interaction",
        "subject_preprocessing": "a subject in one preprocessing: a level of their interaction",
        "session": "an occasion on which a subject was imaged",
        "scanner": "a device, or a site with its device",
        "preprocessing": "a named way of processing or perturbing the same image",
        "modality": "a kind of image, such as PET or T1-weighted MR",
        "feature": "a radiomic feature, by its column name",
        "gene": "a gene, by its HGNC symbol",
        "pathway": "a named gene set",
        "sample": "a specimen as its laboratory names it; it is of a patient, a tumour or a region",
        "cpg": "a cytosine followed by guanine, by its probe or place",
        "interval": "a named stretch of a chromosome",
        "bin": "a stretch of a chromosome in which reads were counted",
        "source": "a table of a cohort, by the name it was given when it was joined",
        "measurement": "one row of a stability table: one value of a feature in one image",
        "component": "a component of variance, such as subject or residual",
        "condition": "a way to define an ICC: repeatability, reproducibility, robustness, overall",
        "threshold": "an ICC to be exceeded, such as 0.75",
        "facet": "a factor whose levels are compared: session, scanner, preprocessing, or the replicate",
        "form": "one of Shrout and Fleiss's six intraclass correlations",
        "pair": "two levels of a facet, or two features, that are compared",
        "measured_pair": "two measurements of one subject that are compared",
        "other_feature": "the second feature of a pair",
        "best": "the k of being among the best k features",
        "n_session": "how many sessions are averaged",
        "n_scanner": "how many scanners are averaged",
        "n_preprocessing": "how many preprocessings are averaged",
        "quantile": "a posterior probability",
        "level": "a level of a factor as it was observed",
        "term": "a predictor of an association, or a step of a categorical one from its reference",
        "covariate": "a column of the covariates' design matrix, named as the formula names it",
        "grouping": "a column whose levels have effects of their own, such as site or batch",
        "category": "a category of an outcome, in its order where it has one",
        "cutpoint": "the border of two neighbouring categories of an ordered outcome, such as G2|G3",
        "gap": "a category between two cutpoints",
        "step": "a step of a predictor: one standard deviation, or one of its units",
        "contrast": "a category of an outcome against its reference",
        "prior_scale": "the standard deviation of a prior on a coefficient, relative to the one of the fit",
        "region_pair": "two regions of one patient, or a region with itself",
        "feature_pair": "two features whose residuals are correlated",
        "process": "what varies in space: a (the image alone) or B (the links of image and genome)",
        "source_of_variance": "what a feature's variance is due to, such as genes, B_within, a_between, residual",
        "axis": "an axis of space, x, y or z",
        "chain": "a chain of the sampler",
        "draw": "a draw within a chain",
    }
)


@dataclass(frozen=True)
class Variable:
    """What a variable is called, the dims it may have, how it is stored, what it means and in which unit.

    ``dims`` holds each permitted tuple of dims, in the order in which they are stored.
    """

    name: str
    dims: tuple[tuple[str, ...], ...]
    kind: Kind
    meaning: str
    unit: str = ""

    def __post_init__(self) -> None:
        """Refuse a dim that is not registered in `DIMS`."""
        unknown = {dim for dims in self.dims for dim in dims} - DIMS.keys()
        if unknown:
            raise ValueError(
                f"variable {self.name!r} uses dims {sorted(unknown)} that bayesrg.variables.DIMS does not name"
            )


_VOXELS = (("z", "y", "x"),)
_ROWS = (("measurement",),)
_FEATURES = (("feature",),)
_UNITS = ("patient", "tumor", "region", "sample")


def _units_by(*others: str) -> tuple[tuple[str, ...], ...]:
    """Return the dims of a matrix whose rows are any unit of a study and whose columns are any of the others."""
    return tuple((unit, other) for other in others for unit in _UNITS)


_GENES = _units_by("gene")
_EACH = tuple((unit,) for unit in _UNITS)

VARIABLES = MappingProxyType(
    {
        variable.name: variable
        for variable in (
            Variable("intensity", _VOXELS, "real", "interpolated (and rounded) intensity", "the image's own unit"),
            Variable("morphological_mask", _VOXELS, "boolean", "voxels of the region by its shape"),
            Variable("intensity_mask", _VOXELS, "boolean", "voxels of the region after re-segmentation"),
            Variable("level", _VOXELS, "integer", "grey level 1 to n_levels inside intensity_mask, 0 outside"),
            Variable(
                "value",
                (("feature",), ("measurement",), ("measurement", "feature")),
                "real",
                "value of a radiomic feature",
                "the feature's own unit, given by the coordinate unit",
            ),
            Variable("family", _FEATURES, "label", "IBSI feature family, such as glcm"),
            Variable("ibsi_code", _FEATURES, "label", "IBSI's four-character code, empty where IBSI has none"),
            Variable(
                "aggregation", _FEATURES, "label", "how matrices were combined, such as 3d_merged; empty for none"
            ),
            Variable("unit", _FEATURES, "label", "unit of the feature's value, empty where it has none"),
            Variable("reason", _FEATURES, "label", "why a value is NaN, empty where it is not"),
            Variable("imaging", _units_by("feature"), "real", "features of images", "each its own"),
            Variable("genome", _GENES, "real", "columns of numbers of genomic tables", "each its own"),
            Variable(
                "mutated", _GENES, "real", "1 if the gene has a counted somatic variant, 0 if not, NaN if not assayed"
            ),
            Variable("variant_count", _GENES, "real", "number of counted somatic variants, NaN if not assayed"),
            Variable("variant_allele_fraction", _GENES, "real", "largest share of reads with a counted variant"),
            Variable("variant_class", _GENES, "real", "class of the counted variant, a flag that its attributes name"),
            Variable("variants", _EACH, "real", "number of somatic variants of any class"),
            Variable("tumor_mutational_burden", _EACH, "real", "counted somatic variants per length assayed", "1/Mb"),
            Variable(
                "log2_ratio", _units_by("gene", "bin"), "real", "log2 of the copy-number ratio of tumour to normal"
            ),
            Variable("copy_number", _GENES, "real", "absolute number of copies in tumour cells", "copies"),
            Variable(
                "copy_number_class", _GENES, "real", "-2 deep deletion, -1 loss, 0 diploid, 1 gain, 2 amplification"
            ),
            Variable(
                "fraction_genome_altered", _EACH, "real", "share of the measured genome whose copy number is altered"
            ),
            Variable(
                "weighted_genome_instability_index",
                _EACH,
                "real",
                "mean over chromosomes of the share that is altered",
            ),
            Variable("count", _GENES, "real", "reads or fragments assigned to the gene", "reads or fragments"),
            Variable("tpm", _GENES, "real", "expression", "transcripts per million"),
            Variable("fpkm", _GENES, "real", "expression", "fragments per kilobase and million mapped fragments"),
            Variable("cpm", _GENES, "real", "expression, not corrected for length", "counts per million"),
            Variable("log2_tpm", _GENES, "real", "log2(1 + TPM)"),
            Variable("log2_fpkm", _GENES, "real", "log2(1 + FPKM)"),
            Variable("log2_cpm", _GENES, "real", "log2(1 + CPM)"),
            Variable("pathway_score", _units_by("pathway"), "real", "activity of a gene set"),
            Variable(
                "beta_value", _units_by("cpg", "gene", "interval"), "real", "share of DNA that is methylated, 0 to 1"
            ),
            Variable("m_value", _units_by("cpg", "gene", "interval"), "real", "log2(beta / (1 - beta))"),
            Variable("coverage", _units_by("cpg"), "real", "reads that cover the site", "reads"),
            Variable("present", (("patient", "source"),), "boolean", "whether the patient is in the source"),
            Variable("subject_index", _ROWS, "integer", "position of the row's subject among the levels of subject"),
            Variable("session_index", _ROWS, "integer", "position of the row's session among the levels of session"),
            Variable("scanner_index", _ROWS, "integer", "position of the row's scanner among the levels of scanner"),
            Variable("preprocessing_index", _ROWS, "integer", "position of the row's level of preprocessing"),
            Variable("subject_scanner_index", _ROWS, "integer", "position of the row's subject on its scanner"),
            Variable(
                "subject_preprocessing_index", _ROWS, "integer", "position of the row's subject in its preprocessing"
            ),
        )
    }
)


def describe() -> str:
    """Return the registered variables as lines of ``name (dims): meaning [unit]``, one variable a line."""
    return "\n".join(
        f"{v.name} ({' or '.join(', '.join(dims) for dims in v.dims)}): {v.meaning}{f' [{v.unit}]' if v.unit else ''}"
        for v in VARIABLES.values()
    )


def validate(dataset: xr.Dataset, *names: str) -> None:
    """Check that a dataset holds the named variables as they are registered.

    Parameters
    ----------
    dataset
        What one room hands to another.
    names
        Names of registered variables that the dataset must hold, as data variables or coordinates.

    Raises
    ------
    TableError
        If a variable is absent, has other dims, or is stored as another kind.
    KeyError
        If a name is not registered in `VARIABLES`.
    """
    for name in names:
        variable = VARIABLES[name]
        if name not in dataset.variables:
            raise TableError(
                f"the dataset has no variable {name!r} ({variable.meaning}); it holds {_listed(dataset.variables)}. "
                f"Add it with dims {_shown(variable)}."
            )
        found = dataset[name]
        if found.dims not in variable.dims:
            raise TableError(
                f"variable {name!r} has dims {found.dims}, expected {_shown(variable)}. "
                "Rename or transpose its dims before handing it on."
            )
        if not _stored_as(found.dtype, variable.kind):
            raise TableError(
                f"variable {name!r} is stored as {found.dtype}, expected {variable.kind} values ({variable.meaning}). "
                "Convert it before handing it on."
            )


def _stored_as(dtype: Any, kind: Kind) -> bool:
    """Tell whether a dtype holds a kind; pandas' own string and categorical dtypes count as labels."""
    if kind == "label" and not hasattr(dtype, "itemsize"):
        return True
    return dtype.kind in _DTYPE_KINDS[kind]


def _shown(variable: Variable) -> str:
    return " or ".join(str(dims) for dims in variable.dims)


def _listed(names: Any) -> str:
    listed: list[Hashable] = sorted(names, key=str)
    return ", ".join(map(repr, listed)) if listed else "no variables"
