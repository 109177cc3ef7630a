"""The gate sees: of 25 defects that were planted, who finds which."""

import re
from pathlib import Path

from tests.infrastructure.scan.gate import Gate, exit_code

PLANTED = Path(__file__).parent / "planted.yaml"

DEFECTS = {
    "01": ("ConnectRoute", {"CONNECT_IS_AUTHORISED"}),
    "02": ("MisspeltRoute", {"ROUTES_ARE_THE_EVENT_TYPES"}),
    "03": ("TracingStage", {"STAGE_TRACES_NO_DATA"}),
    "04": ("SilentStage", {"STAGE_HAS_AN_ACCESS_LOG", "CKV_AWS_95", "ES2000"}),
    "05": ("FloodedStage", {"STAGE_IS_THROTTLED", "ES2003"}),
    "06": ("TellingStage", {"STAGE_HAS_AN_ACCESS_LOG"}),
    "07": ("EternalLogGroup", {"LOG_GROUP_FORGETS", "CKV_AWS_66"}),
    "08": ("RememberingTable", {"TABLE_FORGETS"}),
    "09": ("FragileTable", {"TABLE_IS_RECOVERABLE", "CKV_AWS_28"}),
    "10": ("FleetingTable", {"TABLE_OUTLIVES_THE_STACK", "I3011"}),
    "11": ("WebhookFunction", {"ENVIRONMENT_HAS_NO_LITERAL_SECRET"}),
    "12": ("WebhookFunction", {"FUNCTION_HAS_AN_ERROR_ALARM"}),
    "13": ("Everything", {"POLICY_NAMES_ACTIONS_AND_RESOURCES", "CKV_AWS_109", "CKV_AWS_111"}),
    "14": (
        "UserSpeechStartedFunction",
        {"ACTION_IS_USED UserSpeechStartedFunction dynamodb:DeleteItem"},
    ),
    "15": ("SmsFailedFunction", {"ACTION_IS_ALLOWED dynamodb:UpdateItem"}),
    "16": ("SlowFunction", {"FUNCTION_ENDS_BEFORE_THE_GATEWAY_GIVES_UP"}),
    "17": ("OldFunction", {"FUNCTION_RUNS_ON_OUR_PYTHON", "CKV_AWS_363", "E2531"}),
    "18": ("UnloggedFunction", {"FUNCTION_HAS_A_LOG_GROUP"}),
    "19": ("DarkFunction", {"FUNCTION_IS_TRACED", "WS1000"}),
    "20": ("OpenPermission", {"PERMISSION_IS_BOUND_TO_ITS_SOURCE"}),
    "21": ("OpenUrl", {"FUNCTION_URL_IS_AUTHORISED", "CKV_AWS_258"}),
    "22": ("MuteAlarm", {"ALARM_TELLS_SOMEBODY"}),
    "23": ("PlainTopic", {"TOPIC_IS_ENCRYPTED", "CKV_AWS_26"}),
    "24": (
        "SharedKey",
        {"KEY_ROTATES_AND_STAYS", "KEY_TRUSTS_NOBODY_UNNAMED", "CKV_AWS_7", "CKV_AWS_33"},
    ),
    "25": ("OpenRole", {"ROLE_TRUSTS_ONE_SERVICE", "CKV_AWS_60"}),
}
"""By the number of a defect, where it is, and all rules that are there to find it."""


def test_every_defect_of_the_file_is_in_the_list() -> None:
    numbers = re.findall(r"# defect (\d\d): ", PLANTED.read_text(encoding="utf-8"))
    assert numbers == [*DEFECTS]
    assert len(numbers) == 25


def test_every_planted_defect_is_found_by_every_rule_that_is_there_for_it() -> None:
    checks = Gate(PLANTED, {"planted": {}}).checks()
    found = {(finding.resource, finding.rule) for check in checks for finding in check.findings}
    missed = {
        number: sorted(rules - {rule for where, rule in found if where == resource})
        for number, (resource, rules) in DEFECTS.items()
    }
    assert {number: rules for number, rules in missed.items() if rules} == {}
    assert exit_code(checks) == 1
