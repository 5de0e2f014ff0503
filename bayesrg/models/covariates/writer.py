"""Rewriting a formula of covariates, piece by piece, in words that are safe to evaluate.

A formula may come from somebody else's file, and formulaic evaluates the Python that it finds in one: in arguments, in
braces, and in the names under which it keeps what a transform has learned. So nothing of the user's text reaches it:
every column and every text becomes a word of our own, and only what `formula_words` lists is passed on.
"""

import ast
import difflib
import keyword
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.models.covariates.words import (
    ALLOWED,
    CONTRASTS,
    FUNCTIONS,
    LARGEST_WHOLE_NUMBER,
    MOST_COLUMNS_OF_A_TRANSFORM,
    OPERATORS,
    OURS,
    TEXTS,
    Coding,
    Role,
    SafeFormula,
)

_QUOTED = re.compile(r"`(?P<name>[^`]*)`|(?P<prefix>\w*)(?P<text>\"[^\"]*\"|'[^']*')")


class Writer:
    """Rewrites the pieces of one formula, and remembers what its own words stand for."""

    def __init__(self, formula: str, columns: Sequence[str]) -> None:
        self.formula = formula
        self.columns = {str(column): None for column in columns}
        self.quoted: dict[str, str] = {}
        self.safe = SafeFormula()

    def hide_quoted(self) -> str:
        """Return the formula with names in backticks and text in quotes replaced, so that no quote is left."""
        if found := OURS.search(self.formula):
            self.refuse(found[0], "this name is kept for the program: rename the column")

        def replace(found: re.Match[str]) -> str:
            if found["prefix"]:
                self.refuse(found[0], "text in quotes is taken as it is, without a letter before")
            if found["text"]:
                words, value, kind = self.safe.texts, found["text"][1:-1], "text"
            else:
                words, value, kind = self.quoted, found["name"], "quoted"
            word = f"{kind}_{len(words)}_q"
            words[word] = value
            return f" {word} "

        hidden = _QUOTED.sub(replace, self.formula)
        if left := re.search("[`\"'\\\\\0]", hidden):
            self.refuse(left[0], "a quote without its pair, or a character that no formula needs")
        return hidden

    def rewrite(self, tokens: Iterable[Any]) -> str:
        """Return the formula of these tokens, as formulaic makes them, in our own words."""
        pieces: list[str] = []
        for token in tokens:
            text, kind = token.token, token.kind.value
            after_power = pieces[-1:] in (["**"], ["^"])
            if kind == "value" and text in ("0", "1") and not after_power:
                self.refuse(text, "the model has an intercept of its own, which a formula neither adds nor removes")
            if kind == "value" and not (after_power and text.isdecimal()):
                self.refuse(text, "a number or text stands in a call, in braces, or is an exponent after **")
            if kind == "operator" and text not in OPERATORS and not set(text) <= {"+", "-"}:  # as in "age + -grade"
                self.refuse(text, "no operator of a formula of covariates")
            if kind == "context" and text not in "()":
                self.refuse(text, "brackets stand only around an option's list")
            if kind == "name":
                text = self._name(text, "column")
            elif kind == "python":
                text = "{" + self._rewrite_factor(text) + "}"
            pieces.append(text)
        return " ".join(pieces)

    def refuse(self, piece: str | ast.AST, why: str) -> NoReturn:
        """Raise the error that names a piece of the formula, says why it is refused, and lists what is allowed."""
        text = ast.unparse(piece) if isinstance(piece, ast.AST) else piece
        shown = OURS.sub(lambda found: f"`{self.quoted[found[0]]}`" if found[0] in self.quoted else found[0], text)
        raise SettingsError(f"{self.safe.show(shown)!r} in the formula {self.formula!r}: {why}; {ALLOWED}")

    def _name(self, name: str, role: Role) -> str:
        """Return our word for a column in a role; the table must have the column."""
        column = self.quoted.get(name, name)
        if column not in self.columns:
            if name in self.safe.texts:
                self.refuse(name, "text stands only where an option takes it")
            if name == column and (keyword.iskeyword(name) or "__" in name):
                self.refuse(name, "no column has this name")
            if name == column and "." in name and name.split(".")[0] in ("", *self.columns, *FUNCTIONS, "C", "contr"):
                self.refuse(name, "a formula takes no attributes of columns and functions")
            near = difflib.get_close_matches(column, list(self.columns), n=3, cutoff=0.5)
            raise TableError(
                f"the formula {self.formula!r} names the column {column!r}, which the table does not have; "
                + (f"near names are {', '.join(map(repr, near))}" if near else f"it has {list_some(self.columns)}")
                + " (a name with blanks or odd characters stands in backticks)"
            )
        for word, known in self.safe.columns.items():
            if known == (column, role):
                return word
        word = f"{role}_{len(self.safe.columns)}_q"
        self.safe.columns[word] = (column, role)
        return word

    def _rewrite_factor(self, source: str) -> str:
        """Return a call, or what stood in braces, in our own words."""
        tree = ast.parse(source.strip(), mode="eval").body
        if isinstance(tree, ast.Call) and _dotted(tree.func) == "C":
            return self._rewrite_coding(tree)
        computed = self._compute(tree)
        if not any(isinstance(part, ast.Name) and part.id in self.safe.columns for part in ast.walk(computed)):
            self.refuse(tree, "it holds no column, so it is the same for all")
        return ast.unparse(computed)

    def _compute(self, node: ast.expr) -> ast.expr:
        """Return arithmetic or a transform in our own words."""
        match node:
            case ast.Name() | ast.Attribute() if name := _dotted(node):
                return ast.Name(self._name(name, "number"))
            case ast.Constant(value=bool()):
                self.refuse(node, "True and False are options, not values")
            case ast.Constant(value=int() | float() as value):
                if isinstance(value, int) and value > LARGEST_WHOLE_NUMBER:
                    self.refuse(node, f"a whole number beyond {LARGEST_WHOLE_NUMBER:,}")
                return node
            case ast.UnaryOp(op=ast.UAdd() | ast.USub()):
                return ast.UnaryOp(node.op, self._compute(node.operand))
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow()):
                left, right = self._compute(node.left), self._compute(node.right)
                if isinstance(node.op, ast.Pow) and not any(isinstance(part, ast.Name) for part in ast.walk(node)):
                    self.refuse(node, "a power of a number alone: write the number")
                return ast.BinOp(left, node.op, right)
            case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
                return self._transform(node, name)
        self.refuse(node, "it is none of what a formula may hold")

    def _transform(self, node: ast.Call, name: str) -> ast.expr:
        """Return a call of one of `FUNCTIONS` in our own words."""
        if not node.args or isinstance(node.args[0], ast.Starred):
            self.refuse(node, f"{name} needs a column first")
        options = self._options(node.args[1:], node.keywords, FUNCTIONS[name], node)
        for option, (_, value) in options.items():
            numbers = value if isinstance(value, list) else [value]
            if option in TEXTS and value not in TEXTS[option]:
                self.refuse(node, f"{option} is one of {', '.join(map(repr, TEXTS[option]))}; got {value!r}")
            if option not in TEXTS and not (
                isinstance(value, list) == (option == "knots")
                and all(isinstance(part, (int, float)) for part in numbers)
            ):
                kind = "a list of numbers in brackets" if option == "knots" else "a number, True or False"
                self.refuse(node, f"{option} is {kind}; got {value!r}")
            if option in ("df", "degree") and not (type(value) is int and 1 <= value <= MOST_COLUMNS_OF_A_TRANSFORM):
                self.refuse(node, f"{option} is a whole number from 1 to {MOST_COLUMNS_OF_A_TRANSFORM}; got {value!r}")
        keywords = [ast.keyword(option, written) for option, (written, _) in options.items()]
        return ast.Call(ast.Name(name), [self._compute(node.args[0])], keywords)

    def _rewrite_coding(self, node: ast.Call) -> str:
        """Return ``C(column, contrast, levels=[...])`` in our own words, and remember the coding."""
        column = _dotted(node.args[0]) if node.args else ""
        if not column:
            self.refuse(node, "C codes the levels of one column, which it names first")
        given = {item.arg: item.value for item in node.keywords}
        if set(given) - {"contrasts", "levels"} or len(node.args) > 2 or (len(node.args) > 1 and "contrasts" in given):
            self.refuse(node, "C takes a column, a contrast, and levels=[...]")
        contrast = node.args[1] if len(node.args) > 1 else given.get("contrasts")
        call = contrast if isinstance(contrast, ast.Call) else ast.Call(contrast or ast.Name("C"), [], [])
        name = _dotted(call.func).removeprefix("contr.") if contrast is not None else "treatment"
        if contrast is not None and (name not in CONTRASTS or _dotted(call.func) != f"contr.{name}"):
            self.refuse(contrast, "no contrast that is known")
        options = self._options(call.args, call.keywords, CONTRASTS[name], node)
        levels = self._read(given["levels"]) if "levels" in given else None
        if levels is not None and not (isinstance(levels, list) and levels and len(set(levels)) == len(levels)):
            self.refuse(node, "levels are a list in brackets, of text or numbers, each of them once")
        base = options["base"][1] if "base" in options else None
        if isinstance(base, list):
            self.refuse(node, "the base of a treatment contrast is one level")
        coding = Coding(name, base, None if levels is None else tuple(levels))

        word = self._name(column, "level")
        original = self.safe.columns[word][0]
        if self.safe.codings.setdefault(original, coding) != coding:
            self.refuse(node, f"the column {original!r} is coded in another way elsewhere in the formula: choose one")
        parts: list[ast.expr] = [ast.Name(word)]
        if contrast is not None:
            keywords = [ast.keyword(option, written) for option, (written, _) in options.items()]
            known = ast.Attribute(ast.Name("contr"), name)
            parts.append(ast.Call(known, [], keywords) if isinstance(contrast, ast.Call) else known)
        written = ast.unparse(
            ast.Call(ast.Name("C"), parts, [ast.keyword("levels", given["levels"])] if "levels" in given else [])
        )
        self.safe.coded[written] = original
        return written

    def _options(
        self, positional: list[ast.expr], named: list[ast.keyword], known: tuple[str, ...], node: ast.Call
    ) -> dict[str, tuple[ast.expr, Any]]:
        """Return the options of a call: option -> how it is written and what it says."""
        given = [*zip(known, positional, strict=False), *((item.arg or "**", item.value) for item in named)]
        if len(positional) > len(known) or any(option not in known for option, _ in given):
            self.refuse(node, f"its options are {', '.join(known) or 'none'}")
        if len(dict(given)) < len(given):
            self.refuse(node, "an option is given twice")
        return {option: (value, self._read(value)) for option, value in given}

    def _read(self, node: ast.expr) -> Any:
        """Return a number, text, True, False, or a list of them."""
        match node:
            case ast.Name(id=word) if word in self.safe.texts:
                return self.safe.texts[word]
            case ast.Constant(value=int() | float() as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return -value
            case ast.List(elts=parts) if not any(isinstance(part, ast.List) for part in parts):
                return [self._read(part) for part in parts]
        self.refuse(node, "an option is a number, text in quotes, True, False, or a list of these")


def _dotted(node: ast.expr) -> str:
    """Return a name, or names joined by dots, as it was written; nothing for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""
