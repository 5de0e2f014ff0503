import builtins
import os
import subprocess

import numpy as np
import pandas as pd
import pytest

from bayesrg.errors import DesignError, SettingsError, TableError
from bayesrg.models.covariates import (
    CovariateFormula,
    Covariates,
    apply_covariates,
    build_covariates,
    read_formula,
)

ROWS = 40


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    cycle = np.arange(ROWS)
    return pd.DataFrame(
        {
            "age": rng.normal(55.0, 9.0, ROWS),
            "size mm": rng.gamma(3.0, 6.0, ROWS),
            "it's": rng.normal(size=ROWS),
            "tumour.size": rng.normal(size=ROWS),
            "log": rng.normal(size=ROWS),
            "grade": np.array(["G4", "G2", "G3"])[cycle % 3],
            "batch": np.array(["G3", "G2"])[cycle % 2],
            "site": pd.Categorical(np.array(["B", "A", "C"])[rng.permutation(cycle) % 3], categories=list("CABZ")),
            "stage": pd.array(rng.permutation(cycle) % 3 + 1, dtype="Int64"),
            "smoker": rng.permutation(cycle) % 2 == 0,
            "treated": pd.array(rng.permutation(cycle) % 2 == 1, dtype="boolean"),
            "outcome": rng.normal(size=ROWS),
            "feature": rng.normal(size=ROWS),
        },
        index=[f"P{i}" for i in range(ROWS)],
    )


def read(formula: str, table: pd.DataFrame) -> CovariateFormula:
    return read_formula(formula, list(table), outcome="outcome", predictors=["feature"])


def build(formula: str, table: pd.DataFrame) -> Covariates:
    return build_covariates(read(formula, table), table)


# Formula -> the columns of its design; they are also what new rows get.
DESIGNS = {
    "~ age + C(grade)": ["age", "C(grade)[T.G3]", "C(grade)[T.G4]"],
    "`size mm` + log(`size mm`)": ["size mm", "log(size mm)"],
    "`it's` + tumour.size + log": ["it's", "tumour.size", "log"],
    "grade + batch": ["grade[T.G3]", "grade[T.G4]", "batch[T.G3]"],
    "site + smoker + treated": ["site[T.A]", "site[T.B]", "smoker[T.True]", "treated[T.True]"],
    "C(stage)": ["C(stage)[T.2]", "C(stage)[T.3]"],
    "stage + {stage ** 2}": ["stage", "stage ** 2"],
    "age:C(grade)": ["age:C(grade)[G2]", "age:C(grade)[G3]", "age:C(grade)[G4]"],
    "age * batch": ["age", "batch[T.G3]", "age:batch[T.G3]"],
    "(age + log + batch)**2 - age:log": ["age", "log", "batch[T.G3]", "age:batch[T.G3]", "log:batch[T.G3]"],
    "C(grade, contr.treatment('G3'))": [f"C(grade, contr.treatment(base='G3'))[T.{level}]" for level in ("G2", "G4")],
    "C(grade, contr.sum)": ["C(grade, contr.sum)[S.G2]", "C(grade, contr.sum)[S.G3]"],
    "C(stage, contr.poly(scores=[1, 2, 4]))": [f"C(stage, contr.poly(scores=[1, 2, 4]))[.{part}]" for part in "LQ"],
    "C(stage, contr.poly)": ["C(stage, contr.poly)[.L]", "C(stage, contr.poly)[.Q]"],
    "C(site, contr.helmert())": ["C(site, contr.helmert())[H.A]", "C(site, contr.helmert())[H.B]"],
    "C(grade, contr.diff)": ["C(grade, contr.diff)[D.G3]", "C(grade, contr.diff)[D.G4]"],
    "bs(age, df=4)": [f"bs(age, df=4)[{i}]" for i in range(1, 5)],
    "bs(log(`size mm`), 5)": [f"bs(log(size mm), df=5)[{i}]" for i in range(1, 6)],
    "cr(age, df=3)": [f"cr(age, df=3)[{i}]" for i in range(1, 4)],
    "cc(age, df=3)": [f"cc(age, df=3)[{i}]" for i in range(1, 4)],
    "poly(age, 2) + scale(log) + center(stage)": [
        "poly(age, degree=2)[1]",
        "poly(age, degree=2)[2]",
        "scale(log)",
        "center(stage)",
    ],
    "{age / 10 + 1} + I(age**2) + sqrt(age) + log1p(age)": ["age / 10 + 1", "I(age ** 2)", "sqrt(age)", "log1p(age)"],
}


