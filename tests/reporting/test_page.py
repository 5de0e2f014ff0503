"""The page as HTML: complete, offline, escaped, accessible."""

import base64
import hashlib
import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

SECTIONS = [
    "verdict",
    "question",
    "model",
    "data",
    "priors",
    "icc",
    "variances",
    "coefficients",
    "prediction",
    "diagnostics",
    "sensitivity",
    "methods",
    "record",
]
PAGES = ("full", "log", "rank_normal", "failed")
LOADING = ("src", "srcset", "data", "poster", "action", "formaction", "background", "manifest")


@pytest.mark.parametrize("name", PAGES)
def test_every_section_is_there_in_order_and_linked(pages, name):
    main = pages[name].one("main")
    assert [section.attributes["id"] for section in main.children] == SECTIONS
    links = [link.attributes["href"] for link in pages[name].one("nav").all("a")]
    assert links == [f"#{section}" for section in SECTIONS]
    for section in main.children:
        assert section.attributes["aria-labelledby"] == section.one("h2").attributes["id"]
        assert len(section.words) > 60


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_loaded_from_anywhere(pages, name):
    elements = [pages[name], *every(pages[name])]
    assert {e.name for e in elements} & {"link", "img", "iframe", "object", "embed", "video", "audio", "base"} == set()
    for element in elements:
        assert not set(LOADING) & element.attributes.keys(), element
        assert not [key for key in element.attributes if key.startswith("on")], element
        address = element.attributes.get("href") or element.attributes.get("xlink:href") or "#"
        assert address.startswith(("#", "https://", "data:text/csv;charset=utf-8,")), address
        assert element.name == "a" or address.startswith("#")
    text = "".join(style.text for style in pages[name].all("style"))
    assert not re.search(r"@import|url\((?!#)", text)
    rules = pages[name].all("meta")[1].attributes["content"]
    assert rules.startswith("default-src 'none'")


@pytest.mark.parametrize("name", PAGES)
def test_the_only_script_is_the_one_that_the_policy_names(pages, name):
    script = pages[name].one("script").text
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in pages[name].all("meta")[1].attributes["content"]


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_unique_and_references_find_them(pages, name):
    elements = every(pages[name])
    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in elements:
        wanted = (element.attributes.get("aria-labelledby") or "").split()
        href = element.attributes.get("href") or element.attributes.get("xlink:href") or ""
        wanted += [href[1:]] if href.startswith("#") else []
        wanted += [
            place for value in element.attributes.values() if value for place in re.findall(r"url\(#([^)]+)\)", value)
        ]
        assert set(wanted) <= set(ids), wanted


def test_what_comes_from_data_is_escaped_everywhere(written, pages, hostile):
    html = written["full"].read_text(encoding="utf-8")
    assert hostile["script"] not in html
    assert hostile["feature"] not in html
    assert hostile["unit"] not in html
    assert html.count("<script>") == 1
    assert hostile["feature"] in pages["full"].one("h1").words
    assert hostile["script"] in pages["full"].one("div", id="table-cells").words
    assert hostile["unit"] in pages["full"].one("section", id="coefficients").words
    for file in folder_of(written["full"]).glob("*.svg"):
        assert hostile["script"] not in file.read_text(encoding="utf-8")


def test_a_dollar_sign_in_a_label_is_a_dollar_sign(pages):
    assert "scanner $x_1$" in pages["full"].one("figure", id="figure-prediction_spread").one("svg").words


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_says_what_it_shows_in_words_with_numbers(pages, name):
    figures = pages[name].all("figure")
    assert len(figures) >= 8
    for figure in figures:
        svg = figure.one("svg")
        title, description = svg.one("title"), svg.one("desc")
        assert svg.attributes["role"] == "img"
        assert svg.attributes["aria-labelledby"] == f"{title.attributes['id']} {description.attributes['id']}"
        assert len(re.findall(r"\d", description.text)) >= 2, description.text
        assert len(description.words) > 60
        assert svg.all("text"), "text was turned into outlines"


@pytest.mark.parametrize("name", PAGES)
def test_tables_have_headings_and_scroll_in_their_own_place(pages, name):
    for place in pages[name].all("div", class_="table"):
        scroll = place.one("div", class_="scroll")
        assert scroll.attributes["tabindex"] == "0"
        rows = scroll.all("tr")
        assert {len(row.children) for row in rows} == {len(rows[0].children)}
        assert {cell.name for cell in rows[0].children} == {"th"}
        assert all(row.children[0].attributes["scope"] == "row" for row in rows[1:])


@pytest.mark.parametrize("name", PAGES)
def test_headings_descend_without_a_gap(pages, name):
    levels = [int(e.name[1]) for e in every(pages[name]) if re.fullmatch("h[1-6]", e.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("name", PAGES)
def test_tables_can_be_taken_from_the_page_itself(written, pages, name):
    for link in pages[name].all("a", class_="download"):
        beside = folder_of(written[name]) / link.attributes["download"]
        assert unquote(link.attributes["href"].partition(",")[2]) == beside.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_figures_are_also_files(written, pages, name):
    names = {figure.attributes["id"].removeprefix("figure-") for figure in pages[name].all("figure")}
    files = {file.stem: file for file in folder_of(written[name]).glob("*.svg")}
    assert files.keys() == names
    for file in files.values():
        root = ElementTree.fromstring(file.read_bytes())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "metadata" not in file.read_text(encoding="utf-8")


def folder_of(page: Path) -> Path:
    return page.parent / f"{page.stem}_files"


def every(element):
    return [part for child in element.children for part in [child, *every(child)]]
