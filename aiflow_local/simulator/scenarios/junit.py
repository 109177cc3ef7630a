"""Writes JUnit XML reports for CI systems."""

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.scenarios.batch_runner import PlayedScenario

# Characters that XML 1.0 does not allow, not even escaped.
_INVALID_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, played: Sequence[PlayedScenario]) -> None:
    """Write a report: a test suite for each file, a test case for each scenario.

    Raises:
        Unreadable: the file cannot be written.
    """
    root = Element("testsuites", name="aiflow play")
    _count(root, played)
    for _, group in groupby(played, key=lambda one: id(one.suite)):
        ones = list(group)
        suite = SubElement(root, "testsuite", name=_text(ones[0].suite.file))
        _count(suite, ones)
        for one in ones:
            _add_case(suite, one)
    indent(root)
    try:
        ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise Unreadable("unwritable", message) from None


def _count(element: Element, played: Sequence[PlayedScenario]) -> None:
    failures = sum(not one.result.passed for one in played)
    element.set("tests", str(len(played)))
    element.set("failures", str(failures))
    element.set("errors", "0")
    element.set("skipped", "0")
    element.set("time", _seconds(sum(one.seconds for one in played)))


def _add_case(suite: Element, played: PlayedScenario) -> None:
    result, file = played.result, _text(played.suite.file)
    case = SubElement(
        suite,
        "testcase",
        name=_text(result.scenario.name),
        classname=file,
        file=file,
        time=_seconds(played.seconds),
    )
    if result.scenario.line is not None:
        case.set("line", str(result.scenario.line))
    if not result.passed:
        text = _text("\n\n".join(result.failures))
        SubElement(case, "failure", message=text.partition("\n")[0]).text = text
    notes = [f"not checked: {what}" for what in result.skipped]
    SubElement(case, "system-out").text = _text("\n".join([str(result.call.transcript), *notes]))
    if played.errors:
        SubElement(case, "system-err").text = _text("\n".join(played.errors))


def _text(text: str) -> str:
    return _INVALID_XML.sub("\ufffd", text)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
