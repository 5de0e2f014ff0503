"""Text that users wrote, such as reasons and names of files, without the identifiers of the people in it."""

import functools
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesrg.cohort import read_flow
from bayesrg.cohort.axes import SEPARATOR
from bayesrg.identifiers import parse_barcode
from bayesrg.samples import LEVELS

MASK = "…"
# Letters and digits from which on a label is looked for inside words too: P2 may be a part of the gene P2RX7, but
# TCGA-AB-2988 is no part of anything else.
LONG = 5
# Letters up to which a label of letters alone is looked for as it is written: a patient A is not the article.
FEW_LETTERS = 2
# Runs of letters and of digits; what stands between them differs from one spelling of a label to the next.
RUNS = re.compile(r"\d+|[^\W\d_]+")
# Text in quotation marks in a line of history; outside them numbers are settings and counts.
QUOTED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")


@dataclass(frozen=True)
class Mask:
    """What hides labels in text: whole labels, the longest first, in any of their usual spellings.

    Parameters
    ----------
    words : finds labels with a letter
    numbers : finds labels of digits alone, where they stand as a word
    """

    words: re.Pattern[str]
    numbers: re.Pattern[str]

    def hide(self, text: str) -> str:
        """Free text without labels.

        >>> text = "SMITH_J0.maf of 1002: see P7"
        >>> make_mask(["Smith, J0", "P 7", "1002"], [text]).hide(text)
        '….maf of …: see …'
        """
        return self.numbers.sub(MASK, self.hide_words(text))

    def hide_words(self, text: str) -> str:
        """Text without labels that have a letter; numbers in it are counts or parts of names."""
        return self.words.sub(MASK, text)

    def hide_history(self, line: str) -> str:
        """A line of history without labels, with its settings and counts.

        >>> line = "restrict: reason='without 14', units={'patient': 14}"
        >>> make_mask(["14"], [line]).hide_history(line)
        "restrict: reason='without …', units={'patient': 14}"
        """
        parts = QUOTED.split(self.hide_words(line))
        # Every second part was in quotation marks.
        return "".join(
            self.numbers.sub(MASK, part) if place % 2 else self._hide_unless_set(part)
            for place, part in enumerate(parts)
        )

    def _hide_unless_set(self, part: str) -> str:
        def write(found: re.Match[str]) -> str:
            return found[0] if part[: found.start()].endswith(("=", ": ")) else MASK

        return self.numbers.sub(write, part)


def make_mask(labels: Iterable[str], texts: Iterable[str]) -> Mask:
    """What hides these labels in these texts; the longest label that fits is hidden whole.

    Case, leading zeros and what separates letters from digits may differ from the label, as they do between tables and
    names of files.
    """
    told = "\n".join(_squeeze(text) for text in texts)
    found = {label for label in labels if label.strip() and _squeeze(label) in told}
    ordered = sorted(found, key=lambda label: (-len(label), label))
    numbers = [label for label in ordered if not any(sign.isalpha() for sign in label)]
    return Mask(_any_of(_pattern(label) for label in ordered if label not in numbers), _any_of(map(_number, numbers)))


def mask_people(cohort: xr.Dataset) -> xr.Dataset:
    """The same cohort without the labels of people in its free text: its flow, history, names of sources and units.

    The labels of its patients, tumours and regions themselves stay, and so do names of variables and genes.

    Raises
    ------
    TableError
        If the Dataset is no cohort.
    """
    steps, sources = read_flow(cohort), [str(source) for source in cohort["source"].values]
    gone = json.loads(cohort.attrs["left_out"])
    used = json.loads(cohort.attrs.get("identifiers", "[]"))
    history = str(cohort.attrs.get("history", ""))
    units = [str(one.attrs["units"]) for one in cohort.variables.values() if "units" in one.attrs]
    for name, one in cohort.coords.items():
        units += map(str, np.unique(one.values)) if str(name).endswith("_units") else []
    reasons = [why for step in steps for why, _ in step.left_out]
    texts = [*(step.title for step in steps), *reasons, *(one["why"] for one in gone), history, *units, *sources]
    mask = make_mask(_labels_of(cohort), texts)
    renamed = _rename(sources, mask)
    flow = [
        {
            "title": mask.hide(step.title) if place >= len(sources) else renamed.get(step.title, step.title),
            "counts": dict(step.counts),
            "left_out": [(mask.hide_words(why), n) for why, n in step.left_out],
        }
        for place, step in enumerate(steps)
    ]
    attrs = {
        "flow": flow,
        "left_out": [{**one, "why": mask.hide(one["why"])} for one in gone],
        "identifiers": [{**one, "source": renamed.get(one["source"], one["source"])} for one in used],
    }
    masked = cohort.copy().assign_attrs({key: json.dumps(one, ensure_ascii=False) for key, one in attrs.items()})
    masked.attrs["history"] = "\n".join(map(mask.hide_history, history.splitlines()))

    def rename(held: str) -> str:
        return SEPARATOR.join(renamed.get(one, one) for one in held.split(SEPARATOR))

    return _write_names(masked, rename, mask)


