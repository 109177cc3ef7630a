"""Phone numbers: what the world's numbering plans say of them.

The one place that imports `phonenumbers`. It takes its time to load, and most calls never transfer
anybody: import this module where a number is about to be used, and not before.
"""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_ORDINARY = {
    *_MOBILE,
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.VOIP,
    PhoneNumberType.TOLL_FREE,
}
_NO_COUNTRY = "001"
# What the plans take for ordinary, and is not: satellites of Canada and of Australia, and the
# exchange 976, which is premium wherever numbers begin with 1.
_DEAR = re.compile(r"1600|6114|1\d{3}976")


@dataclass(frozen=True)
class PhoneNumberInfo:
    """What a number leads to.

    Attributes:
        country: ISO 3166; None where it is of no country: satellites, international services.
        is_ordinary: a call costs what a call costs: no premium, shared cost or personal number,
            no pager, no voicemail.
        is_mobile: takes text messages, as far as the plan tells.
    """

    country: str | None
    is_ordinary: bool
    is_mobile: bool


def look_up(digits: str) -> PhoneNumberInfo | None:
    """Look a number up: E.164 without `+`; None if there is no such number.

    What would be read as another number than it is written as does not exist either: `490900...`
    is dialled as it stands, whatever it was meant to be.
    """
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if written != f"+{digits}" or not phonenumbers.is_valid_number(number):
        return None
    country, kind = phonenumbers.region_code_for_number(number), phonenumbers.number_type(number)
    is_ordinary = kind in _ORDINARY and not _DEAR.match(digits)
    return PhoneNumberInfo(
        country=None if country == _NO_COUNTRY else country,
        is_ordinary=is_ordinary,
        is_mobile=is_ordinary and kind in _MOBILE,
    )
