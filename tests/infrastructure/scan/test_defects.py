"""The scan finds every defect of `defects.yaml`, by every rule that is meant to find it."""

import re
from pathlib import Path

from tests.infrastructure.scan.scan import Scan, exit_code

TEMPLATE = Path(__file__).parent / "defects.yaml"

DEFECTS = {
    "01": ("ConnectRoute", {"CONNECT_IS_AUTHORIZED"}),
    "02": ("MisspelledRoute", {"ROUTES_ARE_THE_EVENT_TYPES"}),
    "03": ("TracingStage", {"STAGE_TRACES_NO_DATA"}),
    "04": ("StageWithoutLog", {"STAGE_HAS_AN_ACCESS_LOG", "CKV_AWS_95", "ES2000"}),
    "05": ("UnthrottledStage", {"STAGE_IS_THROTTLED", "ES2003"}),
    "06": ("LeakingStage", {"STAGE_HAS_AN_ACCESS_LOG"}),
    "07": ("UnlimitedLogGroup", {"LOG_GROUP_HAS_RETENTION", "CKV_AWS_66"}),
    "08": ("TableWithoutTtl", {"TABLE_HAS_TTL"}),
    "09": ("TableWithoutBackups", {"TABLE_IS_RECOVERABLE", "CKV_AWS_28"}),
    "10": ("UnretainedTable", {"TABLE_IS_RETAINED", "I3011"}),
    "11": ("WebhookFunction", {"ENVIRONMENT_HAS_NO_LITERAL_SECRET"}),
    "12": ("WebhookFunction", {"FUNCTION_HAS_AN_ERROR_ALARM"}),
    "13": ("WildcardPolicy", {"POLICY_LISTS_ACTIONS_AND_RESOURCES", "CKV_AWS_109", "CKV_AWS_111"}),
    "14": (
        "UserSpeechStartedFunction",
        {"ACTION_IS_USED UserSpeechStartedFunction dynamodb:DeleteItem"},
    ),
    "15": ("SmsFailedFunction", {"ACTION_IS_ALLOWED dynamodb:UpdateItem"}),
    "16": ("SlowFunction", {"FUNCTION_TIMEOUT_FITS_THE_GATEWAY"}),
    "17": ("OldFunction", {"FUNCTION_USES_PYTHON_3_13", "CKV_AWS_363", "E2531"}),
    "18": ("UnloggedFunction", {"FUNCTION_HAS_A_LOG_GROUP"}),
    "19": ("UntracedFunction", {"FUNCTION_IS_TRACED", "WS1000"}),
    "20": ("OpenPermission", {"PERMISSION_HAS_A_SOURCE_ARN"}),
    "21": ("OpenUrl", {"FUNCTION_URL_IS_AUTHORIZED", "CKV_AWS_258"}),
    "22": ("AlarmWithoutActions", {"ALARM_HAS_ACTIONS"}),
    "23": ("UnencryptedTopic", {"TOPIC_IS_ENCRYPTED", "CKV_AWS_26"}),
    "24": (
        "OpenKey",
        {"KEY_ROTATES_AND_IS_RETAINED", "KEY_HAS_NO_WILDCARD_PRINCIPAL", "CKV_AWS_7", "CKV_AWS_33"},
    ),
    "25": ("OpenRole", {"ROLE_TRUSTS_ONE_SERVICE", "CKV_AWS_60"}),
}
"""The resource of each defect, and the rules that are meant to find it, by number."""


def test_every_defect_of_the_template_is_listed_here() -> None:
    numbers = re.findall(r"# defect (\d\d): ", TEMPLATE.read_text(encoding="utf-8"))
    assert numbers == [*DEFECTS]
    assert len(numbers) == 25


def test_every_rule_finds_its_defects() -> None:
    checks = Scan(TEMPLATE, {"defects": {}}).checks()
    found = {(finding.resource, finding.rule) for check in checks for finding in check.findings}
    missed = {
        number: sorted(rules - {rule for where, rule in found if where == resource})
        for number, (resource, rules) in DEFECTS.items()
    }
    assert {number: rules for number, rules in missed.items() if rules} == {}
    assert exit_code(checks) == 1
