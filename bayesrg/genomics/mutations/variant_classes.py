"""Words of mutation annotation files: which classes of variants alter a protein, and which types there are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Literal

import numpy as np
import xarray as xr

from bayesrg.errors import SettingsError

Variants = Literal["snv", "snv+indel"]


@dataclass(frozen=True)
class VariantClass:
    """One word of the column ``Variant_Classification``, and what it counts as.

    Attributes
    ----------
    name
        The word as the mutation annotation format spells it.
    nonsynonymous
        Whether the protein is altered, so that a gene with such a variant is mutated by default.
    coding
        Whether the variant lies in coding sequence or a splice site, so that it enters a burden of coding variants.
    meaning
        The word in plain language.
    """

    name: str
    nonsynonymous: bool
    coding: bool
    meaning: str


CLASSES: Mapping[str, VariantClass] = MappingProxyType(
    {
        name: VariantClass(name, nonsynonymous, coding, meaning)
        for name, nonsynonymous, coding, meaning in (
            ("Missense_Mutation", True, True, "another amino acid"),
            ("Nonsense_Mutation", True, True, "a new stop codon"),
            ("Nonstop_Mutation", True, True, "the stop codon is lost"),
            ("Translation_Start_Site", True, True, "the start codon is changed"),
            ("Splice_Site", True, True, "one of the two intronic bases beside an exon, or the exon's edge"),
            ("Frame_Shift_Del", True, True, "a deletion that shifts the reading frame"),
            ("Frame_Shift_Ins", True, True, "an insertion that shifts the reading frame"),
            ("In_Frame_Del", True, True, "a deletion of whole codons"),
            ("In_Frame_Ins", True, True, "an insertion of whole codons"),
            ("Start_Codon_SNP", True, True, "a substitution in the start codon (Oncotator)"),
            ("Start_Codon_Del", True, True, "a deletion in the start codon (Oncotator)"),
            ("Start_Codon_Ins", True, True, "an insertion in the start codon (Oncotator)"),
            ("Stop_Codon_Del", True, True, "a deletion in the stop codon (Oncotator)"),
            ("Stop_Codon_Ins", True, True, "an insertion in the stop codon (Oncotator)"),
            ("Silent", False, True, "the same amino acid"),
            ("Splice_Region", False, False, "within 3 to 8 intronic or 1 to 3 exonic bases of a splice site"),
            ("De_novo_Start_InFrame", False, False, "a new start codon before the gene's own, in frame (Oncotator)"),
            (
                "De_novo_Start_OutOfFrame",
                False,
                False,
                "a new start codon before the gene's own, out of frame (Oncotator)",
            ),
            ("5'UTR", False, False, "untranslated, before the start codon"),
            ("3'UTR", False, False, "untranslated, after the stop codon"),
            ("5'Flank", False, False, "before the gene; a promoter's variants are here"),
            ("3'Flank", False, False, "after the gene"),
            ("Intron", False, False, "within an intron"),
            ("RNA", False, False, "in a transcript that codes for no protein"),
            ("lincRNA", False, False, "in a long intergenic transcript that codes for no protein"),
            ("IGR", False, False, "between genes"),
            ("Targeted_Region", False, False, "in a targeted region, without further annotation"),
        )
    }
)
"""Every word that is known.

