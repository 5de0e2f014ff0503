"""Fits of four designs, and a reader of pages that needs nothing but the standard library."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference import Sampler, fit
from bayesrg.models import Stability
from bayesrg.reporting import report

FEATURE = "glcm_<b>contrast</b>_3d_averaged_of_a_name_that_is_longer_than_any_column_of_a_page_is_wide"
UNIT = "HU & <u>"
SCRIPT = "<script>document.title = 'taken over'</script>"
SUBJECT = "Zacharias-{}"
VOID = {"meta", "link", "img", "br", "hr", "input", "wbr", "source", "track", "embed", "area", "base", "col"}


@dataclass
class Element:
    """An element of a page, with its text and its children's."""

    name: str
    attributes: dict[str, str | None]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str, **attributes: str) -> list["Element"]:
        """Descendants of a name with these attributes, in order."""
        found = []
        for child in self.children:
            wanted = {key.rstrip("_"): value for key, value in attributes.items()}
            if child.name == name and wanted.items() <= child.attributes.items():
                found.append(child)
            found += child.all(name, **attributes)
        return found

    def one(self, name: str, **attributes: str) -> "Element":
        """The only descendant of a name with these attributes."""
        found = self.all(name, **attributes)
        assert len(found) == 1, f"{len(found)} elements {name} {attributes}"
        return found[0]

    @property
    def words(self) -> str:
        """The text with single spaces; no-break spaces are spaces."""
        return " ".join(self.text.split())


class Reader(HTMLParser):
    """Builds elements and insists that every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def read_page(path: Path) -> Element:
    """The document element of a page."""
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert [element.name for element in reader.open] == ["document"]
    return reader.open[0].one("html")


def full_table() -> pd.DataFrame:
    """Every facet, hostile labels, missing cells and missing values."""
    rng = np.random.default_rng(11)
    subjects, sessions, scanners, levels = 14, 2, 2, 3
    table = pd.DataFrame(
        list(np.ndindex(subjects, sessions, scanners, levels)), columns=["subject", "session", "scanner", "processing"]
    )
    effects = {"subject": (subjects, 20.0), "scanner": (scanners, 5.0), "processing": (levels, 4.0)}
    table[FEATURE] = 100 + 8 * rng.normal(size=len(table))
    for name, (count, sd) in effects.items():
        table[FEATURE] += sd * rng.normal(size=count)[table[name]]
    table["subject"] = [SUBJECT.format(number) for number in table["subject"]]
    table["scanner"] = np.array(["GE & Söhne", "$x_1$"])[table["scanner"]]
    table["processing"] = np.array([SCRIPT, "rotation_by_15_degrees_and_translation_by_0.25_voxels", '"quoted"'])[
        table["processing"]
    ]
    table = table.drop(rng.choice(len(table), 20, replace=False)).reset_index(drop=True)
    table.loc[[3, 30, 60], FEATURE] = np.nan
    return table


def small_table() -> pd.DataFrame:
    """Subjects in two preprocessings, positive values."""
    rng = np.random.default_rng(12)
    table = pd.DataFrame(list(np.ndindex(12, 2)), columns=["subject", "processing"])
    table["subject"] = [f"s{number}" for number in table["subject"]]
    table["volume"] = np.exp(3 + 0.4 * np.repeat(rng.normal(size=12), 2) + 0.1 * rng.normal(size=len(table)))
    return table


@pytest.fixture(scope="session")
def full() -> xr.DataTree:
    """A fit that converges, with all components."""
    model = Stability()
    names = {"subject": "subject", "session": "session", "scanner": "scanner", "preprocessing": "processing"}
    data = model.prepare(full_table(), features=FEATURE, unit=UNIT, **names)
    return fit(model, data, seed=21, progress=False)


@pytest.fixture(scope="session")
def small_fits() -> dict[str, xr.DataTree]:
    """Two levels of one facet: on the log scale, as normal scores, and a fit that fails its diagnostics."""
    model = Stability(thresholds=(0.8,))
    columns = {"features": "volume", "subject": "subject", "preprocessing": "processing"}
    data = {
        scale: model.prepare(small_table(), scale=scale, unit="mL", **columns)
        for scale in ("log", "rank_normal", "z_score")
    }
    sampler = Sampler(model, data["log"])
    fits = {
        scale: fit(model, data[scale], seed=22, sampler=sampler, progress=False) for scale in ("log", "rank_normal")
    }
    failed = fit(model, data["z_score"], seed=23, draws=20, tune=20, sampler=sampler, progress=False)
    assert failed["provenance"].attrs["verdict"].startswith("NOT CONVERGED")
    return {**fits, "failed": failed}


@pytest.fixture(scope="session")
def written(
    full: xr.DataTree, small_fits: dict[str, xr.DataTree], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The page of every fit, by name."""
    folder = tmp_path_factory.mktemp("reports")
    return {name: report(tree, folder / f"{name}.html") for name, tree in {"full": full, **small_fits}.items()}


