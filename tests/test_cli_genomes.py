"""`bayesrg encode` and `bayesrg join`: from files to Datasets, tables, figures and a page, and what they refuse."""

import shlex

import numpy as np
import pandas as pd
import pytest

from bayesrg import datasets
from bayesrg.cli import main
from bayesrg.storage import read_dataset

MAF = """#version 2.4
Hugo_Symbol\tChromosome\tStart_Position\tEnd_Position\tVariant_Classification\tVariant_Type\tTumor_Sample_Barcode
TP53\t17\t7577120\t7577120\tMissense_Mutation\tSNP\tP1
NPM1\t5\t170837543\t170837544\tFrame_Shift_Ins\tINS\tP2
"""
SEG = "ID\tchrom\tloc.start\tloc.end\tnum.mark\tseg.mean\nP1\t17\t1\t9000000\t90\t-1\nP2\t17\t1\t9000000\t90\t0.1\n"
BED = "17\t7571719\t7590868\tTP53\n7\t55086724\t55275031\tEGFR\n"
COUNTS = "gene\tP1\tP2\nTP53\t10\t0\nEGFR\t20\t40\n"
BETA = "cpg,P1,P2\ncg01,0.2,0.8\ncg02,0.5,\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with a small file of each kind."""
    monkeypatch.chdir(tmp_path)
    files = {
        "v.maf": MAF,
        "s.seg": SEG,
        "g.bed": BED,
        "c.tsv": COUNTS,
        "b.csv": BETA,
        "lengths.csv": "gene,length\nTP53,2000\nEGFR,4000\n",
        "sequenced.txt": "P1\nP2\nP3\n",
        "empty.csv": "",
        "bare.csv": "P3\nP1\nP2\n",
        "headed.txt": "patient\nP1\nP2\n",
        "sets.gmt": "ERBB\tnothing\tTP53\tEGFR\n",
        "map.csv": "cpg,gene\ncg01,TP53\ncg02,TP53\n",
        "purity.csv": "patient,purity\nP1,0.8\nP2,1\n",
        "features.csv": "subject,volume\nP1,1.5\np2,2.5\nP3,3.5\n",
        "clinical.csv": "patient,age,death\nP1,50,0\nP2,61,1\nP3,NA,0\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command line and return its exit code, standard output and standard error."""

    def run_command(line):
        code = main(shlex.split(line))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run_command


def test_mutations(place, run):
    code, shown, _ = run("encode mutations v.maf --out m.zarr.zip --patients sequenced.txt --exome-size 38")
    assert code == 0
    assert "mutated: 3 patients x 2 genes" in shown
    mutated = read_dataset("m.zarr.zip")["mutated"]
    assert mutated.sel(gene="TP53").values.tolist() == [1, 0, 0]
    assert mutated.sel(gene="NPM1").values.tolist() == [0, 0, 0]
    assert run("encode mutations v.maf --variants snv+indel --out m.csv --variable mutated")[0] == 0
    assert pd.read_csv("m.csv", index_col=0).loc["P2", "NPM1"] == 1
    code, _, told = run("encode mutations v.maf --out m2.zarr.zip --oncoplot o.svg")
    assert code == 0
    assert "TP53" in (place / "o.svg").read_text()
    assert "oncoplot written to o.svg" in told


def test_copy_number_from_segments_matrix_and_depth(place, run):
    code, shown, _ = run("encode copy-number s.seg --annotation g.bed --classes --purity purity.csv --out cn.zarr.zip")
    assert code == 0
    assert "log2_ratio: 2 patients x 2 genes, 2 of 4 values missing" in shown
    data = read_dataset("cn.zarr.zip")
    assert data["log2_ratio"].sel(patient="P1", gene="TP53").item() == -1
    assert data["copy_number"].sel(patient="P1", gene="TP53").item() == pytest.approx((0.5 * 2 - 0.2 * 2) / 0.8)
    assert data["copy_number_class"].sel(gene="TP53").values.tolist() == [-1, 0]
    assert len(data.attrs["history"].splitlines()) >= 3
    pd.DataFrame({"P1": [1.0, 2.0], "P2": [2.0, 2.0]}, index=["TP53", "EGFR"]).to_csv("copies.csv")
    assert run("encode copy-number copies.csv --genes-in rows --scale copy_number --out matrix.csv")[0] == 0
    assert pd.read_csv("matrix.csv", index_col=0).loc["P1"].tolist() == [-1, 0]
    rng = np.random.default_rng(1)
    bins = pd.DataFrame(
        {"chromosome": "17", "start": np.arange(200) * 50_000 + 1, "end": (np.arange(200) + 1) * 50_000}
    )
    depth = rng.poisson(np.where((np.arange(200) > 100) & (np.arange(200) < 180), 400, 200))
    bins.assign(P1=depth).to_csv("tumor.csv", index=False)
    bins.assign(P1=rng.poisson(200, 200)).to_csv("normal.csv", index=False)
    assert run("encode copy-number tumor.csv --normal normal.csv --annotation g.bed --seed 1 --out depth.csv")[0] == 0
    assert pd.read_csv("depth.csv", index_col=0).loc["P1", "TP53"] == pytest.approx(1, abs=0.1)


def test_expression_and_scores(place, run):
    assert run("encode expression c.tsv --lengths lengths.csv --out e.zarr.zip")[0] == 0
    assert read_dataset("e.zarr.zip")["tpm"].sel(patient="P1").values.tolist() == [500_000, 500_000]
    assert run("encode expression c.tsv --measure cpm --out cpm.csv --variable cpm")[0] == 0
    assert pd.read_csv("cpm.csv", index_col=0).loc["P2", "EGFR"] == 1e6
    code, _, told = run("encode expression c.tsv --measure cpm --gene-sets sets.gmt --out s.zarr.zip")
    assert code == 1
    assert "ERBB" in told or "set" in told


def test_methylation_and_its_means(place, run):
    code, shown, _ = run("encode methylation b.csv --out b.zarr.zip")
    assert code == 0
    assert "m_value: 2 patients x 2 cpgs, 1 of 4 values missing" in shown
    assert read_dataset("b.zarr.zip")["m_value"].sel(cpg="cg01").values == pytest.approx([-2, 2])
    assert run("encode methylation b.csv --genes map.csv --out means.csv --variable beta_value")[0] == 0
    assert pd.read_csv("means.csv", index_col=0)["TP53"].tolist() == pytest.approx([0.35, 0.8])


def test_samples_are_placed_over_regions(place, run):
    (place / "who.csv").write_text("sample,patient,region\nP1,A,core\nP2,A,rim\n")
    code, _, told = run("encode expression c.tsv --measure cpm --samples who.csv --out r.zarr.zip")
    assert code == 1
    assert "1 of 1 patients have several samples, A for one: P1, P2" in told
    assert run("encode expression c.tsv --measure cpm --samples who.csv --level region --out r.zarr.zip")[0] == 0
    assert read_dataset("r.zarr.zip")["region"].values.tolist() == ["A/core", "A/rim"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("encode mutations absent.maf --out m.zarr.zip", "absent.maf"),
        ("encode expression lengths.csv --out lengths.csv", "would be written over while it is read"),
        ("encode mutations v.maf --out m.csv", "a table holds one variable"),
        ("encode mutations v.maf --out m.txt", r"expected a file in one of .zarr.zip"),
        ("encode copy-number s.seg --out c.zarr.zip", "annotation"),
        ("encode expression empty.csv --out c.zarr.zip", "empty.csv: the table of counts could not be read"),
        ("encode expression c.tsv --out e.zarr.zip", "lengths"),
        ("encode methylation c.tsv --out e.zarr.zip", "10"),
        ("join --clinical clinical.csv", "nothing is to be written"),
        ("join --out c.zarr.zip", "no table is given"),
        (
            "join --clinical clinical.csv --role stage=outcome --out c.zarr.zip",
            "'stage', which is a column of no table",
        ),
        ("join --clinical clinical.csv --patient other=ID --out c.zarr.zip", "'other', which is no source"),
        ("join --clinical clinical.csv --exclude weight --out c.zarr.zip", "'weight', which is a column of no table"),
        ("join --clinical clinical.csv --imaging features.csv --out c.zarr.zip", "no column 'patient'"),
        ("join --clinical clinical.csv --out c.zarr.zip --report c.zarr.zip", "--report and --out name the same file"),
        ("join --clinical clinical.csv --out c.csv", "expected a cohort's file to end in .zarr.zip"),
        ("join --clinical clinical.csv --out c.zarr.zip --table t.xls", "expected a table in one of .csv, .parquet"),
        ("encode copy-number s.seg --annotation g.bed --thresholds 1 2 3 4 --out c.zarr.zip", "does nothing without"),
        (
            "encode copy-number s.seg --annotation g.bed --seed 3 --out c.zarr.zip",
            "--seed does nothing without --normal",
        ),
        ("encode expression c.tsv --measure cpm --method ssgsea --out c.zarr.zip", "--method does nothing without"),
        ("encode mutations v.maf --patients bare.csv --out c.zarr.zip", "its one column is called 'P3'"),
        ("encode mutations v.maf --patients headed.txt --out c.zarr.zip", "the first line is 'patient'"),
    ],
)
def test_what_is_refused_in_one_line(place, run, line, message):
    code, _, told = run(line)
    assert code == 1
    assert message in told
    assert told.count("\n") == 1
    assert not (place / "c.zarr.zip").exists()


