"""The command line: what it answers, what it refuses and how, and what an interruption leaves."""

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bayesrg import __version__, cli
from bayesrg.cli import commands, main, outcome
from bayesrg.cli.arguments import build_parser
from bayesrg.errors import FitError

COMMANDS = [[], ["demo"], ["settings"], ["ibsi"], ["extract"], ["fit"], ["fit", "stability"], ["summary"], ["report"]]
COMMANDS += [
    ["encode"],
    *(["encode", name] for name in ("mutations", "copy-number", "expression", "methylation")),
    ["join"],
    ["fit", "association"],
    ["predict"],
]
FIT = "fit stability features.csv --feature value --subject subject --out fit.zarr.zip --seed 1"
FACTORS = "--session session --scanner scanner --preprocessing preprocessing"
SHORT = "--draws 100 --tune 200 --chains 2"
HEAVY = {"pymc", "pytensor", "arviz", "nutpie", "numba", "SimpleITK", "matplotlib", "pandas", "xarray", "scipy", "rich"}


def write_images(folder: Path, *, seed: int = 1) -> pd.DataFrame:
    """Write three small regions into a folder and return their manifest."""
    rng = np.random.default_rng(seed)
    z, y, x = np.ogrid[-5:6, -5:6, -5:6]
    rows = []
    for number in range(1, 4):
        image = sitk.GetImageFromArray(rng.normal(100, 20, (11, 11, 11)).astype(np.float32))
        mask = sitk.GetImageFromArray((z**2 + y**2 + x**2 <= 16).astype(np.uint8))
        for voxels, name in ((image, f"image_{number}.nii.gz"), (mask, f"mask_{number}.nii.gz")):
            voxels.SetSpacing((2.0, 2.0, 2.0))
            sitk.WriteImage(voxels, str(folder / name))
        rows.append({"image": f"image_{number}.nii.gz", "mask": f"mask_{number}.nii.gz", "subject": f"{number:03d}"})
    return pd.DataFrame(rows)


def make_table(*, seed: int = 1) -> pd.DataFrame:
    """Return a balanced table: 10 subjects x 2 sessions x 2 scanners x 3 preprocessings."""
    rng = np.random.default_rng(seed)
    sizes = {"subject": 10, "session": 2, "scanner": 2, "preprocessing": 3}
    table = pd.DataFrame(list(np.ndindex(*sizes.values())), columns=list(sizes))
    table["value"] = 100 + rng.normal(0, 3, len(table)) + rng.normal(0, 10, 10)[table["subject"]]
    table["value"] += rng.normal(0, 4, 2)[table["scanner"]] + rng.normal(0, 2, 3)[table["preprocessing"]]
    return table.assign(subject=[f"{subject:03d}" for subject in table["subject"]])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
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


@pytest.fixture(scope="module")
def samplers():
    return []


@pytest.fixture
def compiled_once(samplers, monkeypatch):
    """Let all fits of this module, which have one structure, share a compilation."""
    from bayesrg.inference import fitting

    compile_anew = fitting.Sampler

    def find_or_compile(model, data):
        if not samplers:
            samplers.append(compile_anew(model, data))
        return samplers[0]

    monkeypatch.setattr(fitting, "Sampler", find_or_compile)


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# What it says about itself


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_has_an_example_that_is_understood(run, command):
    code, shown, _ = run(shlex.join([*command, "--help"]))
    examples = re.findall(r"^  (bayesrg (?:.*\\\n)*.*)$", shown.split("example", 1)[1], flags=re.MULTILINE)
    assert code == 0
    assert examples
    for example in examples:
        words = shlex.split(example.replace("\\\n", " "))[1:]
        assert words[: len(command)] == command
        build_parser().parse_args(words)


def test_every_command_of_the_readme_is_understood():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^bayesrg .*$", blocks.replace("\\\n", " "), flags=re.MULTILINE)
    assert {shlex.split(command)[1] for command in lines} == set(commands.RUN)
    for command in lines:
        build_parser().parse_args(shlex.split(command)[1:])


