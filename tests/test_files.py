"""Files appear whole, or not at all."""

import pytest

from bayesrg.files import replace_atomically


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "folder" / "table.csv"
    with replace_atomically(target) as unfinished:
        unfinished.write_text("old")

    def write_half():
        with replace_atomically(target) as unfinished:
            unfinished.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with replace_atomically(target) as unfinished:
        unfinished.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