def test_a_join_is_refused_suggested_and_made(place, run):
    run("encode mutations v.maf --out mutations.zarr.zip --patients sequenced.txt")
    tables = "--imaging features.csv --genome mutations.zarr.zip --clinical clinical.csv --patient features=subject"
    code, _, told = run(f"join {tables} --out cohort.zarr.zip")
    assert code == 1
    assert "'p2'" in told
    code, shown, _ = run(f"join {tables} --suggest ids.csv")
    assert code == 0
    assert "1 identifiers to check" in shown
    assert pd.read_csv("ids.csv")[["found", "meant"]].to_numpy().tolist() == [["p2", "P2"]]
    code, shown, told = run(
        f"join {tables} --identifiers ids.csv --role death=outcome --out cohort.zarr.zip --report page.html --table "
        "t.csv"
    )
    assert code == 0
    assert "3 of 3 patients are in every table" in shown
    cohort = read_dataset("cohort.zarr.zip")
    assert cohort["imaging"].sel(feature="volume").values.tolist() == [1.5, 2.5, 3.5]
    assert cohort["death"].attrs["role"] == "outcome"
    assert cohort["mutated"].sel(patient="P1", gene="TP53").item() == 1
    assert "P2" not in (place / "page.html").read_text()
    assert pd.read_csv("t.csv")["age"].tolist()[:2] == [50, 61]


