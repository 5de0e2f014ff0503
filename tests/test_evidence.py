"""The evidence of every model in models/ is there, is about the model as it is now, and says what the code does."""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bayesrg.inference.diagnosis import ESS, R_HAT
from bayesrg.inference.provenance import describe, hash_dataset
from bayesrg.models import IndependentSds, PooledStability, Stability, agreement, association, multi_region
from bayesrg.models.families import FAMILIES
from bayesrg.models.layout import FACETS, Layout
from bayesrg.models.stability import CONDITIONS
from bayesrg.prior import Prior
from bayesrg.simulation import Calibration

MODELS = Path(__file__).resolve().parents[1] / "models"
FOLDERS = sorted(folder.name for folder in MODELS.iterdir() if folder.is_dir())


@dataclass(frozen=True)
class Shipped:
    """What a folder in models/ is the evidence of.

    Parameters
    ----------
    tables : heading in the card's section on priors -> what has the priors below it; no heading is the whole section
    meaning : estimand -> what it is
    data_sets : those of the reference at least
    model : as it is shipped; None where every design of the calibration has one of its own
    """

    tables: Mapping[str, tuple[Any, ...]]
    meaning: Mapping[str, str]
    data_sets: frozenset[str]
    model: Any = None


REPLICATED = frozenset({"balanced", "unbalanced"})
SHIPPED = {
    "association": Shipped(
        {f"`{name}`": (family(),) for name, family in FAMILIES.items()},
        association.MEANING,
        frozenset({*FAMILIES, "ordinal_category_slopes", "bernoulli_rare", "bernoulli_separated", "bernoulli_groups"}),
    ),
    "multi_region": Shipped(
        {"": (multi_region.MultiRegionPriors(),)},
        multi_region.MEANING,
        frozenset({"matern32", "graph", "exchangeable", "correlated"}),
    ),
    "pooled_stability": Shipped({"": (PooledStability(),)}, agreement.MEANING, REPLICATED, PooledStability()),
    "stability": Shipped({"": (Stability(), IndependentSds())}, agreement.MEANING, REPLICATED, Stability()),
}
# Of all draws of a design's fits at most this share may diverge: simulated parameters reach further into the tails than
# data do, and one draw in 100,000 moves no rank. `diagnostics` lists the divergences of each data set.
DIVERGENT = 1e-5
# All estimands of these designs are multiples of a slope: they have its ranks, and equal ranks are kept once.
MULTIPLES = {("association", "student_t")}
NAMES = sorted(SHIPPED)


def read(name: str, file: str) -> str:
    return (MODELS / name / file).read_text(encoding="utf-8")


