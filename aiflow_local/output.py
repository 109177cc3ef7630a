"""Terminal output: lines with a label, and text without control characters."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

MARGIN = 9
"""The width of the label column, in characters."""


def print_labelled(console: Console, label: Text, text: Text) -> None:
    """Print a line with its label; on a terminal, wrap the text beside the label."""
    if not console.is_terminal:
        console.print(Text(f"{label.plain:>{MARGIN}}  ") + text, soft_wrap=True)
        return
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=MARGIN, justify="right")
    row.add_column(overflow="fold")
    row.add_row(label, text)
    console.print(row)


def printable(text: str) -> str:
    """Replace each non-printable character, so that external text cannot control the terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
