"""Finds the project folder."""

from pathlib import Path

from aiflow_local.errors import TemplateError

TEMPLATE = "template.yaml"


def find_project() -> Path:
    """Return the nearest folder with a `template.yaml`, from the current folder upwards.

    Without one, return the project in which this command is installed.

    Raises:
        TemplateError: No folder has a template.
    """
    here = Path.cwd()
    command = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, command):
        if (folder / TEMPLATE).is_file():
            return folder
    raise TemplateError(f"there is no {TEMPLATE} in {here} or above: change to the project folder")
