"""What a mapping promises of rows that follow on each other, as a plain loop."""


def model(lines, *, cumulative, ends, gap, strict, window):
    """(start, end, energy) of each interval, or None where the file is refused.

    `lines`: (start, end, value) in the order of time [h]; with `ends` the start is not known.
    """
    found, before = [], None
    for given, end, value in lines:
        row = (None if ends else given), end, value
        if before == row:
            continue  # the very same row again
        past, before = before, row
        if ends and past is None:
            continue
        start = past[1] if ends else given
        if end <= start:
            continue
        energy = value
        if cumulative:
            if past is None or start < past[1]:
                continue
            if start - past[1] > gap and strict:
                continue
            energy = value - past[2]
            if energy < 0:
                if not _inside(start % 24, window):
                    return None
                energy = value
        elif strict and past is not None and abs(start - past[1]) > gap:
            continue
        found.append((start, end, energy))
    # Two rows of one interval that differ contradict each other.
    return [one for one in found if all(one == other or one[0] != other[0] for other in found)]


def _inside(hour, window):
    if window is None:
        return False
    first, last = window
    return first <= hour <= last if first <= last else hour >= first or hour <= last
