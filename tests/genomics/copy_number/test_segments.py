"""Segments read from the formats that people have, and refused where they are damaged."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg import datasets
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.chromosomes import CHROMOSOMES, LENGTHS, choose_build, name_chromosomes
from bayesrg.genomics.copy_number.segment_table import COLUMNS, check_segments
from bayesrg.genomics.copy_number.segments import read_segments

SEG = "ID\tchrom\tloc.start\tloc.end\tnum.mark\tseg.mean\n"
CNS = "chromosome\tstart\tend\tgene\tlog2\tdepth\tprobes\tweight\n"


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="some.seg"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
        return path

    return write_file


@pytest.mark.data
def test_laml_segments_are_copies_minus_two():
    path = datasets.path("laml/LAML_CBS_segments.tsv.gz")
    with pytest.raises(TableError, match=r"column Seg\.CN: its name does not tell.*copy_number_minus_2"):
        read_segments(path)
    with pytest.raises(TableError, match=r"smallest value is -1\.29289, but a copy_number is never below 0"):
        read_segments(path, scale="copy_number")
    table = read_segments(path, scale="copy_number_minus_2", build="GRCh37")
    assert len(table) == 6_470
    assert table["sample"].nunique() == 191
    assert set(table["chromosome"]) == set(CHROMOSOMES[:23])
    # The algorithm that wrote the file capped log2 ratios at ±1.5.
    assert table["log2_ratio"].min() == pytest.approx(-1.5, abs=1e-5)
    assert table["log2_ratio"].max() == pytest.approx(1.5, abs=1e-5)
    assert "LAML_CBS_segments.tsv.gz (sha256" in table.attrs["history"]


@pytest.mark.data
def test_laml_segments_are_not_of_grch38():
    path = datasets.path("laml/LAML_CBS_segments.tsv.gz")
    with pytest.raises(TableError, match=r"line 5, column End\.bp: '242476062'.*beyond the end.*\(1542 of 6470 rows\)"):
        read_segments(path, scale="copy_number_minus_2", build="GRCh38")


@pytest.mark.data
def test_laml_seg_of_one_patient():
    table = read_segments(datasets.path("laml/TCGA.AB.3009.hg19.seg.txt"), build="hg19")
    assert len(table) == 818
    assert set(table["sample"]) == {"TCGA-AB-3009"}
    assert table.iloc[0].tolist() == ["TCGA-AB-3009", "1", 61735, 86341, 15.0, -0.683]
    assert tuple(table.columns) == COLUMNS


@pytest.mark.parametrize(
    "header",
    [
        "ID\tchrom\tloc.start\tloc.end\tnum.mark\tseg.mean",
        "'ID\tchrom\tloc.start\tloc.end\tnum.mark\tseg.mean",
        "Sample\tChromosome\tStart\tEnd\tNum_Probes\tSegment_Mean",
        "Sample\tChromosome\tStart.bp\tEnd.bp\tNum.Markers\tSeg.Mean",
        "#ID\tchr\tstart\tend\tmarkers\tlog2_ratio",
        '"Tumor_Sample_Barcode"\t"chrom"\t"loc.start"\t"loc.end"\t"num.mark"\t"seg.mean"',
        "Track Name\tChrom\tchromStart\tchromEnd\tn.probes\tmean log2",
    ],
)
def test_usual_names_of_columns(write, header):
    table = read_segments(write(f"{header}\nP1\tchr23\t10\t20\t3\t-0.5\n"))
    assert table.iloc[0].tolist() == ["P1", "X", 10, 20, 3.0, -0.5]


def test_separators_comments_rows_names_and_compression(write):
    expected = ["P1", "7", 10, 20, 3.0, 0.25]
    assert (
        read_segments(write("ID,chrom,start,end,num.mark,seg.mean\nP1,7,10,20,3,0.25\n")).iloc[0].tolist() == expected
    )
    assert (
        read_segments(write("ID chrom start end num.mark seg.mean\nP1 7 10 20 3 0.25\n")).iloc[0].tolist() == expected
    )
    row_names = SEG + '"1"\tP1\t 7 \t10\t20\t3\t0.25\n'
    assert read_segments(write("#genome hg19\n\n" + row_names, "x.seg.gz")).iloc[0].tolist() == expected


def test_a_comma_in_quotes_separates_nothing(write):
    path = write('ID,chrom,start,end,log2\n"A,B",1,1,100,0.1\n"C ""D""",1,1,100,0.2\n')
    assert read_segments(path)["sample"].tolist() == ["A,B", 'C "D"']
    path = write('ID chrom start end log2\n"A B"  1 1 100 0.1\n')
    assert read_segments(path)["sample"].tolist() == ["A B"]


