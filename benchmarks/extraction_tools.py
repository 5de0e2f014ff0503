"""One tool that measures one region, in a process of its own, told what to do by lines on standard input.

``python extraction_tools.py TOOL CASE.npz`` prints what it is (version, groups of features) as a line of JSON, then
answers each line of JSON: ``{"groups": [...], "times": n}`` with the CPU seconds of n calls of those groups, with
``"values": true`` instead of times with the values by the tool's own names, and with ``"memory": true`` with the
peak of the resident memory during one call, and what was resident before. Run by ``extraction.py``, ours with its own
interpreter, the other tools with that of ``--peers``. Each tool gets the region as it likes it before the clock starts:
the same intensities, masks and grey levels; only Nyxus reads files, because it takes nothing else.
"""

import ctypes
import gc
import json
import logging
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np

Values = dict[str, float]
Plan = Callable[[tuple[str, ...]], Callable[[], Values]]

TEXTURES = ("glcm_3d_merged", "glrlm_3d_merged", "glszm", "gldzm", "ngtdm", "ngldm")
SHAPE = (
    "volume_mesh",
    "volume_voxel_counting",
    "surface_area_mesh",
    "surface_to_volume_ratio",
    "sphericity",
    "maximum_3d_diameter",
    "major_axis_length",
    "minor_axis_length",
    "least_axis_length",
    "elongation",
    "flatness",
)
"""The part of the morphology that pyradiomics has."""
SPATIAL = ("morans_i_index", "gearys_c_measure")


class Case:
    """A region: arrays with dims [z, y, x], spacing in the same order."""

    def __init__(self, path: str) -> None:
        with np.load(path) as file:
            self.intensity, self.level = file["intensity"], file["level"]
            self.mask, self.spacing = file["mask"], tuple(file["spacing"].tolist())
        self.n_levels = int(self.level.max())


def plan_bayesrg(case: Case) -> tuple[tuple[str, ...], Plan]:
    import xarray as xr

    from bayesrg.radiomics import FEATURES, Settings
    from bayesrg.radiomics.extraction import measure
    from bayesrg.settings import from_dict

    dims = ("z", "y", "x")
    processed = xr.Dataset(
        {
            "intensity": (dims, case.intensity),
            "morphological_mask": (dims, case.mask),
            "intensity_mask": (dims, case.mask),
            "level": (dims, case.level),
        },
        attrs={"spacing": case.spacing[::-1], "n_levels": case.n_levels, "discretisation": "fixed_bin_number"},
    )
    morphology = [name.removeprefix("morphology_") for name in FEATURES if name.startswith("morphology_")]
    named = {"shape": SHAPE, "spatial": SPATIAL, "morphology": [name for name in morphology if name not in SPATIAL]}
    groups = (*named, "local_intensity", "statistics", "histogram", "intensity_volume_histogram")
    groups += ("glcm_3d_merged", "glcm_3d_averaged", "glrlm_3d_merged", "glrlm_3d_averaged", *TEXTURES[2:])

    def plan(chosen: tuple[str, ...]) -> Callable[[], Values]:
        families, names, aggregations = [], [], {}
        for group in chosen:
            family, _, aggregation = group.partition("_3d_")
            if group in named:
                family = "morphology"
                names += [f"morphology_{name}" for name in named[group]]
            elif aggregation:
                names.append(f"{family}_*_3d_{aggregation}")
                aggregations.setdefault(family, {"aggregation": []})["aggregation"].append(f"3d_{aggregation}")
            else:
                names.append(f"{family}_*")
            families.append(family)
        features = {"families": list(dict.fromkeys(families)), "names": names}
        settings = from_dict(Settings, {"features": features, **aggregations})
        return lambda: measure(processed, settings)

    return groups, plan


def plan_pictologics(case: Case) -> tuple[tuple[str, ...], Plan]:
    import pictologics  # noqa: F401 - compiles its kernels when it is imported
    from pictologics.features import intensity, morphology, texture
    from pictologics.loader import Image

    def as_image(voxels: np.ndarray) -> Image:
        return Image(array=np.ascontiguousarray(voxels.T), spacing=case.spacing[::-1], origin=(0.0, 0.0, 0.0))

    image, mask = as_image(case.intensity), as_image(case.mask.astype(np.uint8))
    level = as_image(case.level).array
    whole = as_image(case.intensity.astype(np.int64)).array  # for it, intensities in steps of 1 are integers
    inside = mask.array != 0

    def select(families: Iterable[str]) -> Callable[[], Values]:
        chosen = tuple(families)
        return lambda: texture.calculate_all_texture_features(level, mask.array, case.n_levels, families=chosen)

    single: dict[str, Callable[[], Values]] = {
        "morphology": lambda: morphology.calculate_morphology_features(mask, image),
        "spatial": lambda: intensity.calculate_spatial_intensity_features(image, mask),
        "local_intensity": lambda: intensity.calculate_local_intensity_features(image, mask),
        "statistics": lambda: intensity.calculate_intensity_features(image.array[inside]),
        "histogram": lambda: intensity.calculate_intensity_histogram_features(level[inside], case.n_levels),
        "intensity_volume_histogram": lambda: intensity.calculate_ivh_features(whole[inside], bin_width=1.0),
    }

    def plan(chosen: tuple[str, ...]) -> Callable[[], Values]:
        parts = [single[group] for group in chosen if group in single]
        textures = [group.partition("_")[0] for group in chosen if group in TEXTURES]
        if textures:
            parts.append(select(textures))  # all matrices in one pass, its fastest way
        return lambda: {name: value for part in parts for name, value in part().items()}

    return (*single, *TEXTURES), plan


