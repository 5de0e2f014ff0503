"""The data sets that tests, case studies and benchmarks read: found locally first, else fetched by hash.

A file is looked for in the folder that ``BAYESRG_DATA`` names; where that is not set, in ``../shared/data`` beside a
checkout of this project. A file that is not there and is byte for byte its origin's is downloaded once into the user's
cache and checked against the SHA-256 in ``datasets.sha256`` (``sha256sum --check`` reads that file too). Nothing here
is redistributed by bayesrg: `about` tells each data set's licence and what to cite.
"""

import os
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath, PureWindowsPath

import pandas as pd

from bayesrg.errors import DataNotFoundError

_IBSI = "https://github.com/theibsi/data_sets"
_IBSI_FILES = "https://raw.githubusercontent.com/theibsi/data_sets"
_IBSI1_COMMIT = "6da96021bc91faf4c0cb7fd7fa56a4225d2064a8"


@dataclass(frozen=True)
class DataSet:
    """Where a data set comes from, under which licence, and what to cite when it is used.

    Attributes
    ----------
    name
        Its folder (or file) below the data folder.
    title, origin, licence, citation
        For people to read; ``citation`` may hold several references, one a line.
    derived
        How its files were made where the origin does not hold them byte for byte; empty for the origin's own files.
    """

    name: str
    title: str
    origin: str
    licence: str
    citation: str
    derived: str = ""


_DATA_SETS = (
    DataSet(
        name="ibsi1/ibsi1_digital_phantom",
        title="IBSI-1 digital phantom: 5 x 4 x 4 voxels of 2 mm, 74 of them in the region",
        origin=f"{_IBSI} (ibsi_1_digital_phantom)",
        licence="CC BY 4.0",
        citation="Zwanenburg A, Vallières M, et al. Radiology 2020;295:328-338. doi:10.1148/radiol.2020191145",
    ),
    DataSet(
        name="ibsi1/ibsi1_ct_phantom",
        title="IBSI-1 CT phantom: a lung tumour, 204 x 201 x 60 voxels of 0.977 x 0.977 x 3 mm",
        origin=f"{_IBSI} (ibsi_1_ct_radiomics_phantom)",
        licence="CC BY-NC 3.0 (not for commercial use)",
        citation=(
            "Lambin P. Radiomics Digital Phantom. CancerData 2016. doi:10.17195/candat.2016.08.1\n"
            "Lambin P, Leijenaar RTH, Deist TM, et al. Nature Reviews Clinical Oncology 2017;14:749-762. "
            "doi:10.1038/nrclinonc.2017.141"
        ),
    ),
    DataSet(
        name="ibsi1",
        title="IBSI-1 consensus values and image-processing diagnostics with their tolerances",
        origin="the IBSI reference manual, arXiv:1612.07003",
        licence="facts published by IBSI; the manual's documents state no licence",
        citation="Zwanenburg A, Vallières M, et al. Radiology 2020;295:328-338. doi:10.1148/radiol.2020191145",
        derived="the tables were parsed from the chapters of the IBSI reference manual",
    ),
    DataSet(
        name="sts",
        title="IBSI validation set: FDG-PET (SUV) of 51 soft-tissue sarcomas, cropped 5 cm around the tumour",
        origin=f"{_IBSI} (ibsi_validation), from the Soft-tissue-Sarcoma collection of The Cancer Imaging Archive",
        licence="CC BY 3.0",
        citation=(
            "Vallières M, Freeman CR, Skamene SR, El Naqa I. The Cancer Imaging Archive 2015. "
            "doi:10.7937/K9/TCIA.2015.7GO2GSKS\n"
            "Vallières M, Freeman CR, Skamene SR, El Naqa I. Physics in Medicine and Biology 2015;60:5471-5496. "
            "doi:10.1088/0031-9155/60/14/5471\n"
            "Clark K, Vendt B, Smith K, et al. Journal of Digital Imaging 2013;26:1045-1057. "
            "doi:10.1007/s10278-013-9622-7"
        ),
    ),
    DataSet(
        name="qin_prostate",
        title=(
            "QIN-PROSTATE repeatability: 83 pyradiomics features of T2-weighted prostate MR, 15 patients scanned "
            "twice, 36 preprocessing pipelines"
        ),
        origin=(
            "https://github.com/QIICR/QIN-PROSTATE-Repeatability-Radiomics (EvalData), images from the collection "
            "QIN-PROSTATE-Repeatability of The Cancer Imaging Archive"
        ),
        licence="MIT",
        citation=(
            "Schwier M, van Griethuysen J, Vangel MG, et al. Repeatability of multiparametric prostate MRI radiomics "
            "features. Scientific Reports 2019;9:9441. doi:10.1038/s41598-019-45766-z\n"
            "Images: doi:10.7937/K9/TCIA.2018.MR1CKGND"
        ),
        derived=(
            "the origin's 52 tables, one a pipeline (16 of them of registered images), were stacked; kept are the "
            "T2-weighted series and the features of the unfiltered image; the pipeline was read from each file's name"
        ),
    ),
    DataSet(
        name="ccr_phantom",
        title=(
            "Credence Cartridge Radiomics phantom: 91 pyradiomics features of 160 regions, one scan on each of 13 CT "
            "scanners"
        ),
        origin=(
            "https://github.com/AbdallaIbrahim/The-reproducibility-and-ComBatability-of-Radiomic-features, images from "
            "the collection CC-Radiomics-Phantom of The Cancer Imaging Archive"
        ),
        licence="none stated: load it and cite it, but do not redistribute it (its images are CC BY 3.0)",
        citation=(
            "Mackin D, Fave X, Zhang L, et al. Measuring computed tomography scanner variability of radiomics "
            "features. Investigative Radiology 2015;50:757-765. doi:10.1097/RLI.0000000000000180\n"
            "Mackin D, Ray X, Zhang L, et al. Data from Credence Cartridge Radiomics Phantom CT Scans. The Cancer "
            "Imaging Archive 2017. doi:10.7937/K9/TCIA.2017.zuzrml5b\n"
            "Ibrahim A. The reproducibility and ComBatability of radiomic features (the repository above)"
        ),
        derived=(
            "the origin's one table (Pyradiomics_original_RFs_CCR1.csv); the region's name was split into material and "
            "number"
        ),
    ),
    DataSet(
        name="ctp4r",
        title=(
            "CT-Phantom4Radiomics: 92 pyradiomics features of 6 regions of an anthropomorphic phantom, 8 acquisition "
            "groups of about 30 scans"
        ),
        origin=(
            "https://github.com/Joingl/radiomic-features (feature extraction/ctp4r), images from the collection "
            "CT-Phantom4Radiomics of The Cancer Imaging Archive"
        ),
        licence="none stated: load it and cite it, but do not redistribute it (its images are CC BY 4.0)",
        citation=(
            "Schaer R, Bach M, Obmann M, et al. Task-Based Anthropomorphic CT Phantom for Radiomics Stability and "
            "Discriminatory Power Analyses (CT-Phantom4Radiomics). The Cancer Imaging Archive 2023. "
            "doi:10.7937/a1v1-rc66"
        ),
        derived=(
            "the origin's one table (traditional features CTP4R clean.csv); the scan's name was split into repetition "
            "and slice"
        ),
    ),
)


