"""Write ``mirp.csv`` and ``pyradiomics.csv``: features of small synthetic regions, as other tools compute them.

Run with an interpreter that has the tool and SimpleITK; the tables here were made with MIRP 2.7.0, and with
pyradiomics 3.1.0 compiled from its own source (commit 6a761c4eb019; the archive on the package index lacks two
headers), on Python 3.13 and NumPy 2.5::

    python make_values.py mirp
    python make_values.py pyradiomics

A row per feature under the tool's own name, a column per region. Textures and histogram are computed from the grey
levels themselves, so that ways to discretise do not matter: MIRP gets them as an image that it leaves undiscretised,
pyradiomics as an image with bins of width 1, of which the first holds level 1.
"""

import argparse
import csv
import logging
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from regions import EXCLUDED, Region, make_regions

FOLDER = Path(__file__).parent
INTENSITY_FAMILIES = ["morphological", "local_intensity", "statistics", "intensity_volume_histogram"]
LEVEL_FAMILIES = ["intensity_histogram", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"]
DIRECTIONAL = ["2d_average", "2d_slice_merge", "2.5d_direction_merge", "2.5d_volume_merge", "3d_average"]
DIRECTIONAL += ["3d_volume_merge"]
UNDIRECTED = ["2d", "2.5d", "3d"]
MIRP_FEATURES = "(morph_(?!max_2d)|loc_|stat_(?!total|.*_offset)|ivh_|ih_|cm_(?!mcc)|rlm_|szm_|dzm_|ngt_|ngl_)"
"""Columns that hold features of IBSI; MIRP has a few of its own."""
WITHOUT_SECOND_MASK = ("anisotropic", "disconnected", "gaps")
"""Regions that pyradiomics can measure: it knows one mask only."""


def make_image(voxels: np.ndarray, spacing: tuple[float, float, float]) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing[::-1])
    return image


def measure_with_mirp(region: Region) -> dict[str, float]:
    """All families; every aggregation of the textures; Moran's I and Geary's C exact, not approximated."""
    from mirp import extract_features

    excluded = region.morphological_mask & ~region.intensity_mask
    levels = np.where(excluded, EXCLUDED, region.level)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        mask = f"{folder}/mask.nrrd"
        sitk.WriteImage(make_image(region.morphological_mask.astype(np.uint8), region.spacing), mask)
        for families, voxels in ((INTENSITY_FAMILIES, region.intensity), (LEVEL_FAMILIES, levels)):
            image = f"{folder}/image.nrrd"
            sitk.WriteImage(make_image(voxels.astype(np.float64), region.spacing), image)
            kept = voxels[region.intensity_mask]
            table = extract_features(
                image=image,
                mask=mask,
                image_modality="ct",
                resegmentation_intensity_range=[float(kept.min()), float(kept.max())] if excluded.any() else None,
                ibsi_compliant=False,
                no_approximation=True,
                base_feature_families=families,
                base_discretisation_method="none",
                ivh_discretisation_method="none",
                glcm_spatial_method=DIRECTIONAL,
                glrlm_spatial_method=DIRECTIONAL,
                glszm_spatial_method=UNDIRECTED,
                gldzm_spatial_method=UNDIRECTED,
                ngtdm_spatial_method=UNDIRECTED,
                ngldm_spatial_method=UNDIRECTED,
            )[0]
            found |= {name: float(table[name].iloc[0]) for name in table if re.match(MIRP_FEATURES, name)}
    return found


def measure_with_pyradiomics(region: Region) -> dict[str, float]:
    """All classes; textures also slice by slice (``force2D``), with ``2D`` before the name of the image type."""
    import radiomics
    from radiomics import featureextractor

    radiomics.logger.setLevel(logging.ERROR)
    mask = make_image(region.morphological_mask.astype(np.uint8), region.spacing)
    intensity = make_image(region.intensity, region.spacing)
    level = make_image(region.level.astype(np.float64), region.spacing)
    textures = dict.fromkeys(("glcm", "gldm", "glrlm", "glszm", "ngtdm"), ())
    runs = [
        ("", intensity, {"shape": (), "firstorder": ()}, {"binWidth": 25}),
        ("", level, {"firstorder": ("Entropy", "Uniformity"), **textures}, {"binWidth": 1}),
        ("2D_", level, textures, {"binWidth": 1, "force2D": True}),
    ]
    found: dict[str, float] = {}
    for prefix, image, classes, settings in runs:
        extractor = featureextractor.RadiomicsFeatureExtractor(**settings)
        extractor.disableAllFeatures()
        extractor.enableFeaturesByName(**classes)
        values = extractor.execute(image, mask)
        found |= {
            f"{prefix}{name}": float(np.real(value)) for name, value in values.items() if name.startswith("original_")
        }
    return found


def tabulate(tool: str) -> Iterator[list[str]]:
    """Rows of the table, the header first; 17 digits, which is all that a float64 holds."""
    regions = make_regions()
    if tool == "pyradiomics":
        regions = {name: regions[name] for name in WITHOUT_SECOND_MASK}
    measure = {"mirp": measure_with_mirp, "pyradiomics": measure_with_pyradiomics}[tool]
    measured = {name: measure(region) for name, region in regions.items()}
    yield ["feature", *measured]
    for feature in next(iter(measured.values())):
        yield [feature, *(repr(values[feature]) for values in measured.values())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool", choices=["mirp", "pyradiomics"])
    tool = parser.parse_args().tool
    with (FOLDER / f"{tool}.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(tabulate(tool))


if __name__ == "__main__":
    main()
