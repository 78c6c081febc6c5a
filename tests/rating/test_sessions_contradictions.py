"""OCPI tariffs and CDRs that say a thing twice, or what nobody reads: held, refused, or said."""

import pytest
from session_world import element, encoded, price, session, tariff
from test_sessions_cdr import cdr, first, rated

from gridtally.errors import InvalidDocument, NotFound, RefusedFile
from gridtally.rating.sessions import rate_sessions

CHARGED = session(("charging", 60, "10", {"current_a": 16, "power_kw": 11}))


def answer_of(document, told=CHARGED, **options):
    return rate_sessions(
        encoded(document), encoded(told), tariff_name="t", sessions_name="s", **options
    )


def assumed(*elements, told=CHARGED, **more):
    return answer_of(tariff(*elements, **more), told)["assumptions"]


def periods(*told, start="2026-06-29T21:39:09Z", middle="2026-06-29T22:39:09Z"):
    return [
        {"start_date_time": at, **more} for at, more in zip((start, middle), told, strict=False)
    ]


# ------------------------------------------------------------------------ CDRs


def test_a_period_without_a_tariff_beside_one_that_has_one_is_held():
    """OCPI 2.2.1: then no tariff is relevant; without any, all are this tariff's."""
    one, two = ({"dimensions": [{"type": "TIME", "volume": hours}]} for hours in (1, 0.973))
    answer = rated(cdr(charging_periods=periods(one | {"tariff_id": "T"}, two)))
    assert [(row["code"], row["message"]) for row in answer["findings"]] == [
        ("rating.session.cdr_untariffed",
         "sessions[0].charging_periods[1].tariff_id: is missing, beside periods that have one: "
         "then no tariff is relevant (OCPI 2.2.1).")
    ]  # fmt: skip
    assert answer["bills"] == []
    assert rated(cdr(charging_periods=periods(one, two)))["bills"][0]["total_ex_vat"] == "3.95"


def powered(limits, *dimensions):
    document = tariff(element(price("TIME", 2), **limits), element(price("TIME", 5)))
    answer = rated(first(("TIME", 1.973), *dimensions, total_cost=None), document=document)
    bucket = [bill["lines"][0]["bucket"] for bill in answer["bills"]]
    return bucket, [row["code"] for row in answer["findings"]], answer["assumptions"]


AVERAGE = "POWER and CURRENT of a CDR are averages, and read as constant within their period."


def test_an_average_power_is_said_to_be_read_as_constant():
    """Only where the tariff asks for it."""
    bucket, found, said = powered({"max_power": 11}, ("POWER", 10))
    assert (bucket, found) == (["element-1"], [])
    assert AVERAGE in said
    assert AVERAGE not in powered({"max_power": 11}, ("MIN_POWER", 3), ("MAX_POWER", 10))[2]
    assert AVERAGE not in powered({"max_kwh": 11}, ("POWER", 10), ("ENERGY", 3))[2]


def test_an_average_is_no_maximum():
    """MIN_POWER 3 and an average of 10: the most is not told, so nobody guesses it."""
    bucket, found, _ = powered({"max_power": 11}, ("POWER", 10), ("MIN_POWER", 3))
    assert (bucket, found) == ([], ["rating.session.open"])
    bucket, found, _ = powered({"min_current": 32}, ("CURRENT", 40), ("MAX_CURRENT", 50))
    assert (bucket, found) == ([], ["rating.session.open"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"total_energy": 15.342},
         "12345: the CDR says total_energy 15.342 kWh, its periods have 7.2."),
        ({"total_energy": 7.2, "total_time": 2.5},
         "12345: the CDR says total_time 2.5 h, its periods have 1.973056."),
        ({"total_energy": 7.2, "total_parking_time": 0.5},
         "12345: the CDR says total_parking_time 0.5 h, its periods have 0."),
    ],
)  # fmt: skip
def test_totals_that_differ_are_told(more, message):
    """A warning that names both numbers, beside the bill."""
    answer = rated(first(("TIME", 1.973), ("ENERGY", 7.2), **more))
    assert [(row["code"], row["severity"], row["message"]) for row in answer["findings"]] == [
        ("rating.session.cdr_totals_differ", "warn", message)
    ]
    assert len(answer["bills"]) == 1


def test_totals_that_agree_are_not_told():
    """To a thousandth for each period; reserved time may count or not."""
    told = first(("TIME", 1.973), ("ENERGY", 7.2), total_energy=7.2004, total_parking_time=0)
    assert rated(told)["findings"] == []
    reserved = {"dimensions": [{"type": "RESERVATION_TIME", "volume": 1}]}
    charged = {"dimensions": [{"type": "TIME", "volume": 0.973}]}
    for total in (0.973, 1.973):
        told = cdr(charging_periods=periods(reserved, charged), total_time=total, total_cost=None)
        assert rated(told)["findings"] == []


def test_a_cdr_that_starts_before_its_periods_is_held():
    """Half an hour that no period tells of is not free."""
    answer = rated(cdr(start_date_time="2026-06-29T21:09:09Z"))
    assert answer["bills"] == []
    assert [(row["code"], row["message"]) for row in answer["findings"]] == [
        ("rating.session.cdr_time_differs",
         "sessions[0].start_date_time: the first period starts 1800 s later.")
    ]  # fmt: skip


