"""Phone numbers for tests: of no person. Examples of the library, and ranges kept for fiction."""

from collections.abc import Iterable
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

KINDS = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}

COUNTRIES = (
    *("DE", "AT", "CH", "FR", "NL", "BE", "LU", "DK", "PL", "CZ", "IT", "ES", "PT", "GB", "IE"),
    *("SE", "NO", "FI", "US", "CA", "AU", "JP", "BR", "ZA", "IN", "HU", "GR", "RO", "TR", "IL"),
)

ISLANDS = ("AG", "BB", "BM", "BS", "DM", "DO", "GD", "GG", "IM", "JE", "JM", "TC", "TT", "VG")
"""Countries whose numbers begin like those of a larger neighbour, and are dearer."""

# By the plan these are ordinary numbers of their countries.
_SATELLITES = {("CA", "voip"), ("AU", "voip")}

INTERNATIONAL = (800, 808, 870, 878, 881, 882, 883, 888, 979)
"""Country codes of no country: free phone, satellites, networks, premium."""


@dataclass(frozen=True)
class Example:
    """A number, and what it is.

    Attributes:
        digits: E.164 without `+`.
        country: ISO 3166; empty where it is of none.
        kind: out of `KINDS`.
    """

    digits: str
    country: str
    kind: str

    def __str__(self) -> str:
        return f"{self.country or 'world'} {self.kind} {self.digits}"


def national_examples(countries: Iterable[str] = COUNTRIES) -> list[Example]:
    """The library's own example of each kind in each of the countries."""
    found = (
        (country, kind, phonenumbers.example_number_for_type(country, code))
        for country in countries
        for code, kind in KINDS.items()
    )
    return [
        Example(
            phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:],
            country,
            "satellite" if (country, kind) in _SATELLITES else kind,
        )
        for country, kind, number in found
        if number
    ]


def international_examples() -> list[Example]:
    """The library's own example of each country code that is of no country."""
    found = map(phonenumbers.example_number_for_non_geo_entity, INTERNATIONAL)
    return [
        Example(phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:], "", "world")
        for number in found
        if number
    ]