@pytest.fixture(scope="session")
def pages(written: dict[str, Path]) -> dict[str, Element]:
    """The page of every fit as elements, by name."""
    return {name: read_page(path) for name, path in written.items()}


@pytest.fixture(scope="session")
def read() -> Callable[[Path], Element]:
    """Reads a page as elements."""
    return read_page


@pytest.fixture(scope="session")
def hostile() -> dict[str, str]:
    """The words in the full fit's data that a page must escape or hide."""
    return {"feature": FEATURE, "unit": UNIT, "script": SCRIPT, "subject": SUBJECT.format("")}


@dataclass(frozen=True)
class Many:
    """What the fit of many features is made of."""

    lost: str = "histogram_range"  # constant
    patchy: str = "statistics_mean"  # has missing values
    family: str = "own & <i>family</i>"
    caution: str = "values of <em>scanner</em> B have ten times the sd of those of A"


def many_table(many: Many) -> tuple[pd.DataFrame, list[str]]:
    """Features from good to bad, one of them with a hostile name, one constant, one with missing values."""
    rng = np.random.default_rng(31)
    table = pd.DataFrame(list(np.ndindex(12, 2, 2, 2)), columns=["subject", "session", "scanner", "processing"])
    names = [
        many.patchy,
        "statistics_variance",
        "histogram_mean",
        "histogram_entropy",
        "glcm_contrast_3d_averaged",
        "glcm_correlation_3d_averaged",
        "glcm_joint_entropy_3d_averaged",
        FEATURE,
        many.lost,
    ]
    levels = {"subject": 12, "session": 24, "scanner": 2, "processing": 2}
    place = {**{name: table[name] for name in levels}, "session": 2 * table["subject"] + table["session"]}
    for number, name in enumerate(names):
        sds = np.array([3.0 - 0.3 * number, 0.3 + 0.15 * number, 0.2 + 0.1 * number, 0.2])
        table[name] = 20 + 0.5 * rng.normal(size=len(table))
        for sd, (facet, count) in zip(sds, levels.items(), strict=True):
            table[name] += sd * rng.normal(size=count)[place[facet]]
    table[many.lost] = 1.0
    table.loc[rng.choice(len(table), 7, replace=False), many.patchy] = np.nan
    table["subject"] = [SUBJECT.format(number) for number in table["subject"]]
    table["scanner"] = np.array(["GE & Söhne", "$x_1$"])[table["scanner"]]
    table["processing"] = np.array([SCRIPT, "none"])[table["processing"]]
    return table, names


@pytest.fixture(scope="session")
def many() -> Many:
    """The words in the data of many features that a page must show, escape or report."""
    return Many()


@pytest.fixture(scope="session")
def many_fits(many: Many) -> dict[str, xr.DataTree]:
    """Fits of many features: a full one, the same where two features failed, and one of a single feature in a list."""
    table, names = many_table(many)
    model = Stability()
    columns = {"subject": "subject", "session": "session", "scanner": "scanner", "preprocessing": "processing"}
    named = {"unit": {FEATURE: UNIT}, "family": {FEATURE: many.family}}
    with pytest.warns(UserWarning, match="1 of 9 features are left out"):
        data = model.prepare(table, features=names, **columns, **named)
    cautious = data.assign_attrs(cautions=json.dumps([many.caution]))
    alone = model.prepare(table, features=names[1:2], **columns)
    fits = {
        "many": fit(model, cautious, seed=31, progress=False),
        "alone": fit(model, alone, seed=32, progress=False),
    }
    spoiled = fits["many"].copy(deep=True)
    spoiled["sample_stats"]["pareto_k"][1] = 1.3
    spoiled["sample_stats"]["pareto_k"][2] = 0.9
    return {**fits, "spoiled": spoiled}


@pytest.fixture(scope="session")
def many_written(many_fits: dict[str, xr.DataTree], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of every fit of many features, by name."""
    folder = tmp_path_factory.mktemp("many")
    return {name: report(tree, folder / f"{name}.html") for name, tree in many_fits.items()}


@pytest.fixture(scope="session")
def many_pages(many_written: dict[str, Path]) -> dict[str, Element]:
    """The page of every fit of many features as elements, by name."""
    return {name: read_page(path) for name, path in many_written.items()}
