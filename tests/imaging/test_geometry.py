"""A mask on another grid is refused with both geometries printed, and resampled only when asked."""

import numpy as np
import pytest
import SimpleITK as sitk

from bayesrg.errors import GeometryError, RegionError
from bayesrg.imaging import check_geometry, process, resample_mask

OBLIQUE = tuple(np.linalg.qr(np.array([[1.0, 0.2, 0.1], [-0.3, 1.0, 0.2], [0.1, -0.2, 1.0]]))[0].ravel())


def make_image(size=(6, 5, 4), spacing=(1.0, 1.5, 3.0), origin=(-7.0, 2.0, 40.0), direction=OBLIQUE) -> sitk.Image:
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    return image


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"size": (6, 5, 5)}, r"size +6 5 4 +6 5 5 +<- differs"),
        ({"spacing": (1.0, 1.5, 3.1)}, r"spacing +1 1\.5 3 +1 1\.5 3\.1 +<- differs"),
        ({"origin": (-7.0, 2.02, 40.0)}, r"origin +-7 2 40 +-7 2\.02 40 +<- differs"),
        ({"direction": (1, 0, 0, 0, 1, 0, 0, 0, 1)}, r"direction +\S.* 1 0 0 0 1 0 0 0 1 +<- differs"),
    ],
)
def test_every_part_of_the_geometry_counts(change: dict, row: str):
    with pytest.raises(GeometryError, match=row) as caught:
        check_geometry(make_image(), make_image(**change))
    assert all(name in str(caught.value) for name in ("size", "spacing", "origin", "direction"))
    assert all(mend in str(caught.value) for mend in ("resample_mask=True", "--resample-mask"))
    assert str(caught.value).count("<- differs") == 1
    with pytest.raises(GeometryError):
        process(make_image(), make_image(**change))


def test_single_precision_headers_pass():
    rounded = {
        "spacing": tuple(float(np.float32(width)) for width in (0.9765625 / 3, 1.1, 3.3)),
        "origin": tuple(float(np.float32(place)) for place in (-249.5117, 131.123456, -1024.3)),
        "direction": tuple(np.round(OBLIQUE, 6)),
    }
    exact = {"spacing": (0.9765625 / 3, 1.1, 3.3), "origin": (-249.5117, 131.123456, -1024.3), "direction": OBLIQUE}
    image, mask = make_image((512, 512, 300), **exact), make_image((512, 512, 300), **rounded)
    assert image.GetDirection() != mask.GetDirection()
    check_geometry(image, mask)


@pytest.mark.parametrize(("shift", "accepted"), [(0.0099, True), (0.0101, False)])
def test_the_tolerance_is_a_hundredth_of_the_smallest_voxel_edge(shift: float, accepted: bool):
    image = make_image(spacing=(2.0, 1.0, 3.0), origin=(0, 0, 0), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1))
    mask = make_image(spacing=(2.0, 1.0, 3.0), origin=(0, 0, shift), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1))
    if accepted:
        check_geometry(image, mask)
    else:
        with pytest.raises(GeometryError, match=r"up to 0\.0101 mm apart"):
            check_geometry(image, mask)


def test_thickness_counts_in_an_image_of_one_slice():
    with pytest.raises(GeometryError, match=r"spacing +1 1\.5 3 +1 1\.5 5"):
        check_geometry(make_image((6, 5, 1)), make_image((6, 5, 1), spacing=(1.0, 1.5, 5.0)))


@pytest.mark.parametrize("given", [sitk.Image([4, 4], sitk.sitkUInt8), sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3)])
def test_only_scalar_volumes(given: sitk.Image):
    with pytest.raises(
        GeometryError, match=r"The image has \d dimensions and \d components per voxel; expected 3 and 1"
    ):
        check_geometry(given, given)


def test_resampling_gives_each_voxel_the_nearest_label():
    image = sitk.Image([10, 10, 10], sitk.sitkFloat32)
    labels = np.zeros((5, 5, 5), dtype=np.uint8)
    labels[1, 2, 3], labels[2, 2, 3] = 7, 9
    mask = sitk.GetImageFromArray(labels)
    mask.SetSpacing((2.0, 2.0, 2.0))
    mask.SetOrigin((0.5, 0.5, 0.5))
    resampled = resample_mask(mask, image)
    check_geometry(image, resampled)
    expected = labels.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(resampled), expected)


def test_a_mask_elsewhere_is_refused():
    mask = make_image(origin=(500.0, 0.0, 0.0))
    mask[2, 2, 2] = 1
    with pytest.raises(RegionError, match=r"do not overlap(.|\n)*origin +-7 2 40 +500 0 0 +<- differs"):
        resample_mask(mask, make_image())
