"""Data files: found locally, else fetched by hash."""

import os
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath

from bayesrg.datasets.catalogue import data_set_of, inside
from bayesrg.errors import DataNotFoundError

_IBSI_FILES = "https://raw.githubusercontent.com/theibsi/data_sets"
_IBSI_VALUES = "https://raw.githubusercontent.com/oncoray/mirp/master/test/data/ibsi_1_reference_values"
_GITHUB = "https://raw.githubusercontent.com"
_LGG = f"{_GITHUB}/mvallieres/radiomics/50f63314c8640c3ae0a8f8dafd03e09ab937469b/STUDIES/LGG_study"
_LAML = f"{_GITHUB}/PoisonAlien/maftools/master/inst/extdata"
_IBSI1_COMMIT = "6da96021bc91faf4c0cb7fd7fa56a4225d2064a8"


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
    relative = inside(name)
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


PUBLISHED_VALUES = {
    "digital_phantom": "ibsi_1_dig_phantom.csv",
    **{f"ct_phantom_{letter}": f"ibsi_1_chest_config_{letter.lower()}.csv" for letter in "ABCDE"},
}
"""The published table of IBSI-1 values of each configuration."""


def published_values(configuration: str) -> Path:
    """Return the published table of IBSI-1 values of a configuration, from the user's cache or from its origin.

    Raises
    ------
    DataNotFoundError
        If it can be had from neither.
    """
    return _retrieve(f"{_IBSI_VALUES}/{PUBLISHED_VALUES[configuration]}", None, "ibsi1/values")


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
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return beside if beside.is_dir() else None


def registered(data_set: str) -> list[str]:
    """Return the files of a data set that its origin holds byte for byte, by the names that `path` takes."""
    return [name for name in _hashes() if name.startswith(f"{data_set}/")]


@cache
def _hashes() -> dict[str, str]:
    """Return the SHA-256 of each file that its origin holds byte for byte."""
    lines = resources.files("bayesrg").joinpath("datasets", "files.sha256").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _url(name: str) -> str:
    """Return the address of a registered file at its origin, which lays its folders out differently."""
    folder, file = name.rsplit("/", 1)
    if folder == "sts":
        subject, rest = file[: len("STS_001")], file[len("STS_001_") :]
        return f"{_IBSI_FILES}/master/ibsi_validation/nifti/{subject}/{rest}"
    if folder == "lgg":
        return f"{_LGG}/TCGA_{file.removesuffix('.csv')}_INFO.csv"
    if folder == "laml":
        return f"{_LAML}/{file}"
    origin = {"ibsi1_digital_phantom": "ibsi_1_digital_phantom", "ibsi1_ct_phantom": "ibsi_1_ct_radiomics_phantom"}
    origin_file = {"image.nii.gz": "image/phantom.nii.gz", "mask.nii.gz": "mask/mask.nii.gz"}
    return f"{_IBSI_FILES}/{_IBSI1_COMMIT}/{origin[folder.removeprefix('ibsi1/')]}/nifti/{origin_file[file]}"


def _download(name: str) -> Path:
    """Return a registered file from the user's cache, fetching it from its origin the first time."""
    return _retrieve(_url(name), _hashes()[name], name.rsplit("/", 1)[0], file=name.rsplit("/", 1)[1])


def _retrieve(url: str, digest: str | None, folder: str, *, file: str | None = None) -> Path:
    """Return what an address holds, from a folder of the user's cache; without a digest its reader has to check it."""
    import pooch

    file = file or url.rsplit("/", 1)[1]
    known = None if digest is None else f"sha256:{digest}"
    try:
        return Path(pooch.retrieve(url, known, fname=file, path=pooch.os_cache("bayesrg") / folder))
    except ValueError as error:
        raise DataNotFoundError(
            f"{url} no longer holds '{folder}/{file}': its SHA-256 differs from the registered one. "
            "Set BAYESRG_DATA to a folder that has the file."
        ) from error
    except OSError as error:
        raise DataNotFoundError(
            f"'{folder}/{file}' is not on this machine and {url} could not be read ({error}). Set BAYESRG_DATA to a "
            "folder that has the file, or try again with a network."
        ) from error


def _nowhere(name: str, relative: PurePosixPath, folder: Path | None) -> str:
    """Return the message for a file that is neither here nor downloadable."""
    looked = f"not in {folder}" if folder is not None else "and there is no ../shared/data beside a checkout"
    data_set = data_set_of(relative)
    if data_set is None:
        reason = "no origin is registered for it"
    elif data_set.derived:
        reason = f"its origin ({data_set.origin}) does not hold it byte for byte: {data_set.derived}"
    else:
        reason = "it is not among the files whose hash is registered"
    return f"{name!r} is {looked}, and {reason}. Set BAYESRG_DATA to a folder that has it."