@pytest.mark.parametrize("formula", DESIGNS)
def test_training_rows_are_laid_out_and_found_again(formula: str, table: pd.DataFrame) -> None:
    read_back = read(formula, table)
    design = build_covariates(read_back, table).design
    assert list(design) == DESIGNS[formula]
    assert set(design.dtypes) == {np.dtype(float)}
    assert design.index.equals(table.index)
    pd.testing.assert_frame_equal(apply_covariates(read_back, table, table), design, check_exact=True)
    # One row alone gets what it got among the others: nothing is learned from new rows.
    alone = apply_covariates(read_back, table, table.iloc[[7]])
    pd.testing.assert_frame_equal(alone, design.iloc[[7]], check_exact=False, rtol=0, atol=1e-12)
    assert list(apply_covariates(read_back, table, table.iloc[:0])) == DESIGNS[formula]


def test_values_are_those_of_the_formula(table: pd.DataFrame) -> None:
    design = build("`size mm` + log2(age) + {age**2 - 2*age} + scale(log) + age:smoker", table).design
    np.testing.assert_array_equal(design["size mm"], table["size mm"])
    np.testing.assert_allclose(design["log2(age)"], np.log2(table["age"]))
    np.testing.assert_allclose(design["age ** 2 - 2 * age"], table["age"] ** 2 - 2 * table["age"])
    np.testing.assert_allclose(design["scale(log)"], (table["log"] - table["log"].mean()) / table["log"].std())
    np.testing.assert_array_equal(design["age:smoker[True]"], table["age"] * table["smoker"])


def test_whole_numbers_do_not_overflow() -> None:
    table = pd.DataFrame({"count": [1, 2, 3, 10**6]})
    assert build("{count ** 4}", table).design["count ** 4"].iloc[-1] == 1e24


def test_columns_are_named_in_the_order_of_their_first_use(table: pd.DataFrame) -> None:
    formula = read(" ~ log(`size mm`) + C(grade):age + age", table)
    assert formula == CovariateFormula("log(`size mm`) + C(grade):age + age", ("size mm", "grade", "age"))


def test_coding_is_explicit(table: pd.DataFrame) -> None:
    coding = build("site + smoker + C(stage, contr.treatment(2)) + C(grade, contr.sum) + age", table).coding
    assert coding == {
        "site": {"levels": ["C", "A", "B"], "reference": "C", "contrast": "treatment"},
        "smoker": {"levels": [False, True], "reference": False, "contrast": "treatment"},
        "stage": {"levels": [1, 2, 3], "reference": 2, "contrast": "treatment"},
        "grade": {"levels": ["G2", "G3", "G4"], "reference": None, "contrast": "sum"},
    }
    # Without its main effect every level of grade has a slope of its own.
    assert build("age:grade", table).coding["grade"]["reference"] is None
    assert build("C(grade, levels=['G4', 'G2', 'G3'])", table).coding["grade"]["reference"] == "G4"


@pytest.mark.parametrize(
    "values",
    [
        pd.array(["b", "a", "c", "b", "a"], dtype="string"),
        np.array(["b", "a", "c", "b", "a"], dtype=object),
        pd.Series(["b", "a", "c", "b", "a"]).astype("category"),
        pd.Series(["b", "a", "c", "b", "a"], dtype="str"),
    ],
    ids=["string", "object", "category", "str"],
)
def test_text_of_every_dtype_is_coded_alike(values: object) -> None:
    covariates = build("kind", pd.DataFrame({"kind": values}))
    assert covariates.coding == {"kind": {"levels": ["a", "b", "c"], "reference": "a", "contrast": "treatment"}}
    assert covariates.design.to_numpy().tolist() == [[1, 0], [0, 0], [0, 1], [1, 0], [0, 0]]


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64", "Float64", "object", "uint8"])
def test_numbers_of_every_dtype_are_numbers_and_levels_alike(dtype: str) -> None:
    table = pd.DataFrame({"stage": pd.Series([1, 3, 2, 3, 1]).astype(dtype)})
    assert build("stage", table).design["stage"].tolist() == [1.0, 3.0, 2.0, 3.0, 1.0]
    assert list(build("C(stage)", table).design) == ["C(stage)[T.2]", "C(stage)[T.3]"]
    new = pd.DataFrame({"stage": [3.0]})
    assert apply_covariates(read("C(stage)", table), table, new).to_numpy().tolist() == [[0.0, 1.0]]


