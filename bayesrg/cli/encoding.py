"""The command that encodes a genomic file."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from bayesrg.cli import modalities
from bayesrg.cli.outcome import DONE, check_out, warnings_told

if TYPE_CHECKING:
    import xarray as xr

ENCODE = {
    "mutations": modalities.encode_mutations,
    "copy-number": modalities.encode_copy_number,
    "expression": modalities.encode_expression,
    "methylation": modalities.encode_methylation,
}
"""The function of each modality."""


def run_encode(options: Namespace) -> int:
    """Encode one genomic file and write it."""
    from bayesrg.storage import check_suffix, write_dataset

    check_suffix(options.out)
    check_out(
        options.out, *(value for name, value in vars(options).items() if name != "out" and isinstance(value, Path))
    )
    with warnings_told():
        data = ENCODE[options.modality](options)
        written = write_dataset(data, options.out, variable=options.variable)
    print(f"{_describe(data)}\nwritten to {written}")
    return DONE


def _describe(data: "xr.Dataset") -> str:
    """Return a line for each variable: its dims, and how much of it is missing."""
    lines = []
    for name, variable in data.data_vars.items():
        sizes = " x ".join(f"{size} {dim}s" for dim, size in variable.sizes.items())
        missing = int(variable.isnull().sum()) if variable.dtype.kind == "f" else 0
        lines.append(f"{name}: {sizes}" + (f", {missing} of {variable.size} values missing" if missing else ""))
    return "\n".join(lines)
