"""Features as pyradiomics 3 defines and names them, where IBSI defines them otherwise or not at all.

For tables that must continue a study begun with pyradiomics. With the same image, mask and bins these differ from
IBSI's, which `bayesrg.radiomics.extract` gives:

- grey levels: bins of a width begin at a multiple of it, ``width * floor(min / width)``, not at the least intensity;
- ``firstorder``: Kurtosis without 3 subtracted, and 0 for constant intensities; Energy, TotalEnergy (times the volume
  of a voxel) and RootMeanSquared of intensities plus ``voxel_array_shift``; Entropy and Uniformity of grey levels;
- ``shape``: axis lengths from a covariance divided by N instead of N - 1; the largest distances between vertices of
  the mesh in one plane of each orientation;
- ``glcm``, ``glrlm``: features of each direction, averaged (IBSI's 3D averaged, with ``force_2d`` 2.5D
  direction-merged); directions along which no two voxels of the region lie on one line are left out. In a direction
  with one grey level Correlation is 1 and Imc1 is 0. MCC, the maximal correlation coefficient, is the second
  singular value of p_ij / sqrt(p_i. p_.j);
- ``gldm``: IBSI's NGLDM under another name;
- ``ngtdm``: voxels without a neighbour count in n_i, with a difference of 0.

What still differs from pyradiomics' own numbers: where two diagonal corners of a cell's face are inside the region, its
mesh depends on how the region is turned and need not be closed; ours does not, and is. MeshVolume, SurfaceArea,
SurfaceVolumeRatio and Sphericity differ by about 0.1 % for a segmented tumour, by more for scattered voxels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from os import PathLike

import numpy as np
import SimpleITK as sitk
import xarray as xr
from numpy.typing import NDArray

from bayesrg.imaging import ProcessingSettings, process
from bayesrg.imaging.settings import Discretisation
from bayesrg.radiomics.extraction import measure, read_region
from bayesrg.radiomics.families.glcm import count_cooccurrences
from bayesrg.radiomics.families.ngtdm import Differences, describe_tones, sum_differences
from bayesrg.radiomics.foreign import PYRADIOMICS
from bayesrg.radiomics.kernels.counts import describe_groups
from bayesrg.radiomics.kernels.plane_diameters import measure_plane_diameters
from bayesrg.radiomics.region import Packed, pack
from bayesrg.radiomics.sections import directions
from bayesrg.radiomics.settings import Settings
from bayesrg.settings import check_that, check_types, from_dict

REMOVED = frozenset(
    {
        "firstorder_MeanDeviation",
        "firstorder_StandardDeviation",
        "shape_Volume",
        "shape_Compactness1",
        "shape_Compactness2",
        "shape_SphericalDisproportion",
        "shape_MajorAxis",
        "shape_MinorAxis",
        "shape_LeastAxis",
        "shape_Roundness",
        "glcm_AverageIntensity",
        "glcm_Dissimilarity",
        "glcm_Energy",
        "glcm_Entropy",
        "glcm_SumVariance",
        "glcm_SumVariance2",
        "glcm_Homogeneity1",
        "glcm_Homogeneity2",
        "gldm_GrayLevelNonUniformityNormalized",
        "gldm_DependencePercentage",
    }
)
"""Features that pyradiomics 3 computes no more, or not unless asked for by name."""

NAMES = tuple(name for name in PYRADIOMICS if name not in REMOVED and not name.startswith("shape2D_"))
"""The features of a volume that pyradiomics 3 computes by default, as ``<class>_<feature>``."""

_RUNS: tuple[str, ...] = (
    "glrlm_ShortRunEmphasis",
    "glrlm_LongRunEmphasis",
    "glrlm_LowGrayLevelRunEmphasis",
    "glrlm_HighGrayLevelRunEmphasis",
    "glrlm_ShortRunLowGrayLevelEmphasis",
    "glrlm_ShortRunHighGrayLevelEmphasis",
    "glrlm_LongRunLowGrayLevelEmphasis",
    "glrlm_LongRunHighGrayLevelEmphasis",
    "glrlm_GrayLevelNonUniformity",
    "glrlm_GrayLevelNonUniformityNormalized",
    "glrlm_RunLengthNonUniformity",
    "glrlm_RunLengthNonUniformityNormalized",
    "glrlm_RunPercentage",
    "glrlm_GrayLevelVariance",
    "glrlm_RunVariance",
    "glrlm_RunEntropy",
)
"""In the order of `bayesrg.radiomics.kernels.counts.CountFeatures`, of which energy is not among them."""

_MEASURED = ("statistics", "histogram", "morphology", "glcm", "glrlm", "glszm", "ngldm")


@dataclass(frozen=True)
class PyradiomicsOptions:
    """Settings of pyradiomics that change its features, with its defaults.

    Attributes
    ----------
    bin_width
        Width of the bins (``binWidth``), in the image's units.
    bin_count
        Number of bins (``binCount``) from the least to the greatest intensity, instead of a width.
    voxel_array_shift
        Added to the intensities for energy and root mean square (``voxelArrayShift``).
    gldm_a
        Largest difference of dependent grey levels (``gldm_a``).
    force_2d
        Textures within slices along z (``force2D``).
    """

    bin_width: float = 25.0
    bin_count: int | None = None
    voxel_array_shift: float = 0.0
    gldm_a: int = 0
    force_2d: bool = False

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError."""
        check_types(self)
        check_that(0.0 < self.bin_width < math.inf, self, "bin_width", "positive")
        check_that(self.bin_count is None or self.bin_count >= 1, self, "bin_count", "a whole number, 1 or more")
        check_that(math.isfinite(self.voxel_array_shift), self, "voxel_array_shift", "a finite number")
        check_that(self.gldm_a >= 0, self, "gldm_a", "zero or a whole number of grey levels")


