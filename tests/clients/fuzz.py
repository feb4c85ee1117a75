"""Holds the API against its own description with schemathesis.

usage: fuzz.py COUNTERSIGN [--database URL] [--examples N]      N cases for each of two keys; 5000 without it

A key that drafts and one that decides and administers each try every call twice: with anything, also what the description
forbids, and with what it allows on things that are there. No answer may be a fault of the server, have a status or a shape
that the description does not know, or take in what it forbids.
"""
import argparse
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

CHECKS = ",".join([
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance", "response_schema_conformance",
    "negative_data_rejection", "unsupported_method", "allow_header_conformance",
])  # ignored_auth would meet the limit for calls without a key; tests/it/openapi.rs looks at the scopes.


def call(url, key, method, path, body=None):
    request = urllib.request.Request(url + path, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("Authorization", "Bearer " + key)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")


def furnish(url, agent, decider):
    """Things to be found, and their ids by the path they are found at."""
    ids = {}
    contacts = [call(url, agent, "POST", "/v1/contacts", {"email": f"fuzz{n}@example.com", "tags": ["trial"]})["id"] for n in range(3)]
    emails = []
    for n in range(6):
        body = {"mailbox": "gated@example.com", "to": f"fuzz{n % 3}@example.com", "subject": f"Hello {n}", "text_body": "Hello there."}
        emails.append(call(url, agent, "POST", "/v1/send", body)["id"])
    events = []
    for n in range(3):
        event = call(url, agent, "POST", "/api/v1/churn-events", {"customer_email": f"fuzz{n}@example.com", "cancel_reason": "too_expensive"})
        events.append(event["id"])
    call(url, agent, "POST", f"/api/v1/churn-events/{events[0]}/generate")
    fact = {"kind": "company_fact", "name": "team_size", "value": "8", "source": "https://example.com/about"}
    mailboxes = [mailbox["id"] for mailbox in call(url, decider, "GET", "/v1/mailboxes")["mailboxes"]]
    ids["/v1/contacts"], ids["/v1/emails"], ids["/api/v1/churn-events"], ids["/v1/mailboxes"] = contacts, emails, events, mailboxes
    ids["/v1/facts"] = [call(url, decider, "POST", "/v1/facts", fact)["id"]]
    return ids


def run(url, key, cases, operations, ids=None):
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", url + "/v1/openapi.json", "--header", "Authorization: Bearer " + key,
        "--checks", CHECKS, "--phases", "coverage,fuzzing", "--continue-on-failure", "--warnings", "off",
        "--max-examples", str(math.ceil(cases / operations)), "--request-timeout", "60",  # A call may wait 30 seconds by itself.
    ]
    environment = dict(os.environ) | {"SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("fuzz_ids.py"))}
    if ids is not None:
        command += ["--mode", "positive"]
        environment |= {"KNOWN_IDS": json.dumps(ids)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    summary = next((line.strip() for line in done.stdout.splitlines() if "generated" in line), "no case was generated")
    print(f"{'known ids' if ids else 'anything '}  {summary}", flush=True)
    if done.returncode != 0:
        print(done.stdout)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("countersign")
    parser.add_argument("--database")
    parser.add_argument("--examples", type=int, default=5000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        binary = str(Path(asked.countersign).resolve())
        (Path(folder) / "out").mkdir()
        environment = dict(os.environ) | {
            "COUNTERSIGN_DATABASE__URL": asked.database or f"sqlite://{folder}/fuzz.db",
            "COUNTERSIGN_SMTP__URL": f"file://{folder}/out",
        }

        def command(*words):
            return subprocess.run([binary, *words], env=environment, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

        for name, mode in [("gated", "gated_send"), ("auto", "autonomous")]:
            command("mailbox", "add", "--address", f"{name}@example.com", "--name", "Sender", "--mode", mode, "--postal-address", "1 Main Street")
        agent = command("key", "add", "--name", "agent", "--scopes", "read,draft,contacts", "--calls-per-minute", "60000")
        decider = command("key", "add", "--name", "decider", "--scopes", "read,contacts,oversight_read,oversight,admin", "--calls-per-minute", "60000")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            listen = f"127.0.0.1:{free.getsockname()[1]}"
        url = f"http://{listen}"
        environment |= {"COUNTERSIGN_SERVER__LISTEN": listen, "COUNTERSIGN_SERVER__BASE_URL": url}
        with open(f"{folder}/log", "w") as log:
            server = subprocess.Popen([binary, "serve"], env=environment, cwd=folder, stdout=log, stderr=log)
            try:
                for _ in range(100):
                    try:
                        urllib.request.urlopen(url + "/readyz", timeout=1)
                        break
                    except OSError:
                        time.sleep(0.1)
                description = call(url, agent, "GET", "/v1/openapi.json")
                operations = sum(len(methods) for methods in description["paths"].values())
                ids = furnish(url, agent, decider)
                half = asked.examples / 2
                fine = [run(url, key, half, operations, known) for key in (agent, decider) for known in (None, ids)]
            finally:
                server.terminate()
                server.wait(timeout=30)
        sys.exit(0 if all(fine) else 1)


main()
