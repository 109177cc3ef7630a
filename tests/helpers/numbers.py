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

CALLABLE = frozenset({"fixed", "mobile", "voip", "toll-free"})
"""The kinds that may be called in an allowed country."""

HAND_PICKED = {
    # What looks like a German number and is dear, or is none.
    "499001234567": "kind",
    "49900123456": "invalid",
    "490900123456": "invalid",
    "490171392005": "invalid",
    "4918012345678": "kind",
    "491371234567": "kind",
    "4916412345": "kind",
    # Emergency and other short codes, as far as they fit into E.164 at all.
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
    # Satellites and networks of no country.
    "881612345678": "country",
    "870773123456": "country",
    "883510012345678": "country",
    "882345678901": "invalid",
    "888123456789": "invalid",
    "979123456789": "kind",
    "80812345678": "kind",
    "80012345678": "country",
    # Satellites that their country counts as ordinary.
    "16002345678": "kind",
    "61147123456": "kind",
    # 976 is premium wherever numbers begin with 1.
    "12129765550": "kind",
    # Begins with 1, and is not the USA.
    "18095550123": "country",
    # Begins with 44, and is neither Great Britain nor cheap.
    "447624123456": "country",
    "447012345678": "kind",
    "448712345678": "kind",
    "448431234567": "kind",
    "447911123456": "country",
    # Elsewhere.
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
    # No numbers at all.
    "0": "invalid",
    "112": "invalid",
    "": "invalid",
    "4930": "invalid",
    "493023125001\n": "invalid",
    "49302312500112345": "invalid",
    "４９３０２３１２５００１": "invalid",  # noqa: RUF001 - digits that are none of ours
}
"""From a number to what stands against calling it from a German one."""


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