def test_help_tells_the_exit_codes(run):
    listed = set(map(int, re.findall(r"^  (\d+) ", run("--help")[1], flags=re.MULTILINE)))
    assert listed == {
        2,
        cli.FAILED,
        cli.INTERRUPTED,
        outcome.DONE,
        outcome.PARTLY,
        outcome.NOT_CONVERGED,
        outcome.NOT_COMPLIANT,
    }


def test_help_is_fast_and_loads_nothing_heavy():
    code = "import sys\nfrom bayesrg.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules)"
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
        seconds.append(time.perf_counter() - start)
    assert "bayesrg.cli" in loaded
    assert HEAVY & set(loaded) == set()
    assert min(seconds) < 0.5


def test_module_and_script_tell_the_version():
    shown = subprocess.run([sys.executable, "-m", "bayesrg", "--version"], check=True, capture_output=True, text=True)
    assert shown.stdout == f"bayesrg {__version__}\n"


def test_choices_are_those_of_the_model():
    from bayesrg.models import Stability
    from bayesrg.transformation import Scale

    offered = {"--scale": get_args(Scale), "--session-design": get_args(get_type_hints(Stability)["session"])}
    for option, choices in offered.items():
        assert len(choices) == 3
        for choice in choices:
            build_parser().parse_args(shlex.split(f"{FIT} {option} {choice}"))


# What it refuses

USAGE = {
    "": "required: COMMAND",
    "fti": "invalid choice: 'fti'",
    "fit": "required: MODEL",
    "fit stabilty": "invalid choice: 'stabilty'",
    "fit stability features.csv --feature value --subject subject --out fit.zarr.zip": "required: --seed",
    "fit stability features.csv --feature value --out fit.zarr.zip --seed 1": "required: --subject",
    f"{FIT} --draws 0": "--draws: expected a whole number of at least 1, found '0'",
    f"{FIT} --chains 2.5": "--chains: expected a whole number of at least 1, found '2.5'",
    f"{FIT} --scale ln": "--scale: invalid choice: 'ln'",
    f"{FIT} --sess session": "unrecognized arguments: --sess",
    "extract manifest.csv --out a.parquet --seed -1": "--seed: expected a whole number of at least 0, found '-1'",
    "extract manifest.csv --out a.parquet --jobs two": "--jobs: expected a whole number",
    "extract manifest.csv": "required: --out",
    "report fit.zarr.zip": "required: --out",
}


@pytest.mark.parametrize("line", USAGE)
def test_what_is_not_understood_exits_2(run, place, line):
    code, shown, error = run(line)
    assert (code, shown) == (2, "")
    assert USAGE[line] in error
    assert files_below(place) == set()


