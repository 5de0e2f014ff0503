"""Features of one region: read image and mask, process them by IBSI's chain, measure, and record how it was done.

What becomes of regions at the edge of the definitions (nothing is NaN without a reason beside it):

=============================================  ======================================================================
region                                         result
=============================================  ======================================================================
empty mask, label absent, several labels and   `RegionError`
none chosen, nothing left by interpolation or
re-segmentation
NaN or infinite intensity inside the region    `RegionError`; outside it is ignored, unless interpolation reaches it
one voxel                                      IBSI's values in statistics and histogram: deviations, variance,
                                               skewness and excess kurtosis 0. NaN: kurtosis (0/0), histogram
                                               gradients (one bin), all of the GLCM (no neighbours)
constant intensity                             as one voxel, but the GLCM has its values with one grey level; NaN are
                                               its correlation and information correlation 1 (0/0)
no two voxels are neighbours along an offset   NaN: all of the GLCM
two voxels of different intensity              NaN: robust mean absolute deviation (none lies in [P10, P90])
mean intensity 0, or P25 + P75 = 0             NaN: coefficient of variation, quartile coefficient of dispersion
histogram of one bin                           NaN: the four gradient features
=============================================  ======================================================================
"""

import json
import math
from collections.abc import Mapping
from os import PathLike

import numpy as np
import SimpleITK as sitk
import xarray as xr

from bayesrg import __version__
from bayesrg.errors import GeometryError, RegionError, SettingsError
from bayesrg.imaging import process, read_image, read_mask, select_label
from bayesrg.imaging import resample_mask as resample_onto
from bayesrg.radiomics.features import FEATURES, NO_PAIRS, select_features
from bayesrg.radiomics.glcm import average_cooccurrences, count_cooccurrences, merge_cooccurrences
from bayesrg.radiomics.histogram import compute_histogram
from bayesrg.radiomics.provenance import hash_image
from bayesrg.radiomics.settings import Settings
from bayesrg.radiomics.statistics import compute_statistics
from bayesrg.settings import to_dict

_AGGREGATE = {"3d_merged": merge_cooccurrences, "3d_averaged": average_cooccurrences}


def extract(
    image: sitk.Image | str | PathLike[str],
    mask: sitk.Image | str | PathLike[str],
    settings: Settings | None = None,
    *,
    label: int | None = None,
    resample_mask: bool = False,
) -> xr.Dataset:
    """Return the features of one region of an image.

    Parameters
    ----------
    image, mask
        SimpleITK images, files (NIfTI, NRRD, MetaImage, DICOM) or folders with a DICOM series.
    settings
        What to do; None means the defaults of `Settings`.
    label
        Which label of the mask is the region; None takes the only one.
    resample_mask
        Resample a mask that lies on another grid onto the image's (nearest neighbour), instead of refusing it.

    Returns
    -------
    xr.Dataset
        ``value`` (dim ``feature``) with coordinates ``family``, ``ibsi_code``, ``unit``, ``aggregation`` and
        ``reason``, which says why a value is NaN and is empty where it is not. Attributes: ``bayesrg_version``,
        ``settings`` (JSON), ``settings_hash``, ``image_hash``, ``mask_hash`` (SHA-256 of voxels and geometry, the
        mask's of the chosen region), ``label`` and the paths if given, ``n_voxels`` (intensity mask),
        ``n_voxels_morphological``, ``spacing`` (x, y, z in mm, after interpolation), ``n_levels``, ``bin_width``.

    Raises
    ------
    ImageError, GeometryError, RegionError
        See the table above; the message names the files if there are any.
    """
    settings = settings or Settings()
    paths = {
        name: str(source) for name, source in (("image", image), ("mask", mask)) if not isinstance(source, sitk.Image)
    }
    try:
        voxels, region = read_region(image, mask, label=label, resample_mask=resample_mask)
        processed = process(voxels, region, settings)
        values = measure(processed, settings)
    except (GeometryError, RegionError, SettingsError) as problem:
        # These see arrays, not files; an ImageError names its file itself.
        raise type(problem)(": ".join([*paths.values(), str(problem)])) from problem
    provenance = {
        "bayesrg_version": __version__,
        "settings": json.dumps(to_dict(settings)),
        "settings_hash": settings.content_hash,
        "image_hash": hash_image(voxels),
        "mask_hash": hash_image(region),
        **paths,
        **({} if label is None else {"label": label}),
        **count_voxels(processed),
    }
    return _collect(values, provenance)


