"""Lines with a label before them, as calls are shown."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

MARGIN = 9
"""How much room the label has."""


def print_labelled(console: Console, label: Text, text: Text) -> None:
    """Print a line with its label; on a terminal the text is folded beside it."""
    if not console.is_terminal:
        console.print(Text(f"{label.plain:>{MARGIN}}  ") + text, soft_wrap=True)
        return
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=MARGIN, justify="right")
    row.add_column(overflow="fold")
    row.add_row(label, text)
    console.print(row)
