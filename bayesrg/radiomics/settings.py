"""What `extract` is asked to do: image processing, feature families and their options, readable from a TOML file."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from bayesrg.errors import SettingsError
from bayesrg.imaging import Perturbation, ProcessingSettings
from bayesrg.imaging.perturbation import parse_perturbations
from bayesrg.radiomics.features import FAMILIES, FEATURES, Feature, select_features
from bayesrg.radiomics.sections import Glcm, Gldzm, Glrlm, Glszm, IntensityVolumeHistogram, Ngldm, Ngtdm
from bayesrg.settings import check_that, check_types, from_dict, to_dict

FamilyName = Literal[
    "morphology",
    "local_intensity",
    "statistics",
    "histogram",
    "intensity_volume_histogram",
    "glcm",
    "glrlm",
    "glszm",
    "gldzm",
    "ngtdm",
    "ngldm",
]
WITHOUT_GREY_LEVELS = ("morphology", "local_intensity", "statistics", "intensity_volume_histogram")
"""Families that are computed from intensities and masks alone."""


@dataclass(frozen=True)
class Features:
    """Which features are extracted.

    Attributes
    ----------
    families
        Any of the eleven families of IBSI-1 (see `bayesrg.radiomics.FAMILIES`), each once.
    names
        Only features whose name matches one of these patterns, such as ``"glcm_*"`` or ``"*_entropy_3d_merged"``. A
        family without a match is not computed. None means all.
    """

    families: tuple[FamilyName, ...] = get_args(FamilyName)
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check types; raises SettingsError."""
        check_types(self)
        distinct = 0 < len(self.families) == len(set(self.families))
        check_that(distinct, self, "families", "one or more families, each once")
        check_that(self.names is None or len(self.names) > 0, self, "names", "one or more patterns")


@dataclass(frozen=True)
class Settings(ProcessingSettings):
    """Everything `bayesrg.radiomics.extract` does: the processing chain, the feature families and their options.

    A section and its keys that a TOML file leaves out keep their defaults. By default nothing is interpolated or
    re-segmented, grey levels are 32 bins, and all families are extracted, textures in 3D.

    Examples
    --------
    >>> from bayesrg.settings import from_dict
    >>> settings = from_dict(Settings, {"interpolation": {"spacing": [2, 2, 2]}, "glcm": {"distance": 2}})
    >>> settings.glcm.distance
    2
    """

    features: Features = field(default_factory=Features)
    intensity_volume_histogram: IntensityVolumeHistogram = field(default_factory=IntensityVolumeHistogram)
    glcm: Glcm = field(default_factory=Glcm)
    glrlm: Glrlm = field(default_factory=Glrlm)
    glszm: Glszm = field(default_factory=Glszm)
    gldzm: Gldzm = field(default_factory=Gldzm)
    ngtdm: Ngtdm = field(default_factory=Ngtdm)
    ngldm: Ngldm = field(default_factory=Ngldm)

    def __post_init__(self) -> None:
        """Check types, and that families that need grey levels get them; raises SettingsError."""
        super().__post_init__()
        needing = [family for family in self.features.families if family not in WITHOUT_GREY_LEVELS]
        if needing and self.discretisation.method == "none":
            raise SettingsError(
                f'[discretisation] method = "none" makes no grey levels, which {" and ".join(needing)} need; '
                f"choose a method, or set families in [features] to some of {', '.join(WITHOUT_GREY_LEVELS)}."
            )
        self._check_patterns()

    @cached_property
    def selected(self) -> list[Feature]:
        """The features that are extracted, in order."""
        offered = self._offered
        if self.features.names is None:
            return offered
        return [feature for feature in offered if any(fnmatchcase(feature.name, p) for p in self.features.names)]

    @cached_property
    def wanted(self) -> dict[str, list[Feature]]:
        """The features that are extracted, by family."""
        families: dict[str, list[Feature]] = {}
        for feature in self.selected:
            families.setdefault(feature.family, []).append(feature)
        return families

    @property
    def content_hash(self) -> str:
        """SHA-256 (hexadecimal) of all settings, defaults included: equal settings, equal hash, on any machine."""
        return hashlib.sha256(json.dumps(to_dict(self), sort_keys=True).encode()).hexdigest()

    @property
    def _offered(self) -> list[Feature]:
        """All features of the families, with the aggregations that were chosen."""
        return select_features(
            {
                family: getattr(self, family).aggregation if len(FAMILIES[family].aggregations) > 1 else ("",)
                for family in self.features.families
            }
        )

    def _check_patterns(self) -> None:
        offered = [feature.name for feature in self._offered]
        for pattern in self.features.names or ():
            if not any(fnmatchcase(name, pattern) for name in offered):
                known = any(fnmatchcase(name, pattern) for name in FEATURES)
                nearest = get_close_matches(pattern.strip("*"), [*FEATURES, *FAMILIES], n=1, cutoff=0.0)[0]
                hint = (
                    "it belongs to a family or an aggregation that was not chosen; add that to families in [features], "
                    "or to aggregation in the section of its family"
                    if known
                    else f"the nearest name is {nearest!r}"
                )
                raise SettingsError(f"[features] names: no feature matches {pattern!r}; {hint}.")


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
