"""Data sets are found locally first, fetched by hash otherwise, and never from outside their folder."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pooch
import pytest

from bayesrg import datasets
from bayesrg.datasets import fetching
from bayesrg.errors import DataNotFoundError

PHANTOM = "ibsi1/ibsi1_digital_phantom/image.nii.gz"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output free of the server's log."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, named by BAYESRG_DATA, beside an empty cache."""
    monkeypatch.setenv("BAYESRG_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a local server that stands in for the origin of every file."""
    served = tmp_path / "origin"
    served.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(served))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(fetching, "_url", lambda name: f"http://127.0.0.1:{server.server_port}/{Path(name).name}")
        yield served
        server.shutdown()
        thread.join()


def test_a_local_file_comes_first(folder: Path):
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.csv").write_text("a\n1\n")
    assert datasets.path("notes/mine.csv") == folder / "notes" / "mine.csv"


@pytest.mark.parametrize(
    "name",
    ["../secret", "sts/../../secret", "/etc/passwd", "C:/secret", "sts\\..\\secret", "", ".", "//host/share/file"],
)
def test_a_name_that_leaves_the_folder_is_refused(folder: Path, name: str):
    (folder.parent / "secret").write_text("no")
    with pytest.raises(DataNotFoundError, match="does not stay inside the data folder"):
        datasets.path(name)


def test_a_link_that_leaves_the_folder_is_refused(folder: Path):
    (folder.parent / "secret").write_text("no")
    (folder / "link").symlink_to(folder.parent / "secret")
    with pytest.raises(DataNotFoundError, match="a link that leaves the data folder"):
        datasets.path("link")


def test_a_link_inside_the_folder_is_followed(folder: Path):
    (folder / "file").write_text("yes")
    (folder / "link").symlink_to(folder / "file")
    assert datasets.path("link").read_text() == "yes"


def test_a_folder_is_not_a_file(folder: Path):
    (folder / "sts").mkdir()
    with pytest.raises(DataNotFoundError, match="'sts' is a folder"):
        datasets.path("sts")


def test_a_missing_data_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("BAYESRG_DATA", str(tmp_path / "absent"))
    with pytest.raises(DataNotFoundError, match=r"BAYESRG_DATA is '.*absent', which is not a folder"):
        datasets.path(PHANTOM)


def test_a_missing_file_is_downloaded_once(folder: Path, origin: Path, monkeypatch: pytest.MonkeyPatch):
    content = b"voxels"
    monkeypatch.setattr(fetching, "_hashes", lambda: {PHANTOM: hashlib.sha256(content).hexdigest()})
    (origin / "image.nii.gz").write_bytes(content)
    fetched = datasets.path(PHANTOM)
    assert fetched.read_bytes() == content
    assert not fetched.is_relative_to(folder)
    (origin / "image.nii.gz").unlink()
    assert datasets.path(PHANTOM) == fetched


@pytest.mark.usefixtures("folder")
def test_a_download_with_another_hash_is_refused(origin: Path, tmp_path: Path):
    (origin / "image.nii.gz").write_bytes(b"something else")
    with pytest.raises(DataNotFoundError, match=r"no longer holds .*BAYESRG_DATA"):
        datasets.path(PHANTOM)
    assert [found for found in (tmp_path / "cache").rglob("*") if found.is_file()] == []