def read_region(
    image: sitk.Image | str | PathLike[str],
    mask: sitk.Image | str | PathLike[str],
    *,
    label: int | None = None,
    resample_mask: bool = False,
) -> tuple[sitk.Image, sitk.Image]:
    """Return an image, and the region of one label as a mask of 0 and 1; parameters and errors as for `extract`."""
    voxels = image if isinstance(image, sitk.Image) else read_image(image)
    labelled = mask if isinstance(mask, sitk.Image) else read_mask(mask)
    if resample_mask:
        labelled = resample_onto(labelled, voxels)
    return voxels, select_label(labelled, label)


def measure(processed: xr.Dataset, settings: Settings) -> dict[str, float]:
    """Return the value of each feature, by name and in the order of `FEATURES`.

    Parameters
    ----------
    processed
        As `bayesrg.imaging.process` returns it: ``intensity``, ``intensity_mask`` and ``level``, dims (z, y, x).
    settings
        Which families, and the options of the GLCM.

    Raises
    ------
    RegionError, SettingsError
        As the families do.
    """
    families, aggregations = settings.features.families, settings.glcm.aggregation
    found: dict[str, float] = {}
    if "statistics" in families:
        inside = processed["intensity"].values[processed["intensity_mask"].values]
        found |= {f"statistics_{name}": value for name, value in compute_statistics(inside)._asdict().items()}
    if "histogram" in families:
        described = compute_histogram(processed["level"].values)
        found |= {f"histogram_{name}": value for name, value in described._asdict().items()}
    if "glcm" in families:
        counted = count_cooccurrences(processed["level"].values, settings.glcm.offset_array)
        for aggregation in aggregations:
            described = _AGGREGATE[aggregation](counted)
            found |= {f"glcm_{name}_{aggregation}": value for name, value in described._asdict().items()}
    return {feature.name: found[feature.name] for feature in select_features(families, aggregations)}


def explain(values: Mapping[str, float]) -> dict[str, str]:
    """Return, for each feature whose value is NaN, why it is undefined for this region."""
    reasons = {}
    for name, value in values.items():
        if math.isnan(value):
            feature = FEATURES[name]
            unpaired = feature.family == "glcm" and math.isnan(values[f"glcm_joint_maximum_{feature.aggregation}"])
            reasons[name] = NO_PAIRS if unpaired else feature.undefined
    return reasons


def count_voxels(processed: xr.Dataset) -> dict[str, object]:
    """Return the numbers that describe a processed region: voxels of both masks, spacing, grey levels, bin width."""
    numbers: dict[str, object] = {
        "n_voxels": int(np.count_nonzero(processed["intensity_mask"].values)),
        "n_voxels_morphological": int(np.count_nonzero(processed["morphological_mask"].values)),
    }
    described = [name for name in ("spacing", "n_levels", "bin_width") if name in processed.attrs]
    return numbers | {name: processed.attrs[name] for name in described}


def _collect(values: Mapping[str, float], provenance: Mapping[str, object]) -> xr.Dataset:
    features = [FEATURES[name] for name in values]
    reasons = explain(values)
    return xr.Dataset(
        {"value": ("feature", np.array(list(values.values())))},
        coords={
            "feature": [feature.name for feature in features],
            "family": ("feature", [feature.family for feature in features]),
            "ibsi_code": ("feature", [feature.ibsi_code for feature in features]),
            "unit": ("feature", [feature.unit for feature in features]),
            "aggregation": ("feature", [feature.aggregation for feature in features]),
            "reason": ("feature", [reasons.get(feature.name, "") for feature in features]),
        },
        attrs=dict(provenance),
    )
