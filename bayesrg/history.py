"""What was done to a Dataset, a line a step, in the attribute ``history`` that the CF conventions name for it."""

import hashlib
from pathlib import Path

import xarray as xr

DIGITS = 12
"""Hexadecimal digits of a file's SHA-256 that stand in a line."""


def step(name: str, /, source: Path | None = None, **settings: object) -> str:
    r"""Return the line that tells of one step.

    Parameters
    ----------
    name
        The function that did it.
    source
        The file that was read; its name and the beginning of its SHA-256 are told, its folder is not.
    **settings
        Options, as they were used.

    Examples
    --------
    >>> step("encode_mutations", variants="snv", minimum_depth=10)
    "encode_mutations: variants='snv', minimum_depth=10"
    """
    told = []
    if source is not None:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        told.append(f"{source.name} (sha256 {digest[:DIGITS]})")
    told += [f"{key}={value!r}" for key, value in settings.items()]
    line = f"{name}: {', '.join(told)}" if told else name
    return " ".join(line.split())


def with_step(dataset: xr.Dataset, line: str, *previous: xr.Dataset | xr.DataArray) -> xr.Dataset:
    r"""Return the dataset with a history: what its inputs' histories say, each line once, and then this line.

    Examples
    --------
    >>> first = with_step(xr.Dataset(), "read_matrix: counts.tsv")
    >>> with_step(xr.Dataset(), "encode_expression: measure='tpm'", first).attrs["history"].splitlines()
    ['read_matrix: counts.tsv', "encode_expression: measure='tpm'"]
    """
    lines: list[str] = []
    for one in previous:
        lines += [old for old in str(one.attrs.get("history", "")).splitlines() if old and old not in lines]
    return dataset.assign_attrs(history="\n".join([*lines, line]))
