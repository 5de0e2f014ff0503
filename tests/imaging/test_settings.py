"""The sections of the processing chain refuse what cannot be meant."""

import tomllib

import pytest

from bayesrg.errors import SettingsError
from bayesrg.imaging import Crop, Discretisation, Interpolation, ProcessingSettings, Resegmentation, Rounding
from bayesrg.settings import from_dict, to_dict

TOML = """
[crop]
margin = 2
unit = "voxel"
[interpolation]
spacing = [2.0, 2.0, "keep"]
image = "cubic_bspline"
mask = "nearest"
[rounding]
intensity = true
[resegmentation]
range = [-1000, inf]
outlier_sigma = 3
[discretisation]
method = "fixed_bin_size"
width = 25
minimum = -1000
"""


def test_a_settings_file():
    settings = from_dict(ProcessingSettings, tomllib.loads(TOML))
    assert settings == ProcessingSettings(
        crop=Crop(margin=2.0, unit="voxel"),
        interpolation=Interpolation(spacing=(2.0, 2.0, "keep"), image="cubic_bspline", mask="nearest"),
        rounding=Rounding(intensity=True),
        resegmentation=Resegmentation(range=(-1000.0, float("inf")), outlier_sigma=3.0),
        discretisation=Discretisation(method="fixed_bin_size", width=25.0, minimum=-1000.0),
    )
    assert from_dict(ProcessingSettings, to_dict(settings)) == settings
    assert from_dict(ProcessingSettings, {}) == ProcessingSettings()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"crop": {"margin": -1}}, r"\[crop\] margin must be zero or a positive number; found -1"),
        ({"crop": {"unit": "cm"}}, r'\[crop\] unit must be "mm" or "voxel"; found \'cm\''),
        ({"interpolation": {"spacing": [2, 2, 0]}}, r'\[interpolation\] spacing must be positive millimetres.*"keep"'),
        ({"interpolation": {"spacing": [2, 2, "nan"]}}, r'spacing\[2\] must be a number or "keep"'),
        ({"interpolation": {"image": "cubic"}}, r'\[interpolation\] image must be .*did you mean "cubic_bspline"'),
        ({"interpolation": {"mask": "cubic_bspline"}}, r'\[interpolation\] mask must be "linear" or "nearest"'),
        (
            {"resegmentation": {"range": [4, 4]}},
            r"\[resegmentation\] range must be \[lower, upper\] with lower < upper",
        ),
        ({"resegmentation": {"range": [0, float("nan")]}}, r"\[resegmentation\] range must be"),
        ({"resegmentation": {"outlier_sigma": 0}}, r"\[resegmentation\] outlier_sigma must be a positive number"),
        ({"discretisation": {"method": "fixed_bin_number"}}, r'method = "fixed_bin_number" needs number; add it'),
        ({"discretisation": {"method": "fixed_bin_size"}}, r'method = "fixed_bin_size" needs width; add it'),
        (
            {"discretisation": {"width": 25}},
            r'width belongs to method = "fixed_bin_size", but method = "fixed_bin_number"',
        ),
        ({"discretisation": {"method": "fixed_bin_size", "width": 1, "number": 8}}, r"number belongs to method"),
        ({"discretisation": {"method": "none", "minimum": 8}}, r"minimum belongs to method"),
        ({"discretisation": {"number": 0}}, r"\[discretisation\] number must be a whole number of at least 1"),
        ({"discretisation": {"method": "fixed_bin_size", "width": 0}}, r"\[discretisation\] width must be positive"),
        (
            {"discretisation": {"method": "fixed_bin_size", "width": 1, "minimum": float("-inf")}},
            r"\[discretisation\] minimum must be finite",
        ),
        ({"discretization": {"number": 8}}, r"\[discretization\] is not a setting: did you mean 'discretisation'\?"),
    ],
)
def test_impossible_settings_are_refused(section: dict, message: str):
    with pytest.raises(SettingsError, match=message):
        from_dict(ProcessingSettings, section)