def about(name: str) -> DataSet:
    """Return the origin, licence and citation of the data set that a file or folder belongs to.

    Parameters
    ----------
    name
        A data set such as ``"sts"``, or a file in one, such as ``"ibsi1/ibsi1_ct_phantom/image.nii.gz"``.

    Raises
    ------
    DataNotFoundError
        If no known data set has that name.
    """
    found = _data_set_of(_inside(name))
    if found is None:
        raise DataNotFoundError(
            f"no data set is called {name!r}; known are {', '.join(repr(known.name) for known in _DATA_SETS)}."
        )
    return found


def path(name: str) -> Path:
    """Return the path of a data file on this machine, downloading it by hash where it is not here yet.

    Parameters
    ----------
    name
        The file's path below the data folder, with forward slashes, such as ``"sts/STS_001_PET_image.nii.gz"``.

    Returns
    -------
    pathlib.Path
        An existing file inside ``BAYESRG_DATA``, inside ``../shared/data`` beside a checkout, or in the user's cache.

    Raises
    ------
    DataNotFoundError
        If the name leaves the data folder, if ``BAYESRG_DATA`` names no folder, if the file is nowhere to be had, or
        if what its origin sends is not the file whose hash is registered.
    """
    relative = _inside(name)
    local = folder()
    if local is not None:
        found = (local / relative).resolve()
        if not found.is_relative_to(local.resolve()):
            raise DataNotFoundError(
                f"{name!r} is a link that leaves the data folder {local}; expected a file inside it."
            )
        if found.is_file():
            return found
        if found.is_dir():
            raise DataNotFoundError(f"{name!r} is a folder in {local}; expected the path of a file below it.")
    if str(relative) in _hashes():
        return _download(str(relative))
    raise DataNotFoundError(_nowhere(name, relative, local))


