"""Errors of the developer tools. Each message says what to do."""


class LocalError(Exception):
    """The base of all errors that the `aiflow` command prints in one line without a traceback."""

    exit_code = 1


class TemplateError(LocalError):
    """The template cannot be read, or has something that the emulator does not support."""


class CodeError(LocalError):
    """The code of a function cannot be loaded; the message is that of Python."""


class AddressError(LocalError):
    """The emulator cannot listen at an address."""


class Unreadable(LocalError):
    """An input such as a file, a script or a URL that is invalid, so that nothing starts.

    Attributes:
        code: A machine-readable code.
    """

    exit_code = 2

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
