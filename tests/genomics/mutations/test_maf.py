"""Mutation annotation files: read whatever their dress, refused by line and column where they are damaged."""

import gzip

import numpy as np
import pytest

from bayesrg import datasets
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations.maf import read_maf, read_variants

HEADER = {
    "Hugo_Symbol": "TP53",
    "NCBI_Build": "GRCh37",
    "Chromosome": "17",
    "Start_Position": "7577120",
    "End_position": "7577120",
    "Variant_Classification": "Missense_Mutation",
    "Variant_Type": "SNP",
    "Reference_Allele": "C",
    "Tumor_Seq_Allele1": "C",
    "Tumor_Seq_Allele2": "T",
    "Tumor_Sample_Barcode": "P1",
}


def text_of(*rows, comments=(), **columns):
    """The text of a file: a row for each mapping of what differs from HEADER; columns hold a cell for each row."""
    rows = [{**HEADER, **row} for row in rows or ({},)]
    for name, cells in columns.items():
        for row, cell in zip(rows, cells, strict=True):
            row[name] = cell
    names = list(rows[0])
    lines = [*comments, "\t".join(names), *("\t".join(row[name] for name in names) for row in rows)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def write(tmp_path):
    def put(text, name="some.maf", squeeze=False):
        path = tmp_path / name
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(content, mtime=0) if squeeze else content)
        return path

    return put


def places(n):
    return [{"Start_Position": str(at), "End_position": str(at)} for at in range(1, n + 1)]


def test_a_row_a_variant_under_canonical_names(write):
    table = read_variants(write(text_of({"Chromosome": "chr23"}, comments=["#version 2.4", "## more"])))
    row = table.loc[4]
    assert row[["gene", "sample", "chromosome", "reference", "alternative"]].tolist() == ["TP53", "P1", "X", "C", "T"]
    assert row[["start", "end"]].tolist() == [7577120, 7577120]
    assert row[["classification", "variant_type"]].tolist() == ["Missense_Mutation", "SNP"]
    assert "variant_allele_fraction" not in table
    assert table.attrs["build"] == "GRCh37"
    assert table.attrs["history"].startswith("read_variants: some.maf (sha256 ")


@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_dress_of_the_file_does_not_matter(write, squeeze, end, mark):
    expected = read_variants(write(text_of(*places(2)), "plain.maf"))
    text = mark + text_of(*places(2)).replace("\n", end)
    table = read_variants(write(text, "other.maf.gz" if squeeze else "other.txt", squeeze))
    assert table.equals(expected)


@pytest.mark.parametrize(
    ("usual", "other"),
    [
        ("Hugo_Symbol", "HUGO_SYMBOL"),
        ("End_position", "End_Position"),
        ("Start_Position", "start_position"),
        ("Chromosome", "Chrom"),
    ],
)
def test_names_of_columns_in_any_case(write, usual, other):
    expected = read_variants(write(text_of()))
    assert read_variants(write(text_of().replace(usual, other), "b.maf")).equals(expected)


def test_quoted_files_are_read(write):
    plain = text_of(*places(2))
    quoted = "\n".join("\t".join(f'"{cell}"' for cell in line.split("\t")) for line in plain.splitlines())
    assert read_variants(write(quoted, "q.maf")).equals(read_variants(write(plain)))


def test_quotes_around_some_fields_are_no_part_of_them(write):
    rows = [{**place, "Hugo_Symbol": gene} for place, gene in zip(places(3), ["TP53", '"TP53"', "TP53"], strict=True)]
    rows[1] |= {"Tumor_Sample_Barcode": '"P1"', "Start_Position": '"2"', "Variant_Type": '"SNP"'}
    table = read_variants(write(text_of(*rows, t_vaf=["0.1", '"0.2"', "0.3"])))
    assert table["gene"].unique().tolist() == ["TP53"]
    assert table["sample"].unique().tolist() == ["P1"]
    assert table["variant_allele_fraction"].tolist() == [0.1, 0.2, 0.3]


