"""Processes that do one thing in a workspace, for races and kills.

`actor.py VERB FOLDER …` does it once. `actor.py` alone imports everything, then reads orders as
JSON lines and forks for each: 6 processes start in the time of one.
"""

import json
import os
import random
import signal
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import synthetic

from gridtally import control, inbox
from gridtally.control import faults
from gridtally.intake.options import Options
from gridtally.intake.receive import receive
from gridtally.store.compact import compact, prune
from gridtally.store.workspace import Workspace
from gridtally.subledger.deliver import deliver
from gridtally.subledger.issue import issue


def do_receive(ws, *_):
    receipt = receive(
        ws, b"file", name="a.csv", sender="dso", as_of=synthetic.AS_OF, actor="ina",
        decode=synthetic.decoder(synthetic.blocks([f"MP-{i}" for i in range(50)])),
    )  # fmt: skip
    return "duplicate" if receipt.duplicate else "accepted"


def do_issue(ws, release, *_):
    issued = issue(ws, release, **synthetic.how_to_issue(batch=4))
    return f"{len(issued.numbers)} {issued.already}"


def do_run(ws, *_):
    return synthetic.sealed(ws, 5).id


def do_deliver(ws, *_):
    draw = {"pdf": lambda record: b"%PDF " + record, "html": lambda record: b"<p>" + record}
    return str(deliver(ws, draw, actor="dora", as_of=synthetic.AS_OF))


def do_compact(ws, *_):
    return str(compact(ws, actor="ina", as_of=synthetic.AS_OF).seq)


def do_prune(ws, *_):
    return str(prune(ws, actor="ina", as_of=synthetic.AS_OF + 90_000))


def do_mixed(ws, *_):
    """By the number of the process: compact, prune what is left over, or receive a file."""
    number = NUMBER[0]
    if number < 2:
        return do_compact(ws)
    if number == 2:
        return str(prune(ws, actor="ina", as_of=synthetic.AS_OF))
    points = [f"MP-{i}" for i in range(50)]
    receipt = receive(
        ws, b"file of %d" % number, name=f"{number}.csv", sender="dso", as_of=synthetic.AS_OF,
        actor="ina", decode=synthetic.decoder(synthetic.blocks(points, day=20_010 + number)),
    )  # fmt: skip
    return str(receipt.readings)


def do_deliver_mapped(ws, as_of, mapping, *files):
    """Receive every fourth of these files, in an order of its own."""
    options = Options(mapping=Path(mapping).read_bytes())
    return do_deliver_all(ws, as_of, *files[NUMBER[0] :: 4], options=options)


def do_deliver_all(ws, as_of, *files, **more):
    """Receive all of these files, in an order of its own."""
    order = list(files)
    random.Random(NUMBER[0]).shuffle(order)
    answers = inbox.receive(
        ws, [Path(file) for file in order], sender="dso", zone=None, correction=False,
        as_of=int(as_of), actor="ina", dry_run=False, report=lambda *_: None, **more,
    )  # fmt: skip
    return str(sum(not answer.refused for answer in answers))


NUMBER = [0]
"""The number of a process among those that were started with it."""
VERBS = {
    "receive": do_receive, "issue": do_issue, "run": do_run, "deliver": do_deliver,
    "compact": do_compact, "prune": do_prune, "mixed": do_mixed, "deliver_all": do_deliver_all,
    "deliver_mapped": do_deliver_mapped,
}  # fmt: skip


def act(verb, folder, *rest):
    return VERBS[verb](Workspace.open(folder), *rest)


def serve():
    control.setup(Path("/nowhere"))  # loads Django once; every child opens its own workspace
    from gridtally.control import models  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        gate, opener = os.pipe()
        children = [_child(order, gate, number) for number in range(order["count"])]
        os.write(opener, b"x" * len(children))
        print(json.dumps([_end(pid, pipe) for pid, pipe in children]), flush=True)
        os.close(gate)
        os.close(opener)


def _child(order, gate, number):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        os.environ["GRIDTALLY_FAULT"] = order["fault"]
        faults._passed.clear()
        NUMBER[0] = number
        os.read(gate, 1)
        os.write(writer, act(*order["do"]).encode())
    except BaseException:
        os.write(writer, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)


def _end(pid, pipe):
    text = b""
    while part := os.read(pipe, 65_536):
        text += part
    os.close(pipe)
    status = os.waitpid(pid, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {"killed": killed, "code": os.waitstatus_to_exitcode(status), "said": text.decode()}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(act(*sys.argv[1:]))
    else:
        serve()
