"""Many regions: the table, resuming, failures that stop nobody else, executors, and reproducible perturbation."""

import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bayesrg import __version__
from bayesrg.errors import SettingsError, TableError
from bayesrg.imaging import Perturbation
from bayesrg.radiomics import FEATURES, Settings, case, extract, extract_cohort
from bayesrg.radiomics.cohort_extraction import PROVENANCE
from bayesrg.settings import from_dict, to_dict

LEVELS = {
    "original": Perturbation(),
    "noise": Perturbation(noise=2.0),
    "bins_16": Perturbation(settings={"discretisation": {"method": "fixed_bin_number", "number": 16}}),
}

COLUMNS = [feature.name for feature in Settings().selected]


@pytest.fixture
def manifest(lesions):
    return pd.DataFrame(
        {
            "subject": ["001", "002", "003", "004"],
            "image": [str(lesions / f"{number}.nii.gz") for number in range(4)],
            "mask": [str(lesions / f"{number}_mask.nrrd") for number in range(4)],
            "label": [1, 2, 1, 1],
            "scanner": ["a", "a", "b", "b"],
        }
    )


def quietly(*arguments, **options):
    return extract_cohort(*arguments, progress=False, **options)


class Counter:
    """Counts the calls of a function, and lets it run; from call number ``last`` on it raises ``problem`` instead."""

    def __init__(self, function, last=None, problem=KeyboardInterrupt):
        self.function, self.last, self.problem, self.calls = function, last, problem, 0

    def __call__(self, *arguments, **options):
        if self.calls == self.last:
            raise self.problem
        self.calls += 1
        return self.function(*arguments, **options)


@pytest.fixture
def count(monkeypatch):
    """Replace a function that extracting a case uses by a counter of its calls."""

    def replace(name, **options):
        counter = Counter(vars(case)[name], **options)
        monkeypatch.setattr(case, name, counter)
        return counter

    with monkeypatch.context() as monkeypatch:
        yield replace


def test_rows_equal_single_extractions_and_carry_the_manifest(manifest, lesions):
    settings = from_dict(Settings, {"interpolation": {"spacing": [2, 2, 2]}})
    table = quietly(manifest, settings)
    assert list(table.columns) == [*manifest.columns, *COLUMNS, *PROVENANCE]
    pd.testing.assert_frame_equal(table[list(manifest.columns)], manifest)
    for number, row in table.iterrows():
        alone = extract(lesions / f"{number}.nii.gz", lesions / f"{number}_mask.nrrd", settings, label=row.label)
        np.testing.assert_array_equal(row[COLUMNS].astype(float), alone["value"])
        for name in ("n_voxels", "n_voxels_morphological", "image_hash", "mask_hash", "settings_hash", "n_levels"):
            assert row[name] == alone.attrs[name]
        assert row.bayesrg_version == __version__
        assert (row.spacing_x, row.spacing_y, row.spacing_z) == (2, 2, 2)
        assert bool(row.undefined) == bool(np.any(np.isnan(alone["value"])))
    assert table.attrs["settings"] == to_dict(settings)
    assert table.attrs["failures"] == []


def test_perturbed_rows_come_in_the_order_asked_for_and_read_each_image_once(manifest, count):
    reads = count("read_region")
    table = quietly(manifest, perturbations=LEVELS)
    assert reads.calls == 4
    assert table.subject.tolist() == [subject for subject in manifest.subject for _ in LEVELS]
    assert table.preprocessing.tolist() == list(LEVELS) * 4
    assert table.columns.get_loc("preprocessing") == len(manifest.columns)
    unchanged = quietly(manifest).set_index("subject")[COLUMNS]
    original = table[table.preprocessing == "original"].set_index("subject")[COLUMNS]
    pd.testing.assert_frame_equal(original, unchanged)
    by_level = table[table.subject == "001"].set_index("preprocessing")
    assert by_level.statistics_variance["noise"] > by_level.statistics_variance["original"]
    assert by_level.n_levels.to_dict() == {"original": 32, "noise": 32, "bins_16": 16}