def test_a_quoted_file_with_a_mark_of_byte_order(write):
    text = text_of({"Hugo_Symbol": "TP53", "Notes": "a\tb"})
    quoted = "\n".join("\t".join(f'"{cell}"' for cell in line.split("\t", len(HEADER))) for line in text.splitlines())
    table = read_variants(write("\ufeff" + quoted))
    assert table.loc[2, ["gene", "sample"]].tolist() == ["TP53", "P1"]


@pytest.mark.parametrize("comments", [[], ["#version 2.4"]])
def test_lines_that_end_with_carriage_returns_alone(write, comments):
    with pytest.raises(TableError, match=r"from line 1 on, lines end with a carriage return alone"):
        read_variants(write(text_of(*places(2), comments=comments).replace("\n", "\r")))


def test_blank_lines_do_not_shift_the_lines(write):
    lines = text_of(*places(3)).splitlines()
    table = read_variants(write("\n".join([*lines[:2], "", *lines[2:], "", ""])))
    assert table.index.tolist() == [2, 4, 5]


@pytest.mark.parametrize("word", ["Unknown", "", ".", "NA"])
def test_no_gene_is_missing(write, word):
    table = read_variants(write(text_of({"Hugo_Symbol": word, "Variant_Classification": "IGR"})))
    assert table["gene"].isna().all()


def test_type_is_derived_from_alleles_where_no_column_tells_it(write):
    rows = [{**place, "Tumor_Seq_Allele2": allele} for place, allele in zip(places(2), ["T", "-"], strict=True)]
    lines = [line.split("\t") for line in text_of(*rows).splitlines()]
    drop = lines[0].index("Variant_Type")
    text = "\n".join("\t".join(cell for at, cell in enumerate(line) if at != drop) for line in lines)
    assert read_variants(write(text))["variant_type"].tolist() == ["SNP", "DEL"]


def test_variant_in_the_first_allele(write):
    table = read_variants(write(text_of({"Tumor_Seq_Allele1": "G", "Tumor_Seq_Allele2": "C"})))
    assert table["alternative"].tolist() == ["G"]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["45.5", "3", "NA"], [0.455, 0.03, np.nan]),
        (["0.455", "0.03", ""], [0.455, 0.03, np.nan]),
        (["45.5%", "0.3%", "."], [0.455, 0.003, np.nan]),
    ],
)
def test_allele_fraction_in_percent_or_as_a_share(write, cells, values):
    table = read_variants(write(text_of(*places(3), i_TumorVAF_WU=cells)))
    np.testing.assert_allclose(table["variant_allele_fraction"], values)


def test_stated_unit_wins(write):
    path = write(text_of(*places(2), tumor_vaf=["0.5", "0.9"]))
    table = read_variants(path, allele_fraction_unit="percent")
    np.testing.assert_allclose(table["variant_allele_fraction"], [0.005, 0.009])
    assert table.attrs["allele_fraction"] == "tumor_vaf (percent, as stated): 2 rows"
    assert "share, as no value exceeds 1" in read_variants(path).attrs["allele_fraction"]


def test_values_that_do_not_tell_their_unit_are_refused(write):
    with pytest.raises(
        TableError, match=r"column tumor_vaf: 1 of 3 values exceed 1, such as 45 in line 3.*allele_fraction_unit"
    ):
        read_variants(write(text_of(*places(3), tumor_vaf=["0.5", "45", "0.2"])))


def test_counts_of_reads_give_fraction_and_depth(write):
    counts = {"t_depth": ["10", "0", ""], "t_alt_count": ["4", "0", ""]}
    table = read_variants(write(text_of(*places(3), **counts)))
    np.testing.assert_allclose(table["variant_allele_fraction"], [0.4, np.nan, np.nan])
    np.testing.assert_allclose(table["depth"], [10, 0, np.nan])
    assert table.attrs["allele_fraction"] == "t_alt_count / t_depth: 1 rows; no value: 2 rows"
    assert table.attrs["depth"] == "t_depth: 2 rows; no value: 1 rows"
    counts["tumor_vaf"] = ["0.9"] * 3
    named = read_variants(write(text_of(*places(3), **counts)), allele_fraction="tumor_vaf")
    np.testing.assert_allclose(named["variant_allele_fraction"], 0.9)


