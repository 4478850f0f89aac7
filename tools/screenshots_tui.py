"""Take the README's picture of the terminal debugger: ``python tools/screenshots_tui.py OUTPUT.png``.

Records the same small story as `screenshots_server`, opens its failed run in the debugger on a screen in memory, and
has Chromium draw that screen's cells.  Needs vcr-tui[testing], what `screenshots_server` needs, and a monospaced font.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from screenshots_server import FLAGS, find_chromium, parse_size, record_story

from vcr_tui.testing import ScreenDriver

INK, PAPER = "#d8dee4", "#14181d"
# The sixteen colours of a terminal, in its order.
NAMED = {
    "black": "#2b3138", "red": "#ff7b72", "green": "#7ecb8f", "brown": "#d9a441", "blue": "#79b8ff",
    "magenta": "#c9a0ff", "cyan": "#5cc8c8", "white": "#b8c0c8", "brightblack": "#7a848e", "brightred": "#ff9a92",
    "brightgreen": "#9fe0ad", "brightbrown": "#f0c674", "brightyellow": "#f0c674", "brightblue": "#a5d0ff",
    "brightmagenta": "#dabfff", "brightcyan": "#8fe0e0", "brightwhite": "#f4f7fa",
}  # fmt: skip
STYLE = f"""
body {{ margin: 0; background: {PAPER}; }}
pre {{
  margin: 0; padding: 14px 18px; display: inline-block; color: {INK}; background: {PAPER};
  font: 15px/20px "DejaVu Sans Mono", "Liberation Mono", Menlo, monospace;
}}
span {{ display: inline-block; height: 20px; vertical-align: top; }}
"""


def colour(name: str, default: str) -> str:
    """Return the CSS colour of a cell: a name, six hexadecimal digits, or the default."""
    if name == "default":
        return default
    return NAMED.get(name) or f"#{name}"


def cell_style(cell: Any) -> str:
    """Return the CSS of one cell."""
    ink, paper = colour(cell.fg, INK), colour(cell.bg, PAPER)
    if cell.reverse:
        ink, paper = paper, ink
    parts = [f"color:{ink}"] if ink != INK else []
    parts += [f"background:{paper}"] if paper != PAPER else []
    parts += ["font-weight:700"] if cell.bold else []
    parts += ["text-decoration:underline"] if cell.underscore else []
    return ";".join(parts)


def drawn(screen: Any) -> str:
    """Return the HTML of a screen, a span for each run of equal cells."""
    lines = []
    for row in range(screen.lines):
        runs: list[tuple[str, str]] = []
        for column in range(screen.columns):
            cell = screen.buffer[row][column]
            style = cell_style(cell)
            if runs and runs[-1][0] == style:
                runs[-1] = (style, runs[-1][1] + cell.data)
            else:
                runs.append((style, cell.data))
        lines.append("".join(f'<span style="{style}">{html.escape(text)}</span>' for style, text in runs))
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><pre>{chr(10).join(lines)}</pre>"


async def look(path: Path, keys: list[str], size: tuple[int, int]) -> str:
    """Open a recording, press keys, and return what is on the screen."""
    async with ScreenDriver(path, width=size[0], height=size[1]) as driver:
        for key in keys:
            await driver.press(key)
        await asyncio.sleep(0.5)  # the state is read in the background
        return drawn(driver.file.screen)


def main(arguments: list[str]) -> int:
    """Take one picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("output", type=Path, help="PNG file to write")
    parser.add_argument("--session", default="fix-checkout")
    parser.add_argument("--keys", default="!", help="keys to press, separated by spaces")
    parser.add_argument("--size", default="114x25", help="columns x rows (default: 114x25)")
    options = parser.parse_args(arguments)
    program = find_chromium(parser)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / ".vcr"
        record_story(directory)
        path = directory / f"{options.session}.vcr"
        page_source = asyncio.run(look(path, options.keys.split(), parse_size(options.size)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(device_scale_factor=1.5)
        page.set_content(page_source)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        page.locator("pre").screenshot(path=options.output)
        browser.close()
    print(f"{options.output}: {options.output.stat().st_size / 1e3:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
