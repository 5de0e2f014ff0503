"""Tumours sampled in several places come as described, and masks lie where the published distances put them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt

from bayesrg import datasets
from bayesrg.errors import DataNotFoundError

pytestmark = pytest.mark.data


def counts(table: pd.DataFrame, *columns: str) -> dict[str, int]:
    return {column: int(table[column].notna().sum()) for column in columns}


def test_biopsies_of_gliomas_are_as_described():
    table = datasets.glioma_biopsies()
    assert table.shape == (266, 20)
    assert table["patient"].nunique() == 26
    assert table["sample"].is_unique
    assert (table["sample"] == table["patient"] + table["region"]).all()
    assert counts(table, "x", "distance_to_centroid", "idh1_vaf", "purity", "enhancing", "necrosis") == {
        "x": 221,
        "distance_to_centroid": 203,
        "idh1_vaf": 263,
        "purity": 211,
        "enhancing": 89,
        "necrosis": 105,
    }
    assert set(table.loc[table["purity_floored"], "purity"]) == {0.1}
    assert set(table["enhancing"].dropna()) == {0.0, 1.0}
    placed = table.dropna(subset="x")
    shared = placed[placed.duplicated(["patient", "x", "y", "z"], keep=False)]
    assert shared.groupby("patient").size().to_dict() == {"P300": 4, "P302": 2}


def test_expression_and_copy_number_join_the_biopsies():
    biopsies = datasets.glioma_biopsies().set_index("sample")
    expression, copies = datasets.glioma_expression(), datasets.glioma_copy_number()
    assert expression.shape == (105, 15847)
    assert copies.shape == (149, 17911)
    sums = expression.sum(axis="columns")
    assert sums.between(0.85e6, 1.3e6).all()
    placed = biopsies.dropna(subset="x")
    for table, biopsy_count, patient_count in ((expression, 104, 10), (copies, 144, 14)):
        assert table.index.isin(biopsies.index).all()
        found = placed.loc[placed.index.isin(table.index)]
        assert (len(found), found["patient"].nunique()) == (biopsy_count, patient_count)
    both = placed.loc[placed.index.isin(expression.index) & placed["enhancing"].notna()]
    assert both.groupby("patient").size().to_dict() == {"P260": 19, "P413": 10, "P454": 10}


def test_copies_are_those_of_the_mixed_tissue():
    biopsies = datasets.glioma_biopsies().set_index("sample")
    copies = datasets.glioma_copy_number()["PTEN"]
    lost = biopsies.loc[(biopsies["patient"] == "P485") & ~biopsies["purity_floored"], "purity"]
    # One copy of two lost in every tumour cell: purity p leaves 2 - p copies in the mixture.
    np.testing.assert_allclose(copies.loc[lost.index], 2 - lost, atol=0.2)


@pytest.mark.parametrize("patient", ["P303", "P375"])
def test_a_mask_lies_where_the_published_distances_put_it(patient: str):
    mask = datasets.glioma_mask(patient)
    assert mask.dims == ("z", "y", "x")
    steps = [float(mask[dim][1] - mask[dim][0]) for dim in mask.dims]
    assert all(step > 0 for step in steps)
    biopsies = datasets.glioma_biopsies()
    biopsies = biopsies[(biopsies["patient"] == patient) & biopsies["x"].notna()]
    inside = np.argwhere(mask.values)
    mask = mask[tuple(slice(low - 8, high + 9) for low, high in zip(inside.min(0), inside.max(0), strict=True))]
    places = np.stack(
        [mask[dim].values[indices] for dim, indices in zip("zyx", np.nonzero(mask.values), strict=True)], axis=1
    )
    to_centroid = np.linalg.norm(biopsies[["z", "y", "x"]].to_numpy() - places.mean(axis=0), axis=1)
    off = np.abs(to_centroid - biopsies["distance_to_centroid"]).mean()
    assert off == pytest.approx(mask.attrs["centroid_error"], abs=0.1)
    edge = mask.copy(data=distance_transform_edt(~(mask.values & ~binary_erosion(mask.values)), sampling=steps))
    to_edge = [float(edge.sel(z=place.z, y=place.y, x=place.x, method="nearest")) for place in biopsies.itertuples()]
    assert np.corrcoef(to_edge, biopsies["distance_to_periphery"])[0, 1] > 0.9
    # The place of a biopsy is rounded to a voxel here, which the registered error is not.
    off = np.abs(to_edge - biopsies["distance_to_periphery"].to_numpy()).mean()
    assert off == pytest.approx(mask.attrs["periphery_error"], abs=0.5)


def test_a_patient_without_a_mask_is_refused():
    with pytest.raises(DataNotFoundError, match=r"'P259' has no mask of its tumour; expected one of P260, P276"):
        datasets.glioma_mask("P259")


def test_regions_of_glioblastomas_are_as_described():
    table = datasets.ivygap_regions()
    assert table["patient"].nunique() == 28
    assert table["compartment"].value_counts().to_dict() == {"ET": 28, "NET": 15, "ED": 7}
    assert not table.duplicated(["patient", "compartment"]).any()
    scores = table.filter(like="z_pw_")
    features = table.filter(like="z_rad_")
    assert (scores.shape[1], 2 + scores.shape[1] + features.shape[1]) == (11, table.shape[1])
    assert not table.isna().to_numpy().any()
    np.testing.assert_allclose(scores.std(), 1)
    np.testing.assert_allclose(features.groupby(table["compartment"]).mean(), 0, atol=1e-12)
    np.testing.assert_allclose(features.groupby(table["compartment"]).std(), 1)
    assert table.attrs["pathway"]["z_pw_1"] == "Hypoxia"
    assert set(table.attrs["feature"]) == set(features.columns)


def test_published_coefficients_are_of_the_regions():
    published, table = datasets.ivygap_coefficients(), datasets.ivygap_regions()
    assert set(published["pathway"]) == set(table.filter(like="z_pw_").columns)
    effects = {"(Intercept)", "subcompartmentNET", "subcompartmentED"}
    assert set(published["term"]) == effects | set(table.filter(like="z_rad_").columns)
    assert (published["lower"] < published["estimate"]).all()
    assert (published["estimate"] < published["upper"]).all()
    assert published.groupby("pathway")["term"].apply(lambda terms: effects <= set(terms)).all()


def test_regions_of_renal_tumours_are_as_described():
    table = datasets.renal_regions()
    assert table.shape == (1027, 11)
    assert (table["patient"].nunique(), table["tumor"].nunique()) == (66, 79)
    assert not table.duplicated(["tumor", "region"]).any()
    assert counts(table, "max_diameter", "ki67", "necrosis", "grade", "metastasising_clone") == {
        "max_diameter": 1027,
        "ki67": 454,
        "necrosis": 832,
        "grade": 492,
        "metastasising_clone": 259,
    }
    at = table.set_index(["tumor", "region"])
    assert at.loc[("K059", "R10"), "ki67"] == pytest.approx(0.007170258)
    assert at.loc[("K059", "R13"), "metastasising_clone"] == 0
    # A name without its tumour is joined where the patient has that region once, and nowhere where it has it twice.
    assert at.loc[("K071_1", "R1"), "necrosis"] == 0
    assert at.loc[["K114_L", "K114_R", "K334_L"], "necrosis"].isna().all()


def test_distances_between_regions_of_renal_tumours_are_those_of_their_places():
    pairs = datasets.renal_pairs()
    assert len(pairs) == 6118
    places = datasets.renal_regions().set_index(["tumor", "region"])[["x", "y"]]
    ends = [places.loc[list(zip(pairs["tumor"], pairs[name], strict=True))].to_numpy() for name in ("region", "other")]
    np.testing.assert_allclose(np.linalg.norm(ends[0] - ends[1], axis=1), pairs["distance"], atol=1e-6)
    squares = pairs["genomic_distance"] ** 2
    np.testing.assert_allclose(squares, squares.round(), atol=1e-6)


def test_a_table_of_another_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BAYESRG_DATA", str(tmp_path))
    (tmp_path / "glioma3d").mkdir()
    (tmp_path / "glioma3d" / "samples.csv").write_text("Patient\nP1\n")
    with pytest.raises(DataNotFoundError, match=r"has 1 rows and 1 columns; 'glioma3d/samples.csv' has 266 and 100"):
        datasets.glioma_biopsies()


@pytest.mark.parametrize(("name", "licence"), [("ivygap", "MIT"), ("tracerx_renal", "none stated")])
def test_licence_and_citation_are_stated(name: str, licence: str):
    data_set = datasets.about(name)
    assert data_set.licence.startswith(licence)
    assert "doi:" in data_set.citation