def ibsi_reference_values() -> pd.DataFrame:
    """Return IBSI-1's consensus values, a row for each feature, aggregation and configuration.

    Returns
    -------
    pandas.DataFrame
        Columns ``family``, ``tag``, ``feature``, ``ibsi_code``, ``aggregation`` (such as ``none`` or ``3d_merged``),
        ``configuration`` (``digital_phantom`` or ``ct_phantom_A`` to ``ct_phantom_E``), ``value``, ``tolerance`` (0
        means equal to 3 significant digits) and ``consensus`` (``moderate``, ``strong``, ``very_strong``, or ``unset``
        for the one row without a value in the manual). Values are in IBSI's units: millimetres and the image's own.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine.
    """
    return pd.read_csv(path("ibsi1/ibsi1_reference_values.csv"), keep_default_na=False)


def sarcoma_pet() -> pd.DataFrame:
    """Return the manifest of the 51 sarcoma PET images (SUV) with their tumour masks (label 1).

    Returns
    -------
    pandas.DataFrame
        A row per subject: ``subject`` (``STS_001`` to ``STS_051``), ``image`` and ``mask`` (paths of NIfTI files), as
        `bayesrg.radiomics.extract_cohort` takes it.

    Raises
    ------
    DataNotFoundError
        If a file is neither on this machine nor to be had from its origin.
    """
    subjects = [f"STS_{number:03d}" for number in range(1, 52)]
    return pd.DataFrame(
        {
            "subject": subjects,
            "image": [str(path(f"sts/{subject}_PET_image.nii.gz")) for subject in subjects],
            "mask": [str(path(f"sts/{subject}_PET_mask.nii.gz")) for subject in subjects],
        }
    )


def prostate_features() -> pd.DataFrame:
    """Return the test-retest features of T2-weighted prostate MR, a row per region, session and pipeline.

    Returns
    -------
    pandas.DataFrame
        4,024 rows. Labels, all text: ``patient`` (15), ``session`` (``1``, ``2``), ``structure`` (``WholeGland`` and
        ``PeripheralZone`` of all patients twice; ``TumorROI_PZ_1`` of 11 patients twice; ``NormalROI_PZ_1`` of 13
        patients in session 1 and of 7 in session 2), ``pipeline`` (36), and what it is made of: ``normalisation``
        (``none``, ``muscle``: to a muscle reference, ``image``: of the whole image to mean 0 and standard deviation
        100, ``muscle_image``: both), ``dimensions`` (``2D``: textures slice by slice, ``3D``) and ``bin_width``
        (``5`` to ``40``; ``5`` only without the muscle reference). ``registered`` (bool) marks the rows of a separate
        experiment, in which the images of the sessions were registered to each other: the tumour only, 16 pipelines of
        the same names. Then 83 features as pyradiomics names them (``original_…``), in units that change with the
        normalisation. With ``image`` and ``muscle_image`` the origin added 300 to intensities before Energy,
        TotalEnergy and RootMeanSquared.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.

    Notes
    -----
    The two normalisations ``image`` and ``muscle_image`` give the same values up to rounding, because standardising the
    image undoes the scaling to muscle: 28 of the 36 pipelines are distinct. Shape does not depend on the pipeline at
    all, and first-order features only on the normalisation (Entropy and Uniformity on the bin width too).
    """
    text = ["patient", "session", "segmentedStructure", "texdim", "bin", "pipeline"]
    table = _read_table("qin_prostate/qin_prostate_T2_long.csv.gz", text, rows=4024, columns=92)
    normalisations = {
        (False, False): "none",
        (True, False): "muscle",
        (False, True): "image",
        (True, True): "muscle_image",
    }
    chosen = zip(table["muscle_ref_norm"], table["wholeimage_norm"], strict=True)
    labels = pd.DataFrame(
        {
            "patient": table["patient"],
            "session": table["session"],
            "structure": table["segmentedStructure"],
            "registered": table["registered"],
            "pipeline": table["pipeline"],
            "normalisation": [normalisations[bool(muscle), bool(image)] for muscle, image in chosen],
            "dimensions": table["texdim"],
            "bin_width": table["bin"],
        }
    )
    return pd.concat([labels, table.filter(like="original_")], axis="columns")


