"""Runs the blocks of docs/QUICKSTART.md as they stand, against a demo server."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import requests
from mcp import Client, StdioServerParameters

from desk import BINARY, TOP, Checks, demo, until

check = Checks()
HERE = TOP / "tests/clients"


def blocks():
    """The fenced blocks: language, name, text."""
    text = (TOP / "docs/QUICKSTART.md").read_text()
    return re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", text, re.M | re.S)


def program(language):
    """The blocks of a language that have no name, one after the other."""
    return "".join(text for each, name, text in blocks() if each == language and not name)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def run(name, command, env, text=None):
    """Runs a program to its end; what it printed."""
    done = subprocess.run(command, input=text, env=env, text=True, capture_output=True, timeout=120, cwd=HERE, check=False)
    check(f"{name} runs to its end", done.returncode == 0, done.stdout + done.stderr)
    return done.stdout


def receiver(found, port, folder):
    """The receiver of webhooks, told of every message that was sent; the file it prints to."""
    new = {"url": f"http://127.0.0.1:{port}/", "events": ["message.sent"]}
    made = requests.post(f"{found['url']}/v1/webhooks", json=new, headers={"Authorization": f"Bearer {found['keys']['admin']}"}, timeout=30)
    check("a webhook is made", made.status_code == 201, made.text)
    text = next(text for _, name, text in blocks() if name == "webhook.py")
    printed = Path(folder) / "printed"
    env = {**os.environ, "WEBHOOK_SECRET": made.json()["secret"], "PORT": str(port)}
    with printed.open("w") as output:
        return subprocess.Popen([sys.executable, "-c", text], env=env, stdout=output), printed


async def desktop(found, settings):
    """The configuration for desktop programs, with the key and the address of this demo."""
    server = settings["mcpServers"]["countersign"]
    address = [word if "://" not in word else found["url"] for word in server["args"]]
    env = {name: found["keys"]["agent"] for name in server["env"]}
    check("the desktop configuration starts this program", server["command"] == "countersign")
    async with Client(StdioServerParameters(command=BINARY, args=address, env=env)) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        check("the desktop configuration works", "send_email" in tools, tools)


def over_http(found, settings):
    server = settings["mcpServers"]["countersign"]
    path = server["url"].split("8080", 1)[1]
    headers = {name: value.replace("cs_live_…", found["keys"]["agent"]) for name, value in server["headers"].items()}
    headers |= {"Accept": "application/json, text/event-stream"}
    answer = requests.post(found["url"] + path, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers, timeout=30)
    check("the configuration for HTTP works", "send_email" in answer.text, answer.text)


def main():
    port = free_port()
    with demo(COUNTERSIGN_WEBHOOKS__ALLOW_PRIVATE=f"127.0.0.1:{port}") as found, tempfile.TemporaryDirectory() as folder:
        listening, printed = receiver(found, port, folder)
        try:
            keys = {"COUNTERSIGN_KEY": found["keys"]["agent"], "OVERSIGHT_KEY": found["keys"]["oversight"]}
            env = {**os.environ, "COUNTERSIGN_URL": found["url"], **keys}
            said = run("curl", ["bash", "-eu"], env, program("bash"))
            check("curl sees it held and sent", '"status":"pending"' in said and 'sent\n{"emails":[{' in said, said)
            said = run("Python", [sys.executable, "-"], env, program("python"))
            check("Python sees it held and sent", "\npending " in said and "\nsent\n" in said, said)
            stripped = run("esbuild", ["node_modules/.bin/esbuild", "--loader=ts", "--format=esm"], env, program("typescript"))
            said = run("TypeScript", ["node", "--input-type=module"], env, stripped)
            check("TypeScript sees it held and sent", said.startswith("pending ") and said.endswith("sent\n"), said)
            mails = json.dumps(requests.get(found["catcher"], timeout=30).json())
            for person in ("ana", "ben", "cleo"):
                check(f"the mail to {person} was delivered", f"{person}@example.com" in mails, mails)
            events = until(lambda: [line for line in printed.read_text().splitlines() if line.startswith("message.sent ")][2:])
            check("a webhook came for each, with a signature that fits", events, printed.read_text())
            http, desk = [json.loads(text) for language, _, text in blocks() if language == "json"]
            over_http(found, http)
            asyncio.run(desktop(found, desk))
        finally:
            listening.terminate()
            listening.wait()
    check("nothing is left out", {language for language, _, _ in blocks()} == {"bash", "python", "typescript", "json"})
    check.end()


main()
