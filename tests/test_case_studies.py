"""Case studies are valid percent-format notebooks; that they run is what `.ci/run` shows."""

import ast
from pathlib import Path

import jupytext
import pytest

CASE_STUDIES = sorted((Path(__file__).parents[1] / "case_studies").glob("*.py"))


def body(text: str) -> str:
    """Return a percent-format script from its first cell on."""
    return text[text.index("# %%") :]


def test_there_are_case_studies():
    assert "stability_sarcoma" in [study.stem for study in CASE_STUDIES]


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
