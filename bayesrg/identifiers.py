"""Names of patients and samples: TCGA barcodes, and names that differ although they may mean the same."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

SAMPLE_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "01": "primary solid tumour",
        "02": "recurrent solid tumour",
        "03": "primary blood derived cancer, peripheral blood",
        "04": "recurrent blood derived cancer, bone marrow",
        "05": "additional new primary",
        "06": "metastatic",
        "07": "additional metastatic",
        "08": "human tumour original cells",
        "09": "primary blood derived cancer, bone marrow",
        "10": "blood derived normal",
        "11": "solid tissue normal",
        "12": "buccal cell normal",
        "13": "EBV immortalised normal",
        "14": "bone marrow normal",
        "15": "sample type 15",
        "16": "sample type 16",
        "20": "control analyte",
        "40": "recurrent blood derived cancer, peripheral blood",
        "50": "cell lines",
        "60": "primary xenograft tissue",
        "61": "cell line derived xenograft tissue",
        "99": "sample type 99",
    }
)
"""Meaning of a barcode's sample type (https://gdc.cancer.gov/resources-tcga-users/tcga-code-tables/sample-type-codes)."""

_TCGA = re.compile(r"\s*tcga", re.IGNORECASE)
_BARCODE = re.compile(
    r"(?P<patient>TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})"
    r"(?:-(?P<type>\d{2})(?P<vial>[A-Z])?(?:-(?P<portion>\d{2})(?P<analyte>[A-Z])?(?:-[A-Z0-9]{4}(?:-[A-Z0-9]{2})?)?)?)?"
)


@dataclass(frozen=True)
class Barcode:
    """A TCGA barcode, read.

    Attributes
    ----------
    patient
        Project, tissue source site and participant, such as ``TCGA-AB-2988``.
    sample
        With sample type and vial, such as ``TCGA-AB-2988-03A``; None where the barcode names a patient only.
    sample_type
        Two digits, as `SAMPLE_TYPES` explains; None where the barcode names a patient only.
    """

    patient: str
    sample: str | None = None
    sample_type: str | None = None

    @property
    def is_normal(self) -> bool:
        """Whether the sample is normal tissue, or a control, of which nothing about a tumour can be learnt."""
        return self.sample_type is not None and self.sample_type[0] in "12"


def parse_barcode(text: str) -> Barcode | None:
    """Return what a TCGA barcode says, or None for any other text.

    Capital letters are part of a barcode: ``TCGA-Ht-7467`` is none, but a near miss of one.

    Examples
    --------
    >>> parse_barcode("TCGA-AB-2988-03A-01D-0739-09").sample
    'TCGA-AB-2988-03A'
    >>> parse_barcode("TCGA-HT-7467").sample is None
    True
    >>> parse_barcode("P303") is None
    True

    References
    ----------
    https://docs.gdc.cancer.gov/Encyclopedia/pages/TCGA_Barcode/
    """
    found = _BARCODE.fullmatch(text)
    if found is None:
        return None
    patient, kind, vial = found["patient"], found["type"], found["vial"] or ""
    return Barcode(patient) if kind is None else Barcode(patient, f"{patient}-{kind}{vial}", kind)


