"""What comes from elsewhere, fit for a terminal."""


def printable(text: str) -> str:
    """Return text without what would move a cursor, in all its length."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
