"""Readable tables on stdout."""

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Wider than any row: a table that goes into a file or a pipe is never cut.
PIPE_WIDTH = 10_000


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` under `headings`; columns are as wide as they need to be."""
    terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", justify="left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: a file's name is never markup
    Console(width=None if terminal else PIPE_WIDTH, soft_wrap=False).print(table)