def ccr_phantom_features() -> pd.DataFrame:
    """Return the features of a phantom of ten materials on 13 CT scanners, a row per region and scanner.

    Returns
    -------
    pandas.DataFrame
        2,080 rows, each region once on each scanner, so that nothing tells repeatability. Labels, all text: ``region``
        (160, such as ``020_00``), ``material`` (10, the region's name without its number; 16 regions of each),
        ``scanner`` (13, such as ``CCR1_GE1``) and ``vendor`` (7 scanners of ``GE``, 5 of ``Philips``, 1 of
        ``Siemens``). Then 91 features as pyradiomics names them (``original_…``), intensities in Hounsfield units. The
        origin added 1,024 to them before Energy, TotalEnergy and RootMeanSquared.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.

    Notes
    -----
    The phantom has ten cartridges of different materials (Mackin et al. 2015); this table names them only by its
    regions. Inferred from those names and from the mean CT numbers: ``020`` to ``050`` (-822, -748, -682 and -620 HU)
    are plastic printed with 20 to 50 % fill; ``dcork`` (-508 HU) is dense cork beside ``cork`` (-677 HU); ``rubber``
    (-70 HU) is crumbled, since its darkest voxels lie below -500 HU; ``wood`` (-497 HU), ``acrylic`` (121 HU) and
    ``resin`` (531 HU) say what they are. Voxel sizes differ between scanners.
    """
    text = ["Patient", "ROI", "Scanner", "Batch", "material", "sub"]
    table = _read_table("ccr_phantom/ccr1_long.csv.gz", text, rows=2080, columns=97)
    labels = pd.DataFrame(
        {
            "region": table["ROI"],
            "material": table["material"],
            "scanner": table["Patient"],
            "vendor": table["Scanner"],
        }
    )
    return pd.concat([labels, table.filter(like="original_")], axis="columns")


def ctp4r_features() -> pd.DataFrame:
    """Return the features of an abdominal CT phantom in 8 groups of 29 or 30 scans, a row per region and scan.

    Returns
    -------
    pandas.DataFrame
        1,394 rows (of 1,440: 46 are not in the origin's table). Labels, all text: ``region`` (``n1``, ``n2``, ``c1``,
        ``c2``, ``hem``, ``met``), ``tissue`` (``normal``, ``cyst``, ``haemangioma``, ``metastasis``: what the region
        imitates), ``group`` (``1`` to ``8``), ``scan`` (``101`` to ``830``: group and number in the group) and
        ``acquisition`` (``01`` to ``30``, inferred, see below). ``slice`` and ``voxels`` (int): the one slice that was
        measured, and how many voxels of it. Then 92 features as pyradiomics names them (``original_…``), of that slice,
        so that textures are two-dimensional. Intensities are stored values, not Hounsfield units. The origin divided
        Energy by the number of voxels, which is undone here.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.

    Notes
    -----
    The origin does not say what the groups are. Groups 1 to 4 share their slice numbers, and so do 5 and 6 (about half
    of those numbers) and 7 and 8 (about 4/3 of them), as with other distances between slices; in each of the pairs 1
    and 2, 3 and 4, 5 and 6, 7 and 8 the second group is the noisier.

    The groups seem to be eight reconstructions of the same 30 acquisitions: what is left of the mean intensity after
    the mean of its group and region correlates between any two groups (0.67 to 0.99) once scans are matched as
    ``acquisition`` does, and the missing regions then match too. For groups 1 and 2 that is the next number, the first
    being absent; group 3 counts 11 to 25 in another order; in the others it is the scan's number. So scans of different
    groups are not independent. Stored values seem to lie about 1,000 above Hounsfield units, as is usual in CT.
    """
    table = _read_table("ctp4r/ctp4r_long.csv.gz", ["group", "scan_id", "class", "rep"], rows=1394, columns=98)
    tissues = {"n": "normal", "c": "cyst", "h": "haemangioma", "m": "metastasis"}
    scan = table["scan_id"].str[:3]
    labels = pd.DataFrame(
        {
            "region": table["class"],
            "tissue": [tissues[region[0]] for region in table["class"]],
            "group": table["group"],
            "scan": scan,
            "acquisition": [_ctp4r_acquisition(name[0], int(name[1:])) for name in scan],
            "slice": table["slice"],
            "voxels": table["mask size"],
        }
    )
    features = table.filter(like="original_").copy()
    features["original_firstorder_Energy"] *= table["mask size"]
    return pd.concat([labels, features], axis="columns")


