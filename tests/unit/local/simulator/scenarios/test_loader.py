from pathlib import Path

import pytest

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.scenarios.expectation_models import Expected
from aiflow_local.simulator.scenarios.scenario import (
    Interruption,
    KeyPresses,
    Scenario,
    load_scenarios,
)
from tests.unit.local.simulator.fake_bots import EXAMPLE

HEAD = "scenarios:\n  - name: a call\n    turns:\n"


def load(tmp_path: Path, text: str | bytes) -> list[Scenario]:
    """Read a file with this text."""
    path = tmp_path / "calls.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_scenarios(path)


def mistake(tmp_path: Path, text: str | bytes) -> str:
    """Return the error for a text, without the path."""
    with pytest.raises(Unreadable) as caught:
        load(tmp_path, text)
    assert caught.value.exit_code == 2
    return str(caught.value).replace(str(tmp_path / "calls.yaml"), "").lstrip(":")


def turn(tmp_path: Path, step: str) -> str:
    """Return the error for one step, which starts at line 4, column 9."""
    return mistake(tmp_path, f"{HEAD}      - {step}\n")


def test_the_example_of_the_documentation_is_read() -> None:
    (scenario,) = load_scenarios(EXAMPLE)

    assert scenario.name == "caller asks for a human and nobody answers"
    assert (scenario.direction, scenario.given.transfer, scenario.given.sms) == (
        "inbound",
        "busy",
        "ok",
    )
    first, second, third, interrupting, keys, silence, hangup = scenario.turns
    assert first.expect == [Expected("speak", contains="Welcome")]
    assert second.user == "I want to talk to a person"
    assert second.expect == [
        Expected("speak"),
        Expected("transfer", {"target_phone_number": "492111234567", "timeout": 30}),
    ]
    assert third.expect == [Expected("speak", contains="could not reach")]
    assert interrupting.interrupt == Interruption.model_validate(
        {"after_ms": 800, "with": "never mind"}
    )
    assert (keys.keys, silence.silence, hangup.hangup) == ("12#", 10, True)
    assert silence.expect == [Expected("speak", matches="still there")]
    outcome = scenario.outcome
    assert (outcome.ended, outcome.problems, outcome.within_ms, outcome.state) == (
        True,
        0,
        1000,
        {"turns": 2},
    )


def test_scenarios_and_steps_know_their_lines() -> None:
    (scenario,) = load_scenarios(EXAMPLE)

    assert scenario.line == 2
    assert [step.line for step in scenario.turns] == [6, 7, 9, 10, 11, 12, 14]


def test_a_scenario_may_have_parties(tmp_path: Path) -> None:
    text = HEAD.replace(
        "    turns", '    from: ""\n    to: "+493023125000"\n    session: s-1\n    turns'
    )
    (scenario,) = load(tmp_path, f"{text}      - hangup: true")

    assert (scenario.caller, scenario.callee, scenario.session) == ("", "493023125000", "s-1")


def test_three_dots_in_block_style_allow_more(tmp_path: Path) -> None:
    block = "      - user: hi\n        expect:\n          - speak: {}\n          - ...\n"
    (scenario,) = load(tmp_path, HEAD + block)

    assert scenario.turns[0].expect == [Expected("speak"), "..."]


def test_yes_no_and_dates_are_words(tmp_path: Path) -> None:
    steps = "".join(f"      - user: {word}\n" for word in ("yes", "no", "2026-01-01", "12:30:15"))
    (scenario,) = load(tmp_path, HEAD + steps)

    assert [step.user for step in scenario.turns] == ["yes", "no", "2026-01-01", "12:30:15"]


def test_keys_may_be_pressed_during_a_playback(tmp_path: Path) -> None:
    (scenario,) = load(tmp_path, f'{HEAD}      - keys: {{press: "1", after_ms: 300}}')

    assert scenario.turns[0].keys == KeyPresses(press="1", after_ms=300)


def test_anchors_aliases_and_merges_are_read(tmp_path: Path) -> None:
    text = """
scenarios:
  - &first
    name: first
    given: &given {sms: failed}
    turns: &turns
      - user: hi
        expect: [&any {speak: {}}, *any]
  - name: second
    given: {<<: *given, transfer: busy}
    turns: *turns
  - <<: *first
    name: third
"""
    first, second, third = load(tmp_path, text)

    assert first.turns == second.turns == third.turns
    assert (second.given.sms, second.given.transfer, third.given.sms) == (
        "failed",
        "busy",
        "failed",
    )