ERRORS = {
    # images
    "extract absent.csv --out a.parquet": "absent.csv: there is no such manifest; check the path",
    "extract pictures.csv --out a.parquet": "the manifest has no column 'image'.*Rename 'Image' to 'image'",
    "extract manifest.ods --out a.parquet": r"manifest.ods: expected a manifest in one of \.csv",
    "extract damaged.parquet --out a.parquet": "damaged.parquet: the manifest could not be read",
    "extract manifest.csv --out a.csv": "a.csv: features are written as Parquet",
    "extract manifest.csv --out manifest.csv/a.parquet": "manifest.csv/a.parquet cannot be written .*another place",
    "extract manifest.csv --out /proc/a.parquet": "/proc/a.parquet cannot be written .*another place",
    "extract folder.parquet --out folder.parquet": "folder.parquet is a folder; name a file in it",
    "extract manifest.parquet --out manifest.parquet": "would be written over while it is read; give another name",
    # settings
    "extract manifest.csv --out a.parquet --settings absent.toml": "absent.toml: there is no such settings file",
    "extract manifest.csv --out a.parquet --settings manifest.csv": "manifest.csv: this is not a TOML file",
    "extract manifest.csv --out a.parquet --settings key.toml": r"\[discretisation\] numbr .*did you mean 'number'\?",
    "extract manifest.csv --out a.parquet --settings section.toml": "did you mean 'interpolation'",
    "extract manifest.csv --out a.parquet --settings value.toml": r"\[glcm\] distance must be a whole number",
    "extract manifest.csv --out a.parquet --perturbations standrad": "--perturbations standrad: no such file; expected",
    "extract manifest.csv --out a.parquet --perturbations bins.toml": "bins.toml: there are no perturbations; add",
    "extract manifest.csv --out a.parquet --perturbations turn.toml": "did you mean 'rotation'",
    "extract manifest.csv --out a.parquet --perturbations wide.toml": "perturbation 'wide'.*did you mean 'spacing'",
    # tables and designs
    FIT.replace("features.csv", "absent.csv"): "absent.csv: there is no such table; check the path",
    FIT.replace("value", "valeu"): "no column 'valeu' in the table: did you mean value",
    FIT.replace("--subject subject", "--subject patient"): "no column 'patient' for subject; the table has",
    f"{FIT} --scanner with_gaps": r"column 'with_gaps' \(scanner\) has 1 missing label",
    FIT.replace("value", "text"): "column 'text', row 0: 'many' is not a number",
    FIT.replace("value", "constant"): "feature 'constant' .*no variance",
    FIT.replace("value", "negative") + " --scale log": "a logarithm needs positive values",
    f"{FIT} --scanner scanner --preprocessing scanner": "cannot tell apart.*Leave one of them out",
    f"{FIT} --scanner one_level": "scanner: one level only, .*leave that column out",
    f"{FIT} --session session --session-design visit": "name the scanner column too",
    FIT.replace("fit.zarr.zip", "folder.parquet"): "folder.parquet is a folder",
    FIT.replace("fit.zarr.zip", "features.csv"): "features.csv would be written over while it is read",
    # saved fits
    "summary absent.zarr.zip": "no file absent.zarr.zip",
    "summary features.csv": "features.csv is not a saved fit",
    "report damaged.zip --out a.html": "damaged.zip is not a saved fit",
    "report absent.zarr.zip --out features.csv/a.html": "features.csv/a.html cannot be written",
}


def write_inputs(folder: Path) -> None:
    manifest = write_images(folder)
    manifest.to_csv(folder / "manifest.csv", index=False)
    manifest.to_parquet(folder / "manifest.parquet")
    manifest.rename(columns={"image": "Image"}).to_csv(folder / "pictures.csv", index=False)
    (folder / "manifest.ods").write_bytes(b"PK")
    (folder / "damaged.parquet").write_bytes(b"PAR1")
    (folder / "damaged.zip").write_bytes(b"PK\x03\x04")
    (folder / "folder.parquet").mkdir()
    (folder / "key.toml").write_text('[discretisation]\nmethod = "fixed_bin_number"\nnumbr = 32\n')
    (folder / "section.toml").write_text("[interpolatoin]\nspacing = [2.0, 2.0, 2.0]\n")
    (folder / "value.toml").write_text('[glcm]\ndistance = "far"\n')
    (folder / "bins.toml").write_text('[discretisation]\nmethod = "fixed_bin_number"\nnumber = 16\n')
    (folder / "turn.toml").write_text("[perturbations.turned]\nrotatoin = 6.0\n")
    (folder / "wide.toml").write_text("[perturbations.wide.settings.interpolation]\nspacin = [3.0, 3.0, 3.0]\n")
    table = make_table().assign(text="many", constant=1.0, one_level="a", with_gaps="a")
    table["negative"] = table["value"] - 100
    table.loc[7, "with_gaps"] = None
    table.to_csv(folder / "features.csv", index=False)


@pytest.mark.parametrize("line", ERRORS)
def test_errors_are_one_line_with_the_mend(run, place, line):
    write_inputs(place)
    before = files_below(place)
    code, shown, error = run(line)
    told = [row for row in error.splitlines() if row.startswith("bayesrg: error: ")]
    assert (code, shown) == (1, "")
    assert told == error.splitlines()[-1:]
    assert re.search(ERRORS[line], told[0])
    assert files_below(place) == before