def near_misses(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """Return groups of different labels that may mean the same, each group and the list of them sorted.

    Alike are labels that differ in case, white space, separators (or in having any), leading zeros, letters that look
    alike in other scripts, a ``.0`` that a spreadsheet appended, or one letter after the last digit; and a TCGA barcode
    of a sample in another spelling beside its patient.

    Examples
    --------
    >>> near_misses(["TCGA-HT-7467", "TCGA-Ht-7467", "TCGA-EZ-7264", "TCGA-EZ-7264A", "TCGA-CS-4938"])
    [('TCGA-EZ-7264', 'TCGA-EZ-7264A'), ('TCGA-HT-7467', 'TCGA-Ht-7467')]
    >>> near_misses(["P-01", "P1", "P11", "P2"])
    [('P-01', 'P1')]
    """
    groups: dict[tuple[str, ...], set[str]] = {}
    bare: dict[str, tuple[str, ...]] = {}
    different = set(labels)
    for label in different:
        key = _key(label)
        groups.setdefault(key, set()).add(label)
        if label.isalnum():
            bare[_bare(label)] = key
    if len(groups) == len(different) == len(bare) and not any(map(_ends_in_a_letter, groups)):
        return []
    # A letter at the end is dropped only where a label without it exists: P1a and P1b are two of a kind by themselves.
    for key in sorted(groups):
        if _ends_in_a_letter(key) and key[:-1] in groups:
            groups[key[:-1]] |= groups.pop(key)
    # A label without separators is like those that have its letters and digits: 1-11 and 11-1 are not like each other.
    for key in sorted(groups) if bare else ():
        others = {bare[_bare(label)] for label in groups[key] if _bare(label) in bare} - {key}
        for other in others & groups.keys():
            groups[other] |= groups.pop(key, set())
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)


def explain_near_miss(first: str, second: str) -> str:
    """Return in a few words what two labels that look alike differ in.

    Examples
    --------
    >>> explain_near_miss("TCGA-HT-7467", "TCGA-Ht-7467")
    'upper and lower case'
    >>> explain_near_miss("TCGA-EZ-7264", "TCGA-EZ-7264A")
    'one letter at the end'
    """
    if "".join(first.split()) == "".join(second.split()):
        return "white space"
    if first.casefold() == second.casefold():
        return "upper and lower case"
    if _latin(first) == _latin(second):
        return "letters of another script"
    if _key(first)[:-1] == _key(second) or _key(second)[:-1] == _key(first):
        return "one letter at the end"
    if _words(first) == _words(second) or _bare(first) == _bare(second):
        return "separators"
    return "leading zeros, separators or case"


def spell_barcode(label: str) -> Barcode | None:
    """Return the TCGA barcode that a label is once its case, blanks and separators are mended, or None.

    Examples
    --------
    >>> spell_barcode("tcga.ab.2988.01a ").patient
    'TCGA-AB-2988'
    """
    return parse_barcode(re.sub(r"[._ ]+", "-", label.strip()).upper())


# Capital and small letters of the Cyrillic and Greek scripts that no eye tells from Latin ones.
_LOOK_ALIKE = str.maketrans("АВЕКМНОРСТХаеорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEKMHOPCTXaeopcyxABEZHIKMNOPTYXo")


def _latin(label: str) -> str:
    if label.isascii():
        return label
    return unicodedata.normalize("NFKC", label).translate(_LOOK_ALIKE)


def _plain(label: str) -> str:
    """Return a label without what no one sees or means."""
    plain = _latin(label).strip()
    return (re.sub(r"(?<=\d)\.0+$", "", plain) if "." in plain else plain).casefold()


def _bare(label: str) -> str:
    """Return the letters and digits of a label, without anything between them."""
    return "".join(re.findall(r"[^\W_]+", _plain(label)))


def _words(label: str) -> list[str]:
    """Return the runs of letters and the runs of digits, without case."""
    return re.findall(r"[^\W\d_]+|\d+", _plain(label))


def _key(label: str) -> tuple[str, ...]:
    """Return what stays of a label once everything in which near misses differ, but the last letter, is gone."""
    barcode = spell_barcode(label) if _TCGA.match(label) and parse_barcode(label) is None else None
    # A label of signs alone, such as "?", is alike to nothing but itself.
    words = _words(label if barcode is None else barcode.patient)
    return tuple(word.lstrip("0") if word.isdigit() else word for word in words) or (label,)


def _ends_in_a_letter(key: tuple[str, ...]) -> bool:
    return len(key) > 1 and len(key[-1]) == 1 and key[-1].isalpha() and not key[-2].isalpha()