def test_perturbation_depends_on_seed_case_and_level_and_on_nothing_else(manifest, tmp_path):
    noisy = {"noise": LEVELS["noise"], "more_noise": LEVELS["noise"]}
    table = quietly(manifest, perturbations=noisy, seed=5).set_index(["subject", "preprocessing"])[COLUMNS]
    reordered = quietly(manifest[::-1].assign(note="x"), perturbations=dict(reversed(noisy.items())), seed=5)
    reordered = reordered.set_index(["subject", "preprocessing"])[COLUMNS]
    pd.testing.assert_frame_equal(reordered.loc[table.index], table)
    other_seed = quietly(manifest[:1], perturbations=noisy, seed=6).set_index(["subject", "preprocessing"])
    mean = "statistics_mean"
    assert other_seed[mean]["001", "noise"] != table[mean]["001", "noise"]
    assert table[mean]["001", "noise"] != table[mean]["001", "more_noise"]
    drawn = quietly(manifest[:1], perturbations=noisy, seed=np.random.default_rng(1))
    again = quietly(manifest[:1], perturbations=noisy, seed=np.random.default_rng(1))
    pd.testing.assert_frame_equal(drawn, again)


def test_the_parquet_file_holds_the_table(manifest, tmp_path):
    out = tmp_path / "new" / "features.parquet"
    table = quietly(manifest, perturbations=LEVELS, out=out)
    read = pd.read_parquet(out)
    pd.testing.assert_frame_equal(read, table)
    assert read.attrs == table.attrs
    assert sorted(path.name for path in out.parent.iterdir()) == ["features.parquet", "features.parquet.finished"]


def test_a_second_run_computes_nothing_and_gives_the_same_table(manifest, tmp_path, count):
    first = quietly(manifest, perturbations=LEVELS, out=tmp_path / "f.parquet")
    reads, runs = count("read_region"), count("process")
    second = quietly(manifest, perturbations=LEVELS, out=tmp_path / "f.parquet")
    assert (reads.calls, runs.calls) == (0, 0)
    assert (first.attrs["resumed"], second.attrs["resumed"]) == (0, 12)
    pd.testing.assert_frame_equal(first, second)


def test_an_interrupted_run_goes_on_where_it_stopped(manifest, tmp_path, count):
    out = tmp_path / "f.parquet"
    count("process", last=5)
    with pytest.raises(KeyboardInterrupt):
        quietly(manifest, perturbations=LEVELS, out=out)
    assert not out.exists()
    assert len(list((tmp_path / "f.parquet.finished").iterdir())) == 5
    vars(case)["process"].last = None
    table = quietly(manifest, perturbations=LEVELS, out=out)
    assert vars(case)["process"].calls == 12
    assert table.attrs["resumed"] == 5
    pd.testing.assert_frame_equal(table, quietly(manifest, perturbations=LEVELS))


@pytest.mark.parametrize(
    ("change", "computed"),
    [
        ({}, 0),
        ({"settings": from_dict(Settings, {"glcm": {"distance": 2}})}, 12),
        ({"seed": 1}, 12),
        ({"perturbations": {**LEVELS, "noise": Perturbation(noise=3.0)}}, 4),
        ({"perturbations": {**LEVELS, "shifted": Perturbation(translation=(0.5, 0, 0))}}, 4),
        ({"resample_mask": True}, 12),
    ],
    ids=["nothing", "settings", "seed", "a level", "one level more", "resampling"],
)
def test_only_what_changed_is_computed_again(manifest, tmp_path, count, change, computed):
    options = {"perturbations": LEVELS, "out": tmp_path / "f.parquet"}
    quietly(manifest, **options)
    runs = count("process")
    quietly(manifest, **{**options, **change})
    assert runs.calls == computed


def test_other_columns_and_other_paths_are_no_reason_to_compute_again(manifest, tmp_path, lesions, count):
    out = tmp_path / "f.parquet"
    quietly(manifest, out=out)
    moved = tmp_path / "moved.nii.gz"
    moved.write_bytes((lesions / "0.nii.gz").read_bytes())
    runs = count("process")
    table = quietly(manifest.assign(age=[50, 60, 70, 80]).replace(str(lesions / "0.nii.gz"), str(moved)), out=out)
    assert runs.calls == 0
    assert table.age.tolist() == [50, 60, 70, 80]