def test_what_the_system_refuses_is_one_line_too(run, place, monkeypatch):
    from bayesrg import inference

    def refuse(_):
        raise PermissionError(13, "Permission denied", "fit.zarr.zip")

    monkeypatch.setattr(inference, "load", refuse)
    assert run("summary fit.zarr.zip") == (1, "", "bayesrg: error: fit.zarr.zip: Permission denied\n")


# Extraction


def test_extraction_is_the_same_with_several_processes(run, place):
    write_images(place).to_csv(place / "manifest.csv", index=False)
    (place / "settings.toml").write_text(
        '[features]\nfamilies = ["statistics"]\n[perturbations.original]\n[perturbations.noisy]\nnoise = 1.0\n'
    )
    one = run("extract manifest.csv --out one.parquet --settings settings.toml --seed 3")
    two = run("extract manifest.csv --out deeper/two.parquet --settings settings.toml --seed 3 --jobs 2")
    other = run("extract manifest.csv --out other.parquet --settings settings.toml --seed 4")
    assert [one[0], two[0], other[0]] == [0, 0, 0]
    assert re.fullmatch(r"one.parquet: 6 rows in \d+\.\d s, 0 of them found finished\n", one[1])
    table = pd.read_parquet(place / "one.parquet")
    assert list(table["preprocessing"]) == ["original", "noisy"] * 3
    assert list(table["subject"].unique()) == ["001", "002", "003"]
    pd.testing.assert_frame_equal(pd.read_parquet(place / "deeper/two.parquet"), table)
    assert not np.array_equal(pd.read_parquet(place / "other.parquet")["statistics_mean"], table["statistics_mean"])


def test_standard_perturbations_take_the_place_of_those_in_the_settings(run, place):
    from bayesrg.imaging import STANDARD_PERTURBATIONS

    write_images(place).head(1).to_csv(place / "manifest.csv", index=False)
    (place / "settings.toml").write_text("[perturbations.noisy]\nnoise = 1.0\n")
    assert run("extract manifest.csv --out a.parquet --settings settings.toml --perturbations standard")[0] == 0
    assert list(pd.read_parquet(place / "a.parquet")["preprocessing"]) == list(STANDARD_PERTURBATIONS)


def test_failed_regions_are_listed_and_the_others_written(run, place):
    manifest = write_images(place)
    manifest.loc[1, "image"] = "absent.nii.gz"
    manifest.to_csv(place / "manifest.csv", index=False)
    code, shown, error = run("extract manifest.csv --out a.parquet")
    assert code == 3
    assert shown.startswith("a.parquet: 2 rows in ")
    assert "1 failed, all listed in a.parquet.failures.csv" in error
    assert re.search(r"row 2 of the manifest: ImageError: .*absent\.nii\.gz", error)
    assert list(pd.read_parquet(place / "a.parquet")["subject"]) == ["001", "003"]
    assert list(pd.read_csv(place / "a.parquet.failures.csv")["row"]) == [2]