@pytest.mark.data
def test_published_gliomas_from_the_command_line(place, run):
    folder = datasets.path("lgg/vasari.csv").parent
    tables = f"--imaging {folder}/vasari.csv --clinical {folder}/clinical.csv --mend-names"
    tables += " --patient Tumor --patient vasari=column_1 --missing '?' 'few pictures' 'few pictures, only enhanced'"
    tables += " 'post surgery, few pictures' 只有T2 'only T2'"
    code, _, told = run(f"join {tables} --out c.zarr.zip")
    assert code == 1
    assert "42 labels of patients look like another one" in told
    assert run(f"join {tables} --suggest ids.csv")[0] == 0
    code, shown, _ = run(f"join {tables} --identifiers ids.csv --out c.zarr.zip")
    assert code == 0
    assert "188 of 188 patients are in every table" in shown


def test_columns_are_renamed_excluded_and_given_units_in_the_table_that_has_them(place, run):
    (place / "scans.csv").write_text("patient,a/b,age\nP1,1,50\nP2,2,61\n")
    tables = "join --imaging scans.csv --clinical clinical.csv --out c.zarr.zip"
    code, _, told = run(f"{tables} --exclude age")
    assert code == 1
    assert "'age', which is a column of scans, clinical; say which: scans=age" in told
    code, _, told = run(f"{tables} --exclude scans=age --rename a/b=ab --unit ab=mm --role death=outcome")
    assert (code, told) == (0, "")
    cohort = read_dataset("c.zarr.zip")
    assert cohort["feature"].values.tolist() == ["ab"]
    assert cohort["feature_units"].values.tolist() == ["mm"]
    assert cohort["age"].attrs["source"] == "clinical"
