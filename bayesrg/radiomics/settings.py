"""What `extract` is asked to do: image processing, GLCM options and feature families, readable from a TOML file."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayesrg.errors import SettingsError
from bayesrg.imaging import Perturbation, ProcessingSettings
from bayesrg.imaging.perturbation import parse_perturbations
from bayesrg.settings import check_that, check_types, from_dict, to_dict

Family = Literal["statistics", "histogram", "glcm"]
Aggregation = Literal["3d_merged", "3d_averaged"]


@dataclass(frozen=True)
class Glcm:
    """Which voxels are neighbours for the grey level co-occurrence matrix (IBSI 3.6, LFYI), and how matrices combine.

    Attributes
    ----------
    distance
        Chebyshev distance in voxels (IBSI PVMT): the 13 directions of the 26-neighbourhood, times this.
    offsets
        Instead of those 13 directions, any offsets ``[z, y, x]`` in voxels; one alone will do. An offset and its
        opposite make the same symmetric matrix, so only one of the two may be named.
    aggregation
        ``"3d_merged"`` (IBSI IAZD): features of the sum of all matrices; ``"3d_averaged"`` (ITBB): mean over the
        matrices of the features of each.
    """

    distance: int = 1
    offsets: tuple[tuple[int, int, int], ...] | None = None
    aggregation: tuple[Aggregation, ...] = ("3d_merged", "3d_averaged")

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError."""
        check_types(self)
        check_that(self.distance >= 1, self, "distance", "a whole number of voxels, 1 or more")
        distinct = 0 < len(self.aggregation) == len(set(self.aggregation))
        check_that(distinct, self, "aggregation", "one or both of the two, each once")
        if self.offsets is not None:
            if self.distance != 1:
                raise SettingsError(
                    f"[glcm] offsets and distance = {self.distance} exclude each other, because offsets are in voxels; "
                    "remove distance, or multiply the offsets by it."
                )
            both_ways = [way for offset in self.offsets for way in (offset, tuple(-step for step in offset))]
            distinct = 0 < len(both_ways) == len(set(both_ways))
            check_that(distinct, self, "offsets", "one or more [z, y, x], none of them zero, repeated or opposite")

    @property
    def offset_array(self) -> NDArray[np.int64]:
        """Offsets in voxels, shape (offset, 3), columns z, y, x."""
        if self.offsets is not None:
            return np.array(self.offsets, dtype=np.int64)
        steps = np.array([(z, y, x) for z in (0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1)], dtype=np.int64)
        # Each direction and its opposite count once: the half of the 26 that follows the centre in reading order.
        return self.distance * steps[5:]


@dataclass(frozen=True)
class Features:
    """Which feature families are extracted.

    Attributes
    ----------
    families
        Any of ``"statistics"`` (IBSI 3.3), ``"histogram"`` (3.4) and ``"glcm"`` (3.6), each once.
    """

    families: tuple[Family, ...] = ("statistics", "histogram", "glcm")

    def __post_init__(self) -> None:
        """Check types; raises SettingsError."""
        check_types(self)
        distinct = 0 < len(self.families) == len(set(self.families))
        check_that(distinct, self, "families", "one or more families, each once")


@dataclass(frozen=True)
class Settings(ProcessingSettings):
    """Everything `bayesrg.radiomics.extract` does: the processing chain, the GLCM's options, the feature families.

    A section and its keys that a TOML file leaves out keep their defaults. By default nothing is interpolated or
    re-segmented, grey levels are 32 bins, and all three families are extracted.

    Examples
    --------
    >>> from bayesrg.settings import from_dict
    >>> settings = from_dict(Settings, {"interpolation": {"spacing": [2, 2, 2]}, "glcm": {"distance": 2}})
    >>> settings.glcm.distance
    2
    """

    glcm: Glcm = field(default_factory=Glcm)
    features: Features = field(default_factory=Features)

    def __post_init__(self) -> None:
        """Check types, and that families that need grey levels get them; raises SettingsError."""
        super().__post_init__()
        needing = [family for family in self.features.families if family != "statistics"]
        if needing and self.discretisation.method == "none":
            raise SettingsError(
                f'[discretisation] method = "none" makes no grey levels, which {" and ".join(needing)} need; '
                'choose a method, or set families = ["statistics"] in [features].'
            )

    @property
    def content_hash(self) -> str:
        """SHA-256 (hexadecimal) of all settings, defaults included: equal settings, equal hash, on any machine."""
        return hashlib.sha256(json.dumps(to_dict(self), sort_keys=True).encode()).hexdigest()


def read_settings(path: str | PathLike[str]) -> Settings:
    """Return the settings that a TOML file holds, besides its perturbations.

    Raises
    ------
    SettingsError
        The file is absent or no TOML, or holds an unknown key or an unfit value; the message names the file.
    """
    content = _read_toml(path)
    content.pop("perturbations", None)
    try:
        return from_dict(Settings, content)
    except SettingsError as problem:
        raise SettingsError(f"{path}: {problem}") from problem


def read_perturbations(path: str | PathLike[str]) -> dict[str, Perturbation]:
    """Return the levels of ``preprocessing`` in the ``[perturbations.NAME]`` tables of a TOML file; empty without any.

    Raises
    ------
    SettingsError
        As `read_settings` does.
    """
    tables = _read_toml(path).get("perturbations", {})
    if not isinstance(tables, dict):
        raise SettingsError(f"{path}: perturbations must be sections, [perturbations.NAME]; found {tables!r}")
    try:
        return parse_perturbations(tables)
    except SettingsError as problem:
        raise SettingsError(f"{path}: {problem}") from problem


def _read_toml(path: str | PathLike[str]) -> dict:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such settings file; give the path of a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path}: this is not a TOML file: {problem}") from problem