def test_another_content_or_label_is_computed_again(manifest, tmp_path, lesions, count):
    out, copied = tmp_path / "f.parquet", tmp_path / "copied.nii.gz"
    copied.write_bytes((lesions / "0.nii.gz").read_bytes())
    manifest.loc[0, "image"] = str(copied)
    quietly(manifest, out=out)
    runs = count("process")
    copied.write_bytes((lesions / "3.nii.gz").read_bytes())
    manifest.loc[0, "label"] = 2
    quietly(manifest, out=out)
    assert runs.calls == 1
    manifest.loc[2, "label"] = 2
    quietly(manifest, out=out)
    assert runs.calls == 2


def test_a_bad_case_is_reported_and_the_rest_finished(manifest, tmp_path, lesions):
    out, absent, damaged = tmp_path / "f.parquet", str(tmp_path / "absent.nii"), tmp_path / "damaged.nii.gz"
    damaged.write_bytes((lesions / "2.nii.gz").read_bytes()[:2000])
    bad = manifest.copy()
    bad.loc[0, "image"], bad.loc[1, "label"], bad.loc[2, "image"] = absent, 9, str(damaged)
    with pytest.warns(UserWarning, match=r"(?s)3 of 4 cases failed.*row 1 \(.*absent.nii.*no such file") as caught:
        table = quietly(bad, out=out)
    assert caught[0].filename == __file__
    assert table.subject.tolist() == ["004"]
    failures = table.attrs["failures"]
    assert [(f["row"], f["subject"], f["error"]) for f in failures] == [
        (1, "001", "ImageError"),
        (2, "002", "RegionError"),
        (3, "003", "ImageError"),
    ]
    assert "Label 9 is not in the mask" in failures[1]["message"]
    assert failures[0]["image"] == absent
    listed = pd.read_csv(tmp_path / "f.parquet.failures.csv", keep_default_na=False)
    assert listed.message.tolist() == [failure["message"] for failure in failures]
    mended = quietly(manifest, out=out)
    assert mended.attrs["resumed"] == 1
    assert mended.subject.tolist() == manifest.subject.tolist()
    assert not (tmp_path / "f.parquet.failures.csv").exists()


def test_a_level_that_fails_takes_no_other_with_it(manifest):
    levels = {"original": Perturbation(), "gone": Perturbation(growth_mm=-50.0), "noise": LEVELS["noise"]}
    with pytest.warns(UserWarning, match="level gone"):
        table = quietly(manifest[:1], perturbations=levels)
    assert table.preprocessing.tolist() == ["original", "noise"]
    [failure] = table.attrs["failures"]
    assert (failure["preprocessing"], failure["error"]) == ("gone", "RegionError")


def test_when_everything_fails_the_table_is_empty_and_has_its_columns(manifest, tmp_path):
    with pytest.warns(UserWarning, match="4 of 4 cases failed"):
        table = quietly(manifest.assign(label=9), out=tmp_path / "f.parquet")
    assert table.empty
    assert list(table.columns) == [*manifest.columns, *COLUMNS, *PROVENANCE]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "f.parquet")[COLUMNS], table[COLUMNS])


def test_a_defect_of_the_program_is_no_bad_case(manifest, count):
    count("process", last=1, problem=TypeError("a defect"))
    with pytest.raises(TypeError, match="a defect"):
        quietly(manifest)


def test_an_error_in_an_executor_cancels_what_has_not_begun(manifest, count):
    runs = count("process", last=0, problem=TypeError("a defect"))
    many = pd.concat([manifest] * 50, ignore_index=True)
    reads = count("read_region")
    with ThreadPoolExecutor(1) as executor, pytest.raises(TypeError, match="a defect"):
        quietly(many, executor=executor)
    assert runs.calls == 0
    assert reads.calls < len(many)


