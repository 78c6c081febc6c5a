"""Beside step 6: the keys of a URDB rate object, versions 2 to 8, and how they are spelled.

A key is read (a price, a schedule, a rule), or information, or a limit on who may have the rate.
Keys are matched whatever their case and plural (`dgrules`, `dgRules`, `flatDemandUnits`), and in
the spelling of the database's dumps (`energyRateStrux`).
Source of the fields: https://openei.org/services/doc/rest/util_rates/?version=8
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "COMMENTS",
    "INFORMATION",
    "LIMITS",
    "NAMES",
    "NOTES",
    "READ",
    "doubled",
    "plain",
    "plainly",
    "unwrapped",
]

READ = frozenset((
    "label", "name", "utility", "uri", "source", "sourcereference", "startdate", "enddate",
    "country", "servicetype", "dgrules", "usenetmetering", "energyratestructure",
    "energyweekdayschedule", "energyweekendschedule", "fueladjustmentsmonthly", "flatdemandunit",
    "flatdemandstructure", "flatdemandmonths", "demandrateunit", "demandratestructure",
    "demandweekdayschedule", "demandweekendschedule", "demandwindow", "demandratchetpercentage",
    "lookbackpercent", "lookbackrange", "lookbackmonths", "demandreactivepowercharge",
    "coincidentrateunit", "coincidentratestructure", "coincidentrateschedule",
    "coincidentschedule", "fixedchargefirstmeter", "fixedmonthlycharge", "fixedchargeeaaddl",
    "fixedchargeeachaddl", "fixedchargeunit", "mincharge", "minmonthlycharge", "minchargeunit",
    "annualmincharge",
))  # fmt: skip
"""Keys that say what is charged, or what the rate is called."""
NAMES = frozenset((
    "label", "name", "utility", "uri", "source", "sourcereference", "startdate", "enddate",
))  # fmt: skip
"""Those of them that change no amount."""
LIMITS = frozenset((
    "sector", "peakkwcapacitymin", "peakkwcapacitymax", "peakkwcapacityhistory",
    "peakkwhusagemin", "peakkwhusagemax", "peakkwhusagehistory", "demandunit", "mindemand",
    "maxdemand", "voltageminimum", "voltagemaximum", "voltagecategory", "phasewiring",
    "servicemin", "servicemax",
))  # fmt: skip
"""Keys that say who may have the rate."""
COMMENTS = frozenset(("basicinformationcomments", "energycomments", "demandcomments"))
"""Free text in which a price may hide."""
NOTES = frozenset(("energyattrs", "demandattrs", "fixedattrs"))
"""Pairs of texts in which a price may hide."""
INFORMATION = frozenset((
    "eiaid", "approved", "isdefault", "supersedes", "supercedes", "sourceparent", "revisions",
    "latestupdate", "description", "version", "energytoulabels", "demandtoulabels",
    "demandlabels", "oid", "id",
))  # fmt: skip
"""Keys that change no amount."""

_NOTHING: tuple[object, ...] = (None, "", [])
_DUMPED = {
    "energyratestrux": "energyratestructure", "energyweekdaysched": "energyweekdayschedule",
    "energyweekendsched": "energyweekendschedule", "flatdemandstrux": "flatdemandstructure",
    "demandratestrux": "demandratestructure", "demandweekdaysched": "demandweekdayschedule",
    "demandweekendsched": "demandweekendschedule", "coincidentratestrux": "coincidentratestructure",
    "coincidentsched": "coincidentrateschedule", "ratename": "name", "utilityname": "utility",
    "effectivedate": "startdate", "demandmin": "peakkwcapacitymin",
    "demandmax": "peakkwcapacitymax", "energymin": "peakkwhusagemin",
    "energymax": "peakkwhusagemax", "demandreactivepowerchg": "demandreactivepowercharge",
    "demandratchetpct": "demandratchetpercentage", "fueladjustments": "fueladjustmentsmonthly",
    "eiautilityid": "eiaid",
}  # fmt: skip


def plain(key: str) -> str:
    """`flatDemandUnits`, `flatdemandunit` -> `flatdemandunit`."""
    name = key.lower().replace("_", "")
    return name.removesuffix("s") if name.endswith("units") else _DUMPED.get(name, name)


def plainly(rate: Mapping[str, Any]) -> dict[str, Any]:
    """The rate with plain keys; where two are the same, the one that says something."""
    found: dict[str, Any] = {}
    for key, value in rate.items():
        name = plain(str(key))
        if found.get(name) in _NOTHING:
            found[name] = unwrapped(value)
    return found


def doubled(rate: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of keys that are one in two spellings, and say two things; the first is read."""
    first: dict[str, str] = {}
    found = []
    for key, value in rate.items():
        if value not in _NOTHING:
            one = first.setdefault(plain(str(key)), key)
            if unwrapped(rate[one]) != unwrapped(value):
                found.append((one, key))
    return found


def unwrapped(value: Any) -> Any:
    """Dumps of the database wrap each period's tiers: `[{"energyRateTiers": [..]}, ..]`."""
    if not isinstance(value, list):
        return value
    wraps = [
        next(iter(period.values()))
        for period in value
        if isinstance(period, Mapping)
        and len(period) == 1
        and str(next(iter(period))).lower().endswith("tiers")
    ]
    return wraps if value and len(wraps) == len(value) else value
