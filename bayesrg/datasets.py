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