def test_every_executor_gives_the_same_table(manifest, tmp_path):
    alone = quietly(manifest, perturbations=LEVELS)
    with ThreadPoolExecutor(2) as executor:
        pd.testing.assert_frame_equal(quietly(manifest, perturbations=LEVELS, executor=executor), alone)
    # Forked by a server without threads, for pytest-xdist has some; it imports once what both workers need.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bayesrg.radiomics.case"])
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        elsewhere = quietly(manifest, perturbations=LEVELS, executor=executor, out=tmp_path / "f.parquet")
    pd.testing.assert_frame_equal(elsewhere, alone)


def test_relative_paths_start_at_the_folder_of_the_manifest(manifest, lesions, monkeypatch, tmp_path):
    relative = manifest.assign(image=[f"{n}.nii.gz" for n in range(4)], mask=[f"{n}_mask.nrrd" for n in range(4)])
    relative.to_csv(lesions / "manifest.csv", index=False)
    monkeypatch.chdir(tmp_path)
    table = quietly(lesions / "manifest.csv")
    assert table.image.tolist() == relative.image.tolist()
    assert table.subject.tolist() == relative.subject.tolist()
    pd.testing.assert_frame_equal(table[COLUMNS], quietly(manifest)[COLUMNS])


def test_regions_without_grey_levels_have_statistics_alone(manifest):
    settings = from_dict(Settings, {"discretisation": {"method": "none"}, "features": {"families": ["statistics"]}})
    table = quietly(manifest, settings)
    assert sum(column in FEATURES for column in table.columns) == 19
    assert table.n_levels.isna().all()


def test_undefined_values_are_explained_in_the_row(manifest):
    constant = from_dict(Settings, {"discretisation": {"method": "fixed_bin_number", "number": 1}})
    table = quietly(manifest[:1], constant)
    assert table.histogram_maximum_gradient.isna().all()
    assert "histogram with a single bin has no gradient: histogram_maximum_gradient, " in table.undefined[0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"out": "features.csv"}, TableError, r"features\.csv: features are written as Parquet"),
        (
            {"perturbations": {"a": Perturbation(settings={"glmc": {"distance": 2}})}},
            SettingsError,
            "perturbation 'a': .* did you mean 'glcm'",
        ),
        ({"perturbations": {"": Perturbation()}}, SettingsError, "empty name"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_computed(manifest, count, options, error, message):
    reads = count("read_region")
    with pytest.raises(error, match=message):
        quietly(manifest, **options)
    assert reads.calls == 0


@pytest.mark.parametrize("column", ["preprocessing", "n_voxels", "glcm_contrast_3d_merged"])
def test_columns_that_extraction_writes_are_refused(manifest, column):
    with pytest.raises(TableError, match=f"'{column}' would collide"):
        quietly(manifest.assign(**{column: 1}), perturbations=LEVELS)


def test_a_column_that_parquet_cannot_hold_is_refused_before_anything_is_computed(manifest, tmp_path, count):
    reads = count("read_region")
    mixed = manifest.assign(grade=pd.Series([1, "two", 3.0, None], dtype=object))
    with pytest.raises(TableError, match="column 'grade' holds values that no Parquet column can hold"):
        quietly(mixed, out=tmp_path / "f.parquet")
    assert reads.calls == 0


def test_labels_stay_whole_numbers_where_some_are_missing(manifest, lesions, tmp_path):
    one = sitk.ReadImage(lesions / "0_mask.nrrd") == 1
    sitk.WriteImage(one, tmp_path / "one.nrrd")
    manifest = manifest[:2].assign(label=[2, None], mask=[manifest["mask"][0], tmp_path / "one.nrrd"])
    table = quietly(manifest, out=tmp_path / "f.parquet")
    assert table.label.dtype == "Int64"
    assert (table.label[0], pd.isna(table.label[1])) == (2, True)
    assert table["mask"].tolist() == [manifest["mask"][0], str(tmp_path / "one.nrrd")]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "f.parquet"), table)


def test_a_column_called_preprocessing_is_carried_through_where_nothing_is_perturbed(manifest):
    assert quietly(manifest[:1].assign(preprocessing="ct")).preprocessing.tolist() == ["ct"]


def test_progress_goes_to_standard_error_and_counts_failures(manifest, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        extract_cohort(manifest.assign(label=[1, 9, 1, 1]))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "extracting, 1 failed" in captured.err
    assert "4/4" in captured.err
