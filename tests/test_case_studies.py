"""Case studies are valid percent-format notebooks; that they run is what `.ci/run` shows."""

import ast
import re
from pathlib import Path

import jupytext
import pytest

CASE_STUDIES = sorted((Path(__file__).parents[1] / "case_studies").glob("*.py"))


def body(text: str) -> str:
    """Return a percent-format script from its first cell on."""
    return text[text.index("# %%") :]


def test_there_are_case_studies():
    expected = {"stability_sarcoma", "stability_prostate", "stability_phantom", "stability_pooling"}
    assert expected <= {study.stem for study in CASE_STUDIES}


@pytest.fixture(params=CASE_STUDIES, ids=lambda study: study.stem)
def study(request):
    return request.param


def test_notebook_and_script_are_the_same_text(study):
    text = study.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    assert notebook.metadata["jupytext"]["formats"] == "py:percent"
    # The header apart, in which jupytext notes its own version.
    assert body(jupytext.writes(notebook, fmt="py:percent")) == body(text)


def test_notebook_is_prose_and_code_that_parses(study):
    cells = jupytext.read(study, fmt="py:percent").cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert len(code) >= 5
    assert all(ast.parse(source).body for source in code)
    assert not [source for source in code if source.lstrip().startswith(("%", "!"))]


def test_notebook_can_be_run_in_small(study):
    assert '"--small" in sys.argv' in study.read_text(encoding="utf-8")


def test_study_writes_below_its_own_name(study):
    text = study.read_text(encoding="utf-8")
    assert f'Path("output/{study.stem}_small" if SMALL else "output/{study.stem}")' in text
    written = re.findall(r"(?:savefig|to_csv)\((.{9})", text)
    assert set(written) == {"OUTPUT / "}


@pytest.fixture(params=["stability_prostate", "stability_phantom", "stability_pooling"])
def cells(request):
    return jupytext.read(CASE_STUDIES[0].with_stem(request.param), fmt="py:percent").cells


def test_every_figure_has_a_caption_in_order(cells):
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    captions = re.findall(r"^\*Figures? (\d+)\. ", "\n\n".join(prose), flags=re.MULTILINE)
    saved = sum(cell.source.count("savefig(") for cell in cells if cell.cell_type == "code")
    assert captions == [str(number) for number in range(1, saved + 1)]


def test_study_says_first_what_it_can_teach_and_last_what_it_cannot(cells):
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert "**What this can teach, and what it cannot.**" in prose[0]
    assert prose[-1].startswith("What cannot be claimed.")


def test_conclusion_is_printed_from_what_was_computed(cells):
    start = next(place for place, cell in enumerate(cells) if "## Report and conclusion" in cell.source)
    printed = "\n".join(cell.source for cell in cells[start:] if cell.cell_type == "code")
    sentences = [node for node in ast.walk(ast.parse(printed)) if isinstance(node, ast.JoinedStr)]
    assert len([own for own in sentences if any(isinstance(part, ast.FormattedValue) for part in own.values)]) >= 6
    # A decimal or a percentage in the prose or in a sentence would be a result that was typed in; these are levels.
    fixed = [part.value for own in sentences for part in own.values if isinstance(part, ast.Constant)]
    prose = [cell.source for cell in cells[start:] if cell.cell_type == "markdown"]
    typed = {number for text in [*fixed, *prose] for number in re.findall(r"\d+\.\d+|\d+ %", text)}
    assert typed <= {"0.95", "95 %", "90 %"}
