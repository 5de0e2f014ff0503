"""Names of columns that no file can have: a stored Dataset keeps each variable in a folder of its name."""

import re
from collections.abc import Iterable

# Of a file's name on the common file systems.
_MOST_BYTES = 255

# What zarr calls its own file in each folder.
_TAKEN = {".": "_", "..": "__", "zarr.json": "zarr_json"}


def mend_names(names: Iterable[str]) -> dict[str, str]:
    r"""Return what to call the columns instead whose names no folder can have.

    Examples
    --------
    >>> mend_names(["age", "IDH/1p19q", "a\\b", ".."])
    {'IDH/1p19q': 'IDH_1p19q', 'a\\b': 'a_b', '..': '__'}
    """
    mended = {}
    for name in names:
        new = re.sub(r"[/\\\0]", "_", _TAKEN.get(name, name))
        new = new.encode()[:_MOST_BYTES].decode(errors="ignore")
        if new != name:
            mended[name] = new
    return mended