def plan_pyradiomics(case: Case) -> tuple[tuple[str, ...], Plan]:
    import radiomics
    import SimpleITK as sitk
    from radiomics import firstorder, glcm, gldm, glrlm, glszm, imageoperations, ngtdm, shape

    radiomics.logger.setLevel(logging.ERROR)

    def as_image(voxels: np.ndarray) -> sitk.Image:
        image = sitk.GetImageFromArray(voxels)
        image.SetSpacing(case.spacing[::-1])
        return image

    mask = as_image(case.mask.astype(np.uint8))
    box, _ = imageoperations.checkMask(as_image(case.intensity), mask)
    intensity, cropped = imageoperations.cropToTumorMask(as_image(case.intensity), mask, box)
    level, _ = imageoperations.cropToTumorMask(as_image(case.level.astype(np.float64)), mask, box)
    classes = {
        "shape": (shape.RadiomicsShape, intensity, {}),
        "statistics": (firstorder.RadiomicsFirstOrder, intensity, {"binCount": case.n_levels}),
        "glcm_3d_averaged": (glcm.RadiomicsGLCM, level, {"binWidth": 1}),
        "glrlm_3d_averaged": (glrlm.RadiomicsGLRLM, level, {"binWidth": 1}),
        "glszm": (glszm.RadiomicsGLSZM, level, {"binWidth": 1}),
        "ngtdm": (ngtdm.RadiomicsNGTDM, level, {"binWidth": 1}),
        "ngldm": (gldm.RadiomicsGLDM, level, {"binWidth": 1}),
    }
    names = {"statistics": "firstorder", "ngldm": "gldm"}

    def run(group: str) -> Values:
        kind, image, options = classes[group]
        features = kind(image, cropped, **options)
        features.enableAllFeatures()
        name = names.get(group, group.partition("_")[0])
        return {f"original_{name}_{feature}": value for feature, value in features.execute().items()}

    def plan(chosen: tuple[str, ...]) -> Callable[[], Values]:
        return lambda: {name: value for group in chosen for name, value in run(group).items()}

    return tuple(classes), plan


def plan_mirp(case: Case) -> tuple[tuple[str, ...], Plan]:
    """Its features on its own images, without reading, resampling and tables; Moran's I and Geary's C approximated."""
    import SimpleITK as sitk
    from mirp._features.feature_generator import generate_features
    from mirp.extract_features_and_images import _base_extract_features_and_images

    folder = tempfile.mkdtemp()

    def write(voxels: np.ndarray, name: str) -> str:
        image = sitk.GetImageFromArray(voxels)
        image.SetSpacing(case.spacing[::-1])
        sitk.WriteImage(image, f"{folder}/{name}.nrrd")
        return f"{folder}/{name}.nrrd"

    prepared = {}
    for name, voxels in (("intensity", case.intensity), ("level", case.level.astype(np.float64))):
        (workflow,) = _base_extract_features_and_images(
            image=write(voxels, name),
            mask=write(case.mask.astype(np.uint8), "mask"),
            image_modality="ct",
            base_feature_families="all",
            base_discretisation_method="none",
            ivh_discretisation_method="none",
            glcm_spatial_method=["3d_volume_merge", "3d_average"],
            glrlm_spatial_method=["3d_volume_merge", "3d_average"],
            ibsi_compliant=False,
            export_features=True,
            export_images=False,
            write_features=False,
            write_images=False,
        )
        ((image, masks),) = workflow.standard_image_processing()
        features = list(generate_features(settings=workflow.settings.feature_extr))
        for feature in features:
            feature.create_table_name()
        prepared[name] = image, masks[0], features

    prefixes = {
        "morphology": ("intensity", r"morph_(?!moran|geary|max_2d)"),
        "spatial": ("intensity", r"morph_(moran|geary)"),
        "local_intensity": ("intensity", "loc_"),
        "statistics": ("intensity", r"stat_(?!.*offset|total)"),
        "intensity_volume_histogram": ("intensity", "ivh_"),
        "histogram": ("level", "ih_"),
        "glcm_3d_merged": ("level", r"cm_(?!mcc).*3d_v_mrg"),
        "glcm_3d_averaged": ("level", r"cm_(?!mcc).*3d_avg"),
        "glrlm_3d_merged": ("level", "rlm_.*3d_v_mrg"),
        "glrlm_3d_averaged": ("level", "rlm_.*3d_avg"),
        "glszm": ("level", "szm_"),
        "gldzm": ("level", "dzm_"),
        "ngtdm": ("level", "ngt_"),
        "ngldm": ("level", "ngl_"),
    }

    def plan(chosen: tuple[str, ...]) -> Callable[[], Values]:
        parts = []
        for source, pattern in (prefixes[group] for group in chosen):
            image, mask, features = prepared[source]
            parts.append((image, mask, [feature for feature in features if re.match(pattern, feature.table_name)]))

        def run() -> Values:
            found = {}
            for image, mask, features in parts:
                for feature in features:
                    feature.compute(image=image, mask=mask)
                    found[feature.table_name] = feature.value
                for feature in features:
                    feature.clear_cache()
            return found

        return run

    return tuple(prefixes), plan