def _ctp4r_acquisition(group: str, number: int) -> str:
    """Return which acquisition a scan was reconstructed from, as inferred from its correlation with other groups."""
    if group in ("1", "2"):
        number += 1
    elif group == "3" and 11 <= number <= 15:
        number += 10
    elif group == "3" and 16 <= number <= 25:
        number = 36 - number
    return f"{number:02d}"


def _read_table(name: str, text: list[str], *, rows: int, columns: int) -> pd.DataFrame:
    """Return a table of a data set with its labels as text, refusing one of another size."""
    file = path(name)
    table = pd.read_csv(file, dtype=dict.fromkeys(text, str))
    if table.shape != (rows, columns):
        raise DataNotFoundError(
            f"{file} has {table.shape[0]} rows and {table.shape[1]} columns; {name!r} has {rows} and {columns}. Set "
            "BAYESRG_DATA to a folder that has it."
        )
    return table


def _inside(name: str) -> PurePosixPath:
    """Return a name as a relative path, refusing whatever could lead out of the data folder on any system."""
    relative = PurePosixPath(name)
    windows = PureWindowsPath(name)
    if not relative.parts or relative.is_absolute() or windows.drive or "\\" in name or ".." in relative.parts:
        raise DataNotFoundError(
            f"{name!r} does not stay inside the data folder; expected a relative path with forward slashes and "
            "without '..', such as 'sts/STS_001_PET_image.nii.gz'."
        )
    return relative


def folder() -> Path | None:
    """Return the folder of local data, or None where there is none and none was asked for."""
    named = os.environ.get("BAYESRG_DATA")
    if named:
        chosen = Path(named).expanduser()
        if not chosen.is_dir():
            raise DataNotFoundError(
                f"BAYESRG_DATA is {named!r}, which is not a folder. Set it to the data folder, or unset it."
            )
        return chosen
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return beside if beside.is_dir() else None


def _data_set_of(relative: PurePosixPath) -> DataSet | None:
    """Return the innermost data set that a path belongs to."""
    return next((known for known in _DATA_SETS if relative.is_relative_to(known.name)), None)


@cache
def _hashes() -> dict[str, str]:
    """Return the SHA-256 of each file that its origin holds byte for byte."""
    lines = resources.files("bayesrg").joinpath("datasets.sha256").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _url(name: str) -> str:
    """Return the address of a registered file at its origin, which lays its folders out differently."""
    folder, file = name.rsplit("/", 1)
    if folder == "sts":
        subject, rest = file[: len("STS_001")], file[len("STS_001_") :]
        return f"{_IBSI_FILES}/master/ibsi_validation/nifti/{subject}/{rest}"
    origin = {"ibsi1_digital_phantom": "ibsi_1_digital_phantom", "ibsi1_ct_phantom": "ibsi_1_ct_radiomics_phantom"}
    origin_file = {"image.nii.gz": "image/phantom.nii.gz", "mask.nii.gz": "mask/mask.nii.gz"}
    return f"{_IBSI_FILES}/{_IBSI1_COMMIT}/{origin[folder.removeprefix('ibsi1/')]}/nifti/{origin_file[file]}"


def _download(name: str) -> Path:
    """Return a registered file from the user's cache, fetching it from its origin the first time."""
    import pooch

    folder, file = name.rsplit("/", 1)
    url = _url(name)
    try:
        fetched = pooch.retrieve(url, f"sha256:{_hashes()[name]}", fname=file, path=pooch.os_cache("bayesrg") / folder)
    except ValueError as error:
        raise DataNotFoundError(
            f"{url} no longer holds {name!r}: its SHA-256 differs from the registered one. "
            "Set BAYESRG_DATA to a folder that has the file."
        ) from error
    except OSError as error:
        raise DataNotFoundError(
            f"{name!r} is not on this machine and {url} could not be read ({error}). Set BAYESRG_DATA to a folder that "
            "has the file, or try again with a network."
        ) from error
    return Path(fetched)


def _nowhere(name: str, relative: PurePosixPath, folder: Path | None) -> str:
    """Return the message for a file that is neither here nor downloadable."""
    looked = f"not in {folder}" if folder is not None else "and there is no ../shared/data beside a checkout"
    data_set = _data_set_of(relative)
    if data_set is None:
        reason = "no origin is registered for it"
    elif data_set.derived:
        reason = f"its origin ({data_set.origin}) does not hold it byte for byte: {data_set.derived}"
    else:
        reason = "it is not among the files whose hash is registered"
    return f"{name!r} is {looked}, and {reason}. Set BAYESRG_DATA to a folder that has it."
