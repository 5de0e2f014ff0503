"""ARCHITECTURE.md tells the truth: its inventory is the package, and rooms import only from rooms below them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "bayesrg"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

ROOMS = re.findall(r"^\d+\. `(\w+)`", ARCHITECTURE, flags=re.MULTILINE)
INVENTORY = re.findall(r"^- `(bayesrg/\S+)`: (.+)$", ARCHITECTURE, flags=re.MULTILINE)
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in PACKAGE.rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)
MODULES = [file for file in FILES if file.endswith(".py")]
NAMES_THAT_SAY_NOTHING = {"utils", "util", "base", "helpers", "helper", "common", "misc", "config", "tools", "core"}


def room_of(file: str) -> str:
    """Return the room of a package file: its folder, or its own name where it stands alone."""
    return Path(file).relative_to("bayesrg").parts[0].removesuffix(".py")


def imported_rooms(source: str, file: str) -> Iterator[str]:
    """Yield the room of every import of bayesrg in a module, also those in functions and under TYPE_CHECKING.

    Something imported from the package itself that is not a room comes out under its own name, which no rule permits.
    """
    package = Path(file).parent.parts
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*parents, *([node.module] if node.module else [])])
            targets = [f"{module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            targets = [node.args[0].value] if isinstance(node.args[0], ast.Constant) else []
        else:
            continue
        for target in targets:
            top, _, rest = target.partition(".")
            if top == "bayesrg" and rest != "__version__":
                yield rest.split(".")[0] or "bayesrg"


def forbidden_imports(source: str, file: str) -> list[str]:
    """Return what a module imports that is neither its own room nor a room below it."""
    room = room_of(file)
    allowed = set(ROOMS) if room == "__main__" else set(ROOMS[ROOMS.index(room) :])
    return [imported for imported in imported_rooms(source, file) if imported not in allowed]


def test_inventory_is_the_package():
    assert sorted(path for path, _ in INVENTORY) == FILES


def test_every_file_has_a_purpose():
    assert [path for path, purpose in INVENTORY if len(purpose.split()) < 3] == []


def test_every_room_has_its_place_in_the_order():
    assert len(ROOMS) == len(set(ROOMS))
    assert {room_of(file) for file in MODULES} - {"__init__", "__main__"} == set(ROOMS)


# The package's own __init__ names the public things of every room for type checkers and imports none of them itself.
@pytest.mark.parametrize("file", [file for file in MODULES if file != "bayesrg/__init__.py"])
def test_rooms_import_only_downwards(file: str):
    assert forbidden_imports((ROOT / file).read_text(encoding="utf-8"), file) == []


def test_package_imports_no_room_when_it_is_imported():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports if "bayesrg" in ast.unparse(node)] == []


@pytest.mark.parametrize("file", FILES)
def test_every_file_is_named_for_what_it_holds(file: str):
    assert not {part.split(".")[0] for part in Path(file).parts} & NAMES_THAT_SAY_NOTHING


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from bayesrg.models import Stability", ["models"]),
        ("import bayesrg.models.stability", ["models"]),
        ("from bayesrg import models", ["models"]),
        ("from bayesrg import fit", ["fit"]),
        ("import bayesrg", ["bayesrg"]),
        ("from ..models import stability", ["models"]),
        ("from .. import models", ["models"]),
        ("def late():\n    from bayesrg.models import Stability", ["models"]),
        ("if TYPE_CHECKING:\n    from bayesrg.models import Stability", ["models"]),
        ("importlib.import_module('bayesrg.models')", ["models"]),
        ("from bayesrg import __version__\nfrom bayesrg.imaging import read\nfrom . import glcm\nimport os", []),
    ],
)
def test_the_rule_sees_every_way_to_import(source: str, found: list[str]):
    assert forbidden_imports(source, "bayesrg/radiomics/extract.py") == found