def test_new_rows_with_unknown_levels_are_named(table: pd.DataFrame) -> None:
    new = table.iloc[:4].assign(grade=["G2", "G1", "G3", "G9"])
    with pytest.raises(
        TableError, match=r"'grade' has the levels 'G1', 'G9' in the rows P1, P3.*knows 'G2', 'G3', 'G4'"
    ):
        apply_covariates(read("grade", table), table, new)
    # A category that the training rows do not use is unknown as well.
    with pytest.raises(TableError, match="'Z' in the rows P0"):
        apply_covariates(read("site", table), table, table.iloc[:1].assign(site="Z"))


def test_missing_values_are_counted_and_named(table: pd.DataFrame) -> None:
    gaps = table.astype({"stage": "Int64"}).copy()
    gaps.loc[["P3", "P5"], "stage"] = pd.NA
    with pytest.raises(TableError, match="2 missing values of the covariate 'stage', in the rows P3, P5"):
        build("age + stage", gaps)
    with pytest.raises(TableError, match="the new rows have 2 missing values of the covariate 'stage'"):
        apply_covariates(read("age + stage", table), table, gaps)
    with pytest.raises(TableError, match="the new rows lack the covariates 'stage'"):
        apply_covariates(read("age + stage", table), table, table.drop(columns="stage"))
    with pytest.raises(TableError, match=r"'grade' stands where the formula needs numbers.*P0"):
        build("log(grade)", table)
    with pytest.raises(TableError, match="'age' stands where the formula needs numbers"):
        apply_covariates(read("age", table), table, table.assign(age="old"))


def test_bs_refuses_rows_beyond_its_knots_and_clips_or_extends_if_told(table: pd.DataFrame) -> None:
    oldest = table["age"].idxmax()
    new = table.loc[[oldest, "P3"]].assign(age=[table["age"].max() + 10.0, table.loc["P3", "age"]])
    with pytest.raises(TableError, match=rf"from [\d.]+ to [\d.]+; beyond are the rows {oldest} with .*clip.*extend"):
        apply_covariates(read("bs(age, df=4)", table), table, new)
    clipped = apply_covariates(read("bs(age, df=4, extrapolation='clip')", table), table, new)
    assert clipped.iloc[0].tolist() == [0.0, 0.0, 0.0, 1.0]
    extended = apply_covariates(read("bs(age, df=4, extrapolation='extend')", table), table, new)
    assert extended.iloc[0, -1] > 1
    with pytest.raises(SettingsError, match="knots of bs are a list that ascends within"):
        build("bs(age, knots=[60, 50])", table)


def test_natural_spline_is_linear_beyond_its_knots_and_cyclic_spline_repeats(table: pd.DataFrame) -> None:
    beyond = table.iloc[:4].assign(age=[100.0, 110.0, 120.0, 130.0])
    natural = apply_covariates(read("cr(age, df=4)", table), table, beyond).to_numpy()
    assert np.ptp(natural, axis=0).min() > 0.1
    np.testing.assert_allclose(np.diff(natural, 2, axis=0), 0, atol=1e-10)
    period = np.ptp(table["age"])
    around = table.iloc[:2].assign(age=[50.0, 50.0 + period])
    cyclic = apply_covariates(read("cc(age, df=4)", table), table, around).to_numpy()
    np.testing.assert_allclose(cyclic[0], cyclic[1], atol=1e-10)


@pytest.mark.parametrize(
    ("formula", "error", "message"),
    [
        ("age + {2 * age + 3}", DesignError, r"'2 \* age \+ 3' is a linear combination of 'age' and the intercept"),
        ("site + C(site)", DesignError, "is a linear combination of"),
        ("bs(age, df=4) + age", DesignError, "'age' is a linear combination of .*bs"),
        ("age + {age}", DesignError, "two covariate columns have the name 'age'"),
        ("{age - age} + log", DesignError, "'age - age' are the same in all 40 rows"),
        ("C(age) + log", DesignError, "40 columns beside the intercept, more than 40 rows"),
        ("log(stage - 1)", TableError, r"'log\(stage - 1\)' is infinite or undefined in the rows P"),
        (
            "C(stage, contr.treatment(9))",
            SettingsError,
            "takes 9 as the reference of 'stage', which has the levels 1, 2",
        ),
        ("C(grade, levels=['G2', 'G3'])", TableError, "has the levels 'G4' in the rows"),
        ("bs(age, df=2)", SettingsError, r"the covariates 'bs\(age, df=2\)' cannot be computed"),
        ("grade + age:C(grade, contr.sum)", SettingsError, "inside C with another coding"),
        ("{1 / 0 * age}", SettingsError, "division by zero"),
        ("C(stage, contr.poly(scores=[1, 2]))", SettingsError, "scores` must have the same cardinality"),
    ],
)
def test_designs_that_cannot_be_fitted_are_refused(
    formula: str, error: type[Exception], message: str, table: pd.DataFrame
) -> None:
    with pytest.raises(error, match=message):
        build(formula, table)


