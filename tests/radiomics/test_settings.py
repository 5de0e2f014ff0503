"""Settings from TOML: strict, hashed by content, and refused where they contradict themselves."""

import subprocess
import sys

import numpy as np
import pytest

from bayesrg.errors import SettingsError
from bayesrg.imaging import Perturbation
from bayesrg.radiomics import Glcm, Settings, read_perturbations, read_settings
from bayesrg.settings import from_dict, to_dict

COMPLETE = """
[interpolation]
spacing = [2, 2, 2.0]
image = "cubic_bspline"
[rounding]
intensity = true
[resegmentation]
range = [-1000, 400]
outlier_sigma = 3
[discretisation]
method = "fixed_bin_size"
width = 25
[glcm]
offsets = [[0, 0, 1], [1, -1, 0]]
aggregation = ["3d_merged"]
[features]
families = ["glcm"]
[perturbations.shifted]
translation = [0.5, 0, 0]
"""


def test_a_file_is_read_and_its_plain_form_reads_back_the_same(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(COMPLETE)
    settings = read_settings(path)
    assert settings.interpolation.spacing == (2.0, 2.0, 2.0)
    assert settings.glcm.offsets == ((0, 0, 1), (1, -1, 0))
    assert settings.features.families == ("glcm",)
    assert from_dict(Settings, to_dict(settings)) == settings
    assert read_perturbations(path) == {"shifted": Perturbation(translation=(0.5, 0.0, 0.0))}


def test_an_empty_file_means_the_defaults(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("")
    assert read_settings(path) == Settings()
    assert read_perturbations(path) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[glmc]\ndistance = 1", "did you mean 'glcm'"),
        ("[glcm]\ndistanse = 1", r"\[glcm\] distanse is not a setting: did you mean 'distance'"),
        ("[glcm]\ndistance = 0", r"\[glcm\] distance must be a whole number of voxels, 1 or more; found 0"),
        ("[glcm]\ndistance = 1.5", r"\[glcm\] distance must be a whole number; found 1.5"),
        ("[glcm]\ndistance = 2\noffsets = [[0, 0, 1]]", "exclude each other"),
        ("[glcm]\noffsets = [[0, 0, 1], [0, 0, -1]]", "repeated or opposite"),
        ("[glcm]\noffsets = [[0, 0, 0]]", "none of them zero"),
        ("[glcm]\noffsets = []", "one or more"),
        ("[glcm]\noffsets = [[0, 1]]", r"offsets\[0\] must be a list of 3 items"),
        ('[glcm]\naggregation = ["3d_merge"]', 'did you mean "3d_merged"'),
        ("[glcm]\naggregation = []", "one or more aggregations"),
        ('[features]\nfamilies = ["histograms"]', 'did you mean "histogram"'),
        ('[features]\nfamilies = ["glcm", "glcm"]', "each once"),
        ('[discretisation]\nmethod = "none"', "histogram and glcm and .* need.*set families in .features. to some of"),
        ("[glcm", "not a TOML file"),
        ("perturbations = 3\n[perturbation]", "did you mean"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_file_and_the_mend(tmp_path, content, message):
    path = tmp_path / "settings.toml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=message) as problem:
        read_settings(path)
    assert str(problem.value).count(str(path)) == 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"absent\.toml: there is no such settings file"):
        read_settings(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [("perturbations = 3", "must be sections"), ("[perturbations.a]\nnoize = 1", "did you mean 'noise'")],
)
def test_wrong_perturbations_are_refused_with_the_file(tmp_path, content, message):
    path = tmp_path / "settings.toml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=message) as problem:
        read_perturbations(path)
    assert str(problem.value).count(str(path)) == 1


def test_equal_settings_have_equal_hashes_however_they_were_written():
    one = from_dict(Settings, {"interpolation": {"spacing": [1, 1, 2]}, "glcm": {"distance": 1}})
    other = from_dict(Settings, {"interpolation": {"spacing": [1.0, 1.0, 2.0]}})
    assert one.content_hash == other.content_hash
    assert len(one.content_hash) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"glcm": {"distance": 2}},
        {"glcm": {"aggregation": ["3d_averaged", "3d_merged"]}},
        {"features": {"families": ["statistics"]}},
        {"rounding": {"intensity": True}},
        {"discretisation": {"method": "fixed_bin_number", "number": 33}},
    ],
)
def test_other_settings_have_another_hash(change):
    assert from_dict(Settings, change).content_hash != Settings().content_hash


@pytest.mark.parametrize("distance", [1, 3])
def test_directions_are_half_of_the_shell_of_chebyshev_distance(distance):
    offsets = Glcm(distance=distance).offset_array
    both_ways = {tuple(offset) for offset in np.concatenate([offsets, -offsets])}
    assert len(both_ways) == 26
    assert all(set(map(abs, offset)) <= {0, distance} for offset in both_ways)


def test_grey_levels_may_be_left_out_for_statistics_alone():
    settings = from_dict(Settings, {"discretisation": {"method": "none"}, "features": {"families": ["statistics"]}})
    assert settings.discretisation.method == "none"


def test_a_new_process_gets_the_same_hash_and_no_numba():
    program = (
        "import sys; from bayesrg import radiomics; print(radiomics.Settings().content_hash, 'numba' in sys.modules)"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.split() == [Settings().content_hash, "False"]
