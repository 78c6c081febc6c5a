"""Shared by the tests of DSMR: telegrams made of lines, with the CRC worked out bit by bit."""

IDENTITY = "0-0:96.1.1(4B384547303034303436333935353037)"
V5 = ["1-3:0.2.8(50)", "0-0:1.0.0({time})", IDENTITY, "1-0:1.8.1(000004.426*kWh)"]


def crc(text):
    """CRC16 as the standard words it: polynomial x16+x15+x2+1, bits reversed, from zero."""
    state = 0
    for byte in text.encode():
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ 0xA001 if state & 1 else state >> 1
    return state


def telegram(*lines, time="260115120000W", head=tuple(V5), end="\r\n", mark=None):
    """A telegram of DSMR 5 with some more lines; `mark` instead of its right CRC."""
    body = "/ISk5\\2MT382\r\n\r\n" + "".join(f"{line}\r\n" for line in (*head, *lines)) + "!"
    body = body.replace("{time}", time)
    said = f"{crc(body):04X}" if mark is None else mark
    return f"{body}{said}\r\n".replace("\r\n", end)