def test_columns_that_are_no_covariates_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="'age' has the same value in all 40 rows, 5"):
        build("age", table.assign(age=5))
    with pytest.raises(TableError, match="'age' is infinite in the rows P2"):
        build("age", table.assign(age=np.where(np.arange(ROWS) == 2, np.inf, np.arange(ROWS))))
    with pytest.raises(TableError, match="'when' holds values of the type Timestamp"):
        build("when", table.assign(when=pd.date_range("2026-01-01", periods=ROWS)))
    with pytest.raises(TableError, match="'band' holds values of the type Interval"):
        build("band", table.assign(band=pd.cut(table["age"], 3)))
    with pytest.raises(TableError, match="'mixed' holds values of the type int and str"):
        build("mixed", table.assign(mixed=pd.Series([1, "a"] * (ROWS // 2), index=table.index, dtype=object)))
    twice = pd.concat([table, table[["age"]]], axis=1)
    with pytest.raises(TableError, match="more than one column 'age'"):
        build("age", twice)


def test_outcome_predictors_and_unknown_columns_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises(TableError, match="'outcome' as a covariate, which is the model's outcome already"):
        read("age + log(outcome)", table)
    with pytest.raises(TableError, match="'feature' as a covariate, which is the model's predictor already"):
        read("age:feature", table)
    with pytest.raises(TableError, match="'siz mm', which the table does not have; near names are 'size mm'"):
        read("`siz mm`", table)
    with pytest.raises(TableError, match=r"'zzz'.*it has age, size mm"):
        read("{zzz * 2}", table)


@pytest.mark.parametrize("formula", ["1 + age", "0 + age", "age - 1", "-1 + age", "age + -1", "age + 0"])
def test_the_intercept_is_the_models_own(formula: str, table: pd.DataFrame) -> None:
    with pytest.raises(SettingsError, match="the model has an intercept of its own"):
        read(formula, table)


ATTACKS = [
    "__import__('os').system('true')",
    "log(__import__('os').system('true'))",
    "{__import__('os').system('true')}",
    "C(grade, __import__('os').system('true'))",
    "C(grade, levels=[__import__('os').system('true')])",
    "C(__import__('os').system('true'))",
    "bs(age, df=__import__('os').system('true'))",
    "__import__('os').system('true')(age)",
    "{eval('1') + age}",
    "exec('import os')",
    "open('/etc/passwd')",
    "age.__class__",
    "{age.__class__}",
    "log(age.values)",
    "age.values",
    "log(age).real",
    "{().__class__.__base__.__subclasses__()}",
    "log.__class__",
    "{log.__globals__}",
    "contr.treatment.__init__.__globals__",
    "C(grade, contr.treatment.__init__)",
    "C(grade, contr.__class__)",
    "C(grade, contr.treatment(base=age.__class__))",
    "[x for x in age]",
    "{[x for x in age]}",
    "log(x for x in age)",
    "{lambda: age}",
    "lambda x: age",
    "{(age := 1)}",
    "age := 1",
    "{age if 1 else 2}",
    "{age and 1}",
    "{age @ age}",
    "{age[0]}",
    "age[0]",
    "log(age)[0]",
    "log(*age)",
    "log(age, **age)",
    "log(age, out=age)",
    "bs(age, df=4, _state=age)",
    "bs(age, df=4, _context=1)",
    "f'{age}'",
    "C(f'{open}')",
    "{f'{age}'}",
    "{b'a'}",
    "np.log(age)",
    "Q('age')",
    "hashed(age)",
    "lag(age)",
    "log(age)(age)",
    "{age; import os}",
    "{await age}",
    "{yield age}",
    "{...}",
    "{1j * age}",
    "{True * age}",
    "{'a' * 10**9}",
    "{[0] * 10**9}",
    "'age'",
    # Quotes in quotes: what a transform has learned is kept by formulaic under its own source, which it evaluates.
    'bs(age, extrapolation=\'a"] or __import__("os").system("true") or ["\')',
    "bs(age, extrapolation=\"a'] or __import__('os').system('true') or ['\")",
    'C(grade, contr.treatment(base="a\\"]"))',
    "cr(age, df=3, constraints='x\\\\')",
    "`age` + `it's`) + __import__('os').system('true') + (`it's`",
    "age` + __import__('os').system('true') + `age",
    # Time and memory.
    "{9**9**9**9 * age}",
    "{age ** 9**9**9}",
    "age**99999999",
    "(age + grade + log + stage + site + batch)**9",
    "*".join(["age", "log", "grade"] * 60),
    "poly(age, 100000000)",
    "bs(age, df=100000000)",
    "{" + "(" * 400 + "age" + ")" * 400 + "}",
    "log(" * 220 + "age" + ")" * 220,
    "{" + "-" * 950 + "grade.x}",
    "age + " * 100_000 + "age",
    # Nothing, or no formula.
    "",
    "~",
    "age - age",
    "outcome ~ age",
    "age | grade",
    ".",
    "age %in% grade",
    "2:age",
    "{1 + 2}",
    "age**2",
    "age grade",
    "(age",
    "age\0",
    "number_0_q",
]


@pytest.mark.parametrize("formula", ATTACKS)
def test_formulas_of_others_are_refused_and_nothing_of_them_is_run(
    formula: str, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    read("age", table)  # formulaic's own imports, before importing is watched
    run: list[str] = []
    with monkeypatch.context() as watched:
        for module, name in ((os, "system"), (subprocess, "Popen"), (builtins, "open"), (builtins, "exec")):
            watched.setattr(module, name, lambda *_, name=name, **__: run.append(name))
        watched.setattr(builtins, "eval", lambda *_, **__: run.append("eval"))
        # Also as a formula that comes from a file and was never read by `read_formula`.
        for refuse in (
            lambda: read(formula, table),
            lambda: build_covariates(CovariateFormula(formula, ("age", "grade", "log")), table),
        ):
            with pytest.raises((SettingsError, TableError)):
                refuse()
    assert run == []


def test_formulaic_alone_runs_what_it_is_given(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    from formulaic import model_matrix

    run: list[str] = []
    monkeypatch.setattr(os, "system", lambda command: run.append(command) or 0)
    model_matrix("{__import__('os').system('true') + age}", table)
    assert run == ["true"]  # so the attacks are real, and the test above sees them


def test_what_is_refused_is_named_with_what_is_allowed(table: pd.DataFrame) -> None:
    with pytest.raises(
        SettingsError, match=r"'age\.mean\(\)' in the formula 'log\(age\.mean\(\)\)'.*calls of C, log, "
    ):
        read("log(age.mean())", table)
    with pytest.raises(SettingsError, match=r"its options are df, knots.*contr\.treatment"):
        read("bs(age, knot=[1])", table)
    with pytest.raises(SettingsError, match=r"knots is a list of numbers in brackets; got 50"):
        read("bs(age, knots=50)", table)
    with pytest.raises(SettingsError, match="'stage' is coded in another way elsewhere"):
        read("C(stage) + age:C(stage, contr.sum)", table)
    with pytest.raises(SettingsError, match=r"write \{age \*\* 2\} for the power"):
        read("age**2", table)


def test_columns_named_like_functions_and_tricks_are_columns() -> None:
    rng = np.random.default_rng(1)
    names = ["C", "log", "contr", "x') + __import__('os').system('true') + ('", 'a"] + b["', "__class__", "µ"]
    table = pd.DataFrame(rng.uniform(1.0, 2.0, (12, len(names))), columns=names)
    formula = " + ".join([*(f"`{name}`" for name in names), "log(log)", "log(`C`)", "µ:C"])
    design = build(formula, table).design
    assert list(design) == [*names, "log(log)", "log(C)", "µ:C"]
    np.testing.assert_array_equal(design[names], table)
    np.testing.assert_allclose(design["log(log)"], np.log(table["log"]))


def test_numbers_with_a_word_among_them_are_no_levels():
    table = pd.DataFrame({"age": [*(str(age) for age in range(20, 60)), "unknown"], "y": range(41)})
    formula = read_formula("age", list(table), outcome="y", predictors=["x"])
    with pytest.raises(TableError, match="numbers but for 'unknown' in row 40"):
        build_covariates(formula, table)


def test_names_of_nearly_every_row_are_no_levels():
    table = pd.DataFrame({"who": [f"P{number}" for number in range(40)], "y": range(40)})
    formula = read_formula("who", list(table), outcome="y", predictors=["x"])
    with pytest.raises(TableError, match="text with 40 levels"):
        build_covariates(formula, table)


def test_codes_of_text_are_levels():
    table = pd.DataFrame({"code": ["1", "2", "2b"] * 5, "y": range(15)})
    formula = read_formula("code", list(table), outcome="y", predictors=["x"])
    assert build_covariates(formula, table).coding["code"]["levels"] == ["1", "2", "2b"]
