"""Chromosomes: one name for each, and how long each is in the two builds of the human genome that studies use.

Lengths are those of the primary assemblies as the Genome Reference Consortium released them (GenBank GCA_000001405.1
for GRCh37, also called hg19, and GCA_000001405.15 for GRCh38, also called hg38; the mitochondrion is NC_012920.1 in
both). They sum to 3,095,677,412 and 3,088,269,832 base pairs without the mitochondrion.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError

Build = Literal["GRCh37", "GRCh38"]

CHROMOSOMES = (*map(str, range(1, 23)), "X", "Y", "MT")
"""The names that are used inside bayesrg, in their order."""

_GRCH37 = (
    249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431, 135534747,
    135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983, 63025520,
    48129895, 51304566, 155270560, 59373566, 16569,
)  # fmt: skip
_GRCH38 = (
    248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422,
    135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167,
    46709983, 50818468, 156040895, 57227415, 16569,
)  # fmt: skip

LENGTHS = MappingProxyType(
    {
        "GRCh37": MappingProxyType(dict(zip(CHROMOSOMES, _GRCH37, strict=True))),
        "GRCh38": MappingProxyType(dict(zip(CHROMOSOMES, _GRCH38, strict=True))),
    }
)
"""Base pairs of each chromosome by build."""

_OTHER_NAMES = {"23": "X", "24": "Y", "25": "MT", "M": "MT", "MTDNA": "MT", "NC_012920.1": "MT"}
# RefSeq's accessions of the human chromosomes, such as NC_000007.14, as NCBI's annotation names them.
_ACCESSION = re.compile(r"NC_0000(0[1-9]|1\d|2[0-4])\.\d+")
BUILDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "GRCh36": ("36", "36.1", "36.3", "hg18", "ncbi36", "grch36"),
        "GRCh37": ("37", "37.1", "hg19", "grch37", "b37", "hs37d5", "grch37-lite"),
        "GRCh38": ("38", "hg38", "grch38", "b38"),
    }
)
"""Names, in lower case, under which builds of the human genome go."""


def name_chromosomes(labels: Any) -> pd.Series:
    """Return chromosomes by the names ``1`` … ``22``, ``X``, ``Y``, ``MT``, and NaN for any other label.

    A leading ``chr``, blanks on either side, and ``23``, ``24``, ``25`` and ``M`` for X, Y and MT are understood,
    and so are RefSeq's accessions (``NC_000007.14``).

    Examples
    --------
    >>> name_chromosomes(["chr7", " 23", "M", "GL000220.1"]).tolist()
    ['7', 'X', 'MT', nan]
    """
    given = pd.Series(labels, dtype=object)
    known = {label: name_chromosome(str(label)) or np.nan for label in pd.unique(given)}
    return given.map(known)


def name_chromosome(label: str) -> str | None:
    """Return the name of one chromosome as `name_chromosomes` has it, or None."""
    bare = label.strip()
    accession = _ACCESSION.fullmatch(bare)
    if accession:
        bare = accession[1].lstrip("0")
    if bare[:3].lower() == "chr":
        bare = bare[3:]
    bare = bare.removesuffix(".0").upper()
    bare = _OTHER_NAMES.get(bare, bare)
    return bare if bare in CHROMOSOMES else None


def rank_chromosomes(names: Any) -> np.ndarray:
    """Return each chromosome's place in the order 1 … 22, X, Y, MT, from 0.

    Raises
    ------
    KeyError
        A name is not one that `name_chromosomes` returns.

    Examples
    --------
    >>> rank_chromosomes(np.array(["10", "X", "2"])).tolist()
    [9, 22, 1]
    """
    place = {name: rank for rank, name in enumerate(CHROMOSOMES)}
    codes, unique = pd.factorize(pd.Series(names, dtype=object))
    return np.array([place[name] for name in unique], dtype=np.int64)[codes]


def name_build(word: str) -> str:
    """Return the Consortium's name of a human genome build; any other word as it is.

    Examples
    --------
    >>> name_build("hg19"), name_build("37"), name_build("GRCm38")
    ('GRCh37', 'GRCh37', 'GRCm38')
    """
    return next((name for name, known in BUILDS.items() if word.casefold() in known), word)


def choose_build(build: str) -> Build:
    """Return the build that a name means, of those whose `LENGTHS` are known.

    Raises
    ------
    SettingsError
        The name is of neither.

    Examples
    --------
    >>> choose_build("hg19")
    'GRCh37'
    """
    match name_build(str(build)):
        case "GRCh37" | "GRCh38" as found:
            return found
        case _:
            raise SettingsError(f"build is {build!r}; expected GRCh37 (hg19) or GRCh38 (hg38)")