The nine nonsynonymous classes of the Genomic Data Commons' format
(https://docs.gdc.cancer.gov/Data/File_Formats/MAF_Format) are those that maftools counts (doi:10.1101/gr.239244.118);
Oncotator's words for changed start and stop codons are added, because they name what the format calls
``Translation_Start_Site`` and ``Nonstop_Mutation`` or an indel there. A splice site is no codon, but its loss alters
the protein; leave ``Splice_Site`` out of ``classes`` if only codons are to count.
"""

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "SNP": "a substitution of one base",
        "DNP": "a substitution of two adjacent bases",
        "TNP": "a substitution of three adjacent bases",
        "ONP": "a substitution of four or more adjacent bases",
        "INS": "an insertion",
        "DEL": "a deletion",
    }
)
"""Words of the column ``Variant_Type``."""

TYPE_SYNONYMS: Mapping[str, str] = MappingProxyType(
    {"SNV": "SNP", "DNV": "DNP", "MNP": "ONP", "MNV": "ONP", "INSERTION": "INS", "DELETION": "DEL"}
)
"""Other programs' words for the same types."""

COUNTED_TYPES: Mapping[Variants, frozenset[str]] = MappingProxyType(
    {"snv": frozenset({"SNP", "DNP", "TNP", "ONP"}), "snv+indel": frozenset(TYPES)}
)
"""Types that count under each option ``variants``.

Two or three adjacent bases changed together are one event and no insertion or deletion, and callers differ in whether
they report them as one variant or as several single ones: they count as substitutions, so that the choice of a caller
(or the ultraviolet light behind CC>TT) does not decide whether a gene is mutated.
"""

NONSYNONYMOUS = frozenset(name for name, one in CLASSES.items() if one.nonsynonymous)
"""Classes that count by default."""

CODING = frozenset(name for name, one in CLASSES.items() if one.coding)
"""Classes that lie in coding sequence or a splice site, silent ones included."""

FLAGS: Mapping[str, int] = MappingProxyType({name: number for number, name in enumerate(CLASSES, start=1)})
"""The value of each class in the variable ``variant_class``; 0 is no counted variant."""

MULTI_HIT = len(FLAGS) + 1
"""The value of several counted variants in one gene."""

_BY_FOLDED = {name.casefold().replace("_", "").replace("-", ""): name for name in CLASSES}
# Funcotator writes these two in capitals and a little otherwise.
_BY_FOLDED |= {"denovostartinframe": "De_novo_Start_InFrame", "denovostartoutframe": "De_novo_Start_OutOfFrame"}


def name_classes(data: xr.DataArray) -> np.ndarray:
    """Return the words that the values of ``variant_class`` stand for, as its attributes say; empty for none.

    Examples
    --------
    >>> name_classes(xr.DataArray([0.0, 2.0, np.nan], attrs={"flag_values": [0, 2], "flag_meanings": "none Nonsense"}))
    array(['', 'Nonsense', ''], dtype='<U8')
    """
    words = dict(zip(data.attrs["flag_values"], str(data.attrs["flag_meanings"]).split(), strict=True))
    values = np.nan_to_num(data.values, nan=0).astype(int)
    found, where = np.unique(values, return_inverse=True)
    return np.array([words[value] if value else "" for value in found.tolist()])[where].reshape(values.shape)


def find_class(word: str) -> str | None:
    """Return the known class that a word means, whatever its case, underscores and hyphens; None where there is none.

    Examples
    --------
    >>> find_class("MISSENSE_MUTATION"), find_class("missense")
    ('Missense_Mutation', None)
    """
    return _BY_FOLDED.get(_fold(word))


def nearest_class(word: str) -> str | None:
    """Return the known class that is spelt most like an unknown word; None where none is.

    Examples
    --------
    >>> nearest_class("Missense"), nearest_class("Missence_Mutation"), nearest_class("xyz") is None
    ('Missense_Mutation', 'Missense_Mutation', True)
    """
    near = get_close_matches(_fold(word), _BY_FOLDED, n=1, cutoff=0.6)
    return _BY_FOLDED[near[0]] if near else None


def find_type(word: str) -> str | None:
    """Return the known type that a word means, whatever its case; None where there is none.

    Examples
    --------
    >>> find_type("snv"), find_type("DEL"), find_type("CNV") is None
    ('SNP', 'DEL', True)
    """
    known = TYPE_SYNONYMS.get(word.upper(), word.upper())
    return known if known in TYPES else None


def choose_classes(classes: Collection[str] | None) -> frozenset[str]:
    """Return the classes that count: those given, by their known names, or the nonsynonymous ones.

    Raises
    ------
    SettingsError
        For a word that names no class, or none at all.

    Examples
    --------
    >>> sorted(choose_classes(["missense_mutation", "Nonsense_Mutation"]))
    ['Missense_Mutation', 'Nonsense_Mutation']
    """
    if classes is None:
        return NONSYNONYMOUS
    words = [classes] if isinstance(classes, str) else list(classes)
    if not words:
        raise SettingsError("classes is empty, so that no variant would count; name classes, or leave it out")
    for word in words:
        if find_class(word) is None:
            near = nearest_class(word)
            raise SettingsError(
                f"classes: {word!r} is no class of variants"
                + (f"; did you mean {near!r}?" if near else "")
                + f" Known are {', '.join(CLASSES)}"
            )
    return frozenset(found for word in words if (found := find_class(word)) is not None)


def choose_types(variants: str) -> frozenset[str]:
    """Return the types that count under the option ``variants``.

    Raises
    ------
    SettingsError
        For a word that is no such option.

    Examples
    --------
    >>> sorted(choose_types("snv"))
    ['DNP', 'ONP', 'SNP', 'TNP']
    """
    for option, types in COUNTED_TYPES.items():
        if variants == option:
            return types
    raise SettingsError(f"variants is {variants!r}; expected one of {', '.join(map(repr, COUNTED_TYPES))}")


def _fold(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "").replace(" ", "")