def test_each_row_has_its_fraction_from_the_counts_or_else_from_the_column(write):
    counts = {
        "t_depth": ["200", ".", ".", "50", "."],
        "t_ref_count": ["60", "60", ".", "30", "."],
        "t_alt_count": ["40", "40", "40", ".", "."],
        "t_vaf": ["0.9", "0.9", "0.3", "0.4", "."],
    }
    table = read_variants(write(text_of(*places(5), **counts)))
    np.testing.assert_allclose(table["variant_allele_fraction"], [0.2, 0.4, 0.3, 0.4, np.nan])
    np.testing.assert_allclose(table["depth"], [200, 100, np.nan, 50, np.nan])
    assert table.attrs["allele_fraction"] == (
        "t_alt_count / t_depth: 1 rows; t_alt_count / (t_alt_count + t_ref_count): 1 rows; "
        "t_vaf (share, as no value exceeds 1): 2 rows; no value: 1 rows"
    )
    assert table.attrs["depth"] == "t_depth: 2 rows; t_alt_count + t_ref_count: 1 rows; no value: 2 rows"


def test_a_minimum_works_where_the_column_of_depths_is_empty(write):
    path = write(text_of(t_depth=["."], t_ref_count=["60"], t_alt_count=["40"], t_vaf=["0.4"]))
    encoded = read_maf(path, minimum_vaf=0.1, minimum_depth=100)
    assert encoded["mutated"].values.tolist() == [[1.0]]
    assert encoded.attrs["depth"] == "t_alt_count + t_ref_count: 1 rows"


def test_columns_of_fractions_without_any_value_are_passed_over(write):
    table = read_variants(write(text_of(*places(2), t_vaf=[".", ""], tumor_f=["0.25", "0.5"])))
    assert table["variant_allele_fraction"].tolist() == [0.25, 0.5]
    assert "variant_allele_fraction" not in read_variants(write(text_of(t_vaf=["."], t_depth=["."])))


@pytest.mark.parametrize("alternative", ["30,10", "140", "-4"])
def test_bad_counts_do_not_matter_where_a_column_is_named(write, alternative):
    counts = {"t_depth": ["100", "."], "t_ref_count": ["60", "30"], "t_alt_count": [alternative, "10"]}
    path = write(text_of(*places(2), **counts, t_vaf=["0.3", "0.2"]))
    with pytest.raises(TableError, match=r"column t_alt_count: line 2 has .* in allele_fraction"):
        read_variants(path)
    table = read_variants(path, allele_fraction="t_vaf")
    assert table["variant_allele_fraction"].tolist() == [0.3, 0.2]
    assert table["depth"].tolist() == [100, 40]


def test_depth_is_the_sum_of_both_counts(write):
    table = read_variants(write(text_of(t_alt_count=["3"], t_ref_count=["9"])))
    assert table[["depth", "variant_allele_fraction"]].to_numpy().tolist() == [[12.0, 0.25]]


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("Start_Position", "-5", r"column Start_Position: line 3 has '-5'; expected a position"),
        ("Start_Position", "0", r"line 3 has '0'"),
        ("Start_Position", "abc", r"column Start_Position: line 3 has 'abc'"),
        ("Start_Position", "", r"line 3 has ''"),
        ("Start_Position", "1.5", r"line 3 has '1.5'"),
        ("Start_Position", "inf", r"line 3 has 'inf'"),
        (
            "End_position",
            "9007199254740993",
            r"line 3 has '9007199254740993'; expected a position",
        ),
        ("End_position", "81195211", r"line 3 has '81195211 on chromosome 17 of 81195210 bases'; .*in build GRCh37"),
        ("End_position", "1", r"column End_position: line 3 has '1 after start 7577120'"),
        ("Chromosome", "99", r"column Chromosome: line 3 has '99'; expected a chromosome"),
        ("Chromosome", "", r"column Chromosome: line 3 has ''"),
        ("Tumor_Sample_Barcode", "", r"column Tumor_Sample_Barcode: line 3 has ''; expected the name of a sample"),
        ("Variant_Classification", "Missense", r"line 3 has 'Missense'; expected perhaps Missense_Mutation"),
        ("Variant_Classification", "", r"column Variant_Classification: line 3 has ''"),
        ("Variant_Type", "CNV", r"column Variant_Type: line 3 has 'CNV'; expected one of SNP"),
        ("Hugo_Symbol", "1-Mar", r"column Hugo_Symbol: line 3 has '1-Mar'; .*spreadsheet"),
        ("NCBI_Build", "hg38", r"column NCBI_Build: line 3 has 'hg38'; expected one build"),
    ],
)
def test_bad_cells_are_named_by_line_and_column(write, column, cell, message):
    rows = [{"Tumor_Sample_Barcode": name} for name in ("P2", "P1", "P3")]
    rows[1][column] = cell
    with pytest.raises(TableError, match=r"some\.maf, " + ".*" + message.removeprefix("column ")):
        read_variants(write(text_of(*rows)))


