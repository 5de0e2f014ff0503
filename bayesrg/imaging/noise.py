"""The noise level of an image, estimated from its finest diagonal detail.

An image's structure is smooth over a few voxels and its noise is not, so the diagonal detail of a wavelet transform
(high-pass along x and along y) holds little but noise. Its median absolute value is then a robust estimate of the
noise's standard deviation: Donoho and Johnstone 1994 (doi:10.1093/biomet/81.3.425), Chang, Yu and Vetterli 2000
(doi:10.1109/83.862633). Zwanenburg et al. 2019 (doi:10.1038/s41598-018-36938-4) use it to perturb images.
"""

from statistics import NormalDist

import numpy as np
import scipy
from numpy.typing import NDArray

# High-pass filter of the Coiflet with two vanishing moments (Daubechies 1992, Ten Lectures on Wavelets, section 8.2),
# in closed form and of unit norm. It is blind to constant and linear intensity, which Haar's filter is not.
_ROOT = np.sqrt(7.0)
_LOW_PASS = np.array([1 - _ROOT, 5 + _ROOT, 14 + 2 * _ROOT, 14 - 2 * _ROOT, 1 - _ROOT, -3 + _ROOT]) / (
    16 * np.sqrt(2.0)
)
_HIGH_PASS = _LOW_PASS[::-1] * np.array([1, -1, 1, -1, 1, -1])

# Median of |z| for a standard normal z.
_NORMAL_MEDIAN_DEVIATION = NormalDist().inv_cdf(0.75)


def estimate_noise(intensity: NDArray[np.floating]) -> float:
    """Return the standard deviation of the white noise in an image, in the image's unit.

    The detail is taken in the x-y plane, because slices are often thicker than pixels are wide, and without decimation.
    Voxels whose neighbourhood is constant (padding, air cut off at zero) carry no noise and are left out, as are
    voxels near NaN or infinite ones. Noise that reconstruction has correlated over several voxels, as in positron
    emission tomography, is underestimated: the estimate is of the noise at the scale of one voxel.

    Parameters
    ----------
    intensity
        Array [z, y, x].

    Returns
    -------
    float
        Median of the absolute detail divided by 0.6745; 0 for an image that is constant everywhere.

    Sources
    -------
    Chang et al. 2000, equation 9; Coiflet 1 as in Zwanenburg et al. 2019, supplementary methods.
    """
    values = np.asarray(intensity, dtype=np.float64)
    detail = scipy.ndimage.convolve1d(values, _HIGH_PASS, axis=1, mode="reflect")
    detail = np.abs(scipy.ndimage.convolve1d(detail, _HIGH_PASS, axis=2, mode="reflect"))
    if min(values.shape[1:]) > _HIGH_PASS.size:
        # The reflected border repeats its own noise, which would pull the estimate down.
        rim = _HIGH_PASS.size // 2
        detail = detail[:, rim:-rim, rim:-rim]
    finite = np.isfinite(detail)
    if not finite.any():
        return 0.0
    # Rounding leaves about 1e-16 of the intensity in the detail of a constant.
    flat = 1e-12 * float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
    detail = detail[finite & (detail > flat)]
    if detail.size == 0:
        return 0.0
    return float(np.median(detail) / _NORMAL_MEDIAN_DEVIATION)
