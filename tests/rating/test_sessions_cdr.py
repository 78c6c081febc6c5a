"""Charge Detail Records of OCPI: read as they are sent, checked against what they claim to cost."""

import json

import pytest
from session_world import element, encoded, price, tariff

from gridtally.rating.sessions import rate_sessions

TARIFF = tariff(element(price("TIME", 2, vat=10, step=1), price("PARKING_TIME", 3, vat=10)))


def cdr(**more):
    """Like the example of the specification: 1 h 58 min 23 s, TIME told to three decimals."""
    return {
        "country_code": "BE", "party_id": "BEC", "id": "12345", "currency": "EUR",
        "start_date_time": "2026-06-29T21:39:09Z", "end_date_time": "2026-06-29T23:37:32Z",
        "cdr_token": {"uid": "012345678", "type": "RFID", "contract_id": "DE8ACC12E46L89"},
        "charging_periods": [
            {"start_date_time": "2026-06-29T21:39:09Z", "tariff_id": "T",
             "dimensions": [{"type": "TIME", "volume": 1.973},
                            {"type": "MAX_CURRENT", "volume": 30}]}
        ],
        "total_cost": {"excl_vat": 3.95, "incl_vat": 4.34},
        "total_energy": 15.342, "total_time": 1.973, "last_updated": "2026-06-29T22:01:13Z",
    } | more  # fmt: skip


def rated(*cdrs, document=TARIFF, **options):
    sessions = json.dumps({"data": list(cdrs), "status_code": 1000}).encode()
    return rate_sessions(encoded(document), sessions, tariff_name="t", sessions_name="s", **options)


def test_a_cdr_is_rated_from_its_instants():
    """7103 s at 2.00 per hour: 3.9461..; with 10 %: 4.3407..; what the CDR says, so no finding."""
    answer = rated(cdr())
    assert [(b["total_ex_vat"], b["total_inc_vat"]) for b in answer["bills"]] == [("3.95", "4.34")]
    assert answer["bills"][0]["lines"][0]["measured"] == "7103"
    assert answer["findings"] == []


def test_a_wrong_total_is_found():
    """A CDR that claims more than its tariff gives is a finding, with both amounts."""
    claim = {"before_taxes": 4.00, "taxes": [{"name": "VAT", "amount": 0.4}]}
    answer = rated(cdr(total_cost=claim))
    assert [(row["code"], row["severity"], row["message"]) for row in answer["findings"]] == [
        ("rating.session.total_differs", "warn",
         "12345: the CDR says 4 EUR (total_ex_vat), rated: 3.95."),
        ("rating.session.total_differs", "warn",
         "12345: the CDR says 4.4 EUR (total_inc_vat), rated: 4.34."),
    ]  # fmt: skip


def test_a_total_of_ocpi_2_1_is_a_number():
    """Before VAT, and compared as such."""
    assert rated(cdr(total_cost=3.95))["findings"] == []
    assert [row["message"] for row in rated(cdr(total_cost=3.96))["findings"]] == [
        "12345: the CDR says 3.96 EUR (total_ex_vat), rated: 3.95."
    ]


def test_periods_end_where_the_next_begins():
    """An hour of charging, then parking until the session's end."""
    periods = [
        {"start_date_time": "2026-06-29T21:00:00Z",
         "dimensions": [{"type": "TIME", "volume": 1}, {"type": "ENERGY", "volume": 7.2}]},
        {"start_date_time": "2026-06-29T22:00:00Z",
         "dimensions": [{"type": "PARKING_TIME", "volume": 0.5}, {"type": "ENERGY", "volume": 0}]},
    ]  # fmt: skip
    told = cdr(charging_periods=periods, start_date_time="2026-06-29T21:00:00Z",
               end_date_time="2026-06-29T22:30:00Z", total_cost=None)  # fmt: skip
    assert rated(told)["bills"][0]["total_ex_vat"] == "3.50"


