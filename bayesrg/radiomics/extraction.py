"""Features of one region: read image and mask, process them by IBSI's chain, measure, and record how it was done.

What becomes of regions at the edge of the definitions (nothing is NaN without a reason beside it):

=============================================  ======================================================================
region                                         result
=============================================  ======================================================================
empty mask, label absent, several labels and   `RegionError`
none chosen, nothing left by interpolation or
re-segmentation
NaN or infinite intensity inside the region    `RegionError`; outside it is ignored, unless interpolation reaches it;
                                               spheres of the local intensity leave such voxels out
one voxel                                      IBSI's values in statistics and histogram: deviations, variance,
                                               skewness and excess kurtosis 0. NaN: kurtosis (0/0), histogram
                                               gradients (one bin), volume fractions (one step), all of GLCM and
                                               NGTDM (no neighbours), elongation, flatness, and as below
voxels on one line, in one plane               NaN: density by area, by volume of the approximate enclosing ellipsoid
constant intensity                             as one voxel, but the GLCM has its values with one grey level; NaN are
                                               its correlation and information correlation 1 (0/0), Moran's I and
                                               Geary's C
no two voxels are neighbours along an offset   NaN: all of the GLCM
no voxel has a neighbour                       NaN: all of the NGTDM
two voxels of different intensity              NaN: robust mean absolute deviation (none lies in [P10, P90])
mean intensity 0, or P25 + P75 = 0             NaN: coefficient of variation and centre of mass shift, quartile
                                               coefficient of dispersion
histogram of one bin                           NaN: the four gradient features
=============================================  ======================================================================

A two-dimensional image is a volume of one slice: everything is defined, but in 3D each voxel of a slice lies at the
border, which makes every distance of the GLDZM 1; ``aggregation = ["2d"]`` sees the slice's own border.
"""

import json
import math
from collections.abc import Mapping
from importlib import import_module
from os import PathLike

import numpy as np
import SimpleITK as sitk
import xarray as xr

from bayesrg import __version__
from bayesrg.errors import GeometryError, RegionError, SettingsError
from bayesrg.imaging import process, read_image, read_mask, select_label
from bayesrg.imaging import resample_mask as resample_onto
from bayesrg.radiomics.compiling import announce_compilation
from bayesrg.radiomics.features import FAMILIES, FEATURES, Feature
from bayesrg.radiomics.provenance import hash_image
from bayesrg.radiomics.region import Region
from bayesrg.radiomics.settings import Settings
from bayesrg.settings import to_dict


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
        Which features, and the options of their families.

    Raises
    ------
    RegionError, SettingsError
        As the families do.
    """
    announce_compilation()
    region = Region.of(processed)
    found: dict[str, float] = {}
    for family, features in settings.wanted.items():
        # A family's module is imported when it is first asked for, so that only its kernels are compiled.
        described = import_module(f"bayesrg.radiomics.families.{family}").describe(region, settings)
        for feature in features:
            found[feature.name] = described[feature.aggregation][feature.short_name]
    return found


def explain(values: Mapping[str, float]) -> dict[str, str]:
    """Return, for each feature whose value is NaN, why it is undefined for this region."""
    undefined = [FEATURES[name] for name, value in values.items() if math.isnan(value)]
    defined = {_group(FEATURES[name]) for name, value in values.items() if not math.isnan(value)}
    return {
        feature.name: feature.undefined
        if _group(feature) in defined
        else FAMILIES[feature.family].empty or feature.undefined
        for feature in undefined
    }


def _group(feature: Feature) -> tuple[str, str]:
    """What is computed from the same matrices: where all of it is NaN, they are empty."""
    return feature.family, feature.aggregation


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
