"""Normalisation: the z-score by hand, over each reference, the same however the image is cropped or perturbed."""

import numpy as np
import pytest
import SimpleITK as sitk

from bayesrg.errors import RegionError, SettingsError
from bayesrg.imaging import Normalisation, Perturbation, ProcessingSettings, normalise, perturb, process
from bayesrg.settings import from_dict

Z_SCORE = Normalisation(method="z_score")


def make_head(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return an image [z, y, x] of a bright body in dark air, and the mask of a lesion in it."""
    rng = np.random.default_rng(seed)
    z, y, x = np.ogrid[:16, :20, :24]
    body = (z - 8) ** 2 / 49 + (y - 10) ** 2 / 64 + (x - 12) ** 2 / 100 <= 1
    image = np.where(body, rng.normal(600, 80, body.shape), rng.normal(8, 2, body.shape))
    return image, (z - 8) ** 2 + (y - 10) ** 2 + (x - 12) ** 2 <= 9


def make_pair(image: np.ndarray, mask: np.ndarray) -> tuple[sitk.Image, sitk.Image]:
    return sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask.astype(np.uint8))


def settings(**normalisation) -> ProcessingSettings:
    sections = {"normalisation": {"method": "z_score", **normalisation}, "crop": {"margin": 1.0}}
    return from_dict(ProcessingSettings, sections)


@pytest.mark.parametrize("reference", ["image", "foreground", "region"])
def test_the_reference_gets_mean_zero_and_deviation_one(reference):
    image, mask = make_head()
    chosen = {"image": np.ones_like(mask), "foreground": image >= image.mean(), "region": mask}[reference]
    result = normalise(image, mask, Normalisation(method="z_score", reference=reference))
    np.testing.assert_allclose([result[chosen].mean(), result[chosen].std()], [0, 1], atol=1e-12)
    np.testing.assert_allclose(result, (image - image[chosen].mean()) / image[chosen].std(), rtol=1e-12)


def test_over_the_image_it_is_simpleitks_but_for_the_degrees_of_freedom():
    image, mask = make_head()
    peer = sitk.GetArrayFromImage(sitk.Normalize(sitk.GetImageFromArray(image)))
    np.testing.assert_allclose(
        normalise(image, mask, Z_SCORE), peer * np.sqrt(image.size / (image.size - 1)), rtol=1e-9
    )


def test_the_foreground_is_the_body():
    image, mask = make_head()
    wide = np.pad(image, 12, constant_values=8.0)
    inside = (slice(12, -12),) * 3
    own = normalise(image, mask, Normalisation(method="z_score", reference="foreground"))
    padded = normalise(wide, np.pad(mask, 12), Normalisation(method="z_score", reference="foreground"))
    np.testing.assert_allclose(padded[inside], own, atol=1e-12)
    assert np.abs(normalise(wide, np.pad(mask, 12), Z_SCORE)[inside] - normalise(image, mask, Z_SCORE)).max() > 1


def test_any_unit_of_the_scanner_gives_the_same():
    image, mask = make_head()
    for reference in ("image", "foreground", "region"):
        chosen = Normalisation(method="z_score", reference=reference, outlier_sigma=2.0)
        np.testing.assert_allclose(normalise(0.3 * image + 40, mask, chosen), normalise(image, mask, chosen), atol=1e-9)


def test_outliers_are_set_to_the_limit_before_scaling():
    image, mask = make_head()
    image[0, 0, 0], image[0, 0, 1] = 1e5, np.inf
    result = normalise(image, mask, Normalisation(method="z_score", scale=100.0, outlier_sigma=3.0))
    assert result[0, 0, 0] == result[0, 0, 1] == 300.0
    free = normalise(image, mask, Z_SCORE)
    assert free[0, 0, 0] > 3
    np.testing.assert_allclose(result[1:], 100 * np.clip(free[1:], -3, 3))


def test_nan_and_infinity_outside_the_region_do_not_count():
    image, mask = make_head()
    expected = normalise(image[1:], mask[1:], Z_SCORE)
    image[0] = np.nan
    image[0, 0, 0] = -np.inf
    result = normalise(image, mask, Z_SCORE)
    np.testing.assert_allclose(result[1:], expected)
    assert np.isnan(result[0, 1:]).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_whole_numbers_do_not_overflow(dtype):
    image = np.arange(256, dtype=np.float64).reshape(4, 8, 8).astype(dtype)
    result = normalise(image, image > 0, Z_SCORE)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, (image.astype(float) - 127.5) / np.std(np.arange(256)), rtol=1e-12)


def test_without_a_method_the_image_is_untouched():
    image, mask = make_head()
    assert normalise(image, mask, Normalisation()) is image


def test_the_chain_normalises_first_and_cropping_changes_nothing():
    image, mask = make_head()
    pair = make_pair(image, mask)
    sections = {
        "normalisation": {"method": "z_score", "outlier_sigma": 1.0},
        "interpolation": {"spacing": [1.5, 1.5, 1.5], "image": "cubic_bspline"},
        "resegmentation": {"range": [-1.0, 1.2]},
    }
    whole = process(*pair, from_dict(ProcessingSettings, {**sections, "crop": {"extent": "image"}}))
    small = process(*pair, from_dict(ProcessingSettings, {**sections, "crop": {"margin": 0.0}}))
    for name in ("intensity", "level"):
        np.testing.assert_allclose(
            whole[name].values[whole.morphological_mask.values],
            small[name].values[small.morphological_mask.values],
            atol=1e-9,
        )
    # Clipping comes before the spline, which overshoots the limits; were it the other way round, nothing would.
    assert whole.intensity.max() > 1.0
    by_hand = process(
        *make_pair(np.clip((image - image.mean()) / image.std(), -1, 1), mask),
        from_dict(ProcessingSettings, {**sections, "normalisation": {}, "crop": {"extent": "image"}}),
    )
    np.testing.assert_allclose(whole.intensity, by_hand.intensity, atol=1e-12)


@pytest.mark.parametrize("reference", ["image", "foreground"])
def test_perturbed_images_are_normalised_by_the_whole_image(reference):
    image, mask = make_pair(*make_head())
    wanted = settings(reference=reference)
    shifted, region, rest = perturb(image, mask, Perturbation(translation=(1.0, 0.0, 0.0)), wanted, seed=1)
    assert shifted.GetSize() != image.GetSize()
    assert rest.normalisation == Normalisation()
    found, expected = process(shifted, region, rest), process(image, mask, wanted)
    for one in (found, expected):
        assert one.morphological_mask.sum() == sitk.GetArrayViewFromImage(mask).sum()
    np.testing.assert_allclose(
        found.intensity.values[found.morphological_mask.values],
        expected.intensity.values[expected.morphological_mask.values],
        atol=1e-9,
    )


@pytest.mark.parametrize(
    ("image", "reference", "message"),
    [
        (np.full((3, 4, 5), 7.0), "image", r"over the image divides by .*the 60 intensities there are all 7\. Choose"),
        (np.arange(60.0).reshape(3, 4, 5) // 59, "foreground", r"over the foreground .* the 1 intensities"),
        (np.arange(60.0).reshape(3, 4, 5) // 59, "region", r"over the region .*are all 0"),
        (np.full((3, 4, 5), np.nan), "image", "found no finite intensity"),
        (1e300 * np.arange(60.0).reshape(3, 4, 5), "image", r"from 0 to 5\.9e\+301, whose standard deviation cannot"),
    ],
    ids=["constant image", "constant foreground", "constant region", "nothing finite", "too large"],
)
def test_what_has_no_deviation_is_refused(image, reference, message):
    mask = np.zeros(image.shape, dtype=bool)
    mask[1, 1:3, 1:3] = True
    with pytest.raises(RegionError, match=message):
        normalise(image, mask, Normalisation(method="z_score", reference=reference))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"method": "z-score"}, r'did you mean "z_score"'),
        ({"scale": 100}, 'scale belongs to method = "z_score", but method = "none"; remove scale'),
        ({"outlier_sigma": 3}, "outlier_sigma belongs to"),
        ({"reference": "region"}, "reference belongs to"),
        ({"method": "z_score", "scale": 0}, "scale must be a positive number; found 0"),
        ({"method": "z_score", "outlier_sigma": -3}, "outlier_sigma must be a positive number"),
        ({"method": "z_score", "refrence": "image"}, "did you mean 'reference'"),
    ],
)
def test_what_cannot_be_meant_is_refused(section, message):
    with pytest.raises(SettingsError, match=message):
        from_dict(ProcessingSettings, {"normalisation": section})
