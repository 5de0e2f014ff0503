"""The command line's settings: written to be read, and chosen by file, modality, configuration and feature."""

import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bayesrg.cli import main
from bayesrg.radiomics import Settings, read_settings
from bayesrg.radiomics.modality import ibsi_settings, settings_for


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with two small regions and their manifest."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(6)
    z, y, x = np.ogrid[-5:6, -5:6, -5:6]
    mask = sitk.GetImageFromArray((z**2 + y**2 + x**2 <= 16).astype(np.uint8))
    sitk.WriteImage(mask, "mask.nii.gz")
    for number in (1, 2):
        sitk.WriteImage(sitk.GetImageFromArray(rng.normal(20, 9, (11, 11, 11)).astype(np.float32)), f"{number}.nii.gz")
    pd.DataFrame({"image": ["1.nii.gz", "2.nii.gz"], "mask": "mask.nii.gz"}).to_csv("manifest.csv", index=False)
    Path("two.toml").write_text(
        '[features]\nfamilies = ["statistics", "histogram"]\nnames = ["*_mean"]\n[resegmentation]\nrange = [0, 100]\n'
    )
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command line and return its exit code, standard output and standard error."""

    def run_command(line: str) -> tuple[int, str, str]:
        try:
            code = main(shlex.split(line))
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run_command


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", Settings()),
        ("--modality CT", settings_for("CT")),
        ("--modality PET --spacing 4", settings_for("PT", spacing=4)),
        ("--modality MR --spacing 1 1 keep", settings_for("MR", spacing=[1, 1, "keep"])),
        *[(f"--ibsi {name}", ibsi_settings(name)) for name in ("A", "B", "C", "D", "E", "digital")],
    ],
)
def test_settings_are_written_to_a_file_or_shown(run, place, options, expected):
    code, shown, error = run(f"settings {options}")
    assert (code, error) == (0, "")
    assert tomllib.loads(shown)
    assert shown.startswith(f"# Written by: {' '.join(['bayesrg settings', *options.split()])}\n")
    assert run(f"settings {options} --out deeper/settings.toml")[:2] == (0, "written to deeper/settings.toml\n")
    assert (place / "deeper/settings.toml").read_text(encoding="utf-8") == shown
    assert read_settings("deeper/settings.toml") == expected


def test_a_modalitys_reasons_stand_at_the_top(run, place):
    shown = run("settings --modality PT")[1]
    heading = " ".join(line.removeprefix("# ") for line in shown.split("\n\n")[0].splitlines())
    assert "in standardised uptake values (SUV)" in heading
    assert "Grey levels are 0.5 SUV wide and start at 0" in heading


def test_a_written_file_gives_what_the_modality_gives(run, place):
    run("settings --modality CT --out ct.toml")
    for name, options in (("file", "--settings ct.toml"), ("modality", "--modality CT"), ("default", "")):
        line = f"extract manifest.csv --out {name}.parquet {options} --features 'statistics_*' 'histogram_m*'"
        assert run(line)[0] == 0
    file, modality, default = (pd.read_parquet(f"{name}.parquet") for name in ("file", "modality", "default"))
    pd.testing.assert_frame_equal(file, modality)
    assert file["bin_width"].tolist() == [25, 25]
    assert default["n_levels"].tolist() == [32, 32]


def test_features_are_chosen_by_pattern_on_top_of_the_file(run, place):
    assert run("extract manifest.csv --out a.parquet --settings two.toml")[0] == 0
    assert (
        run("extract manifest.csv --out b.parquet --settings two.toml --features '*_variance' statistics_mean")[0] == 0
    )
    one, other = pd.read_parquet("a.parquet"), pd.read_parquet("b.parquet")
    names = [[name for name in table if name.startswith(("statistics", "histogram"))] for table in (one, other)]
    assert names == [
        ["statistics_mean", "histogram_mean"],
        ["statistics_mean", "statistics_variance", "histogram_variance"],
    ]
    pd.testing.assert_series_equal(one["statistics_mean"], other["statistics_mean"])
    assert one["n_voxels"].equals(other["n_voxels"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("settings --modality US", "no defaults for the modality 'US'; expected one of CT, PT, MR"),
        ("settings --ibsi F", "IBSI-1 has no configuration 'F'; expected one of A, B, C, D, E, digital"),
        ("settings --spacing 2 2", "--spacing 2 2: expected one positive number of mm, or three"),
        ("settings --spacing two", "--spacing two: expected one positive number"),
        ("settings --spacing 0", "--spacing 0: expected one positive number"),
        ("settings --ibsi C --spacing 1", "--spacing would make another configuration of IBSI's C"),
        ("settings --out .", "is a folder; name a file in it"),
        ("settings --out two.toml/a.toml", "two.toml/a.toml cannot be written"),
        ("extract manifest.csv --out a.parquet --features glcm_kontrast*", "--features: .*no feature matches"),
        ("extract manifest.csv --out a.parquet --settings two.toml --features 'glcm_*'", "a family .* was not chosen"),
        ("extract manifest.csv --out a.parquet --modality XR", "no defaults for the modality 'XR'"),
    ],
)
def test_errors_are_one_line_with_the_mend(run, place, line, message):
    before = {path.name for path in place.iterdir()}
    code, shown, error = run(line)
    assert (code, shown) == (1, "")
    assert error.count("\n") == 1
    assert error.startswith("bayesrg: error: ")
    assert re.search(message, error)
    assert {path.name for path in place.iterdir()} == before


@pytest.mark.parametrize(
    "line",
    ["settings --modality CT --ibsi C", "extract manifest.csv --out a.parquet --settings two.toml --modality CT"],
)
def test_settings_have_one_origin(run, place, line):
    code, _, error = run(line)
    assert code == 2
    assert "not allowed with argument" in error
