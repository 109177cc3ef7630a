"""Phone numbers: what the numbering plans of the world say about a number.

The only module that imports `phonenumbers`. That takes time, and most calls need no lookup, so
this module is imported when a number is about to be used.
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
# Expensive numbers that the plans call ordinary: satellites of Canada and Australia, and the
# exchange 976, which is premium wherever numbers begin with 1.
_EXPENSIVE = re.compile(r"1600|6114|1\d{3}976")


@dataclass(frozen=True)
class PhoneNumberInfo:
    """What is known about a number.

    Attributes:
        country: ISO 3166; None for numbers of no country, such as satellites.
        is_ordinary: no premium, shared-cost or personal number, no pager, no voicemail.
        is_mobile: takes text messages, as far as the plan tells.
    """

    country: str | None
    is_ordinary: bool
    is_mobile: bool


def look_up(digits: str) -> PhoneNumberInfo | None:
    """Look up a number in E.164 without `+`; None if it does not exist.

    A number that `phonenumbers` would correct does not exist either: `490900...` is dialled as
    written, whatever it was meant to be.
    """
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if written != f"+{digits}" or not phonenumbers.is_valid_number(number):
        return None
    country, kind = phonenumbers.region_code_for_number(number), phonenumbers.number_type(number)
    is_ordinary = kind in _ORDINARY and not _EXPENSIVE.match(digits)
    return PhoneNumberInfo(
        country=None if country == _NO_COUNTRY else country,
        is_ordinary=is_ordinary,
        is_mobile=is_ordinary and kind in _MOBILE,
    )
