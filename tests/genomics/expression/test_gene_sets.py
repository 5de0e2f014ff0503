"""GMT files: read as they are found, written so that they read the same, and refused with the line that is damaged."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import TableError
from bayesrg.genomics.expression.gene_sets import GeneSets, read_gmt, write_gmt

SMALL = "FIRST\thttps://example.org\tTP53\tMDM2\nSECOND\t\tEGFR\tKRAS\tBRAF\t\t\n"
NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=12).map("G{}".format)


def write(folder: Path, text: str | bytes, name: str = "sets.gmt") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "data",
    [
        SMALL.encode(),
        gzip.compress(SMALL.encode(), mtime=0),
        b"\xef\xbb\xbf" + SMALL.encode(),
        SMALL.replace("\n", "\r\n\r\n").encode(),
    ],
    ids=["plain", "gzipped", "byte order mark", "Windows and empty lines"],
)
def test_sets_are_read_in_order_with_their_descriptions(tmp_path: Path, data: bytes):
    sets = read_gmt(write(tmp_path, data))
    assert dict(sets) == {"FIRST": ("TP53", "MDM2"), "SECOND": ("EGFR", "KRAS", "BRAF")}
    assert list(sets) == ["FIRST", "SECOND"]
    assert sets.descriptions == {"FIRST": "https://example.org", "SECOND": ""}
    assert sets.source == tmp_path / "sets.gmt"


@given(
    sets=st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=6, unique=True).map(tuple), min_size=1, max_size=5)
)
@pytest.mark.parametrize("name", ["sets.gmt", "sets.gmt.gz"])
def test_written_sets_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, name: str, sets: dict[str, tuple[str, ...]]
):
    described = GeneSets(sets, {key: f"about {key}" for key in sets})
    found = read_gmt(write_gmt(described, tmp_path_factory.mktemp("gmt") / name))
    assert found == described
    assert found.descriptions == described.descriptions


def test_gene_twice_in_a_set_counts_once_and_is_told(tmp_path: Path):
    with pytest.warns(UserWarning, match="more than once in set 'FIRST'"):
        assert read_gmt(write(tmp_path, "FIRST\t\tTP53\tMDM2\tTP53\n"))["FIRST"] == ("TP53", "MDM2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no gene set in it"),
        ("\n\n", "there is no gene set in it"),
        ("FIRST\t\tTP53\nSECOND TP53 MDM2\n", r"line 2: 'SECOND TP53 MDM2' has 1 of at least 3 fields"),
        ("FIRST\tdescription\t\t\n", "line 1: 'FIRST' has 2 of at least 3 fields"),
        ("\tdescription\tTP53\n", "line 1: the set has no name"),
        ("FIRST\t\tTP53\t\tMDM2\n", "line 1: field 4 of set 'FIRST' is empty"),
        ("FIRST\t\tTP53,1.0\n", "line 1: 'TP53,1.0' in set 'FIRST' is a gene with a weight"),
        ("FIRST\t\tTP53\n\nFIRST\t\tMDM2\n", "'FIRST' is in line 1 and again in line 3"),
        ("FIRST\t\tTP53\t1-Mar\n", "line 1, set 'FIRST': 1-Mar is not a gene"),
        (b"FIRST\t\t\xff\xfe\n", "could not be read"),
        (gzip.compress(SMALL.encode(), mtime=0)[:-12], "could not be read"),
        (gzip.compress(b"", mtime=0)[:10] + b"\xff" * 9, "could not be read: Error -3"),
    ],
)
def test_damaged_files_are_refused_with_the_line(tmp_path: Path, text: str | bytes, message: str):
    with pytest.raises(TableError, match=message):
        read_gmt(write(tmp_path, text))


def test_absent_file_is_named(tmp_path: Path):
    with pytest.raises(TableError, match=r"nowhere\.gmt: there is no such file"):
        read_gmt(tmp_path / "nowhere.gmt")


def test_sets_that_cannot_be_written_leave_the_file_as_it_was(tmp_path: Path):
    path = write(tmp_path, SMALL)
    with pytest.raises(TableError, match="has a tab or a line break"):
        write_gmt({"FIRST": ("TP53\tMDM2",)}, path)
    with pytest.raises(TableError, match="'FIRST' has no genes"):
        write_gmt({"FIRST": ()}, path)
    assert path.read_text() == SMALL
