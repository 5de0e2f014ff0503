"""The settings file: complete, explained by the docstrings, and read back as the settings that it was made of."""

import re
from dataclasses import dataclass, fields

import pytest

from bayesrg.imaging import Discretisation
from bayesrg.radiomics import Glcm, Settings, read_settings
from bayesrg.radiomics.modality import MODALITIES, ibsi_settings, settings_for
from bayesrg.radiomics.settings_file import read_documentation, write_settings
from bayesrg.settings import from_dict

UNUSUAL = from_dict(
    Settings,
    {
        "crop": {"extent": "image", "margin": 1e-7, "unit": "voxel"},
        "normalisation": {"method": "z_score", "reference": "region", "scale": 1e300, "outlier_sigma": 0.1 + 0.2},
        "interpolation": {"spacing": [1 / 3, "keep", 2], "image": "nearest", "mask": "nearest"},
        "resegmentation": {"range": [-float("inf"), 0.1]},
        "discretisation": {"method": "fixed_bin_size", "width": 1e-3, "minimum": -5},
        "glcm": {"offsets": [[0, 0, 1], [1, -1, 0]], "weighting": "gaussian", "norm": "manhattan"},
        "features": {"families": ["glcm", "statistics"], "names": ["glcm_*", '*_m[ea"\\\x7fäß\t]*n']},
    },
)
WRITTEN = {
    "defaults": Settings(),
    "unusual": UNUSUAL,
    **{modality: settings_for(modality, spacing=2) for modality in MODALITIES},
    **{f"IBSI {name}": ibsi_settings(name) for name in ("A", "B", "C", "D", "E", "digital")},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_reads_back_the_same(tmp_path, name):
    path = tmp_path / "settings.toml"
    path.write_text(write_settings(WRITTEN[name], heading="Why.\n\nBecause."), encoding="utf-8")
    assert read_settings(path) == WRITTEN[name]
    assert read_settings(path).content_hash == WRITTEN[name].content_hash


def test_every_section_and_key_is_there_below_what_it_means():
    lines = write_settings(Settings()).splitlines()
    flat = " ".join(line.removeprefix("# ") for line in lines)
    for section in fields(Settings):
        kind = type(getattr(Settings(), section.name))
        summary, documented = read_documentation(kind)
        assert f"[{section.name}]" in lines
        assert " ".join(summary.split("\n\n")[0].split()) in flat
        assert list(documented) == [key.name for key in fields(kind)]
        for name, text in documented.items():
            assert len(text.split()) > 2
            assert " ".join(text.split()) in flat
            assert any(re.match(rf"(# )?{name} = ", line) for line in lines)


def test_keys_that_are_not_set_are_commented_out():
    text = write_settings(Settings())
    assert "# spacing = (not set)\n" in text
    assert "\nspacing" not in text
    assert "\nspacing = [2.0, 2.0, 2.0]\n" in write_settings(settings_for("CT", spacing=2))


def test_lines_are_short_and_plain():
    for settings in WRITTEN.values():
        lines = write_settings(settings, heading="x " * 200).splitlines()
        assert max(map(len, lines)) <= 100
        assert all(line == line.rstrip() for line in lines)
        assert not any("`" in line for line in lines)


def test_the_heading_stands_at_the_top():
    assert write_settings(Settings(), heading="One.\n\nTwo.").startswith("# One.\n#\n# Two.\n\n# How much")
    assert write_settings(Settings()).startswith("# How much")


def test_names_that_are_documented_together():
    @dataclass(frozen=True)
    class Pair:
        """Two lines
        of summary.

        More.

        Attributes
        ----------
        first, second
            Both, ``"a"`` or `b`:

            and more.
        third
            The last.
        """

        first: int = 1
        second: int = 1

    summary, keys = read_documentation(Pair)
    assert summary == "Two lines\nof summary.\n\nMore."
    assert keys["first"] == keys["second"] == 'Both, "a" or b:\n\nand more.'


def test_the_comments_are_the_docstrings():
    text = write_settings(Settings())
    for kind, phrase in ((Glcm, "An offset and its opposite make"), (Discretisation, "IBSI advises against")):
        assert phrase in " ".join((kind.__doc__ or "").split())
        assert phrase in " ".join(line.removeprefix("# ") for line in text.splitlines())
