"""Numbers as a paper prints them: no digit that the Monte Carlo error makes meaningless."""

import math

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SHORTEST, LONGEST = 1e-4, 1e7
MOST_DECIMALS = 5


def rounded(value: float, resolution: float) -> str:
    """The value with its last digit no finer than `resolution` (its Monte Carlo standard error, in the same unit).

    Without a resolution that is positive and finite, three significant digits.
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if not (math.isfinite(resolution) and resolution > 0):
        return significant(value)
    decimals = math.floor(-math.log10(resolution))
    size = abs(value)
    if size >= LONGEST or (size > 0 and decimals > MOST_DECIMALS):
        exponent = math.floor(math.log10(size))
        return _scientific(value, exponent, max(exponent + decimals, 0))
    shown = f"{round(value, decimals):.{max(decimals, 0)}f}"
    return shown.lstrip("-") if float(shown) == 0 else shown.replace("-", "−")


def fineness(mcse: float, sd: float) -> float:
    """How finely an estimate is worth printing: not below its Monte Carlo error, and to at most two digits of its sd.

    Two digits of the sd up to 3.54, one beyond: the rule of the Particle Data Group for values with errors
    (Review of Particle Physics, introduction, section 5.3).
    """
    return max(mcse, sd / 35.4) if math.isfinite(mcse) else mcse


def significant(value: float, digits: int = 3) -> str:
    """The value with so many significant digits."""
    if not math.isfinite(value) or value == 0:
        return "0" if value == 0 else rounded(value, math.nan)
    exponent = math.floor(math.log10(abs(value)))
    if abs(value) >= LONGEST or abs(value) < SHORTEST:
        return _scientific(value, exponent, digits - 1)
    decimals = digits - 1 - exponent
    return f"{round(value, decimals):.{max(decimals, 0)}f}".replace("-", "−")


def interval(lower: float, upper: float, resolution: float) -> str:
    """Two bounds: 0.47–0.82, or −3 to 2 where a dash would be read as a minus."""
    low, high = rounded(lower, resolution), rounded(upper, resolution)
    return f"{low} to {high}" if "−" in low + high else f"{low}–{high}"


def probability(value: float, draws: int) -> str:
    """A probability estimated from so many draws, never as a certainty that draws cannot give."""
    smallest = max(1.0 / draws, 1e-3)
    decimals = math.ceil(-math.log10(smallest))
    limit = math.ceil(round(smallest * 10**decimals, 9)) / 10**decimals
    if value < limit:
        return f"<\u00a0{limit:.{decimals}f}"
    if value > 1.0 - limit:
        return f">\u00a0{1.0 - limit:.{decimals}f}"
    return f"{value:.{2 if 0.01 <= value <= 0.99 else 3}f}"


def equation(shown: str) -> str:
    """What stands after a symbol: ``= 0.17``, or ``< 0.001`` as it is."""
    return shown if shown[0] in "<>" else f"=\u00a0{shown}"


def _scientific(value: float, exponent: int, decimals: int) -> str:
    mantissa = f"{value / 10.0**exponent:.{decimals}f}".replace("-", "−")
    if mantissa.lstrip("−").startswith("10"):  # 9.97 rounds to 10
        return _scientific(value, exponent + 1, max(decimals - 1, 0))
    return f"{mantissa} × 10{str(exponent).translate(SUPERSCRIPTS)}"