def test_names_of_rows_are_told_from_a_field_too_many(write):
    header = "ID,chrom,start,end,log2\n"
    named = read_segments(write(header + "a,P1,1,1,9,0.1\nb,P1,2,1,9,0.1\n"))
    assert named["sample"].tolist() == ["P1", "P1"]
    for rows in ("A,B,1,1,100,0.1\n", "A,B,1,1,9,0.1\nA,B,2,1,9,0.1\n", "A,B,1,1,9,0.1\nA,2,1,9,0.1\n"):
        with pytest.raises(TableError, match="line 2: 6 fields, but line 1 names 5 columns"):
            read_segments(write(header + rows))


def test_gatk_begins_with_lines_of_a_sam_header(write):
    text = "@HD\tVN:1.6\n@SQ\tSN:1\tLN:249250621\nCONTIG\tSTART\tEND\tNUM_POINTS_COPY_RATIO\tMEAN_LOG2_COPY_RATIO\n"
    table = read_segments(write(text + "1\t10\t20\t3\t-0.5\n", "P1.seg"))
    assert table.iloc[0].tolist() == ["P1", "1", 10, 20, 3.0, -0.5]
    with pytest.raises(TableError, match=r"line 4, column START: 'x' is no number"):
        read_segments(write(text + "1\tx\t20\t3\t-0.5\n", "P1.seg"))


def test_segments_on_contigs_and_without_value_are_left_out_and_counted(write):
    rows = "P1\t1\t1\t9\t3\t0.1\nP1\tGL000220.1\t1\t9\t3\t0.1\nP2\tchrUn_1\t1\t9\t3\t0.5\n"
    with pytest.warns(UserWarning, match=r"2 of 3 segments.* is on another contig \(chromosomes GL0.*samples P1, P2\)"):
        table = read_segments(write(SEG + rows))
    assert table["sample"].tolist() == ["P1"]
    assert table.attrs["samples_without_segments"] == ["P2"]
    with pytest.raises(TableError, match=r"line 3, column seg\.mean: 'NA' is no number.*missing='leave_out'"):
        read_segments(write(SEG + "P1\t1\t1\t9\t3\t0.1\nP2\t1\t1\t9\t3\tNA\n"))
    path = write(SEG + "P1\t1\t1\t9\t3\t0.1\nP2\t1\t1\t9\t3\tNA\nP3\t1\t-5\t9\t3\t1\n")
    with (
        pytest.warns(UserWarning, match=r"1 of 3 segments are left out, since each has no value"),
        pytest.raises(TableError, match=r"line 4, column loc\.start: '-5'"),
    ):
        read_segments(path, missing="leave_out")
    with pytest.raises(SettingsError, match="missing is 'drop'"):
        read_segments(path, missing="drop")


def test_copies_on_sex_chromosomes_are_relative_to_normal_ones(write):
    header = "ID\tchrom\tstart\tend\tcn\n"
    path = write(header + "M\tX\t1\t9\t1\nF\tX\t1\t9\t2\nF\tY\t1\t9\t0\nM\t1\t1\t9\t2\n")
    with pytest.warns(UserWarning, match=r"1 of 4 segments are left out, since each is on Y of a female"):
        table = read_segments(path, scale="copy_number", sex={"M": "male", "F": "female"})
    assert table["log2_ratio"].tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(TableError, match="all 1 segments are on Y of females"):
        read_segments(write(header + "F\tY\t1\t9\t2\n"), scale="copy_number", sex="female")
    with pytest.raises(SettingsError, match="sex matters to the scales copy_number and copy_number_minus_2"):
        read_segments(path, sex="male")


def test_bins_without_reads_are_raised_and_counted(write):
    path = write("chromosome\tstart\tend\tgene\tlog2\n1\t0\t10\tA\t-20\n1\t10\t20\tA\t0\n", "P.cnr")
    with pytest.warns(UserWarning, match="1 of 2 segments have a ratio below 0.01"):
        table = read_segments(path)
    np.testing.assert_allclose(table["log2_ratio"], [np.log2(0.01), 0.0])


