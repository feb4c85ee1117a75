"""A demo server of its own for a test of clients, with a key for each kind of work."""

import contextlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("COUNTERSIGN_BIN", str(TOP / "target/debug/countersign"))


class Checks:
    """Counts what was looked at."""

    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, ok, got=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED", name, "| got:", str(got)[:1500], flush=True)
        return ok

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        raise SystemExit(1 if self.failed or not self.passed else 0)


@contextlib.contextmanager
def demo(**environment):
    """The line that the demo prints of itself, with a key `admin` and the `folder` of its data."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "TMPDIR": folder, **environment}
        with subprocess.Popen(
            [BINARY, "demo", "--json", "--listen", "127.0.0.1:0"], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                found = json.loads(server.stdout.readline())
                found["folder"] = folder
                found["keys"]["admin"] = command(found, "key", "add", "--name", "an administrator", "--scopes", "read,admin")
                yield found
            finally:
                server.terminate()


def command(found, *words):
    """Runs the command line on the data of the demo."""
    (database,) = Path(found["folder"]).rglob("demo.db")
    env = {**os.environ, "COUNTERSIGN_DATABASE__URL": f"sqlite://{database}"}
    done = subprocess.run([BINARY, *words], env=env, cwd=found["folder"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()


def until(look, seconds=30):
    """What `look` finds, once it finds something; nothing after this time."""
    for _ in range(seconds * 5):
        found = look()
        if found:
            return found
        time.sleep(0.2)
    return None
