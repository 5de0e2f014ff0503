"""Settings as a complete TOML file in which every section and key says what it means.

The comments are the docstrings of the dataclasses, so that what a user reads in the file is what the package says.
"""

import inspect
import json
import math
import re
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from bayesrg.radiomics.settings import Settings

_WIDTH = 100


def write_settings(settings: Settings, *, heading: str = "") -> str:
    """Return the text of a TOML file that `read_settings` turns back into equal settings.

    Every section and key is there, defaults too, each below what it means. A key that is not set (None, which TOML
    cannot say) is commented out.

    Parameters
    ----------
    settings
        What to write.
    heading
        What to say at the top, as paragraphs.
    """
    parts = [_comment(heading)] if heading else []
    for section in fields(settings):
        value = getattr(settings, section.name)
        summary, keys = read_documentation(type(value))
        lines = [_comment(summary), f"[{section.name}]"]
        said = ""
        for key in fields(value):
            # Keys that are documented together stand together below one comment.
            lines += [_comment(keys[key.name])] if keys[key.name] != said else []
            lines.append(_assign(key.name, getattr(value, key.name)))
            said = keys[key.name]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def read_documentation(kind: type) -> tuple[str, dict[str, str]]:
    """Return what a dataclass's docstring says of it, and of each of its attributes (numpydoc's section Attributes).

    Examples
    --------
    >>> from bayesrg.imaging import Rounding
    >>> summary, keys = read_documentation(Rounding)
    >>> summary
    'Rounding of interpolated intensities (IBSI 68QD).'
    >>> list(keys)
    ['intensity']
    """
    summary, _, attributes = (inspect.getdoc(kind) or "").partition("\nAttributes\n----------\n")
    described: dict[str, str] = {}
    # Names stand at the margin, what is said of them is indented.
    for names, text in re.findall(r"^(\w[\w, ]*)\n((?:(?: +.*)?\n?)*)", attributes, flags=re.MULTILINE):
        described |= dict.fromkeys(re.split(r", *", names), _to_plain(textwrap.dedent(text)))
    return _to_plain(summary), described


def _to_plain(text: str) -> str:
    """Return reStructuredText without the marks of literals, which mean nothing in a TOML comment."""
    return text.replace("`", "").strip()


def _comment(text: str) -> str:
    return "\n".join(_wrap(text))


def _wrap(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield "#"
        filled = textwrap.wrap(" ".join(paragraph.split()), _WIDTH - 2, break_long_words=False, break_on_hyphens=False)
        yield from (f"# {line}" for line in filled)


def _assign(name: str, value: Any) -> str:
    if value is None:
        return f"# {name} = (not set)"
    line = f"{name} = {_write(value)}"
    if len(line) <= _WIDTH or not isinstance(value, tuple):
        return line
    return "\n".join([f"{name} = [", *(f"    {_write(item)}," for item in value), "]"])


def _write(value: Any) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_write(item) for item in value)}]"
    # JSON escapes what TOML's basic strings escape, and DEL besides would have to be.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