def _labels_of(cohort: xr.Dataset) -> set[str]:
    """Every label of a person, or of a part of one, that the cohort knows."""
    named = [one[key] for one in json.loads(cohort.attrs.get("identifiers", "[]")) for key in ("found", "meant")]
    named += [one["patient"] for one in json.loads(cohort.attrs["left_out"])]
    for level in LEVELS:
        if level in cohort.coords:
            named += cohort[level].values.tolist()
    labels = set(map(str, named))
    barcodes = [parse_barcode(label) for label in labels]
    return labels | {barcode.patient for barcode in barcodes if barcode is not None}


def _squeeze(text: str) -> str:
    """Letters and digits alone, without leading zeros: what all spellings of a label have in common."""
    return "".join(run.lstrip("0") or "0" if run.isdigit() else run for run in RUNS.findall(text.casefold()))


def _number(label: str) -> str:
    """The pattern of a label without letters: with or without leading zeros, and not within a decimal number."""
    bare = rf"0*{re.escape(label.lstrip('0') or '0')}" if label.isdigit() else re.escape(label)
    return rf"(?<![^\W_])(?<!\d\.){bare}(?![^\W_])(?!\.\d)"


def _pattern(label: str) -> str:
    """The pattern of a label with letters: its runs of letters and digits with what may stand between them."""
    spans = list(RUNS.finditer(label))
    parts = []
    for place, span in enumerate(spans):
        gap = span.start() - spans[place - 1].end() if place else 0
        between = rf"[\W_]{{0,{max(2, gap)}}}" if place else ""
        parts.append(between + (rf"0*{span[0].lstrip('0') or '0'}" if span[0].isdigit() else re.escape(span[0])))
    whole = "".join(parts)
    letters = "".join(span[0] for span in spans)
    if len(letters) < LONG:
        whole = rf"(?<![^\W_]){whole}(?![^\W_])"
        return whole if letters.isalpha() and len(letters) <= FEW_LETTERS else f"(?i:{whole})"
    before, after = (r"\d" if span[0].isdigit() else r"[^\W\d_]" for span in (spans[0], spans[-1]))
    return f"(?i:(?<!{before}){whole}(?!{after}))"


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    listed = list(patterns)
    return re.compile("|".join(listed) if listed else r"(?!)")


def _rename(sources: list[str], mask: Mask) -> dict[str, str]:
    """The new names of sources that name people; they stay apart."""
    renamed: dict[str, str] = {}
    taken = set(sources)
    for source in sources:
        name = plain = mask.hide_words(source)
        if name == source:
            continue
        number = 1
        while name in taken:
            number += 1
            name = f"{plain} ({number})"
        taken.add(name)
        renamed[source] = name
    return renamed


def _write_names(cohort: xr.Dataset, rename: Callable[[str], str], mask: Mask) -> xr.Dataset:
    """Write the new names of sources and units wherever a cohort has them; the Dataset is changed."""
    for one in cohort.variables.values():
        for key, write in (("source", rename), ("units", mask.hide_words)):
            if key in one.attrs:
                one.attrs[key] = write(str(one.attrs[key]))
    for name, one in list(cohort.coords.items()):
        write = rename if name == "source" or str(name).endswith("_source") else mask.hide_words
        if name == "source" or str(name).endswith(("_source", "_units")):
            told = functools.cache(write)
            cohort = cohort.assign_coords({str(name): (one.dims, [told(str(held)) for held in one.values], one.attrs)})
    return cohort