def test_an_interrupted_extraction_says_what_is_kept_and_goes_on(run, place, monkeypatch):
    from bayesrg.radiomics import cohort_extraction

    write_images(place).to_csv(place / "manifest.csv", index=False)
    extract_case = cohort_extraction.extract_case

    def interrupt_at_the_third(case, plan):
        if case.row == 3:
            raise KeyboardInterrupt
        return extract_case(case, plan)

    with monkeypatch.context() as patched:
        patched.setattr(cohort_extraction, "extract_case", interrupt_at_the_third)
        code, _, error = run("extract manifest.csv --out a.parquet")
    assert code == 130
    assert "2 finished rows are kept in a.parquet.finished; run the same command again to go on" in error
    assert not (place / "a.parquet").exists()
    code, shown, _ = run("extract manifest.csv --out a.parquet")
    assert code == 0
    assert "3 rows" in shown
    assert "2 of them found finished" in shown
    run("extract manifest.csv --out b.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(place / "a.parquet"), pd.read_parquet(place / "b.parquet"))


# Fit, summary, report


def test_from_a_table_to_a_report(run, place, compiled_once):
    from bayesrg.inference import load, summary

    table = make_table()
    table.loc[3, "value"] = np.nan
    # A missing cell would unbalance the design, so it is measured once more: the structure is that of the other fits.
    pd.concat([table, make_table().iloc[[3]]]).to_csv(place / "features.tsv", sep="\t", index=False)
    code, shown, error = run(f"{FIT.replace('features.csv', 'features.tsv')} {FACTORS} --unit HU")
    assert code == 0, error
    assert "1 of 121 rows are left out: value is missing" in error
    assert "fitting value: 120 rows, 10 subjects" in error
    assert "NOT CONVERGED" not in error
    assert re.search(r"^icc\[reproducibility\] +0\.\d+", shown, flags=re.MULTILINE)
    assert "saved to fit.zarr.zip" in shown
    tree = load(place / "fit.zarr.zip")
    assert tree["constant_data"].attrs["unit"] == "HU"
    assert list(tree["constant_data"]["subject"].values[:2]) == ["000", "001"]

    code, shown, _ = run("summary fit.zarr.zip --csv tables/summary.csv")
    expected = summary(tree)
    written = pd.read_csv(place / "tables/summary.csv", index_col="estimand")
    assert code == 0
    assert shown.startswith("value: converged\n")
    assert set(re.findall(r"^(\S+\]?) ", shown.split("unit\n")[1], flags=re.MULTILINE)) >= {"mean", "rc"}
    np.testing.assert_array_equal(written["mean"], expected["mean"])

    code, shown, _ = run("report fit.zarr.zip --out pages/report.html")
    assert (code, shown) == (0, "written to pages/report.html\n")
    assert "value" in (place / "pages/report.html").read_text(encoding="utf-8")


def test_many_features_of_another_tools_table(run, place, capsys):
    from bayesrg.inference import load, summary

    table = make_table()
    rng = np.random.default_rng(2)
    for name in ("Contrast", "Idm", "JointEntropy"):
        table[f"original_glcm_{name}"] = table["value"] + rng.normal(0, 3, len(table))
    table["original_glcm_Autocorrelation"] = 1.0
    table["original_firstorder_Mean"] = table["value"] - 50
    table["diagnostics_Versions_PyRadiomics"] = "3.1"
    table.drop(columns="value").to_csv(place / "features.csv", index=False)
    many = FIT.replace("--feature value", "--features glcm_* statistics_mean --tool pyradiomics")
    code, shown, error = run(f"{many} --subject subject --scanner scanner --preprocessing preprocessing --redundancy")
    assert code == 0, error
    assert "glcm_autocorrelation_3d_averaged is left out: feature 'glcm_autocorrelation_3d_averaged' has 1" in error
    assert "fitting 4 features: 120 rows, 10 subjects" in error
    assert "overall ICC of 4 features, most reliable first" in shown
    assert re.search(r"^glcm_contrast_3d_averaged +glcm +0\.\d+", shown, flags=re.MULTILINE)
    tree = load(place / "fit.zarr.zip")
    assert "redundancy" in tree
    code, shown, _ = run("summary fit.zarr.zip --csv summary.csv")
    assert code == 0
    assert shown.startswith("4 features: converged\n")
    written = pd.read_csv(place / "summary.csv", index_col="estimand")
    assert len(written) == len(summary(tree))
    code, shown, _ = run("report fit.zarr.zip --out report.html")
    assert code == 0
    assert "glcm_contrast_3d_averaged" in (place / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--features zzz*", "no column of numbers matches 'zzz*'"),
        ("--features subj*", "no column of numbers matches 'subj*'; subject does, but is a label or text"),
        ("--feature value --pooled", "--pooled lets features inform each other: it takes --features"),
        ("--features value --pooled --heteroscedastic scanner", "has neither --heteroscedastic nor"),
        ("--feature value --redundancy", "--redundancy compares features: it takes --features"),
    ],
)
def test_options_of_many_features_that_do_not_fit(run, place, options, message):
    make_table().to_csv(place / "features.csv", index=False)
    code, shown, error = run(FIT.replace("--feature value", options))
    assert (code, shown) == (1, "")
    assert message in error
    assert not (place / "fit.zarr.zip").exists()