def load_script(name: str, file: str) -> ModuleType:
    spec = spec_from_file_location(f"{name}_{file}", MODELS / name / f"{file}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def priors_in(thing: Any) -> dict[str, Prior]:
    """Every prior of a model, by the name of its field."""
    found: dict[str, Prior] = {}
    for field in fields(thing):
        value = getattr(thing, field.name)
        if isinstance(value, Prior):
            found[field.name] = value
        elif is_dataclass(value):
            found |= priors_in(value)
    return found


def model_of(name: str, design: str) -> Any:
    """The model that a design is calibrated with."""
    shipped = SHIPPED[name].model
    return load_script(name, "make_calibration").model_of(design) if shipped is None else shipped


def designs_of(name: str) -> dict[str, Any]:
    """Results of a calibration by design; none where there is no file, which a test of its own finds."""
    path = MODELS / name / "calibration.json"
    return json.loads(path.read_text(encoding="utf-8"))["designs"] if path.exists() else {}


def without_reasons(description: Any) -> Any:
    """A model's description as far as its density depends on it."""
    if isinstance(description, Mapping):
        return {key: without_reasons(value) for key, value in description.items() if key != "why"}
    return [without_reasons(value) for value in description] if isinstance(description, list) else description


def test_every_model_has_evidence_and_every_evidence_a_model():
    assert set(FOLDERS) == set(SHIPPED)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file", ["card.md", "plain.py", "reference.json", "calibration.json"])
def test_files_are_there(name: str, file: str):
    assert (MODELS / name / file).stat().st_size > 0


@pytest.mark.parametrize("name", NAMES)
def test_nothing_unfinished_is_left(name: str):
    assert list((MODELS / name).glob("*.partial.jsonl")) == []


@pytest.mark.parametrize("name", NAMES)
def test_plain_model_does_not_know_bayesrg(name: str):
    imported = [
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(read(name, "plain.py")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    assert imported
    assert not [module for module in imported if module and module.startswith("bayesrg")]


# The card


@pytest.mark.parametrize("name", NAMES)
def test_card_has_its_sections(name: str):
    sections = re.findall(r"^## (.+)$", read(name, "card.md"), flags=re.MULTILINE)
    assert {"Mathematics", "Priors", "Estimands", "When not to use it", "Evidence", "References"} <= set(sections)


@pytest.mark.parametrize("name", NAMES)
def test_card_gives_every_prior_and_its_reason_in_the_codes_words(name: str):
    section = re.split(r"^## ", read(name, "card.md").split("\n## Priors\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    tables = SHIPPED[name].tables
    parts = dict(part.split("\n", 1) for part in re.split(r"^### ", section, flags=re.MULTILINE)[1:])
    assert "" in tables or set(parts) == set(tables)
    for heading, things in tables.items():
        rows = [line for line in (parts[heading] if heading else section).splitlines() if line.startswith("| `")]
        priors = {field: prior for thing in things for field, prior in priors_in(thing).items()}
        assert sorted(row.split("`")[1] for row in rows) == sorted(priors), heading
        for row in rows:
            prior = priors[row.split("`")[1]]
            assert row.endswith(f"| {prior} | {prior.why} |"), (heading, row)


@pytest.mark.parametrize("name", NAMES)
def test_card_defines_every_estimand(name: str):
    card = read(name, "card.md")
    assert [estimand for estimand in SHIPPED[name].meaning if f"`{estimand}`" not in card] == []


def test_the_multi_region_card_defines_estimands_in_the_words_of_the_code():
    card = read("multi_region", "card.md")
    rows = {line.split("`")[1]: line for line in card.splitlines() if line.startswith("| `")}
    for estimand, meaning in SHIPPED["multi_region"].meaning.items():
        assert rows[estimand].endswith(f"| {meaning} |"), estimand


@pytest.mark.parametrize("name", NAMES)
def test_references_of_the_card_can_be_followed(name: str):
    references = read(name, "card.md").split("## References")[1].strip().splitlines()
    assert references
    for line in references:
        assert re.search(r"(doi:10\.\d{4,}/\S+|arXiv:\d{4}\.\d{5})$", line), line


def test_table_of_conditions_in_the_stability_card_is_what_the_code_does():
    card = read("stability", "card.md")
    header, _, *rows = re.findall(r"^\|.*\|$", card.split("icc = signal /")[1], flags=re.MULTILINE)[:10]
    conditions = [cell.strip() for cell in header.strip("|").split("|")][1:]
    assert conditions == list(CONDITIONS)
    table = {cells[0]: cells[1:] for cells in ([cell.strip() for cell in row.strip("|").split("|")] for row in rows)}
    script = load_script("stability", "make_calibration")
    for session in ("nested", "visit", "crossed"):
        layout = Layout(script.prepare("balanced", Stability(session=session)))
        for column, (condition, randomised) in enumerate(CONDITIONS.items()):
            signal, error = layout.partition(FACETS - randomised, randomised)
            for component in layout.facets:
                row = component
                if component == "session":
                    row = "session (crossed)" if session == "crossed" else "session (nested, visit)"
                expected = "signal" if component in signal else "error" if component in error else "–"
                assert table[row][column] == expected, (component, condition, session)


# The reference


@pytest.mark.parametrize("name", NAMES)
def test_reference_converged_and_says_how_it_was_made(name: str):
    reference = json.loads(read(name, "reference.json"))
    assert {"model", "data", "settings", "versions", "created", "datasets"} <= reference.keys()
    assert isinstance(reference["data"]["seed"], int)
    assert isinstance(reference["settings"]["seed"], int)
    assert {"python", "pymc"} <= reference["versions"].keys()
    assert datetime.fromisoformat(reference["created"]).tzinfo is not None
    assert SHIPPED[name].data_sets <= reference["datasets"].keys()
    for data_set in reference["datasets"].values():
        diagnostics = data_set["diagnostics"]
        assert diagnostics["max_r_hat"] < R_HAT
        assert min(diagnostics["min_ess_bulk"], diagnostics["min_ess_tail"]) > 10 * ESS
        assert diagnostics["divergences"] == 0
        for moments in data_set["posterior"].values():
            assert set(moments) == {"mean", "sd", "mcse_mean", "mcse_sd"}
            # A reference is more exact than what is compared with it.
            assert moments["mcse_mean"] < 0.02 * moments["sd"]


# The calibration

CALIBRATED = [(name, design) for name in NAMES for design in designs_of(name)]


@pytest.fixture(scope="module")
def results() -> dict[tuple[str, str], Calibration]:
    return {
        (name, design): Calibration.from_dict(content) for name in NAMES for design, content in designs_of(name).items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_calibration_says_how_it_was_made(name: str):
    content = json.loads(read(name, "calibration.json"))
    assert content["command"] in read(name, "card.md")
    assert len(content["designs"]) >= 3


@pytest.mark.parametrize(("name", "design"), CALIBRATED)
def test_calibration_is_of_the_model_and_design_as_they_are(
    results: dict[tuple[str, str], Calibration], name: str, design: str
):
    settings = results[name, design].settings
    model = model_of(name, design)
    assert without_reasons(settings["model"]) == without_reasons(describe(model))
    prepared = load_script(name, "make_calibration").prepare(design, model)
    assert settings["design"]["sha256"] == hash_dataset(prepared.drop_vars("value"))


@pytest.mark.parametrize(("name", "design"), CALIBRATED)
def test_calibration_passes_its_bands(results: dict[tuple[str, str], Calibration], name: str, design: str):
    result = results[name, design]
    assert len(result.ranks) == result.settings["n"] >= 500
    assert result.draws >= 99
    assert (result.diagnostics["min_ess"] >= result.draws).all()
    assert result.diagnostics["divergences"].sum() <= DIVERGENT * result.diagnostics["draws"].sum()
    checked = result.check(json.loads(read(name, "calibration.json"))["false_alarm"])
    assert checked["inside"].all(), checked[~checked["inside"]].to_string()


@pytest.mark.parametrize(("name", "design"), CALIBRATED)
def test_calibration_ranks_more_than_parameters(results: dict[tuple[str, str], Calibration], name: str, design: str):
    kinds = {str(quantity).partition("[")[0] for quantity in results[name, design].ranks}
    assert "log_likelihood" in kinds
    assert bool(kinds & SHIPPED[name].meaning.keys()) != ((name, design) in MULTIPLES)