def test_at_most_five_lines_are_listed_and_the_rest_counted(write):
    rows = [{**place, "Variant_Type": "what"} for place in places(9)]
    with pytest.raises(TableError, match=r"line 6 has 'what' and 4 more"):
        read_variants(write(text_of(*rows)))


def test_lines_count_comments(write):
    with pytest.raises(TableError, match=r"line 5 has '-1'"):
        read_variants(write(text_of({}, {"Start_Position": "-1"}, comments=["#a", "#b"])))


def test_positions_that_r_wrote_with_exponents(write):
    assert read_variants(write(text_of({"Start_Position": "1e+05", "End_position": "100000"})))["start"].tolist() == [
        100000
    ]


@pytest.mark.parametrize("asked", ["hg19", "GRCh37", "37"])
def test_build_by_any_of_its_names(write, asked):
    assert read_variants(write(text_of()), build=asked).attrs["build"] == "GRCh37"


def test_another_build_is_refused(write):
    with pytest.raises(TableError, match=r"column NCBI_Build: line 2 has 'GRCh37'; expected build GRCh38"):
        read_variants(write(text_of()), build="hg38")


def without(text, column):
    """The text of a file without a column."""
    lines = [line.split("\t") for line in text.splitlines()]
    drop = lines[0].index(column)
    return "\n".join("\t".join([*line[:drop], *line[drop + 1 :]]) for line in lines)


def test_a_build_that_only_the_caller_states(write):
    path = write(without(text_of(), "NCBI_Build"))
    asked = read_variants(path, build="hg19")
    assert (asked.attrs["build"], asked.attrs["build_source"]) == ("GRCh37", "as asked for, not stated by the file")
    assert "build='GRCh37, as asked for, not stated by the file'" in asked.attrs["history"]
    assert (read_variants(path).attrs["build"], read_variants(path).attrs["build_source"]) == ("", "")
    assert read_maf(path, build="hg19").attrs["build_source"] == "as asked for, not stated by the file"
    assert read_variants(write(text_of()), build="hg19").attrs["build_source"] == "stated by the file"


def test_ends_beyond_the_chromosome_betray_another_build(write):
    # Chromosome 17 has 81,195,210 bases in GRCh37 and 83,257,441 in GRCh38; a contig's length is not known.
    row = {"Start_Position": "83000000", "End_position": "83000000"}
    path = write(without(text_of(row, {**row, "Chromosome": "chrUn_KI270742v1"}), "NCBI_Build"))
    assert len(read_variants(path, build="hg38")) == len(read_variants(path)) == 2
    with pytest.raises(TableError, match=r"End_position: line 2 has '83000000 on .*; expected an end on .* GRCh37"):
        read_variants(path, build="hg19")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"tumor_vaf": ["-0.1"]}, "column tumor_vaf: line 2 has -0.1; expected a share"),
        ({"tumor_vaf": ["120"]}, "column tumor_vaf: line 2 has 120; expected a percentage"),
        ({"tumor_vaf": ["much"]}, "column tumor_vaf: line 2 has 'much'; expected a number"),
        ({"t_depth": ["-3"], "t_alt_count": ["1"]}, "column t_depth: line 2 has -3;"),
        ({"t_depth": ["3"], "t_alt_count": ["4"]}, "column t_alt_count: line 2 has '4 of 3'"),
    ],
)
def test_impossible_reads_are_refused(write, cells, message):
    with pytest.raises(TableError, match=message):
        read_variants(write(text_of(**cells)))


