"""From a `Page` to one HTML file that loads nothing from anywhere."""

import base64
import hashlib
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from bayesrg import __version__
from bayesrg.reporting.blocks import Figure, Page, Table, breakable

HERE = Path(__file__).parent
# Characters of a table's file up to which the page holds it too; beyond, its link goes to the file beside the page.
LARGEST_INSIDE = 65_536


def render(page: Page, *, verdict: str, mark: str, folder: str, judged: bool = True) -> str:
    """The page as HTML: style, script, figures and CSV downloads are all inside it.

    Parameters
    ----------
    page : what to show
    verdict : the first line
    mark : what stands before the title of a fit that failed; empty for one that passed
    folder : name of the folder of CSV and SVG files beside the page
    judged : whether the first line says passed or failed; a page without a fit only states it
    """
    script = (HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["breakable"] = breakable
    return environment.get_template("page.html.jinja").render(
        page=page,
        verdict=verdict,
        mark=mark,
        judged=judged,
        folder=folder,
        version=__version__,
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
        tables={table.name: number for number, table in enumerate(page.of_kind(Table), start=1)},
        figures={figure.name: number for number, figure in enumerate(page.of_kind(Figure), start=1)},
        links={table.name: _links(table, folder) for table in page.of_kind(Table)},
    )


def _links(table: Table, folder: str) -> list[tuple[str, str, str]]:
    """What a table can be taken as: the kind, the file's name, and the address."""
    kinds = [("CSV", "csv", "text/csv", table.csv)]
    if table.json:
        kinds.append(("JSON", "json", "application/json", table.json))
    found = []
    for shown, suffix, media, text in kinds:
        file = f"{table.name}.{suffix}"
        inside = len(text) <= LARGEST_INSIDE
        address = f"data:{media};charset=utf-8,{quote(text)}" if inside else f"{quote(folder)}/{quote(file)}"
        found.append((shown, file, address))
    return found