def test_history_tells_every_option(write):
    path = write(CNS + "chr1\t0\t100\tA\t0.1\t20\t3\t1\n", "P7.cns")
    history = read_segments(path, sample="P", check_plausibility=False).attrs["history"]
    for told in ("sample='P'", "zero_based=True", "check_plausibility=False", "missing='refuse'", "sex=None"):
        assert told in history


@pytest.mark.parametrize("name", ["P7.cns", "P7.call.cns", "P7.cnr.gz"])
def test_cnvkit_counts_from_zero_and_names_the_sample_by_its_file(write, name):
    path = write(CNS + "chr1\t0\t100\tA,B\t0.1\t20.5\t3\t1.2\nchr1\t100\t200\t-\t-1.2\t9\t4\t1\n", name)
    table = read_segments(path)
    assert table[["sample", "start", "end", "n_markers"]].to_numpy().tolist() == [
        ["P7", 1, 100, 3.0],
        ["P7", 101, 200, 4.0],
    ]
    assert read_segments(path, sample="other")["sample"].tolist() == ["other", "other"]


def test_log2_is_preferred_to_copies_where_both_are_there(write):
    path = write("chromosome\tstart\tend\tgene\tlog2\tcn\n1\t0\t10\tA\t-1\t1\n", "P.call.cns")
    assert read_segments(path)["log2_ratio"].tolist() == [-1.0]
    assert read_segments(path, scale="copy_number")["log2_ratio"].tolist() == [-1.0]
    assert read_segments(path, scale="ratio", column="cn")["log2_ratio"].tolist() == [0.0]


def test_no_copies_have_the_lowest_ratio_and_are_counted(write):
    path = write("sample\tchr\tstart\tend\tcn\nP\t1\t1\t10\t0\nP\t1\t11\t20\t2\n")
    with pytest.warns(UserWarning, match="1 of 2 segments have a ratio below 0.01"):
        table = read_segments(path, scale="copy_number")
    np.testing.assert_allclose(table["log2_ratio"], [np.log2(0.01), 0.0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("P1\t1\t10\t20\t3\n", r"line 2: 5 fields, but line 1 names 6 columns"),
        ("P1\t1\tten\t20\t3\t0\n", r"line 2, column loc\.start: 'ten' is no number"),
        ("P1\t1\t10\t20\t3\t0\nP1\t2\t10\t20\t3\t\n", r"line 3, column seg\.mean: '' is no number"),
        ("P1\t1\t10\t20\t3\tinf\n", r"line 2, column seg\.mean: 'inf' is no number"),
        ("P1\t1\t10.5\t20\t3\t0\n", r"line 2, column loc\.start: '10\.5' is no whole number"),
        ("P1\t1\t-5\t20\t3\t0\n", r"line 2, column loc\.start: '-5' is below 1"),
        ("P1\t1\t30\t20\t3\t0\n", r"line 2, column loc\.end: '20' is before the start"),
        ("P1\t1\t10\t20\t-3\t0\n", r"line 2, column num\.mark: '-3' is negative"),
        ("P1\tchrUn\t10\t20\t3\t0\n", r"line 2, column chrom: 'chrUn' is no chromosome"),
        ("\t1\t10\t20\t3\t0\n", r"line 2, column ID: '' is empty"),
        (
            "P1\t1\t10\t20\t3\t0\nP1\t1\t10\t20\t3\t0\n",
            r"line 3, column loc\.start: '10' begins a segment that is there twice",
        ),
        ("P1\t1\t10\t20\t3\t0\nP1\t1\t15\t25\t3\t0\n", r"line 3, column loc\.start: '15' is not behind the end"),
        ("P1\t1\t10\t20\t3\t0\nP1\t1\t20\t25\t3\t0\n", r"counted from 0: give zero_based=True"),
        ("", "has no row under the names"),
    ],
)
def test_damaged_rows_are_refused_by_line_and_column(write, rows, message):
    with pytest.raises(TableError, match=message):
        read_segments(write(SEG + rows))


