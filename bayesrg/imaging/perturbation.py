"""The levels of the factor ``preprocessing``: what each changes, by how much, and how a settings file writes it.

How much does a feature depend on how the image happened to be sampled, on noise, on the contour, on the choice of voxel
size and grey levels? Each level changes one or several of these by a stated amount. After Zwanenburg et al. 2019,
Assessing robustness of radiomic features by image perturbation (doi:10.1038/s41598-018-36938-4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from bayesrg.errors import SettingsError
from bayesrg.settings import check_that, from_dict, to_dict


def _copy_plain(value: Any) -> Any:
    """Return nested mappings as dictionaries and tuples as lists, as a TOML file has them."""
    if isinstance(value, Mapping):
        return {str(key): _copy_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy_plain(item) for item in value]
    return value


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Perturbation:
    """One level of the factor ``preprocessing``: what is changed before features are computed, and by how much.

    Several changes may be combined; they are made in the order below. The default changes nothing.

    Attributes
    ----------
    noise
        Gaussian white noise is added whose standard deviation is this many times that of the image's own noise, as
        `bayesrg.imaging.noise.estimate_noise` finds it around the region. An image without noise stays as it is.
    rotation
        Angle in degrees by which image and region turn together about the image's third axis (z), through the image's
        centre, from the x axis towards the y axis.
    translation
        Shift of image and region together along x, y and z, in fractions of the spacing of the interpolation grid.
    growth_mm
        Distance in mm by which the contour moves outwards; negative inwards.
    growth_fraction
        Change of the region's volume as a fraction of it, in a layer of even thickness; negative shrinks. Not together
        with ``growth_mm``.
    supervoxels
        Whether the contour is redrawn from supervoxels (see `bayesrg.imaging.supervoxels`).
    settings
        Settings that differ at this level, such as ``{"interpolation": {"spacing": [3, 3, 3]}}``. A section that names
        its ``method`` replaces the section of the same name; otherwise only the keys given change.
    """

    noise: float = 0.0
    rotation: float = 0.0
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    growth_mm: float = 0.0
    growth_fraction: float = 0.0
    supervoxels: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError."""
        for name in ("noise", "rotation", "growth_mm", "growth_fraction"):
            check_that(_is_finite(getattr(self, name)), self, name, "a finite number")
            object.__setattr__(self, name, float(getattr(self, name)))
        steps = self.translation
        is_shift = isinstance(steps, list | tuple) and len(steps) == 3 and all(map(_is_finite, steps))
        check_that(is_shift, self, "translation", "three finite numbers (x, y, z), fractions of a voxel")
        object.__setattr__(self, "translation", (float(steps[0]), float(steps[1]), float(steps[2])))
        check_that(isinstance(self.supervoxels, bool), self, "supervoxels", "true or false")
        sections = self.settings if isinstance(self.settings, Mapping) else None
        is_nested = sections is not None and all(isinstance(section, Mapping) for section in sections.values())
        check_that(is_nested, self, "settings", "sections of settings, each with its keys")
        object.__setattr__(self, "settings", _copy_plain(self.settings))
        check_that(self.noise >= 0, self, "noise", "zero or positive")
        check_that(self.growth_fraction > -1, self, "growth_fraction", "greater than -1, which would leave nothing")
        if self.growth_mm and self.growth_fraction:
            raise SettingsError(
                f"[perturbation] growth_mm = {self.growth_mm:g} and growth_fraction = {self.growth_fraction:g} both "
                "move the contour; give one of them, or two perturbations."
            )

    def __str__(self) -> str:
        """Return what is changed, in a few words."""
        changes = {name: value for name, value in vars(self).items() if value != _DEFAULTS[name]}
        return ", ".join(f"{name} = {value}" for name, value in changes.items()) or "nothing changed"

    @property
    def changes_voxels(self) -> bool:
        """Whether image or region change, and not only settings."""
        return any(getattr(self, name) != default for name, default in _DEFAULTS.items() if name != "settings")


# What leaves each attribute unchanged.
_DEFAULTS: dict[str, Any] = {name: getattr(Perturbation(), name) for name in Perturbation.__dataclass_fields__}

_THIRD = 1 / 3

STANDARD_PERTURBATIONS: Mapping[str, Perturbation] = MappingProxyType(
    {
        "original": Perturbation(),
        "noise": Perturbation(noise=1.0),
        "rotate_minus_6_degrees": Perturbation(rotation=-6.0),
        "rotate_6_degrees": Perturbation(rotation=6.0),
        "translate_third_of_voxel": Perturbation(translation=(_THIRD, _THIRD, _THIRD)),
        "shrink_10_percent": Perturbation(growth_fraction=-0.1),
        "grow_10_percent": Perturbation(growth_fraction=0.1),
        "shrink_1_mm": Perturbation(growth_mm=-1.0),
        "grow_1_mm": Perturbation(growth_mm=1.0),
        "supervoxels": Perturbation(supervoxels=True),
        "rotate_noise_grow_supervoxels": Perturbation(noise=1.0, rotation=6.0, growth_fraction=0.1, supervoxels=True),
        "spacing_3_mm": Perturbation(settings={"interpolation": {"spacing": [3.0, 3.0, 3.0]}}),
        "cubic_bspline": Perturbation(settings={"interpolation": {"image": "cubic_bspline"}}),
        "bins_16": Perturbation(settings={"discretisation": {"method": "fixed_bin_number", "number": 16}}),
        "bins_64": Perturbation(settings={"discretisation": {"method": "fixed_bin_number", "number": 64}}),
    }
)
"""Levels to start from, by name; ``"original"`` changes nothing. Pick those that the question is about."""


def override[Settings](settings: Settings, changes: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Return settings with some keys changed: sections by name, each with the keys that change.

    A section that names its ``method`` replaces the whole section, because each method has keys of its own.

    Raises
    ------
    SettingsError
        For an unknown section or key (with its nearest neighbour) and for a value that a setting cannot have.
    """
    if not changes:
        return settings
    sections = to_dict(settings)
    for name, keys in changes.items():
        kept = {} if "method" in keys else sections.get(name, {})
        sections[name] = {**kept, **keys}
    return from_dict(type(settings), sections)


def parse_perturbations(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Perturbation]:
    """Return perturbations by name from the ``[perturbations.NAME]`` tables of a settings file.

    The inverse of `tabulate_perturbations`. Keys are the attributes of `Perturbation`, with overridden settings as
    ``[perturbations.NAME.settings.SECTION]``.

    Raises
    ------
    SettingsError
        Naming the level, for an unknown key (with its nearest neighbour) or a wrong value.
    """
    parsed = {}
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise SettingsError(f"[perturbations] {name} must be a section, [perturbations.{name}]; found {table!r}.")
        try:
            parsed[name] = from_dict(Perturbation, table)
        except SettingsError as error:
            raise SettingsError(f"[perturbations.{name}]: {error}") from error
    return parsed


def tabulate_perturbations(perturbations: Mapping[str, Perturbation]) -> dict[str, dict[str, Any]]:
    """Return the ``[perturbations.NAME]`` tables of a settings file as plain dictionaries, without unchanged keys."""
    return {
        name: {
            key: _copy_plain(value) for key, value in to_dict(level).items() if getattr(level, key) != _DEFAULTS[key]
        }
        for name, level in perturbations.items()
    }
