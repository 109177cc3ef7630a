"""Phone numbers without owners: examples of the library, and ranges reserved for fiction."""

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
"""Countries that share a prefix with a larger neighbour, and cost more."""

# The numbering plan lists these as ordinary numbers of their countries.
_SATELLITES = {("CA", "voip"), ("AU", "voip")}

INTERNATIONAL = (800, 808, 870, 878, 881, 882, 883, 888, 979)
"""Country codes without a country: free phone, satellites, networks, premium."""

CALLABLE = frozenset({"fixed", "mobile", "voip", "toll-free"})
"""The kinds that may be called in an allowed country."""

HAND_PICKED = {
    # They look like ordinary German numbers, but are expensive or invalid.
    "499001234567": "kind",
    "49900123456": "invalid",
    "490900123456": "invalid",
    "490171392005": "invalid",
    "4918012345678": "kind",
    "491371234567": "kind",
    "4916412345": "kind",
    # Emergency and other short codes that fit into E.164.
    "4911000": "invalid",
    "4911200": "invalid",
    "4911833": "invalid",
    "49116117": "invalid",
    "49115115": "invalid",
    "4919222": "invalid",
    "19110000": "invalid",
    "19115550123": "invalid",
    "44999999": "invalid",
    "3311218": "invalid",
    # Satellites and networks without a country.
    "881612345678": "country",
    "870773123456": "country",
    "883510012345678": "country",
    "882345678901": "invalid",
    "888123456789": "invalid",
    "979123456789": "kind",
    "80812345678": "kind",
    "80012345678": "country",
    # Satellites that the plan of a country lists as ordinary numbers.
    "16002345678": "kind",
    "61147123456": "kind",
    # 976 is premium in all countries with the prefix 1.
    "12129765550": "kind",
    # Prefix 1, but not the USA.
    "18095550123": "country",
    # Prefix 44, but not ordinary numbers of Great Britain.
    "447624123456": "country",
    "447012345678": "kind",
    "448712345678": "kind",
    "448431234567": "kind",
    "447911123456": "country",
    # Other countries.
    "43720123456": "country",
    "43900123456": "kind",
    "41900123456": "kind",
    "33891234567": "kind",
    "12125550123": "country",
    "37052123456": "country",
    "25261234567": "country",
    "5355512345": "country",
    "9611123456": "country",
    "67570001234": "country",
    "23762345678": "invalid",
    # Not numbers.
    "0": "invalid",
    "112": "invalid",
    "": "invalid",
    "4930": "invalid",
    "493023125001\n": "invalid",
    "49302312500112345": "invalid",
    "４９３０２３１２５００１": "invalid",  # noqa: RUF001 - full-width digits on purpose
}
"""From a number to the deny reason for a transfer in a call to a German number."""


@dataclass(frozen=True)
class Example:
    """A phone number and its kind.

    Attributes:
        digits: E.164 without `+`.
        country: ISO 3166; empty if it belongs to no country.
        kind: one of `KINDS`.
    """

    digits: str
    country: str
    kind: str

    def __str__(self) -> str:
        return f"{self.country or 'world'} {self.kind} {self.digits}"


def national_examples(countries: Iterable[str] = COUNTRIES) -> list[Example]:
    """Return the library's example of each kind in each country."""
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
    """Return the library's example of each country code without a country."""
    found = map(phonenumbers.example_number_for_non_geo_entity, INTERNATIONAL)
    return [
        Example(phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:], "", "world")
        for number in found
        if number
    ]