def test_a_cdr_that_brings_other_tariffs_is_held():
    """Its `tariffs` are those that it was rated under."""
    answer = rated(cdr(tariffs=[{"id": "night"}, {"id": "day"}]))
    assert [(row["code"], row["message"]) for row in answer["findings"]] == [
        ("rating.session.cdr_other", "sessions[0].tariffs: are night and day, not T.")
    ]
    assert rated(cdr(tariffs=[{"id": "night"}, {"id": "t"}]))["findings"] == []


def test_ids_are_the_same_in_capitals():
    """OCPI's ids are CiString."""
    told = cdr()
    told["charging_periods"][0]["tariff_id"] = "t"
    assert rated(told)["findings"] == []
    assert rated(cdr(), key="t")["findings"] == []
    answer = rated(cdr(id="a"), cdr(id="A"))
    assert [row["code"] for row in answer["findings"]] == ["rating.session.duplicate"]


# -------------------------------------------------------------------- readings

RESERVED = element(price("FLAT", 1), price("TIME", 1, step=600), reservation="RESERVATION")
EXPIRED = element(price("FLAT", 2), reservation="RESERVATION_EXPIRES")
TIME = element(price("TIME", 1))
LIMIT = {"before_taxes": 1, "after_taxes": 1}


@pytest.mark.parametrize(
    ("elements", "more", "other", "sentence"),
    [
        ([RESERVED, TIME], {}, [TIME],
         "Reserved time is rounded up to steps of its own, apart from charging and parking."),
        ([RESERVED, TIME], {"max_price": LIMIT}, [TIME],
         "Limits bound the whole session, its reservation included."),
        ([TIME], {"min_price": LIMIT}, None,
         "min_price does not bound a session without charging and parking."),
        ([RESERVED, EXPIRED, TIME], {}, [RESERVED, TIME],
         "Of several FLAT prices of a reservation, the first that becomes active is charged, "
         "once; for an expired one those of RESERVATION_EXPIRES come first."),
        ([element(price("TIME", 1), day_of_week=["FRIDAY"], start_time="22:00", end_time="06:00")],
         {}, [element(price("TIME", 1), day_of_week=["FRIDAY"], start_time="22:00",
                      end_time="00:00")],
         "day_of_week is the day of each instant, also after midnight of a window that wraps."),
        ([element(price("TIME", 1), max_kwh=5), TIME], {},
         [element(price("ENERGY", 1), max_kwh=5), element(price("ENERGY", 1)), TIME],
         "Where kWh reach a limit within a period, its time is cut as if energy flowed evenly."),
        ([TIME], {"type": "PROFILE_FAST"}, None,
         "type PROFILE_FAST: who may have the tariff is not checked."),
    ],
)  # fmt: skip
def test_readings_of_the_page_are_assumptions(elements, more, other, sentence):
    """Where they apply, and only there."""
    assert sentence in assumed(*elements, **more)
    assert sentence not in assumed(*(other or elements), **({} if other is None else more))


# --------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"before_taxes": 5, "taxes": [{"name": "VAT", "amount": 1}]},
         "max_price.taxes: are not read. State after_taxes in their place."),
        ({"before_taxes": 5, "excl_vat": 6},
         "max_price.excl_vat: is 6, before_taxes is 5. Leave one of the two."),
        ({"before_taxes": 5, "after_taxes": 6, "incl_vat": 7},
         "max_price.incl_vat: is 7, after_taxes is 6. Leave one of the two."),
    ],
)  # fmt: skip
def test_a_limit_that_contradicts_itself_is_refused(limit, message):
    """Nobody picks one of two amounts."""
    with pytest.raises(InvalidDocument) as caught:
        answer_of(tariff(TIME, max_price=limit))
    assert message in str(caught.value)
    same = {"before_taxes": 5, "excl_vat": 5, "after_taxes": 5, "incl_vat": 5}
    assert answer_of(tariff(TIME, max_price=same))["bills"]


def test_two_tariffs_of_one_id_are_refused():
    """Their parties are named; the same object twice is one."""
    one = tariff(TIME, country_code="DE", party_id="ABC")
    two = tariff(element(price("TIME", 9)), country_code="NL", party_id="XYZ")
    with pytest.raises(InvalidDocument, match=r"2 tariffs have the id T: of DE ABC and NL XYZ"):
        answer_of([one, two], key="t")
    assert answer_of([one, one], key="T")["bills"]
    with pytest.raises(NotFound):
        answer_of([one, two], key="U")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"schema": 2}, "schema is 2; 1 is known."),
        ({"shema": 1}, "shema is an unknown key. Did you mean schema?"),
    ],
)
def test_a_file_of_another_kind_is_refused(more, message):
    """Its schema number and its keys are read."""
    with pytest.raises(RefusedFile) as caught:
        answer_of(tariff(TIME), {"sessions": [CHARGED]} | more)
    assert message in str(caught.value)
    assert caught.value.code == "rating.session.file"
    assert answer_of(tariff(TIME), {"schema": 1, "sessions": [CHARGED]})["bills"]
    assert answer_of(tariff(TIME), CHARGED | {"schema": 2})["findings"][0]["message"] == (
        "sessions[0].schema: is 2; 1 is known."
    )
