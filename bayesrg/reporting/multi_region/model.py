"""The model in mathematics and in words: only what this fit has."""

from markupsafe import Markup

from bayesrg.reporting import mathematics as mathml
from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Prose, Section, fill, listed, prose
from bayesrg.reporting.mathematics import both, number, row, sign, subscript, superscript, symbol, word
from bayesrg.reporting.multi_region.study import Study
from bayesrg.reporting.stated_priors import named

F, G, T, R, C = (symbol(name) for name in "fgtrc")
ZERO = number("0")
PARTS = {"patient": "patient", "tumor": "tumour", "space": "space", "residual": "residual"}
TIMES_ROOT = {"matern12": "", "matern32": "3", "matern52": "5"}


def model(study: Study) -> Section:
    """The section on the model."""
    blocks: list[Block] = [
        prose(
            "A linear model whose coefficients vary: over tumours, and over places within a tumour ({source}). All "
            "that is Gaussian given the variances is integrated out exactly, and drawn back exactly.",
            source=works.VARYING_COEFFICIENTS.link("Gelfand et al. 2003"),
        ),
        Prose(mathml.display(_mean(study), _coefficient(), _intercept(study), *_variation(study), *_priors(study))),
        listed(_legend(study)),
    ]
    if study.matern:
        blocks.append(
            prose(
                "In one connected piece of space variance and length-scale of such a process are never known apart, "
                "however many its regions ({zhang}); that many tumours repeat the process is what tells them apart "
                "here.",
                zhang=works.INFILL.link("Zhang 2004"),
            )
        )
    return Section("model", "The model", blocks)


def _at(name: str, *index: Markup) -> Markup:
    return subscript(symbol(name), row(*index))


def _normal(value: Markup, *arguments: Markup) -> Markup:
    return row(value, sign("∼"), word("Normal"), sign("("), mathml.joined(arguments, ","), sign(")"))


def _squared(base: Markup, *index: Markup) -> Markup:
    return both(base, row(*index), number("2"))


def _mean(study: Study) -> Markup:
    parts = [_at("μ", F), mathml.total(G, row(_at("B", R, F, G), _at("g", R, G)))]
    if "contextual" in study.layout.parts:
        mean = subscript(Markup('<mover accent="true"><mi>g</mi><mo>¯</mo></mover>'), row(T, G))
        parts.append(mathml.total(G, row(_at("c", F, G), mean)))
    if "gamma" in study.layout.parts:
        parts.append(mathml.total(C, row(_at("γ", F, C), _at("z", R, C))))
    if "batch_effect" in study.layout.parts:
        parts.append(_at("b", F, sign(","), word("batch"), sign("["), R, sign("]")))
    parts += [_at("a", R, F), _at("ε", R, F)]
    return row(_at("f", R, F), sign("="), mathml.joined(parts, "+"))


def _coefficient() -> Markup:
    parts = [_at("B", ZERO, sign(","), F, G), _at("U", T, F, G), _at("W", R, F, G)]
    return row(_at("B", R, F, G), sign("="), mathml.joined(parts, "+"))


def _intercept(study: Study) -> Markup:
    parts = [_at("p", F)] if study.layout.several_tumors else []
    parts.append(_at("u", T, F))
    if study.model.spatial != "exchangeable":
        parts.append(_at("s", R, F))
    return row(_at("a", R, F), sign("="), mathml.joined(parts, "+"))


def _variation(study: Study) -> list[Markup]:
    """How links and a vary, and how correlated places are."""
    correlated = study.model.residual == "correlated"
    own = (G,) if correlated else (F, G)
    tau = row(_squared(symbol("τ"), *own))
    omega = row(_squared(symbol("ω"), *own))
    dot = sign("·")
    lines = [_normal(_at("U", T, F, G), ZERO, tau)]
    kernel = _at("M", symbol("B"))
    lines.append(_normal(_at("W", dot, F, G), ZERO, row(omega, kernel)))
    if study.model.spatial != "exchangeable":
        index = (word("space"),) if correlated else (word("space"), sign(","), F)
        lines.append(_normal(_at("s", dot, F), ZERO, row(_squared(symbol("σ"), *index), _at("M", symbol("a")))))
    if correlated:
        lines.append(_normal(_at("ε", R, dot), ZERO, symbol("Σ")))
    else:
        lines.append(_normal(_at("ε", R, F), ZERO, _squared(symbol("σ"), word("residual"), sign(","), F)))
    lines.append(_kernel(study, kernel))
    return lines