def test_numbers_and_members_of_expectations_are_as_they_are_sent(tmp_path: Path) -> None:
    step = "expect: [{transfer: {target_phone_number: '+493023125002', timeout: 30.0}}]"
    (scenario,) = load(tmp_path, f"{HEAD}      - {step}")

    assert scenario.turns[0].expect == [
        Expected("transfer", {"target_phone_number": "493023125002", "timeout": 30})
    ]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("user: 12", '4:9: scenarios.0.turns.0.user: must be a text: put it in quotes, "12"'),
        ("keys: 012", '4:9: scenarios.0.turns.0.keys: must be a text: put it in quotes, "012"'),
        ("keys: {press: 5}", "4:16: scenarios.0.turns.0.keys.press: must be a text: put it in"),
        ("user: true", '4:9: scenarios.0.turns.0.user: must be a text: put it in quotes, "true"'),
        (
            "expect: [{transfer: {target_phone_number: 492111234567}}]",
            "4:30: scenarios.0.turns.0.expect.0.transfer.target_phone_number: must be a text: put",
        ),
        ("expect: [{speak: {text: 5}}]", "4:27: scenarios.0.turns.0.expect.0.speak.text: must be"),
        (
            'expect: [{transfer: {timeout: "30"}}]',
            "4:30: scenarios.0.turns.0.expect.0.transfer.timeout: must be a whole number from 5 to",
        ),
        ("user:", "4:9: scenarios.0.turns.0.user: is empty: give it a value or leave it out"),
        ("user: ''", "4:9: scenarios.0.turns.0.user: must not be empty"),
        ("usre: hi", "4:9: scenarios.0.turns.0.usre: is not known here; did you mean user?"),
        ("keys: 1a", "4:9: scenarios.0.turns.0.keys: must be one or more of 0-9, * and #"),
        ("keys: [1]", "4:9: scenarios.0.turns.0.keys: must have members, like {name: value}"),
        ("silence: 0", "4:9: scenarios.0.turns.0.silence: must be greater than 0"),
        ("silence: true", "4:9: scenarios.0.turns.0.silence: must be a number"),
        ("hangup: false", "4:9: scenarios.0.turns.0.hangup: must be True"),
        (
            "{user: hi, silence: 3}",
            (
                "4:9: scenarios.0.turns.0: has user and silence: "
                "give each action of the caller its own step"
            ),
        ),
        ("interrupt: {after_ms: 5}", "4:9: scenarios.0.turns.0.interrupt.with: is missing"),
        (
            "interrupt: {with: a, after_ms: 1.5}",
            "4:30: scenarios.0.turns.0.interrupt.after_ms: must be a whole number",
        ),
        ("expect: ...", "4:9: scenarios.0.turns.0.expect: must be a list"),
        (
            "expect: [speak]",
            "4:18: scenarios.0.turns.0.expect.0: must be an action, like {speak: {}}, or ...",
        ),
        (
            "expect: [..., {speak: {}}]",
            "4:9: scenarios.0.turns.0.expect: ... must be the last entry",
        ),
        (
            "expect: [{spaek: {}}]",
            "4:19: scenarios.0.turns.0.expect.0.spaek: is not known here; did you mean speak?",
        ),
        ("expect: [{speak: }]", "4:19: scenarios.0.turns.0.expect.0.speak: is empty: write {}"),
        ("expect: [{speak: hi}]", "4:19: scenarios.0.turns.0.expect.0.speak: must have members"),
        ("expect: [{}]", "4:18: scenarios.0.turns.0.expect.0: must name one action: speak, audio,"),
        (
            "expect: [{speak: {}, hangup: {}}]",
            "4:18: scenarios.0.turns.0.expect.0: must name one action",
        ),
        (
            "expect: [{speak: {barge_in: {strateg: none}}}]",
            "4:38: scenarios.0.turns.0.expect.0.speak.barge_in.strateg: is not known here",
        ),
        (
            "expect: [{hangup: {contains: bye}}]",
            "4:28: scenarios.0.turns.0.expect.0.hangup.contains: is not known here",
        ),
        (
            "expect: [{speak: {matches: '('}}]",
            "4:27: scenarios.0.turns.0.expect.0.speak.matches: must be a regular expression: missi",
        ),
        (
            "expect: [{speak: {matches: '[[a]'}}]",
            "4:27: scenarios.0.turns.0.expect.0.speak.matches: must be a regular expression: Poss",
        ),
        ("expect: [{speak: {contains: ''}}]", "4:27: scenarios.0.turns.0.expect.0.speak.contains"),
    ],
)
def test_a_mistake_has_a_line_a_column_and_a_remedy(tmp_path: Path, step: str, told: str) -> None:
    assert turn(tmp_path, step).startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1:1: the file: must have members, like {name: value}"),
        ("# nothing\n", "1:1: the file: must have members"),
        ("hello", "1:1: the file: must have members"),
        ("scenarios: []", "1:1: scenarios: must not be empty"),
        ("scenarios:\n- name: a\n", "2:3: scenarios.0.turns: is missing"),
        ("scenarios: [\n", "2:1: is not YAML: expected the node content"),
        ("scenarios:\n\t- name: a", "2:1: is not YAML: indent with spaces, not with tabs"),
        ("a: 1\nb: 2\na: 3\n", "3:1: `a` occurs twice here"),
        ("a: 1\n---\nb: 2\n", "2:1: is not YAML: but found another document"),
        ("a: *b\n", "1:4: is not YAML: found undefined alias 'b'"),
        ("a: &a [*a]\n", "1:4: an alias must not refer to its own parent"),
        ("a: !!python/object:os.system x\n", "1:4: has a tag that is not supported"),
        ("a: !secret x\n", "1:4: has a tag that is not supported: leave it out"),
        ("a: !!int x\n", "1:4: does not match its tag: leave the tag out"),
        ("? [a]\n: b\n", "1:3: is not a valid name: names are texts"),
        ("1: b\n", "1:1: is not a valid name: names are texts"),
        (f"a: {'9' * 5000}\n", "1:4: is too long for a number: put a text in"),
        ("<<: 5\n", "1:5: expected a mapping or list of mappings for merging"),
        ("a: b\nc: \x07\n", "2:4: has a character that is not allowed in text"),
        (b"a: b\nc: \xff\n", "2:4: is not UTF-8"),
        ("scenarios: &s [{name: a, turns: [{hangup: true}]}]\nmore: *s", "2:1: more: is not known"),
        (f"a: {'[' * 700}", "is nested too deeply"),
    ],
)
def test_an_invalid_file_is_rejected_with_a_location(
    tmp_path: Path, text: str | bytes, told: str
) -> None:
    assert mistake(tmp_path, text).lstrip(": ").startswith(told)


