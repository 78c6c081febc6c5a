"""Two meters billed for January to April 2026, hour after hour 1 kWh; what they cost by hand.

AG-1 has yearly tiers (1000 kWh at 0.10, then 0.20), demand at 1.00 per kW that does not fall below
half of the largest of the two months before, and 10 % tax. AG-2 pays 0.10 per kWh.
"""

from datetime import date, datetime, timedelta

STEPPED = """
schema = 1
tariff = "stepped"
currency = "EUR"
zone = "UTC"
valid_from = 2026-01-01
source = "a test"
[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }
[[components]]
id = "energy"
shape = "tiered"
channel = "import"
window = "year"
tiers = [{ upto = 1000, price = 0.10 }, { price = 0.20 }]
ledger = "revenue.energy"
[[components]]
id = "power"
shape = "demand"
price = 1
ratchet = { percent = 50, months = 2 }
ledger = "revenue.power"
[[components]]
id = "vat"
shape = "percentage"
kind = "tax"
of = ["energy", "power"]
percent = 10
ledger = "tax.vat"
"""
FLAT = STEPPED.partition("[[components]]")[0].replace("stepped", "flat") + (
    '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\nprice = 0.10\n'
)
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")


def write(folder, *, values=None):
    """The files of the two meters; `values` replaces readings by
    (metering point, start); None: there is none."""
    folder.mkdir(parents=True)
    (folder / "stepped.toml").write_text(STEPPED)
    (folder / "flat.toml").write_text(FLAT)
    (folder / "accounts.csv").write_text(
        "account,segment,language,name,address\nAC-1,household,en,A,B\nAC-2,household,en,C,D\n"
    )
    (folder / "metering_points.csv").write_text("metering_point,zone\nMP-1,UTC\nMP-2,UTC\n")
    (folder / "meters.csv").write_text(
        "meter,metering_point,from,to\nM1,MP-1,2020-01-01,\nM2,MP-2,2020-01-01,\n"
    )
    (folder / "registers.csv").write_text(
        "meter,register,channel,bucket,kind,digits,multiplier\n"
        "M1,1.8.0,import,total,cumulative,6,1\nM2,1.8.0,import,total,cumulative,6,1\n"
    )
    (folder / "agreements.csv").write_text(
        "agreement,account,metering_point,from,to,tariff,legal_source\n"
        "AG-1,AC-1,MP-1,2026-01-01,,stepped,interval\n"
        "AG-2,AC-2,MP-2,2026-01-01,,flat,interval\n"
    )
    rows = ["metering_point,channel,start,value,unit"]
    at = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    while at.date() < date(2026, 5, 1):
        start = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        rows += [
            f"{point},import,{start},{value},kWh"
            for point in ("MP-1", "MP-2")
            if (value := (values or {}).get((point, start), 1)) is not None
        ]
        at += timedelta(hours=1)
    (folder / "readings.csv").write_text("\n".join(rows) + "\n")
    return folder


def bill(door, ws, months=MONTHS):
    """Run, release whatever is held, issue: month by month; bill name -> number."""
    numbers = {}
    for month in months:
        assert door("run", month, "-w", ws, "--as", "ana", "--json").code == 0
        held = door("worklist", month, "-w", ws, "--json").json["bills"]
        for row in held:
            said = door("release", month, row["bill"], "--why", "a test", "-w", ws, "--as", "bruno")
            assert said.code == 0, said.err
        signed = door("release", month, "-w", ws, "--as", "bruno", "--json")
        issued = door("issue", signed.json["release"], "-w", ws, "--as", "ana", "--json")
        numbers |= issued.json["issued"]
    return numbers
