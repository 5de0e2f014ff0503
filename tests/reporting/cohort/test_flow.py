"""The flow diagram: its numbers, its words, and lines that cross neither."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.cohort import Source, join, read_flow, restrict
from bayesrg.errors import TableError
from bayesrg.reporting.cohort import flow_diagram
from bayesrg.reporting.cohort.flow import flow_figure


def cohort_of(sources: int) -> xr.Dataset:
    """The first source has P0, the second P0 and P1, and so on."""
    tables = {f"source {k}": pd.DataFrame({"patient": [f"P{p}" for p in range(k + 1)]}) for k in range(sources)}
    return join({n: Source(t.assign(**{f"v{n[7:]}": 1.0}), "clinical") for n, t in tables.items()})


@pytest.mark.parametrize("sources", [1, 2, 3, 4, 7])
def test_every_source_and_step_is_there_with_its_numbers(sources):
    cohort = restrict(cohort_of(sources), sources=["source 0"], reason="In the first source")
    words = [text.get_text() for text in flow_diagram(cohort).axes[0].texts][1:]
    expected = [part for k in range(sources) for part in (f"source {k}", f"{k + 1} patient{'s' if k else ''}")]
    left = sources - 1
    said = f"{left} patient{'s' if left > 1 else ''}: not in source 0"
    assert words[: 2 * sources] == expected
    assert words[-2:] == ["In the first source", "1 patient"]
    joined = words.index("All sources joined")
    assert words[joined + 1] == f"{sources} patient{'s' if sources > 1 else ''}"
    assert (said in " ".join(words)) == (left > 0)


def test_lines_and_words_stay_apart(tangled):
    figure = flow_diagram(tangled)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    frame = figure.bbox
    assert all(box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= 0 and box.y1 <= frame.y1 for box in boxes)
    for number, one in enumerate(boxes):
        assert not [other for other in boxes[number + 1 :] if one.padded(-1).overlaps(other.padded(-1))]
    for line in axes.lines:
        points = axes.transData.transform(np.column_stack(line.get_data()))
        assert all(np.isclose(a, b).any() for a, b in pairwise(points))
        path = line.get_path().transformed(axes.transData)
        assert not [box for box in boxes if path.intersects_bbox(box, filled=False)]


def test_long_and_hostile_titles_are_whole_and_escaped(tangled):
    figure = flow_figure(tangled)
    assert "<script" not in figure.svg
    assert "\u202e" not in figure.svg
    words = "".join(text.get_text() for text in flow_diagram(tangled).axes[0].texts).replace(" ", "")
    assert "<script>document.title='takenover'</script>" in words
    for step in read_flow(tangled):
        for why, n in step.left_out:
            assert f"{n}patient" in words
            assert why.replace(" ", "") in words


def test_the_alternative_text_has_every_number(tangled):
    alt = flow_figure(tangled).alt
    steps = read_flow(tangled)
    for step in steps:
        for level, n in step.counts.items():
            assert f"{n} {level.replace('tumor', 'tumour')}" in alt
        for why, n in step.left_out:
            assert f"{n} patients: {why}" in alt


def test_units_that_leave_alone_stand_beside_the_arrow_with_their_reason():
    table = pd.DataFrame({"patient": ["P1", "P1", "P2"], "place": list("aba"), "purity": [0.9, 0.2, 0.1]})
    cohort = join({"biopsies": Source(table, "genome", region="place")})
    pure = cohort["genome"].sel(gene="purity") > 0.5
    cohort = restrict(cohort, where=pure, reason="Purity above a half")
    words = " ".join(text.get_text() for text in flow_diagram(cohort).axes[0].texts)
    assert "Left out 2 regions: not: Purity above a half" in words
    assert "0 patients" not in words
    assert "Left out: 2 regions: not: Purity above a half." in flow_figure(cohort).alt


def test_a_condition_is_told_by_the_reason_of_its_step():
    ages = pd.DataFrame({"patient": ["P1", "P2"], "age": [15, 50]})
    cohort = join({"clinical": Source(ages, "clinical")})
    cohort = restrict(cohort, where=cohort["age"] > 17, reason="Adults")
    assert "Left out: 1 patient: not: Adults." in flow_figure(cohort).alt


def test_a_dataset_that_is_no_cohort_is_refused():
    with pytest.raises(TableError, match="no cohort"):
        flow_diagram(xr.Dataset())
