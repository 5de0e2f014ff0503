"""Rows of a text file and the line on which each stands, so that a message can name the line that has to be mended."""

import csv
import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from bayesrg.errors import TableError

_GZIP = b"\x1f\x8b"
# GATK begins its tables of segments with the header lines of a SAM file: @HD, @SQ, @RG.
_SAM_HEADER = re.compile(r"@[A-Z]{2}\t")


@dataclass(frozen=True)
class TextRows:
    """Fields of a file's rows.

    Attributes
    ----------
    rows
        The fields of each row, without quotes and blanks on either side.
    lines
        The line of each row in the file, from 1.
    comments
        Lines that begin with ``#``, ``track`` or ``browser``, or are of a SAM header (``@HD`` and its kin), in their
        order.
    """

    rows: list[list[str]]
    lines: list[int]
    comments: list[str]


def read_text(path: Path, what: str) -> str:
    """Return the text of a file, gzipped or not.

    Raises
    ------
    TableError
        The file is absent, empty, cut off in its compression, or no text.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such {what}; check the path") from None
    except UnicodeDecodeError as problem:
        raise TableError(f"{path}: the {what} is no text (byte {problem.start + 1}); give the text file") from problem
    except (OSError, EOFError, zlib.error) as problem:
        raise TableError(
            f"{path}: the {what} could not be read: {problem}; it may be damaged or cut off, fetch it anew"
        ) from problem
    if not text.strip():
        raise TableError(f"{path}: the {what} is empty; expected rows of text")
    return text


def split_rows(text: str) -> TextRows:
    r"""Return the rows of a text, empty lines left out.

    Fields are separated by tabs, or else by commas, or else by blanks, as the first row has them. Commas and blanks
    within double quotes separate nothing.

    Examples
    --------
    >>> found = split_rows("# made by hand\nID\tchrom\n\nP1\t 7 \n")
    >>> found.rows, found.lines
    ([['ID', 'chrom'], ['P1', '7']], [2, 4])
    >>> split_rows('ID,chrom\n"Doe, J.",7\n').rows
    [['ID', 'chrom'], ['Doe, J.', '7']]
    """
    rows: list[list[str]] = []
    lines: list[int] = []
    comments: list[str] = []
    separator: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        # CNVkit's and BED's columns may begin with #chrom: a header only if a row of fields follows the name.
        if line.startswith(("#", "track ", "browser ")) and not line.lower().startswith(
            ("#chrom\t", "#chr\t", "#id\t")
        ):
            comments.append(line)
            continue
        if _SAM_HEADER.match(line):
            comments.append(line)
            continue
        if not rows:
            separator = "\t" if "\t" in line else "," if "," in line else None
        rows.append(_split_fields(line, separator))
        lines.append(number)
    return TextRows(rows, lines, comments)


def _split_fields(line: str, separator: str | None) -> list[str]:
    if separator == "\t" or '"' not in line:
        return [field.strip().strip('"').strip() for field in line.split(separator)]
    # One line at a time, so that a quote which is never closed harms no other row.
    fields = next(csv.reader([line.strip()], delimiter=separator or " ", skipinitialspace=True))
    return [field.strip() for field in fields]
