"""Write the page of all features, `docs/features.md`: what each is, and what small and constant regions give.

    uv run python docs/make_features.py

The definitions come from the tables that stand beside the code of each family, the values of small and constant regions
from extracting them.
"""

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from bayesrg.radiomics import FAMILIES, FEATURES, extract

PAGE = Path(__file__).parent / "features.md"

INTRODUCTION = """# Features

Every feature that `bayesrg.radiomics.extract` computes, as the Image Biomarker Standardisation Initiative defines it
([reference manual](https://arxiv.org/abs/1612.07003)). A column is called `<family>_<name>`, for textures with the
aggregation behind it: `glcm_contrast_3d_merged`, `glszm_zone_percentage_3d`. `bayesrg ibsi` computes IBSI's phantoms on
your machine and holds all values against the consensus.

Symbols: X the intensities, d the grey levels of the N voxels, mu and sigma their mean and standard deviation (no bias
correction), M their median, P_q the q-th percentile, n_i the number of voxels of grey level i, p_i = n_i / N. Units are
those of the value; *intensity* is the image's own unit. Intensities are not discretised for morphology, local intensity
and statistics; the intensity-volume histogram has a discretisation of its own.

The second table of a family says what its features are, by default, for three regions in an image of 1 mm voxels: one
voxel of intensity 7; two neighbouring voxels of intensities 1 and 2; a cube of 3 x 3 x 3 voxels of intensity 7. A value
that is undefined is NaN, and the coordinate `reason` of the result says why; here it stands below the tables.
"""

AGGREGATIONS = """## Aggregation

Slices are planes along the image's third axis. Where a slice, or a direction, has nothing to count, it is left out of
an average.

| name | IBSI code | what is described |
|---|---|---|
| `3d_merged` | IAZD | the sum of the matrices of all 13 directions |
| `3d_averaged` | ITBB | the matrix of each of the 13 directions; the mean of the 13 values |
| `2p5d_merged` | ZW7Z | the sum of the matrices of all slices and their 4 directions |
| `2p5d_direction_merged` | JJUI | for each of the 4 directions the sum over slices; the mean of the 4 values |
| `2d_slice_merged` | SUJT | for each slice the sum over its 4 directions; the mean over slices |
| `2d_averaged` | BTW3 | the matrix of each slice and direction; the mean of all values |
| `3d` | KOBO | the one matrix of the volume |
| `2p5d` | 62GR | the sum of the matrices of all slices |
| `2d` | 8QNN | the matrix of each slice; the mean over slices |
"""


def make_region(voxels: np.ndarray) -> tuple[sitk.Image, sitk.Image]:
    """Return an image of zeros around some voxels, and the mask of those."""
    image, mask = (np.zeros(np.add(voxels.shape, 20)) for _ in range(2))
    inside = tuple(slice(10, 10 + extent) for extent in voxels.shape)
    image[inside], mask[inside] = voxels, 1
    return sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask.astype(np.uint8))


def edge_values() -> list[dict[str, float]]:
    """Return the features of the three regions at the edge."""
    regions = (np.full((1, 1, 1), 7.0), np.array([[[1.0, 2.0]]]), np.full((3, 3, 3), 7.0))
    described = [extract(*make_region(voxels)) for voxels in regions]
    return [dict(zip(one.feature.values, one.value.values.tolist(), strict=True)) for one in described]


HEADER = "| name | IBSI code | unit | range | definition |"
EDGES = "| name | one voxel | two voxels | constant cube |"


def write_family(family: str, edges: list[dict[str, float]]) -> list[str]:
    """Return the lines of a family's section."""
    about = FAMILIES[family]
    first, *others = about.aggregations
    features = {
        feature.name.removeprefix(f"{family}_").removesuffix(f"_{first}" if first else ""): feature
        for feature in FEATURES.values()
        if (feature.family, feature.aggregation) == (family, first)
    }
    lines = [f"## {about.title} (`{family}`)", "", f"IBSI {about.section}, {about.ibsi_code}."]
    if others:
        lines[-1] += f" The values below are of `{first}`."
    # Long names may be broken over lines where they have an underscore.
    shown = {name: name.replace("_", "_<wbr>") for name in features}
    lines += ["", HEADER, re.sub(r"[^|]+", "---", HEADER)]
    for name, feature in features.items():
        definition = feature.definition.replace("|", "\\|")
        lines.append(f"| {shown[name]} | {feature.ibsi_code} | {feature.unit} | {feature.range} | {definition} |")
    lines += ["", EDGES, re.sub(r"[^|]+", "---", EDGES)]
    for name, feature in features.items():
        lines.append(f"| {shown[name]} | {' | '.join(f'{edge[feature.name]:.3g}' for edge in edges)} |")
    undefined: dict[str, list[str]] = {}
    for name, feature in features.items():
        if feature.undefined:
            undefined.setdefault(feature.undefined, []).append(name)
    if undefined or about.empty:
        lines += ["", "NaN where:", ""]
        lines += [f"- {reason}: {', '.join(names)}" for reason, names in undefined.items()]
        lines += [f"- {about.empty}: all"] if about.empty else []
    return [*lines, ""]


def make_page() -> str:
    """Return the whole page."""
    edges = edge_values()
    families = [line for family in FAMILIES for line in write_family(family, edges)]
    return "\n".join([INTRODUCTION, AGGREGATIONS, *families])


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