def test_every_kind_of_table_gives_the_same_fit(run, place, compiled_once):
    from bayesrg.inference import load

    table = make_table()
    table.to_csv(place / "features.csv", index=False)
    table.to_csv(place / "features.csv.gz", index=False)
    table.to_parquet(place / "features.parquet")
    means = []
    for name in ("features.csv", "features.csv.gz", "features.parquet"):
        run(f"{FIT.replace('features.csv', name)} {FACTORS} {SHORT}")
        means.append(load(place / "fit.zarr.zip")["estimands"]["icc"].values)
    np.testing.assert_array_equal(means[0], means[1])
    np.testing.assert_allclose(means[0], means[2], rtol=1e-6)


def test_a_fit_that_did_not_converge_is_saved_and_says_so(run, place, compiled_once):
    from bayesrg.inference import load

    make_table().to_csv(place / "features.csv", index=False)
    code, shown, error = run(f"{FIT} {FACTORS} {SHORT}")
    assert code == 4
    assert "bayesrg: warning: NOT CONVERGED" in error
    assert "Do not use this fit" in error
    assert "saved to fit.zarr.zip" in shown
    assert load(place / "fit.zarr.zip")["provenance"].attrs["verdict"].startswith("NOT CONVERGED")
    assert run("summary fit.zarr.zip")[1].startswith("value: NOT CONVERGED")


def test_interrupted_sampling_leaves_the_old_file(run, place, compiled_once):
    make_table().to_csv(place / "features.csv", index=False)
    (place / "fit.zarr.zip").write_bytes(b"old")
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    # A process that a shell put into the background ignores the signal until told otherwise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        code, _, error = run(f"{FIT} {FACTORS} --draws 200000")
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert code == 130
    assert error.endswith("bayesrg: interrupted: nothing was written; run the same command again to start afresh\n")
    assert (place / "fit.zarr.zip").read_bytes() == b"old"


def test_options_reach_model_and_sampler(run, place, monkeypatch):
    from bayesrg import inference
    from bayesrg.models import IndependentSds, Priors, Stability

    given = {}

    def note(model, data, **sampling):
        given.update(model=model, data=data.attrs, **sampling)
        raise FitError("noted")

    monkeypatch.setattr(inference, "fit", note)
    make_table().rename(columns={"value": "histogram_mean"}).to_csv(place / "features.csv", index=False)
    line = FIT.replace("value", "histogram_mean")
    code, _, error = run(
        f"{line} {FACTORS} --session-design crossed --scale log --variance-prior half-normal "
        "--draws 11 --tune 12 --chains 3"
    )
    assert (code, error.splitlines()[-1]) == (1, "bayesrg: error: noted")
    assert given["model"] == Stability(session="crossed", priors=Priors(variances=IndependentSds()))
    assert [given[name] for name in ("seed", "draws", "tune", "chains")] == [1, 11, 12, 3]
    assert given["data"]["transformation"] == "log"
    assert given["data"]["unit"] == "grey level"  # as the register of features has it


def test_a_reader_who_has_had_enough_is_no_error(place):
    code = (
        "import sys\nfrom bayesrg import cli\n"
        "cli.commands.RUN['summary'] = lambda options: print('line\\n' * 100_000)\n"
        "sys.exit(cli.main(['summary', 'fit.zarr.zip']))"
    )
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} | head -n 1"
    shown = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
    assert (shown.stdout, shown.stderr) == ("line\n", "")
