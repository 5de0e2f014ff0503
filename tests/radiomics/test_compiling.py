"""The user is told when kernels are compiled, and only then."""

import os
import subprocess
import sys

CODE = """
import numpy as np
import SimpleITK as sitk
from bayesrg.radiomics import Settings, extract
from bayesrg.settings import from_dict

voxels = sitk.GetImageFromArray(np.arange(27.0).reshape(3, 3, 3))
mask = sitk.GetImageFromArray(np.ones((3, 3, 3), np.uint8))
print(extract(voxels, mask, from_dict(Settings, {"features": {"families": ["statistics"]}}))["value"][0].item())
"""


def test_the_first_process_says_so_and_a_later_one_is_silent(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [run.stdout for run in runs] == ["13.0\n", "13.0\n"]
    assert runs[0].stderr.splitlines() == ["bayesrg: compiling statistics (seconds, once on this machine)"]
    assert runs[1].stderr == ""
