"""Beside step 6: the JSON Schema of tariff documents, for editors: made from the models, in words.

It knows each key and its values, not what the parts of a document say together: `lint` does.
"""

from __future__ import annotations

from typing import Any

from gridtally.rating.charges import Document

__all__ = ["document_schema"]

WORDS = {
    "above": "Formula: a percentage for each 0.01 that the power factor is above a bound.",
    "add": "Days that are holidays here, beyond those of the library.",
    "adds_to": "The channel whose energy the loss raises.",
    "amount": "The bound, per what `per` says: a number, or a term of the agreement.",
    "assumptions": "What the source left open and how it was read; shown on every bill.",
    "bank_moves": "Banks that another bucket takes over on a day of the year.",
    "basis": "measured demand, or the contracted one with what is above it.",
    "below": "Formula: a percentage for each 0.01 that the power factor is below a bound.",
    "bucket": "Name of the bucket that is on when the rule covers an instant.",
    "by_month": 'Percentages of some calendar months, by their number: { "7" = 100 }.',
    "calendar": "The calendar by whose buckets the component is priced.",
    "calendars": "Calendars by name; each gives every instant exactly one bucket.",
    "cap": "The price of an interval is cut to this.",
    "capacity": "Capacity of the transformer [kVA]; left out: that of the agreement.",
    "channel": "The channel that is measured.",
    "clock": "standard: hours, days and months are told by standard time all year.",
    "components": "What is charged; bill lines come in this order.",
    "count": "How many units: a number, or a term of the agreement.",
    "credit": "true: what the customer gets; the amount is negated.",
    "currency": "ISO 4217, such as EUR.",
    "current_by_month": "With which percentage what was measured counts in some calendar months.",
    "dates": "The dates of the day type `holiday`.",
    "days": "Day types: mon to sun, weekday, weekend, holiday; left out: all.",
    "demand": "Id of the demand component whose billed demand counts.",
    "distinct_days": "true: of a local day at most one window counts.",
    "each": "By what a threshold grows for each; 1 when left out.",
    "edge": "To which row a metric exactly on `upto` belongs.",
    "eligibility": "Who may have this tariff; an agreement outside is held.",
    "event": "Name of an event list of this document.",
    "events": "Times that are called or known later, by name.",
    "excess_factor": "Demand above the threshold costs so many times the price.",
    "excess_over": "The threshold, in percent of the contract, such as 105.",
    "excess_reading": "What is billed at the plain price beside an excess: the contract, or the "
    "threshold.",
    "fill": "position: what was used counts against today's thresholds; quota: each tier has a "
    "quota of its own.",
    "floor": "The price of an interval is raised to this.",
    "free_ratio": "Reactive energy that is free, in kvarh per kWh.",
    "from": "Where it begins.",
    "holidays": "Holidays; needed when a calendar uses the day type `holiday`.",
    "hours": 'Local clock times, half-open: ["08:00-10:30"]; left out: all.',
    "hours_per_day": "Hours of a day in which the loss is there; 24 when left out.",
    "id": "Name of the component; others name it in `of`.",
    "kind": "What the line shows; left out: the shape. On top of others: a kind of its own.",
    "kv": "Voltage of the line [kV].",
    "later": "Components whose credits are good only for later bills.",
    "least": "The least that the agreement may state.",
    "least_of_capacity": "Billed demand is at least so many percent of the capacity.",
    "least_of_contract": "Billed demand is at least so many percent of the contract.",
    "ledger": "Account of the ledger for the line.",
    "library": "Where `dates` came from: PT, or ES-MD; lint compares.",
    "limit": "At most so many percent.",
    "line": "How every line's amount is rounded.",
    "load": "Loss at full load [kW, or kvar].",
    "load_percent": "Loss at full load, in percent of the capacity.",
    "loss_factor": "Energy is multiplied by it, or by the product of a list.",
    "loss_factors": "A factor per bucket of the calendar.",
    "losses": "Losses that raise the energy, by name.",
    "mean_of_months": "The mean of the demands of so many months, this one included.",
    "measure": "mean: of all windows in the bucket, instead of the largest.",
    "method": "How it is computed; see the page.",
    "metric": "What decides the row.",
    "minimum_kw": "Billed demand is at least this.",
    "mode": "half_up (a tie goes away from zero), half_even, down or up.",
    "months": "Calendar months that count, 1 to 12; left out: all.",
    "more": "What raises every threshold, such as persons above four.",
    "most": "The most that the agreement may state.",
    "negative": "true: a price below zero is meant.",
    "netting": "What is given back is taken off by interval, hour or month.",
    "no_load": "Loss without load [kW, or kvar].",
    "no_load_percent": "Loss without load, in percent of the capacity.",
    "of": "Ids of components, or @sets, on whose lines this one is computed.",
    "ohm": "Resistance of the line [ohm].",
    "on": "A day of the year, MM-DD.",
    "otherwise": "Bucket of everything that no rule above covers; alone, and last.",
    "part": "Name of the part of the energy that is billed.",
    "parts": "Parts, by name.",
    "payee": "Whom the line is owed to; the supplier when left out.",
    "payer": "Who owes the line; the customer when left out.",
    "per": "What the price, the amount or the series is for one of.",
    "per_month": "So much per month [kWh, or kvarh].",
    "percent": "Percent: 21 is 21 %.",
    "phases": "Numbers of phases that may have it.",
    "places": "Decimals that are left.",
    "plus": "Added to the price of every interval.",
    "pooling": "How tiers and buckets share the energy.",
    "power": "active power, or apparent with the reactive channels.",
    "power_factor_below": "A span's power factor below this raises the demand in proportion.",
    "price": "Price per unit: a number, or a term of the agreement.",
    "prices": "A price per bucket of the calendar.",
    "proration": "How a part of a month or year counts.",
    "ratchet": "Billed demand is at least a percentage of the largest of earlier months.",
    "above_percent": "Only what lies above that part of another component's demand. [%]",
    "contracts": "What is agreed for each bucket of the calendar. [kW]",
    "least_measured": "What was measured counts as at least that. [kW]",
    "look_back": "Whether all months since the agreement began must be known (`agreement`), or "
    "those that are known count (`known`).",
    "ratio": "The part, from 0 to 1.",
    "reactive": "false: the loss needs no reactive channel.",
    "regions": "Network areas that may have it.",
    "remove": "Days of the library that are no holidays here.",
    "resets": "Days of the year on which a yearly window starts, MM-DD.",
    "rest": "true: what all parts with `ratio` and `per_month` leave.",
    "rolling_min": "Windows start every so many minutes.",
    "round": "How the loss is rounded.",
    "round_component": "How the component's sum in a span is rounded.",
    "round_each": "How the cost of every interval is rounded.",
    "round_factor": "How the factor of proration is rounded.",
    "round_kw": "How the billed demand is rounded.",
    "round_price": "How the price of an interval is rounded.",
    "round_quantity": "How the billed energy is rounded.",
    "rounding": "How amounts are rounded.",
    "rows": "The table.",
    "rules": "Rules; each says when its bucket is on.",
    "schema": "Version of the language: 1.",
    "season": 'Days of the year, both included: ["06-15 to 09-14"].',
    "segments": "Customer segments that may have it.",
    "series": "Prices by time that come from outside, by name.",
    "sets": "Named sets of lines that it is in; `of` names them as @NAME.",
    "settle": "Compared over the time between two such days, not span by span.",
    "shape": "What the component is.",
    "slice": "From and to, 0 to 1: slices that tile lose nothing.",
    "source": "Where it says so: the legal source.",
    "standard": "The power factor that is asked for; information.",
    "tariff": "Id that agreements name: lower-case letters, digits, - and .",
    "term": "Name of a term of the agreement.",
    "terms": "What the agreement has to state, by name.",
    "tiers": "Steps of prices, each up to a threshold; the last has none.",
    "times": "The price of every interval is multiplied by this.",
    "title": "Text for people, or a table of texts by language.",
    "to": "Who takes it over.",
    "top": "The mean of so many largest windows.",
    "total": "How the total of a segment is rounded.",
    "true_up": "On which day a bank is paid, and at what.",
    "unit": "What is counted.",
    "upto": "Up to here, this included; the last step has none.",
    "upto_per_kw": "Up to so many kWh per kW of the billed demand.",
    "valid_from": "First local day.",
    "valid_to": "The day after the last; left out: until the next version begins.",
    "verified_by": "The worked example of a third party that it was checked against.",
    "voltage_levels": "Voltage levels that may have it: low, medium, high, extra_high.",
    "window": "How long the tiers are filled before they begin at zero.",
    "window_min": "Length of the demand window [minutes]; left out: the readings' own.",
    "years": "Years for which `dates` is complete.",
    "zone": "IANA time zone; days and hours are local to it.",
}
"""key -> what it says, wherever it stands."""


def document_schema() -> dict[str, Any]:
    """The JSON Schema of a tariff document."""
    schema: dict[str, Any] = _without_null(Document.model_json_schema())
    for table in (schema, *schema["$defs"].values()):
        for key, value in table.get("properties", {}).items():
            value.pop("title", None)
            if key in WORDS:
                value["description"] = WORDS[key]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Gridtally tariff document, schema 1"
    return schema


def _without_null(part: Any) -> Any:
    """TOML has no null: a key that is not meant is left out."""
    if isinstance(part, list):
        return [_without_null(item) for item in part if item != {"type": "null"}]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _without_null(value)
        for key, value in part.items()
        if not (key == "default" and value is None)
    }
    choices = kept.get("anyOf")
    if isinstance(choices, list) and len(choices) == 1:
        del kept["anyOf"]
        kept = choices[0] | kept
    return kept
