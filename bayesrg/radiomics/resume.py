"""Finished work, kept on disk so that an interrupted extraction goes on where it stopped.

Each finished region and preprocessing level is one small JSON file, named by the SHA-256 of everything its numbers
depend on. A file is written beside its final name and then moved there, so that it is either whole or absent.
"""

import hashlib
import json
import re
from pathlib import Path

from bayesrg.errors import ImageError
from bayesrg.files import replace_atomically
from bayesrg.imaging import read_image
from bayesrg.radiomics.provenance import hash_image

_DETACHED = re.compile(rb"^(data ?file:|ElementDataFile *= *(?!LOCAL))", re.MULTILINE | re.IGNORECASE)


def make_key(*parts: object) -> str:
    """Return the SHA-256 (hexadecimal) of plain values: numbers, text, None, and lists and dictionaries of them."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def hash_source(path: Path) -> str:
    """Return the SHA-256 (hexadecimal) of what an image is read from, without decoding it where the file holds it all.

    Of a folder, the names and contents of its files count; of a header whose voxels lie in another file (``.mhd``,
    ``.nhdr``, ``.hdr``), voxels and geometry.

    Raises
    ------
    ImageError
        There is no such file or folder, or it cannot be read.
    """
    if path.is_dir():
        return make_key([[file.name, _hash_file(file)] for file in sorted(path.iterdir()) if file.is_file()])
    if not path.is_file():
        raise ImageError(f"{path}: there is no such file or folder; check the path.")
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    if path.suffix.lower() in {".hdr", ".img"} or _DETACHED.search(head):
        return hash_image(read_image(path))
    return _hash_file(path)


def load_finished(folder: Path, key: str) -> dict | None:
    """Return what `keep_finished` has kept under this key; None if there is nothing, or nothing legible."""
    try:
        return json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        # A disk may damage what was written whole; computing it again mends that.
        return None


def keep_finished(folder: Path, key: str, record: dict) -> None:
    """Keep a record of plain values under this key, replacing what was there."""
    with replace_atomically(folder / f"{key}.json") as unfinished:
        unfinished.write_text(json.dumps(record, allow_nan=False), encoding="utf-8")


def _hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