def test_a_reservation_that_became_nothing_expired():
    """A CDR of RESERVATION_TIME alone costs the price of expiring."""
    document = tariff(element(price("TIME", 6, step=600), reservation="RESERVATION_EXPIRES"))
    periods = [{"start_date_time": "2026-06-29T21:00:00Z",
                "dimensions": [{"type": "RESERVATION_TIME", "volume": 1.5}]}]  # fmt: skip
    told = cdr(charging_periods=periods, start_date_time="2026-06-29T21:00:00Z",
               end_date_time="2026-06-29T22:30:00Z", total_cost=None)  # fmt: skip
    assert rated(told, document=document)["bills"][0]["total_ex_vat"] == "9.00"


def first(*dimensions, **more):
    told = cdr(**more)
    told["charging_periods"][0]["dimensions"] = [
        {"type": kind, "volume": volume} for kind, volume in dimensions
    ]
    return told


@pytest.mark.parametrize(
    ("told", "code", "message"),
    [
        (first(("TIME", 1), ("PARKING_TIME", 0.973)), "cdr_mixed",
         "sessions[0].charging_periods[0].dimensions: has TIME and PARKING_TIME: in which order?"),
        (first(("TIME", 1.5)), "cdr_time_differs",
         "sessions[0].charging_periods[0].dimensions: TIME is 1.5 h, but the period lasts 7103 s."),
        (first(("TIME", 1.973), ("TIME", 1.973)), "invalid",
         "sessions[0].charging_periods[0].dimensions[1].type: TIME stands twice in this period."),
        (first(("TIMES", 1.973)), "invalid",
         "sessions[0].charging_periods[0].dimensions[0].type: 'TIMES' is unknown."),
        (cdr(credit=True, credit_reference_id="1"), "cdr_other",
         "sessions[0].credit: this is a credit CDR: it takes another one back."),
        (cdr(currency="CHF"), "cdr_other", "sessions[0].currency: is CHF, the tariff's is EUR."),
        (cdr(end_date_time="later"), "invalid",
         "sessions[0].charging_periods[0].end_date_time: 'later' is no instant."),
        (cdr(id=None), "invalid", "sessions[0].id: must be a text of 1 to 200 characters."),
    ],
)  # fmt: skip
def test_a_cdr_that_contradicts_itself_is_held(told, code, message):
    """It has no bill, and the finding says where and what; the CDR beside it is rated."""
    other = cdr(id="other")
    answer = rated(told, other)
    assert [bill["session"] for bill in answer["bills"]] == ["other"]
    assert [(row["code"], row["message"]) for row in answer["findings"]] == [
        (f"rating.session.{code}", message)
    ]
    assert answer["findings"][0]["remedy"]


def test_a_cdr_of_another_tariff_is_held():
    """`tariff_id` of a period names what it was rated under."""
    told = cdr()
    told["charging_periods"][0]["tariff_id"] = "night"
    assert [row["code"] for row in rated(told)["findings"]] == ["rating.session.cdr_other"]


def test_a_cdr_without_energy_is_not_free():
    """A missing ENERGY beside a tariff that prices it holds; 0 does not."""
    document = tariff(element(price("ENERGY", "0.3")))
    held = rated(cdr(), document=document)
    assert [row["code"] for row in held["findings"]] == ["rating.session.energy_missing"]
    told = first(("TIME", 1.973), ("ENERGY", 0), total_cost=None)
    assert rated(told, document=document)["bills"][0]["total_ex_vat"] == "0.00"


def test_a_cdr_takes_the_zone_of_the_command():
    """CDRs have no zone: 21:39 UTC is 23:39 in Brussels."""
    document = tariff(element(price("TIME", 60), start_time="23:00", end_time="00:00"))
    assert [row["code"] for row in rated(cdr(), document=document)["findings"]] == [
        "rating.session.zone_missing"
    ]
    told = cdr(total_cost=None)
    bill = rated(told, document=document, zone="Europe/Brussels")["bills"][0]
    assert bill["lines"][0]["measured"] == str(20 * 60 + 51)
    placed = told | {"cdr_location": {"time_zone": "Europe/Brussels"}}
    assert rated(placed, document=document)["bills"] == [bill]