@pytest.mark.usefixtures("folder", "origin")
def test_a_failed_download_names_the_mend():
    with pytest.raises(DataNotFoundError, match=r"could not be read .*404.*BAYESRG_DATA"):
        datasets.path(PHANTOM)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ibsi1/ibsi1_reference_values.csv", "does not hold it byte for byte: the tables were parsed"),
        ("sts/STS_052_PET_image.nii.gz", "not among the files whose hash is registered"),
        ("elsewhere/table.csv", "no origin is registered for it"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_file_that_cannot_be_had_says_why(name: str, reason: str):
    with pytest.raises(DataNotFoundError, match=reason) as caught:
        datasets.path(name)
    assert "Set BAYESRG_DATA" in str(caught.value)


def test_urls_follow_the_origins_layout():
    repository = "https://raw.githubusercontent.com/theibsi/data_sets"
    commit = "6da96021bc91faf4c0cb7fd7fa56a4225d2064a8"
    assert fetching._url(PHANTOM) == f"{repository}/{commit}/ibsi_1_digital_phantom/nifti/image/phantom.nii.gz"
    assert (
        fetching._url("ibsi1/ibsi1_ct_phantom/mask.nii.gz")
        == f"{repository}/{commit}/ibsi_1_ct_radiomics_phantom/nifti/mask/mask.nii.gz"
    )
    assert (
        fetching._url("sts/STS_007_PET_mask.nii.gz")
        == f"{repository}/master/ibsi_validation/nifti/STS_007/PET_mask.nii.gz"
    )
    assert fetching._url("lgg/vasari.csv").endswith(
        "/radiomics/50f63314c8640c3ae0a8f8dafd03e09ab937469b/STUDIES/LGG_study/TCGA_vasari_INFO.csv"
    )
    assert fetching._url("laml/tcga_laml.maf.gz").endswith("/maftools/master/inst/extdata/tcga_laml.maf.gz")


@pytest.mark.data
def test_registered_hashes_are_those_of_the_local_files():
    hashes = fetching._hashes()
    assert len(hashes) == 4 + 2 * (51 + 25 + 2) + 2 + 4
    for name, digest in hashes.items():
        assert hashlib.sha256(datasets.path(name).read_bytes()).hexdigest() == digest, name


@pytest.mark.data
def test_reference_values_are_complete():
    values = datasets.ibsi_reference_values()
    assert len(values) == 1804
    assert values["value"].notna().all()
    assert (values["tolerance"] >= 0).all()
    phantom = values[(values["configuration"] == "digital_phantom") & values["tag"].str.startswith("stat_")]
    assert len(phantom) == 18
    assert set(phantom["aggregation"]) == {"none"}


ENDINGS = {
    "none": "",
    "2d": "_2D",
    "2p5d": "_2_5D",
    "3d": "_3D",
    "2d_averaged": "_2D_avg",
    "2d_slice_merged": "_2D_comb",
    "2p5d_direction_merged": "_2_5D_avg",
    "2p5d_merged": "_2_5D_comb",
    "3d_averaged": "_3D_avg",
    "3d_merged": "_3D_comb",
}


def publish(values: pd.DataFrame, folder: Path) -> None:
    """Write the values as they are published: a table a configuration, with gaps and diagnostics between them."""
    for name, rows in values.groupby("configuration"):
        lines = ["reference value;tolerance;tag", "204;0;img_dim_x_init_img", ";;morph_vol_dens_mvee"]
        lines += [
            f"{row.value!r};{row.tolerance!r};{row.tag}{ENDINGS[row.aggregation]}"
            for row in rows.itertuples(index=False)
        ]
        (folder / fetching.PUBLISHED_VALUES[name]).write_text("\n".join(lines))


@pytest.mark.data
def test_reference_values_are_put_together_from_what_is_published(
    origin: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("BAYESRG_DATA")
    values = datasets.ibsi_reference_values()
    monkeypatch.setenv("BAYESRG_DATA", str(folder))
    publish(values, tmp_path)
    monkeypatch.setattr(fetching, "_IBSI_VALUES", tmp_path.as_uri())
    monkeypatch.setattr(fetching, "_retrieve", lambda url, digest, below: tmp_path / url.rsplit("/", 1)[1])
    rebuilt = datasets.ibsi_reference_values()
    order = ["configuration", "tag", "aggregation"]
    pd.testing.assert_frame_equal(
        rebuilt.sort_values(order, ignore_index=True), values.sort_values(order, ignore_index=True)
    )

    publish(values.assign(value=values["value"] * 2), tmp_path)
    with pytest.raises(DataNotFoundError, match="differs from the registered one: 1804 rows"):
        datasets.ibsi_reference_values()


@pytest.mark.data
def test_sarcoma_manifest_names_existing_files():
    manifest = datasets.sarcoma_pet()
    assert list(manifest.columns) == ["subject", "image", "mask"]
    assert len(manifest) == manifest["subject"].nunique() == 51
    assert all(Path(file).is_file() for column in ("image", "mask") for file in manifest[column])
    images = datasets.sarcomas()
    assert images.groupby("modality", sort=False).size().to_dict() == {"PET": 51, "MR_T1": 25, "CT": 2}
    assert all(Path(file).is_file() for file in images["mask"])
    assert images.loc[51, "image"].endswith("STS_001_MR_T1_image.nii.gz")


def assert_text(table: pd.DataFrame, *columns: str):
    """Every cell of these columns is text, and none is empty."""
    for column in columns:
        assert all(isinstance(label, str) and label for label in table[column]), column


def levels(table: pd.DataFrame, column: str) -> set[str]:
    return set(table[column])


@pytest.mark.data
def test_prostate_features_are_as_described():
    table = datasets.prostate_features()
    labels = ["patient", "session", "structure", "registered", "pipeline", "normalisation", "dimensions", "bin_width"]
    assert list(table.columns[:8]) == labels
    assert table.shape == (4024, 8 + 83)
    assert all(column.startswith("original_") for column in table.columns[8:])
    assert np.isfinite(table.iloc[:, 8:].to_numpy(float)).all()
    assert_text(table, *(label for label in labels if label != "registered"))
    assert table["registered"].dtype == bool
    assert not table.duplicated(["patient", "session", "structure", "registered", "pipeline"]).any()
    assert table["patient"].nunique() == 15
    assert levels(table, "bin_width") == {"5", "10", "15", "20", "40"}
    design = table[["normalisation", "dimensions", "bin_width", "pipeline"]].drop_duplicates()
    assert len(design) == table["pipeline"].nunique() == 36
    assert design["normalisation"].value_counts().to_dict() == {"none": 10, "image": 10, "muscle": 8, "muscle_image": 8}
    apart = table[table["registered"]]
    assert levels(apart, "structure") == {"TumorROI_PZ_1"}
    assert apart["pipeline"].nunique() == 16
    counts = table[~table["registered"]].groupby(["structure", "session"])["patient"].nunique().to_dict()
    assert counts == {
        ("NormalROI_PZ_1", "1"): 13,
        ("NormalROI_PZ_1", "2"): 7,
        ("PeripheralZone", "1"): 15,
        ("PeripheralZone", "2"): 15,
        ("TumorROI_PZ_1", "1"): 11,
        ("TumorROI_PZ_1", "2"): 11,
        ("WholeGland", "1"): 15,
        ("WholeGland", "2"): 15,
    }


@pytest.mark.data
def test_prostate_intensities_were_shifted_with_the_normalisation_of_the_image_only():
    table = datasets.prostate_features()
    mean, variance, root = (table[f"original_firstorder_{name}"] for name in ("Mean", "Variance", "RootMeanSquared"))
    shift = np.where(table["normalisation"].isin(["image", "muscle_image"]), 300.0, 0.0)
    np.testing.assert_allclose(root**2, variance + (mean + shift) ** 2, rtol=1e-9)


@pytest.mark.data
def test_ccr_phantom_features_are_as_described():
    table = datasets.ccr_phantom_features()
    assert list(table.columns[:4]) == ["region", "material", "scanner", "vendor"]
    assert table.shape == (2080, 4 + 91)
    assert np.isfinite(table.iloc[:, 4:].to_numpy(float)).all()
    assert_text(table, "region", "material", "scanner", "vendor")
    assert (table.groupby(["region", "scanner"]).size() == 1).all()
    assert (table.groupby("material")["region"].nunique() == 16).all()
    assert levels(table, "material") == {
        "020",
        "030",
        "040",
        "050",
        "acrylic",
        "cork",
        "dcork",
        "resin",
        "rubber",
        "wood",
    }
    assert (table["region"].str.rpartition("_")[0] == table["material"]).all()
    assert table.groupby("vendor")["scanner"].nunique().to_dict() == {"GE": 7, "Philips": 5, "Siemens": 1}
    hounsfield = table.groupby("material")["original_firstorder_Mean"].mean().round().to_dict()
    assert hounsfield == {
        "020": -822,
        "030": -748,
        "040": -682,
        "050": -620,
        "acrylic": 121,
        "cork": -677,
        "dcork": -508,
        "resin": 531,
        "rubber": -70,
        "wood": -497,
    }


@pytest.mark.data
def test_ctp4r_features_are_as_described():
    table = datasets.ctp4r_features()
    labels = ["region", "tissue", "group", "scan", "acquisition"]
    assert list(table.columns[:7]) == [*labels, "slice", "voxels"]
    assert table.shape == (1394, 7 + 92)
    assert np.isfinite(table.iloc[:, 7:].to_numpy(float)).all()
    assert_text(table, *labels)
    assert not table.duplicated(["region", "scan"]).any()
    assert (table["scan"].str[0] == table["group"]).all()
    assert levels(table, "group") == set("12345678")
    assert levels(table, "tissue") == {"normal", "cyst", "haemangioma", "metastasis"}
    assert table.groupby("group")["scan"].nunique().to_list() == [29, 29, 30, 30, 30, 30, 30, 30]
    assert (table.groupby(["group", "region"])["slice"].nunique() == 1).all()
    root = table["original_firstorder_RootMeanSquared"]
    np.testing.assert_allclose(table["original_firstorder_Energy"], table["voxels"] * root**2, rtol=1e-12)


@pytest.mark.data
def test_ctp4r_groups_reconstruct_the_same_acquisitions():
    table = datasets.ctp4r_features()
    assert not table.duplicated(["region", "group", "acquisition"]).any()
    mean = table["original_firstorder_Mean"]
    residual = mean - mean.groupby([table["group"], table["region"]]).transform("mean")
    aligned = table.assign(residual=residual).pivot(index=["region", "acquisition"], columns="group", values="residual")
    assert aligned.corr().to_numpy().min() > 0.65
    numbered = table.assign(residual=residual, number=table["scan"].str[1:])
    unaligned = numbered.pivot(index=["region", "number"], columns="group", values="residual")
    assert unaligned.corr().to_numpy().min() < 0


@pytest.mark.data
def test_prostate_normalisation_of_the_image_undoes_that_to_muscle():
    table = datasets.prostate_features()
    key = ["patient", "session", "structure", "dimensions", "bin_width"]
    table = table[~table["registered"]].set_index(key).sort_index()
    both = table[table["normalisation"] == "muscle_image"].filter(like="original_")
    alone = table[table["normalisation"] == "image"].filter(like="original_").loc[both.index]
    np.testing.assert_allclose(both.to_numpy(), alone.to_numpy(), rtol=1e-8)


def test_a_table_of_another_size_is_refused(folder: Path):
    (folder / "ctp4r").mkdir()
    pd.DataFrame({"group": [1]}).to_csv(folder / "ctp4r" / "ctp4r_long.csv.gz", index=False)
    with pytest.raises(DataNotFoundError, match=r"has 1 rows and 1 columns; 'ctp4r/.*' has 1394 and 98"):
        datasets.ctp4r_features()


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("sts", "CC BY 3.0"),
        ("sts/STS_001_PET_image.nii.gz", "CC BY 3.0"),
        ("ibsi1/ibsi1_ct_phantom/image.nii.gz", "CC BY-NC 3.0"),
        ("ibsi1/ibsi1_digital_phantom", "CC BY 4.0"),
        ("ibsi1", "facts published by IBSI"),
        ("qin_prostate/qin_prostate_T2_long.csv.gz", "MIT"),
        ("ccr_phantom", "none stated"),
        ("ctp4r", "none stated"),
    ],
)
def test_every_data_set_states_licence_and_citation(name: str, licence: str):
    data_set = datasets.about(name)
    assert data_set.licence.startswith(licence)
    assert "doi:" in data_set.citation


def test_an_unknown_data_set_is_refused():
    with pytest.raises(DataNotFoundError, match=r"no data set is called 'stss'; known are .*'sts'"):
        datasets.about("stss")