def _kernel(study: Study, kernel: Markup) -> Markup:
    if study.model.spatial == "exchangeable":
        return row(kernel, sign("="), symbol("I"))
    if study.model.spatial == "graph":
        mixing = symbol("φ")
        free = row(sign("("), number("1"), sign("−"), mixing, sign(")"), symbol("I"))
        return row(
            kernel,
            sign("="),
            free,
            sign("+"),
            mixing,
            symbol("Q"),
            sign(","),
            _at("M", symbol("a")),
            sign("="),
            symbol("Q"),
        )
    scaled = symbol("v")
    inside = TIMES_ROOT[study.model.spatial]
    ratio = mathml.fraction(symbol("d"), symbol("ℓ"))
    stretched = row(mathml.root(number(inside)), ratio) if inside else ratio
    fall = superscript(symbol("e"), row(sign("−"), scaled))
    polynomial = [number("1"), scaled]
    if study.model.spatial == "matern52":
        polynomial.append(mathml.fraction(superscript(scaled, number("2")), number("3")))
    factor = [] if study.model.spatial == "matern12" else [sign("("), mathml.joined(polynomial, "+"), sign(")")]
    return row(
        symbol("M"),
        sign("("),
        symbol("d"),
        sign(")"),
        sign("="),
        *factor,
        fall,
        sign(","),
        scaled,
        sign("="),
        stretched,
    )


def _priors(study: Study) -> list[Markup]:
    """How sds are shared among links, and divided among components."""
    chosen, correlated = study.model.priors, study.model.residual == "correlated"
    own = (G,) if correlated else (F, G)
    h, w = symbol("h"), symbol("w")
    less = row(number("1"), sign("−"), w)
    half = word("HalfNormal")
    lines = [
        _normal(_at("B", ZERO, sign(","), F, G), ZERO, _squared(symbol("σ"), word("slope"))),
        row(
            _at("τ", *own), sign("∼"), half, sign("("), h, mathml.root(less), sign(")"), sign(","), word(" "),
            _at("ω", *own), sign("∼"), half, sign("("), h, mathml.root(w), sign(")"),
        ),
        row(h, sign("∼"), named(chosen.heterogeneity_sd), sign(","), word(" "), w, sign("∼"),
            named(chosen.within_share)),
    ]  # fmt: skip
    shares = study.model.components_of_a(study.layout)
    total = (
        both(symbol("σ"), word("total"), number("2"))
        if correlated
        else row(_squared(symbol("σ"), word("total"), sign(","), F))
    )
    if len(shares) > 1:
        parts = [_squared(symbol("σ"), word(PARTS[name]), *([] if correlated else [sign(","), F])) for name in shares]
        divided = row(
            sign("("), mathml.joined(parts, ","), sign(")"), sign("="),
            total, symbol("π"), sign(","), word(" "), symbol("π"), sign("∼"),
            named(chosen.a_share if correlated else chosen.share, parts=len(shares)),
        )  # fmt: skip
        lines.append(divided)
    return lines


def _legend(study: Study) -> list[Markup]:
    m = mathml.inline
    correlated = study.model.residual == "correlated"
    transformed = {"z_score": "standardised", "log": "as a standardised logarithm", "rank_normal": "as a normal score"}
    said = [
        fill("{f}: feature f of region r, {how}; {g}: gene g there, centred (and with sd 1 unless it has two values).",
             f=m(_at("f", R, F)), g=m(_at("g", R, G)), how=transformed[study.data.attrs["transformation"]]),
        fill("{b}: the coefficient on average; {u}: a tumour’s deviation; {w}: a place’s deviation within its tumour.",
             b=m(_at("B", ZERO)), u=m(symbol("U")), w=m(symbol("W"))),
        fill("{a}: what varies whatever the genes are; {e}: what a region has to itself, error included.",
             a=m(symbol("a")), e=m(symbol("ε"))),
    ]  # fmt: skip
    if "contextual" in study.layout.parts:
        said.append(
            fill(
                "{c}: how much steeper the slope between tumours’ means is than that within tumours.", c=m(symbol("c"))
            )
        )
    if study.layout.several_tumors:
        said.append(fill("{p}: a patient’s effect, which all their tumours share.", p=m(symbol("p"))))
    if correlated:
        said.append(
            fill("{s}: a full covariance over features; {t} and {o} are shared by the features.",
                 s=m(symbol("Σ")), t=m(symbol("τ")), o=m(symbol("ω")))
        )  # fmt: skip
    if study.matern:
        said.append(
            fill("{d}: distance in mm; {l}: length-scale in mm, one of a and one of B; the correlation has fallen to "
                 "0.05 at the practical range.", d=m(symbol("d")), l=m(symbol("ℓ")))
        )  # fmt: skip
    if study.model.spatial == "graph":
        said.append(
            fill("{q}: covariance of neighbours (scaled intrinsic autoregression, BYM2; {source}); {phi}: how much of "
                 "the links’ process it structures.", q=m(symbol("Q")), phi=m(symbol("φ")),
                 source=works.BYM2.link("Riebler et al. 2016"))
        )  # fmt: skip
    if study.model.spatial == "exchangeable":
        said.append(
            fill("{i}: regions of a tumour are alike before the data; where they lie plays no part.", i=m(symbol("I")))
        )
    if study.layout.known_covariance is not None:
        said.append(Markup("A covariance of measurement errors that was given beforehand is added to that of ε."))
    return said