def test_many_wrong_rows_are_counted_and_five_listed(write):
    rows = "".join(f"P1\t{chromosome}\t9\t1\t3\t0\n" for chromosome in range(1, 9))
    with pytest.raises(TableError, match=r"line 2,.*line 6,.* and 3 more.*\(8 of 8 rows\)") as problem:
        read_segments(write(SEG + rows))
    assert "line 7" not in str(problem.value)


def test_damaged_files_are_refused(write, tmp_path):
    with pytest.raises(TableError, match="there is no such file of segments"):
        read_segments(tmp_path / "absent.seg")
    with pytest.raises(TableError, match="is empty"):
        read_segments(write(" \n"))
    with pytest.raises(TableError, match="comments only"):
        read_segments(write("# nothing\n"))
    cut = tmp_path / "cut.seg.gz"
    cut.write_bytes(gzip.compress((SEG + "P1\t1\t1\t2\t3\t0\n" * 50).encode(), mtime=0)[:-12])
    with pytest.raises(TableError, match="damaged or cut off"):
        read_segments(cut)
    binary = tmp_path / "binary.seg"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(TableError, match="is no text"):
        read_segments(binary)


def test_columns_that_are_missing_doubtful_or_unknown(write):
    with pytest.raises(TableError, match="but no start; expected names such as"):
        read_segments(write("ID\tchrom\tloc.end\tseg.mean\nP\t1\t1\t0\n"))
    with pytest.raises(TableError, match=r"'start' and 'loc.start' may both be the start"):
        read_segments(write("ID\tchrom\tstart\tloc.start\tend\tseg.mean\nP\t1\t1\t1\t1\t0\n"))
    with pytest.raises(TableError, match="is known to hold copy number"):
        read_segments(write("ID\tchrom\tstart\tend\tcolour\nP\t1\t1\t1\tred\n"))
    with pytest.raises(TableError, match="there is no column 'cn'"):
        read_segments(write(SEG + "P\t1\t1\t1\t1\t0\n"), column="cn")
    with pytest.raises(SettingsError, match="scale is 'log10'"):
        read_segments(write(SEG), scale="log10")
    with pytest.raises(SettingsError, match="has the column 'ID' of samples"):
        read_segments(write(SEG + "P\t1\t1\t1\t1\t0\n"), sample="P2")


def test_a_segment_beyond_its_chromosome_is_of_another_build(write):
    end = LENGTHS["GRCh37"]["1"]
    path = write(SEG + f"P1\t1\t1\t{end}\t3\t0\n")
    assert len(read_segments(path, build="GRCh37")) == 1
    with pytest.raises(
        TableError, match=f"line 2, column loc.end: '{end}' is beyond the end of its chromosome in GRCh38"
    ):
        read_segments(path, build="hg38")


def test_builds_and_names_of_chromosomes():
    assert choose_build("HG19") == choose_build("b37") == "GRCh37"
    with pytest.raises(SettingsError, match="build is 'hg18'"):
        choose_build("hg18")
    totals = {build: sum(lengths.values()) - lengths["MT"] for build, lengths in LENGTHS.items()}
    assert totals == {"GRCh37": 3_095_677_412, "GRCh38": 3_088_269_832}
    named = name_chromosomes(
        ["chr1", "CHRX", "24", "chrM", "MT", "NC_000023.11", "NC_012920.1", "7.0", "25p", "chr1_random"]
    )
    assert named.tolist()[:8] == ["1", "X", "Y", "MT", "MT", "X", "MT", "7"]
    assert named.isna().tolist() == [False] * 8 + [True] * 2


@given(order=st.permutations(range(6)))
def test_order_of_rows_does_not_matter_within_samples(order):
    table = pd.DataFrame(
        {"sample": "P", "chromosome": list("121122"), "start": [1, 1, 11, 31, 21, 31], "end": [10, 10, 20, 40, 30, 40],
         "n_markers": 2, "log2_ratio": np.arange(6) / 10}
    )  # fmt: skip
    pd.testing.assert_frame_equal(check_segments(table), check_segments(table.iloc[list(order)]))


def test_table_without_a_column_or_row():
    with pytest.raises(TableError, match="but no start, end, log2_ratio"):
        check_segments(pd.DataFrame({"sample": ["P"], "chromosome": ["1"]}))
    with pytest.raises(TableError, match="there is no segment"):
        check_segments(pd.DataFrame(columns=list(COLUMNS)))
