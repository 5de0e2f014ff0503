"""Words in mutation annotation files: genes, chromosomes, classes, types and builds, each brought to one spelling."""

import re
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError
from bayesrg.genomics.chromosomes import LENGTHS, name_build, name_chromosome
from bayesrg.genomics.genes import is_spoilt
from bayesrg.genomics.mutations.tab_separated import TextColumns
from bayesrg.genomics.mutations.variant_classes import CLASSES, TYPES, find_class, find_type, nearest_class

NO_GENE = frozenset({"", ".", "-", "---", "NA", "NaN", "nan", "Unknown", "unknown", "UNKNOWN", "None"})
"""Words that files write where a variant lies in no gene."""

STATED = "stated by the file"
ASKED_FOR = "as asked for, not stated by the file"

# Sequences of the assembly that are placed on no chromosome, or not on a position of one.
_CONTIG = re.compile(
    r"(?:chr)?(?:Un_)?(GL|KI|KB|KN|KQ|KV|KZ|ML|JH)\d+(\.\d+)?|\w+_\w+|NC_\d+(\.\d+)?|HLA-.+|hs\d+d\d+", re.IGNORECASE
)
_BASES = re.compile(r"[A-Za-z]+")
_TEXT = pd.StringDtype(na_value=np.nan)


