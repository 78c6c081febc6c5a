"""How a test starts actors (`actor.py`)."""

import json
import subprocess
import sys
from pathlib import Path

ACTOR = Path(__file__).with_name("actor.py")


class Nursery:
    """Forks actors; answers come when all of them have ended."""

    def __init__(self):
        self.server = subprocess.Popen(
            [sys.executable, str(ACTOR)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *do, count=1, fault=""):
        order = {"do": [str(word) for word in do], "count": count, "fault": fault}
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def said(self, *do, **more):
        """What each actor said; none of them failed."""
        answers = self.run(*do, **more)
        failed = [answer["said"] for answer in answers if answer["code"]]
        assert not failed, failed[0]
        return [answer["said"] for answer in answers]

    def close(self):
        self.server.stdin.close()
        self.server.wait(timeout=30)
