"""The page of features is what the code does."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def load():
    spec = importlib.util.spec_from_file_location("make_features", DOCS / "make_features.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date():
    assert load().make_page() == (DOCS / "features.md").read_text(encoding="utf-8"), (
        "run `uv run python docs/make_features.py`"
    )