def extract_as_pyradiomics(
    image: sitk.Image | str | PathLike[str],
    mask: sitk.Image | str | PathLike[str],
    options: PyradiomicsOptions | None = None,
    *,
    processing: ProcessingSettings | None = None,
    label: int | None = None,
) -> dict[str, float]:
    """Return the features of one region by pyradiomics' definitions, as ``original_<class>_<feature>``.

    Parameters
    ----------
    image, mask, label
        As for `bayesrg.radiomics.extract`.
    options
        None means pyradiomics' defaults.
    processing
        Interpolation, rounding, re-segmentation and normalisation, which are IBSI's; its discretisation is not used.

    Raises
    ------
    ImageError, GeometryError, RegionError
        As `bayesrg.radiomics.extract` does.
    """
    voxels, region = read_region(image, mask, label=label)
    chosen = processing or ProcessingSettings(discretisation=Discretisation(method="none"))
    return measure_as_pyradiomics(process(voxels, region, chosen), options)


def measure_as_pyradiomics(processed: xr.Dataset, options: PyradiomicsOptions | None = None) -> dict[str, float]:
    """Return the features of a processed region; parameters as for `extract_as_pyradiomics`.

    Parameters
    ----------
    processed
        As `bayesrg.imaging.process` returns it; its grey levels are not used.
    options
        None means pyradiomics' defaults.
    """
    options = options or PyradiomicsOptions()
    mask = processed["intensity_mask"].values
    intensities = processed["intensity"].values[mask]
    level = np.zeros(mask.shape, dtype=np.int32)
    level[mask] = bin_intensities(intensities, options)
    binned = processed.assign(level=(("z", "y", "x"), level))
    packed = pack(level)

    ours = measure(binned, _choose(options))
    found = {name: ours[full] for name, full in _shared_names(options).items()}
    found |= _measure_intensities(intensities, options, math.prod(processed.attrs["spacing"]), found)
    found |= _measure_shape(processed["morphological_mask"].values, processed.attrs["spacing"], found)
    steps = directions(in_slice=options.force_2d)
    matrices = count_cooccurrences(level, steps).matrices
    found |= _complete_cooccurrences(matrices, found)
    found |= _leave_out_directions(packed, _share_lines(packed, steps, matrices), found)
    tones = describe_tones(_count_isolated(packed, options.force_2d))
    found |= {f"ngtdm_{name.capitalize()}": value for name, value in tones._asdict().items()}
    return {f"original_{name}": float(found[name]) for name in NAMES}


def bin_intensities(intensities: NDArray[np.float64], options: PyradiomicsOptions) -> NDArray[np.int64]:
    """Return the grey level of each intensity by pyradiomics' bins, from 1."""
    low, high = float(intensities.min()), float(intensities.max())
    if options.bin_count is None:
        edges = np.arange(low - low % options.bin_width, high + 2 * options.bin_width, options.bin_width)
    else:
        edges = np.histogram_bin_edges(intensities, options.bin_count)
        edges[-1] += 1  # so that the greatest intensity falls into the last bin
    return np.digitize(intensities, edges)


def _shared_names(options: PyradiomicsOptions) -> dict[str, str]:
    """Our full names by pyradiomics', of the families that are measured first."""
    suffixes: dict[str, str] = dict.fromkeys(
        ("glcm", "glrlm"), "_2p5d_direction_merged" if options.force_2d else "_3d_averaged"
    )
    suffixes |= dict.fromkeys(("glszm", "ngldm"), "_2p5d" if options.force_2d else "_3d")
    counterparts = {name: PYRADIOMICS[name] for name in NAMES}
    return {
        name: counterpart.ours + suffixes.get(counterpart.family, "")
        for name, counterpart in counterparts.items()
        if counterpart.family in _MEASURED and not counterpart.ours.startswith("pyradiomics_")
    }


def _choose(options: PyradiomicsOptions) -> Settings:
    directional = ["2p5d_direction_merged" if options.force_2d else "3d_averaged"]
    undirected = ["2p5d" if options.force_2d else "3d"]
    return from_dict(
        Settings,
        {
            "features": {"families": list(_MEASURED), "names": list(_shared_names(options).values())},
            "glcm": {"aggregation": directional},
            "glrlm": {"aggregation": directional},
            "glszm": {"aggregation": undirected},
            "ngldm": {"aggregation": undirected, "coarseness": options.gldm_a},
        },
    )