def test_duplicates_are_refused_or_left_out_with_a_warning(write):
    path = write(text_of({}, *places(1), {}))
    with pytest.raises(TableError, match=r"1 rows repeat a variant.*line 4 repeats line 2 \(TP53, P1\)"):
        read_variants(path)
    with pytest.warns(UserWarning, match="1 of 3 rows repeat a variant"):
        assert read_variants(path, duplicates="first").index.tolist() == [2, 3]


def test_what_is_not_somatic_is_left_out_with_a_warning(write):
    path = write(text_of(*places(3), Mutation_Status=["Somatic", "Germline", ""]))
    with pytest.warns(UserWarning, match="1 of 3 rows are left out, as Mutation_Status .* Germline 1"):
        assert read_variants(path).index.tolist() == [2, 4]


def test_own_words_for_classes(write):
    path = write(text_of({"Variant_Classification": "missense"}))
    assert read_variants(path, classes={"missense": "Missense_Mutation"})["classification"].tolist() == [
        "Missense_Mutation"
    ]
    with pytest.raises(SettingsError, match="did you mean 'Silent'"):
        read_variants(path, classes={"missense": "Silnt"})


def test_missing_columns_are_named(write):
    with pytest.raises(TableError, match="lacks tumor_sample_barcode/sample"):
        read_variants(write(text_of().replace("Tumor_Sample_Barcode", "who")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no header and no row"),
        (b"#version 2.4\n", "no header and no row"),
        (text_of().splitlines()[0].encode(), "no row below the header in line 1"),
        (text_of().splitlines()[0].encode() + b"\n\n", "no row below the header"),
        (b"just words\n", "has no tab"),
        (b"\xff\xfe\x00\x01\t\n", "no text in UTF-8"),
        (text_of().encode().replace(b"TP53", b"TP\xff3"), "UTF-8"),
        (
            text_of({}, {"Tumor_Sample_Barcode": "P2"}).encode()[:-25],
            "line 3 has 6 fields where the header in line 1 names 11",
        ),
        (text_of().encode().replace(b"P1", b"P1\t1"), "line 2 has 12 fields where"),
    ],
)
def test_damaged_files_are_refused(write, content, message):
    with pytest.raises(TableError, match=message):
        read_variants(write(content))


def test_cut_off_and_broken_gzip(write, tmp_path):
    rng = np.random.default_rng(3)
    text = text_of(*({**place, "Hugo_Symbol": f"G{rng.integers(10**9)}"} for place in places(3000)))
    whole = gzip.compress(text.encode(), mtime=0)
    for content, message in (
        (whole[: len(whole) // 2], "cut off"),
        (whole[:5000] + b"\0" * 500 + whole[5500:], "damaged"),
    ):
        path = tmp_path / "broken.maf.gz"
        path.write_bytes(content)
        with pytest.raises(TableError, match=message):
            read_variants(path)


def test_absent_file(tmp_path):
    with pytest.raises(TableError, match="no such file"):
        read_variants(tmp_path / "none.maf")


@pytest.mark.parametrize("options", [{"duplicates": "last"}, {"allele_fraction_unit": "ratio"}])
def test_unknown_options(write, options):
    with pytest.raises(SettingsError, match="expected"):
        read_variants(write(text_of()), **options)


@pytest.mark.data
def test_acute_myeloid_leukaemia():
    table = read_variants(datasets.path("laml/tcga_laml.maf.gz"), build="hg19")
    assert (len(table), table["sample"].nunique(), table["gene"].nunique()) == (2207, 193, 1611)
    assert "23" not in set(table["chromosome"])
    assert (table["chromosome"] == "X").sum() == 108
    assert table["variant_allele_fraction"].isna().sum() == 93
    assert table["variant_allele_fraction"].max() == 1.0
    assert table.attrs["allele_fraction"] == (
        "i_TumorVAF_WU (percent, as most values exceed 1): 2,114 rows; no value: 93 rows"
    )
