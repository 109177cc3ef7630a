"""What can be wrong on a developer's machine. Each message says what to do about it."""


class LocalError(Exception):
    """The root of what the `aiflow` command reports in one line instead of a traceback."""

    exit_code = 1


class TemplateError(LocalError):
    """The template cannot be read, or says something that the gateway does not understand."""


class CodeError(LocalError):
    """The code of a function cannot be loaded; the message is what Python says about it."""


class AddressError(LocalError):
    """The gateway cannot listen where it was told to."""


class Unreadable(LocalError):
    """A file, a script or a URL that is not what it must be to begin at all.

    Attributes:
        code: one word for programs.
    """

    exit_code = 2

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
