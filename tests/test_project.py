"""The project's papers agree with each other and with the code: README, citation, and what CI runs."""

import re
import subprocess
from pathlib import Path

import pytest

import bayesrg
from bayesrg import datasets

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def ci_steps() -> dict[str, str]:
    """Return the commands that CI runs, by the name of the step."""
    listed = subprocess.run(["bash", ".ci/run", "--list"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return dict(line.split(": ", 1) for line in listed.splitlines())


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_readme_sets_up_with_two_commands_that_ci_runs():
    promised = code_blocks("sh")[0].splitlines()
    assert promised == ["pip install uv && uv run bayesrg demo", "pip install uv && uv run pytest"]
    steps = ci_steps()
    assert steps["tests"] == promised[1]
    assert steps["demo"].startswith(f"{promised[0]} --out ")


def test_ci_runs_every_check():
    always = ["lint", "format", "types", "tests", "demo", "documentation"]
    studies = [f"case study {path.stem}" for path in sorted((ROOT / "case_studies").glob("*.py"))]
    assert list(ci_steps()) == always + (studies if datasets.folder() else [])


@pytest.mark.parametrize("example", code_blocks("python"))
def test_readme_examples_use_public_names(example: str):
    imported = re.search(r"^from bayesrg import (.+)$", example, flags=re.MULTILINE)
    assert imported is not None
    names = imported.group(1).split(", ")
    assert set(names) <= set(bayesrg.__all__)
    assert len(example.splitlines()) <= 20
    for room, name in re.findall(r"\b(cohort|datasets|genomics|imaging)\.(\w+)\(", example):
        assert hasattr(getattr(bayesrg, room), name)


@pytest.mark.data
def test_readme_example_of_a_cohort_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    exec(code_blocks("python")[1], {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cohort.html", "cohort_files", "oncoplot.svg"]


def test_readme_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if not link.startswith("https://") and not (ROOT / link).exists()] == []


def test_citation_names_this_version():
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert f"version: {bayesrg.__version__}" in lines
    assert "license: Apache-2.0" in lines


def test_changelog_opens_with_this_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0] == bayesrg.__version__