def plan_nyxus(case: Case) -> tuple[tuple[str, ...], Plan]:
    import nyxus
    import SimpleITK as sitk

    folder = Path(tempfile.mkdtemp())
    box = tuple(slice(int(side.min()), int(side.max()) + 1) for side in np.nonzero(case.mask))
    voxels = {"intensity": case.intensity - case.intensity[case.mask].min(), "level": case.level, "mask": case.mask}
    for name, array in voxels.items():
        image = sitk.GetImageFromArray(np.pad(array[box], 1).astype(np.uint8 if name == "mask" else np.int16))
        image.SetSpacing(case.spacing[::-1])
        sitk.WriteImage(image, str(folder / f"{name}.nii"))
    sources = {
        "shape": ("intensity", "*3D_ALL_MORPHOLOGY*"),
        "statistics": ("intensity", "*3D_ALL_INTENSITY*"),
        "glcm_3d_averaged": ("level", "*3D_GLCM*"),
        "glrlm_3d_averaged": ("level", "*3D_GLRLM*"),
        "glszm": ("level", "*3D_GLSZM*"),
        "gldzm": ("level", "*3D_GLDZM*"),
        "ngtdm": ("level", "*3D_NGTDM*"),
        "ngldm": ("level", "*3D_NGLDM*"),
    }

    def plan(chosen: tuple[str, ...]) -> Callable[[], Values]:
        wanted: dict[str, list[str]] = {}
        for source, features in (sources[group] for group in chosen):
            wanted.setdefault(source, []).append(features)
        tools = {
            source: nyxus.Nyxus3D(features, n_feature_calc_threads=1, ibsi=True) for source, features in wanted.items()
        }

        def run() -> Values:
            found = {}
            for source, tool in tools.items():
                table = tool.featurize_files([str(folder / f"{source}.nii")], [str(folder / "mask.nii")], True)
                found |= {name: table[name].iloc[0] for name in table if name.startswith("3")}
            return found

        return run

    return tuple(sources), plan


PLANS = {
    "bayesrg": plan_bayesrg,
    "pictologics": plan_pictologics,
    "pyradiomics": plan_pyradiomics,
    "MIRP": plan_mirp,
    "Nyxus": plan_nyxus,
}


def read_memory(key: str) -> float:
    """A line of ``/proc/self/status`` in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))


def find_version(tool: str) -> str:
    if tool == "pyradiomics":
        from radiomics import __version__

        return __version__
    return version(tool.lower())


def answer(order: dict, plan: Plan) -> dict:
    call = plan(tuple(order["groups"]))
    if order.get("values"):
        return {name: float(np.real(np.asarray(value).reshape(-1)[0])) for name, value in call().items()}
    if order.get("memory"):
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # memory that was freed before would be used again unseen
        Path("/proc/self/clear_refs").write_text("5")  # the peak becomes what is in use now
        resting = read_memory("VmRSS")
        call()
        return {"resting": resting, "peak": read_memory("VmHWM")}
    seconds = []
    for _ in range(order["times"]):
        started = time.process_time()
        call()
        seconds.append(time.process_time() - started)
    return {"seconds": seconds}


def main() -> None:
    tool, path = sys.argv[1:]
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    answers, sys.stdout = sys.stdout, sys.stderr  # what a tool prints must not mix with the answers
    try:
        groups, plan = PLANS[tool](Case(path))
        greeting = {"version": find_version(tool), "groups": groups}
    except ImportError as problem:
        greeting = {"missing": str(problem)}
    print(json.dumps(greeting), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), plan)), file=answers, flush=True)


if __name__ == "__main__":
    main()
