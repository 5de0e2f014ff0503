"""What a paper must state of a fit: model, priors and reasons, seeds, settings, versions, and a hash of the data."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.prior import Prior

PACKAGES = (
    "bayesrg",
    "pymc",
    "pytensor",
    "nutpie",
    "arviz",
    "numpy",
    "scipy",
    "xarray",
    "numba",
    "SimpleITK",
    "pandas",
    "formulaic",
    "statsmodels",
    "zarr",
)


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a result depends on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def now() -> str:
    """The time in UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def hash_dataset(data: xr.Dataset) -> str:
    """SHA-256 of names, dims, types and values of every variable and coordinate; attributes are left out."""
    digest = hashlib.sha256()
    for name in sorted(map(str, data.variables)):
        variable = data[name]
        values = np.asarray(variable.values)
        content = "\x1f".join(map(str, values.ravel())).encode() if values.dtype.kind in "OUT" else values.tobytes()
        digest.update(f"{name}|{variable.dims}|{values.shape}|{values.dtype.kind}|".encode() + content)
    return digest.hexdigest()


def describe(thing: Any) -> Any:
    """A model, its options and priors as JSON can hold them; dataclasses carry their class name under ``"is"``."""
    if isinstance(thing, Prior):
        return {"is": "Prior", **thing.to_dict()}
    if is_dataclass(thing):
        return {"is": type(thing).__name__} | {f.name: describe(getattr(thing, f.name)) for f in fields(thing)}
    if isinstance(thing, tuple | list):
        return [describe(item) for item in thing]
    return thing


def rebuild(description: Any, classes: Mapping[str, type]) -> Any:
    """The model that `describe` described, from a fixed registry of classes: a file never names an import path.

    Raises
    ------
    FitError
        For a class that is not in the registry, or whose options are not those of this version.
    """
    if isinstance(description, list):
        return tuple(rebuild(item, classes) for item in description)
    if not isinstance(description, Mapping) or "is" not in description:
        return description
    name = description["is"]
    if name not in classes:
        raise FitError(f"the file was fitted with {name!r}, which this version does not know; pass model=… yourself")
    try:
        return classes[name](**{key: rebuild(value, classes) for key, value in description.items() if key != "is"})
    except TypeError as problem:
        raise FitError(f"the file was fitted with another version's {name} ({problem}): fit again") from problem


def read_json(attributes: Mapping[Any, Any], name: str) -> Any:
    """An attribute that was stored as JSON.

    Raises
    ------
    FitError
        If it is absent.
    """
    if name not in attributes:
        raise FitError(f"this is not a bayesrg fit: it has no {name!r} in its provenance")
    return json.loads(attributes[name])
