"""Where the agent is: the folder of its template."""

from pathlib import Path

from aiflow_local.errors import TemplateError

TEMPLATE = "template.yaml"


def find_project() -> Path:
    """Return the folder of the nearest `template.yaml`, from here upwards, else of this command.

    Raises:
        TemplateError: there is none.
    """
    here = Path.cwd()
    command = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, command):
        if (folder / TEMPLATE).is_file():
            return folder
    raise TemplateError(f"There is no {TEMPLATE} in {here} or above: go to the folder of the agent")