@pytest.mark.parametrize("kind", ["list", "merge"])
def test_expanding_aliases_are_rejected(tmp_path: Path, kind: str) -> None:
    lines = ["a0: &a0 [x, x]" if kind == "list" else "a0: &a0 {x: y}"]
    for number in range(1, 60):
        both = f"[*a{number - 1}, *a{number - 1}]"
        value = both if kind == "list" else f"{{<<: {both}, k{number}: 1}}"
        lines.append(f"a{number}: &a{number} {value}")

    assert "aliases make this longer than" in mistake(tmp_path, "\n".join(lines))


def test_a_deep_chain_of_aliases_is_read(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 600))]

    assert "1:1: scenarios: is missing" in mistake(tmp_path, "\n".join(lines))


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    assert "is larger than 1024 KB" in mistake(tmp_path, "#" * (1024 * 1024 + 1))


def test_a_missing_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        load_scenarios(tmp_path / "none.yaml")
    with pytest.raises(Unreadable, match="Is a directory"):
        load_scenarios(tmp_path)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (scenario,) = load(tmp_path, f"\ufeff{HEAD}      - hangup: true")

    assert scenario.turns[0].hangup


def test_names_of_scenarios_are_unique(tmp_path: Path) -> None:
    one = "  - name: a call\n    turns: [{hangup: true}]\n"

    assert (
        mistake(tmp_path, f"scenarios:\n{one}{one}")
        == "4:5: another scenario has this name: choose a unique one"
    )


def test_every_mistake_is_reported_once_and_in_order(tmp_path: Path) -> None:
    text = (
        f"{HEAD}      - user: 5\n      - keys: 5\n    given: {{sms: maybe, hangup_waits: often}}\n"
    )

    lines = mistake(tmp_path, text).split("\n")
    assert [line.lstrip(":").split(": ")[1] for line in lines] == [
        "scenarios.0.turns.0.user",
        "scenarios.0.turns.1.keys",
        "scenarios.0.given.sms",
        "scenarios.0.given.hangup_waits",
    ]


def test_the_number_of_reported_mistakes_is_limited(tmp_path: Path) -> None:
    lines = mistake(tmp_path, HEAD + "      - user: 5\n" * 50).split("\n")

    assert len(lines) == 21
    assert lines[-1] == "and 30 more"
