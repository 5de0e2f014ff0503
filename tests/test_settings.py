"""Settings are strict: unknown keys, wrong types and impossible values are named, with the nearest neighbour."""

import tomllib
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import SettingsError
from bayesrg.settings import check_that, check_types, from_dict, to_dict


@dataclass(frozen=True)
class Grid:
    spacing: tuple[float | Literal["keep"], float | Literal["keep"]] | None = None
    offsets: tuple[tuple[int, int, int], ...] = ((0, 0, 1),)
    method: Literal["linear", "nearest"] = "linear"

    def __post_init__(self) -> None:
        check_types(self)
        check_that(len(self.offsets) > 0, self, "offsets", "at least one offset")


@dataclass(frozen=True)
class StudySettings:
    name: str
    number: int = 32
    width: float = 25.0
    rounded: bool = False
    limit: float | None = None
    grid: Grid = field(default_factory=Grid)

    def __post_init__(self) -> None:
        check_types(self)


@dataclass(frozen=True)
class Unrestorable:
    limit: float | None = 3.0


def test_toml_becomes_settings_and_back():
    text = 'name = "a"\nwidth = 5\nlimit = -inf\n[grid]\nspacing = [2, "keep"]\noffsets = [[0, 1, 0], [1, 1, 1]]'
    settings = from_dict(StudySettings, tomllib.loads(text))
    assert settings == StudySettings(
        name="a", width=5.0, limit=-np.inf, grid=Grid(spacing=(2.0, "keep"), offsets=((0, 1, 0), (1, 1, 1)))
    )
    assert isinstance(settings.width, float)
    assert hash(settings) == hash(from_dict(StudySettings, to_dict(settings)))
    assert to_dict(settings)["grid"] == {
        "spacing": [2.0, "keep"],
        "offsets": [[0, 1, 0], [1, 1, 1]],
        "method": "linear",
    }


settings_drawn = st.builds(
    StudySettings,
    name=st.text(),
    number=st.integers(),
    width=st.floats(allow_nan=False),
    rounded=st.booleans(),
    limit=st.none() | st.floats(allow_nan=False),
    grid=st.builds(
        Grid,
        spacing=st.none() | st.tuples(st.floats(allow_nan=False) | st.just("keep"), st.just("keep")),
        offsets=st.lists(st.tuples(st.integers(), st.integers(), st.integers()), min_size=1).map(tuple),
        method=st.sampled_from(["linear", "nearest"]),
    ),
)


@given(settings_drawn)
def test_every_setting_survives_the_round_trip(settings: StudySettings):
    assert from_dict(StudySettings, to_dict(settings)) == settings


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            {"name": "a", "widht": 5},
            r"\[widht\] is not a setting: did you mean 'width'\? Valid keys here: name, number,",
        ),
        (
            {"name": "a", "zzz": 5},
            r"\[zzz\] is not a setting: Valid keys here: name, number, width, rounded, limit, grid",
        ),
        ({"name": "a", "grid": {"spcing": 1}}, r"\[grid\] spcing is not a setting: did you mean 'spacing'\?"),
        ({"width": 5}, r"\[name\] is missing"),
        ({"name": 1}, r"\[name\] must be a text; found 1"),
        ({"name": "a", "number": 32.0}, r"\[number\] must be a whole number; found 32\.0"),
        ({"name": "a", "number": True}, r"\[number\] must be a whole number; found True"),
        ({"name": "a", "width": "25"}, r"\[width\] must be a number; found '25'"),
        ({"name": "a", "width": False}, r"\[width\] must be a number; found False"),
        ({"name": "a", "rounded": 1}, r"\[rounded\] must be true or false; found 1"),
        ({"name": "a", "limit": "no"}, r"\[limit\] must be a number; found 'no'"),
        ({"name": "a", "grid": 3}, r"\[grid\] must be a grid section; found 3"),
        (
            {"name": "a", "grid": {"method": "linaer"}},
            r'\[grid\] method must be "linear" or "nearest".*did you mean "linear"',
        ),
        (
            {"name": "a", "grid": {"spacing": [2]}},
            r'\[grid\] spacing must be a list of 2 items, each a number or "keep"',
        ),
        ({"name": "a", "grid": {"spacing": 2}}, r"\[grid\] spacing must be a list of 2 items"),
        ({"name": "a", "grid": {"spacing": [2, "kept"]}}, r'\[grid\] spacing\[1\] must be a number or "keep"; found'),
        (
            {"name": "a", "grid": {"offsets": [[0, 1]]}},
            r"\[grid\] offsets\[0\] must be a list of 3 items, each a whole",
        ),
        ({"name": "a", "grid": {"offsets": []}}, r"\[grid\] offsets must be at least one offset; found \(\)"),
        ({"name": "a", "grid": {"offsets": 7}}, r"\[grid\] offsets must be a list of items, each a list of 3 items"),
    ],
)
def test_what_is_wrong_is_named(mapping: dict, message: str):
    with pytest.raises(SettingsError, match=message):
        from_dict(StudySettings, mapping)


def test_settings_built_in_python_are_as_strict():
    with pytest.raises(SettingsError, match=r"\[grid\] method must be"):
        Grid(method="cubic")  # pyright: ignore[reportArgumentType]
    built = StudySettings(name="a", number=np.int64(4), width=np.float32(0.5), grid={"spacing": np.array([1, 2])})  # pyright: ignore
    assert built == StudySettings(name="a", number=4, width=0.5, grid=Grid(spacing=(1.0, 2.0)))
    assert (type(built.number), type(built.width)) == (int, float)


def test_a_none_that_could_not_come_back_is_refused():
    assert to_dict(Unrestorable()) == {"limit": 3.0}
    with pytest.raises(TypeError, match=r"Unrestorable\.limit may be None, so None must be its default"):
        to_dict(Unrestorable(limit=None))