def read_words(text: TextColumns, found: Mapping[str, str], classes: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns of a file that hold words, each checked and in its one spelling.

    Parameters
    ----------
    text
        Columns of a mutation annotation file.
    found
        The file's name for each of ``gene``, ``sample``, ``chromosome``, ``classification`` and, where it has them,
        ``reference``, ``first_allele``, ``alternative``, ``variant_type`` and ``protein_change``.
    classes
        The file's own words for classes of variants, and which of `variant_classes.CLASSES` each means.

    Returns
    -------
    pandas.DataFrame
        Text, missing where nothing is said, with the line of the file as index.

    Raises
    ------
    TableError
        A cell is empty where it must not be, no chromosome, an unknown word, or a gene that became a date.
    SettingsError
        ``classes`` names a class that is not known.
    """
    data: dict[str, np.ndarray] = {"gene": _read_genes(text, found["gene"])}
    data["sample"] = _translate(text, found["sample"], lambda word: word or None, "the name of a sample")
    data["chromosome"] = _translate(text, found["chromosome"], _name_chromosome, "a chromosome: 1 to 22, X, Y or MT")
    for what in ("reference", "alternative"):
        if what in found:
            # Without types alleles are needed; with them an empty cell is no more than missing.
            needed = "variant_type" not in found
            data[what] = _read_alleles(text, found[what], needed)
    if {"first_allele", "alternative", "reference"} <= found.keys():
        codes, words = text.words(found["first_allele"])
        first = np.array(words, dtype=object)[codes]
        # Some callers write the variant as the first allele and the reference as the second.
        swapped = (data["alternative"] == data["reference"]) & (first != data["reference"]) & (first != "")
        data["alternative"] = np.where(swapped, first, data["alternative"])
    data["classification"] = _read_classes(text, found["classification"], classes)
    if "variant_type" in found:
        data["variant_type"] = _translate(text, found["variant_type"], find_type, f"one of {', '.join(TYPES)}")
    else:
        data["variant_type"] = derive_types(data["reference"], data["alternative"])
    if "protein_change" in found:
        codes, words = text.words(found["protein_change"])
        data["protein_change"] = np.array([None if word in ("", ".", "NA") else word for word in words], object)[codes]
    return pd.DataFrame(
        {name: pd.array(values, dtype=_TEXT) for name, values in data.items()}, index=pd.Index(text.lines, name="line")
    )


def derive_types(reference: np.ndarray, alternative: np.ndarray) -> np.ndarray:
    """Return the type of each variant by the lengths of its alleles, where a file does not tell it.

    Examples
    --------
    >>> derive_types(np.array(["C", "CC", "-", "AT", "A"]), np.array(["T", "TT", "AG", "-", "ACG"])).tolist()
    ['SNP', 'DNP', 'INS', 'DEL', 'INS']
    """
    before, after = (
        np.array([len(base) if _BASES.fullmatch(base) else 0 for base in alleles])
        for alleles in (reference, alternative)
    )
    substituted = np.select([before == 1, before == 2, before == 3], ["SNP", "DNP", "TNP"], "ONP")
    return np.select([before == after, after > before], [substituted, "INS"], "DEL").astype(object)


def check_build(text: TextColumns, column: str | None, build: str | None) -> tuple[str, str]:
    """Return the build that a file's positions are in, or are asked to be in where it does not say; and which of both.

    The second text is `STATED` or `ASKED_FOR`; both are empty where nobody says.

    Raises
    ------
    TableError
        The file mixes builds, or is of another one than was asked for.
    """
    asked = "" if build is None else name_build(str(build).strip())
    source = ASKED_FOR if asked else ""
    if column is None:
        return asked, source
    codes, words = text.words(column)
    names = np.array([name_build(word) for word in words], dtype=object)
    said = [name for name in dict.fromkeys(names.tolist()) if name not in ("", ".", "NA")]
    cells = np.array(words, dtype=object)[codes]
    if asked and any(name != asked for name in said):
        text.refuse(
            column, ~np.isin(names, [asked, "", ".", "NA"])[codes], cells, f"build {asked}, which was asked for"
        )
    if len(said) > 1:
        counts = pd.Series(names[codes]).value_counts()
        usual = str(counts.index[0])
        text.refuse(
            column,
            (names != usual)[codes],
            cells,
            f"one build, as in the other {counts.iloc[0]:,} rows ({usual}); lift the rows over, or take them out",
        )
    return (said[0], STATED) if said else (asked, source)


def check_ends(text: TextColumns, column: str, table: pd.DataFrame, build: str) -> None:
    """Refuse variants that end beyond their chromosome in a build whose lengths are known.

    Most positions lie on a chromosome of either build, so that this finds few files of the wrong one.

    Raises
    ------
    TableError
        A variant ends beyond its chromosome.
    """
    if build not in LENGTHS:
        return
    # The mitochondrion that UCSC's hg19 came with (NC_001807) is longer by two than that of both builds.
    lengths = {**LENGTHS[build], "MT": 16_571}
    codes, words = pd.factorize(table["chromosome"])
    length = np.array([lengths.get(str(word), np.inf) for word in words])[codes]
    end = table["end"].to_numpy()
    beyond = end > length
    if beyond.any():
        names = table["chromosome"].to_numpy()
        found = np.full(len(table), "", dtype=object)
        for row in np.flatnonzero(beyond):
            found[row] = f"{end[row]} on chromosome {names[row]} of {length[row]:.0f} bases"
        text.refuse(column, beyond, found, f"an end on the chromosome in build {build}; is the file of another build?")


def _name_chromosome(word: str) -> str | None:
    """Return bayesrg's name of a chromosome; a sequence that is placed on none keeps the name it has."""
    return name_chromosome(word) or (word if _CONTIG.fullmatch(word) else None)


def _read_genes(text: TextColumns, column: str) -> np.ndarray:
    codes, words = text.words(column)
    spoilt = np.array([is_spoilt(word) for word in words], dtype=bool)
    if spoilt.any():
        text.refuse(
            column,
            spoilt[codes],
            np.array(words, dtype=object)[codes],
            "a gene's symbol, not the date or number that a spreadsheet program made of it; take the file as it was "
            "before",
        )
    return np.array([None if word in NO_GENE else word for word in words], dtype=object)[codes]


def _read_alleles(text: TextColumns, column: str, needed: bool) -> np.ndarray:
    if needed:
        return _translate(text, column, lambda word: word or None, "an allele, - for none, as no column tells the type")
    codes, words = text.words(column)
    return np.array([word or None for word in words], dtype=object)[codes]


def _read_classes(text: TextColumns, column: str, own: Mapping[str, str]) -> np.ndarray:
    for word, name in own.items():
        if name not in CLASSES:
            near = nearest_class(name)
            raise SettingsError(
                f"classes: {word!r} is to mean {name!r}, which is no known "
                f"class{f'; did you mean {near!r}?' if near else ''}"
            )
    _, words = text.words(column)
    unknown = [word for word in words if word not in own and find_class(word) is None]
    near = {word: found for word in unknown if (found := nearest_class(word)) is not None}
    expected = f"one of {', '.join(CLASSES)}"
    if near:
        expected = (
            ", ".join(f"perhaps {found} for {word!r}" for word, found in near.items()) + "; known are " + expected[7:]
        )
    expected += "; or say what the file's words mean, such as classes={'missense': 'Missense_Mutation'}"
    return _translate(text, column, lambda word: own.get(word) or find_class(word), expected)


def _translate(text: TextColumns, column: str, translation: Callable[[str], str | None], expected: str) -> np.ndarray:
    """Return a column with each word translated; refuse the words of which the translation is None."""
    codes, words = text.words(column)
    names = np.array([translation(word) for word in words], dtype=object)
    bad = np.array([name is None for name in names], dtype=bool)
    if bad.any():
        text.refuse(column, bad[codes], np.array(words, dtype=object)[codes], expected)
    return names[codes]
