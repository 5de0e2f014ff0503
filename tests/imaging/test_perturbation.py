"""Levels are checked when they are made, written to settings files and read back, and override settings strictly."""

import dataclasses
import pickle
import tomllib

import pytest

from bayesrg.errors import SettingsError
from bayesrg.imaging.perturbation import (
    STANDARD_PERTURBATIONS,
    Perturbation,
    override,
    parse_perturbations,
    tabulate_perturbations,
)
from bayesrg.imaging.settings import Discretisation, Interpolation, ProcessingSettings, Resegmentation
from bayesrg.radiomics import Settings

WRITTEN = """
[perturbations.original]

[perturbations.turned]
rotation = 5
translation = [0.25, 0, 0.5]
noise = 1.0
supervoxels = true

[perturbations.fewer_levels]
growth_mm = -1.5

[perturbations.fewer_levels.settings.discretisation]
method = "fixed_bin_number"
number = 16

[perturbations.fewer_levels.settings.interpolation]
spacing = [3, 3, 3]
"""

READ = {
    "original": Perturbation(),
    "turned": Perturbation(rotation=5.0, translation=(0.25, 0.0, 0.5), noise=1.0, supervoxels=True),
    "fewer_levels": Perturbation(
        growth_mm=-1.5,
        settings={
            "discretisation": {"method": "fixed_bin_number", "number": 16},
            "interpolation": {"spacing": [3, 3, 3]},
        },
    ),
}


def test_settings_file_is_read():
    assert parse_perturbations(tomllib.loads(WRITTEN)["perturbations"]) == READ


@pytest.mark.parametrize("levels", [READ, STANDARD_PERTURBATIONS], ids=["read", "standard"])
def test_levels_survive_being_written_and_read(levels):
    assert parse_perturbations(tabulate_perturbations(levels)) == dict(levels)
    assert tabulate_perturbations(levels)["original"] == {}


def test_levels_survive_a_process_boundary_and_can_be_keys():
    for level in STANDARD_PERTURBATIONS.values():
        assert pickle.loads(pickle.dumps(level)) == level
    assert len(set(STANDARD_PERTURBATIONS.values())) == len(STANDARD_PERTURBATIONS)


def test_a_level_keeps_its_own_copy_of_settings():
    sections = {"interpolation": {"spacing": (3.0, 3.0, 3.0)}}
    level = Perturbation(settings=sections)
    sections["interpolation"]["spacing"] = (9.0, 9.0, 9.0)
    assert level.settings == {"interpolation": {"spacing": [3.0, 3.0, 3.0]}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": -1}, r"noise must be zero or positive; found -1"),
        ({"noise": "much"}, r"noise must be a finite number; found 'much'"),
        ({"rotation": float("nan")}, r"rotation must be a finite number"),
        ({"rotation": True}, r"rotation must be a finite number; found True"),
        ({"translation": (0.5, 0.5)}, r"translation must be three finite numbers"),
        ({"translation": 0.5}, r"translation must be three finite numbers"),
        ({"growth_fraction": -1}, r"growth_fraction must be greater than -1"),
        ({"growth_fraction": 0.1, "growth_mm": 1}, r"give one of them"),
        ({"supervoxels": 1}, r"supervoxels must be true or false; found 1"),
        ({"settings": {"spacing": 3}}, r"settings must be sections"),
        ({"settings": [1]}, r"settings must be sections"),
    ],
)
def test_what_cannot_be_is_refused(options, message: str):
    with pytest.raises(SettingsError, match=message):
        Perturbation(**options)


def test_unknown_key_names_level_and_nearest_neighbour():
    with pytest.raises(SettingsError, match=r"\[perturbations\.tilted\]: .*rotate.*did you mean 'rotation'\?"):
        parse_perturbations({"tilted": {"rotate": 5}})
    with pytest.raises(SettingsError, match=r"\[perturbations\] noise must be a section"):
        parse_perturbations({"noise": 1.0})  # pyright: ignore[reportArgumentType]


def test_text_says_what_is_changed():
    assert str(Perturbation()) == "nothing changed"
    assert str(Perturbation(rotation=5, supervoxels=True)) == "rotation = 5.0, supervoxels = True"


BASE = ProcessingSettings(
    interpolation=Interpolation(spacing=(2.0, 2.0, 2.0), image="cubic_bspline"),
    resegmentation=Resegmentation(range=(-500.0, 400.0)),
    discretisation=Discretisation(method="fixed_bin_size", width=25.0, minimum=-500.0),
)


def test_override_changes_only_the_keys_given():
    changed = override(BASE, {"interpolation": {"spacing": [3.0, 3.0, 3.0]}})
    finer = dataclasses.replace(BASE.interpolation, spacing=(3.0, 3.0, 3.0))
    assert changed == dataclasses.replace(BASE, interpolation=finer)
    assert override(BASE, {}) == BASE
    assert override(BASE, {"discretisation": {"width": 10}}).discretisation.minimum == -500.0


def test_override_that_names_a_method_replaces_the_section():
    changed = override(BASE, {"discretisation": {"method": "fixed_bin_number", "number": 16}})
    assert changed == dataclasses.replace(BASE, discretisation=Discretisation(number=16))


def test_override_keeps_the_type_and_the_other_sections():
    base = Settings(interpolation=Interpolation(spacing=(2.0, 2.0, 2.0)))
    changed = override(base, {"glcm": {"distance": 2}})
    assert changed == dataclasses.replace(base, glcm=dataclasses.replace(base.glcm, distance=2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"discretization": {"number": 16}}, r"did you mean 'discretisation'\?"),
        ({"interpolation": {"spacings": [3, 3, 3]}}, r"did you mean 'spacing'\?"),
        ({"interpolation": {"spacing": [3, 3]}}, r"\[interpolation\] spacing must be"),
        ({"discretisation": {"number": 16}}, r"number belongs to method"),
    ],
)
def test_override_is_strict(changes, message: str):
    with pytest.raises(SettingsError, match=message):
        override(BASE, changes)


@pytest.mark.parametrize("name", [name for name, level in STANDARD_PERTURBATIONS.items() if level.settings])
@pytest.mark.parametrize("base", [BASE, ProcessingSettings()], ids=["base", "default"])
def test_standard_levels_fit_any_settings(name: str, base: ProcessingSettings):
    assert override(base, STANDARD_PERTURBATIONS[name].settings) is not base