def _measure_intensities(
    intensities: NDArray[np.float64], options: PyradiomicsOptions, volume: float, found: dict[str, float]
) -> dict[str, float]:
    energy = float(np.sum(np.square(intensities + options.voxel_array_shift)))
    kurtosis = found["firstorder_Kurtosis"]
    return {
        "firstorder_Energy": energy,
        "firstorder_TotalEnergy": energy * volume,
        "firstorder_RootMeanSquared": math.sqrt(energy / intensities.size),
        "firstorder_Kurtosis": 0.0 if math.isnan(kurtosis) else kurtosis,
    }


def _measure_shape(
    mask: NDArray[np.bool_], spacing: tuple[float, float, float], found: dict[str, float]
) -> dict[str, float]:
    n_voxels = int(np.count_nonzero(mask))
    shrink = math.sqrt((n_voxels - 1) / n_voxels)
    axes = {name: shrink * found[name] for name in (f"shape_{axis}AxisLength" for axis in ("Major", "Minor", "Least"))}
    z, y, x = measure_plane_diameters(mask, spacing)
    return axes | {
        "shape_Maximum2DDiameterSlice": z,
        "shape_Maximum2DDiameterColumn": y,
        "shape_Maximum2DDiameterRow": x,
    }


def _share_lines(packed: Packed, steps: NDArray[np.int64], matrices: NDArray[np.unsignedinteger]) -> NDArray[np.bool_]:
    """Return for each step whether two voxels of the region lie on one line along it; next to each other or not."""
    sharing = matrices.any(axis=(1, 2))
    places = np.argwhere(packed.ranks)
    for number in np.flatnonzero(~sharing):
        step = steps[number]
        axis = int(np.flatnonzero(step)[0])
        # Where the line through a voxel meets the plane 0 of an axis that it crosses.
        lines = places - places[:, [axis]] * step[axis] * step
        sharing[number] = len(np.unique(lines, axis=0)) < len(lines)
    return sharing


def _leave_out_directions(packed: Packed, sharing: NDArray[np.bool_], found: dict[str, float]) -> dict[str, float]:
    """The run features averaged over the directions with two voxels on a line only, from those over all directions."""
    names = [name for name in NAMES if name.startswith("glrlm_")]
    if sharing.all():
        return {}
    if not sharing.any():
        return dict.fromkeys(names, math.nan)
    # In each of the other directions every voxel is a run of its own.
    voxels = np.bincount(packed.ranks.reshape(-1))[1:]
    group = np.zeros(voxels.size, dtype=np.int64)
    (single,) = describe_groups(group, packed.levels, np.ones_like(group), voxels, [voxels.sum()])
    alone = dict(zip(_RUNS, single.tolist(), strict=False))
    left_out = np.count_nonzero(~sharing)
    return {name: (sharing.size * found[name] - left_out * alone[name]) / (sharing.size - left_out) for name in names}


def _complete_cooccurrences(matrices: NDArray[np.unsignedinteger], found: dict[str, float]) -> dict[str, float]:
    filled = [matrix for matrix in matrices if matrix.any()]
    varied = [matrix for matrix in filled if np.count_nonzero(matrix.any(axis=0)) > 1]
    if not filled:
        return {"glcm_MCC": 1.0 if matrices.shape[1] == 1 else math.nan}
    # Our means are over the directions with several levels, NaN where there are none.
    share = len(varied) / len(filled)
    correlation, information = (found[name] if varied else 0.0 for name in ("glcm_Correlation", "glcm_Imc1"))
    return {
        "glcm_Correlation": share * correlation + 1.0 - share,
        "glcm_Imc1": share * information,
        "glcm_MCC": 1.0 if matrices.shape[1] == 1 else float(np.mean([_correlate_maximally(m) for m in filled])),
    }


def _correlate_maximally(matrix: NDArray[np.unsignedinteger]) -> float:
    """Second largest singular value of p_ij / sqrt(p_i. p_.j), for a symmetric matrix; 0 for one level."""
    present = matrix.any(axis=0)
    counts = matrix[np.ix_(present, present)].astype(np.float64)
    root = np.sqrt(counts.sum(axis=0))
    values = np.sort(np.abs(np.linalg.eigvalsh(counts / root / root[:, None])))
    return float(values[-2]) if values.size > 1 else 0.0


def _count_isolated(packed: Packed, force_2d: bool) -> Differences:
    """The tone differences with all voxels counted, also those without a neighbour."""
    (matrix,) = sum_differences(packed, in_slice=force_2d, by_slice=False)
    voxels = np.bincount(packed.ranks.reshape(-1), minlength=packed.levels.size + 1)[1:].astype(np.float64)
    return Differences(packed.levels, voxels, matrix.differences)
