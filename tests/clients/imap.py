"""Reads a folder of a real Dovecot, on loopback and with data of its own.

usage: imap.py COUNTERSIGN [--database URL]      Dovecot (imapd) and openssl must be installed

Each mail comes once: across restarts of either side and a change of the numbers that the server gives. Nothing in the folder is
marked, moved or deleted; a certificate that nobody trusts is refused, and no log holds the password.
"""
import argparse
import contextlib
import getpass
import imaplib
import json
import os
import pwd
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from desk import Checks, until

PASSWORD = "correct-horse/42"
ADDRESS = "desk@example.com"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Dovecot:
    """A server that runs as whoever runs this, or, for root, keeps its mail as nobody."""

    def __init__(self, folder):
        self.folder, self.plain, self.tls, self.running = folder, free_port(), free_port(), None
        owner = "nobody" if os.getuid() == 0 else getpass.getuser()
        ids = pwd.getpwnam(owner)
        (folder / "home").mkdir()
        os.chmod(folder, 0o755)
        os.chown(folder / "home", ids.pw_uid, ids.pw_gid)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"],
            check=True, stderr=subprocess.DEVNULL,
        )
        own = "" if os.getuid() == 0 else f"default_internal_user = {owner}\ndefault_login_user = {owner}\ndefault_internal_group = {owner}\n"
        (folder / "dovecot.conf").write_text(f"""{own}base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
mail_location = maildir:{folder}/home/mail
first_valid_uid = 1
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={ids.pw_uid} gid={ids.pw_gid} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.plain}
  }}
  inet_listener imaps {{
    port = {self.tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
""")

    def start(self):
        self.running = subprocess.Popen(["dovecot", "-F", "-c", self.folder / "dovecot.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.answers)

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.plain), timeout=1) as client:
            return client.recv(4) == b"* OK"

    def stop(self):
        self.running.terminate()
        self.running.wait(timeout=30)

    @contextlib.contextmanager
    def client(self):
        client = imaplib.IMAP4("127.0.0.1", self.plain)
        client.login("ana", PASSWORD)
        client.select("INBOX")
        yield client
        client.logout()

    def append(self, subject, days_ago=0):
        mail = f"From: ana@example.com\r\nTo: {ADDRESS}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.com>\r\n\r\nHello {subject}.\r\n"
        with self.client() as client:
            came = imaplib.Time2Internaldate(time.time() - days_ago * 86_400)
            assert client.append("INBOX", None, came, mail.encode())[0] == "OK"

    def validity(self):
        with self.client() as client:
            return client.response("UIDVALIDITY")[1][0]

    def change_validity(self):
        number = str(int(time.time()) + 1000)
        subprocess.run(["doveadm", "-c", self.folder / "dovecot.conf", "mailbox", "update", "-u", "ana", "--uid-validity", number, "INBOX"], check=True)


class Desk:
    """A Countersign that reads the folder."""

    def __init__(self, binary, folder, database, server):
        self.binary, self.folder, self.server, self.running = str(Path(binary).resolve()), folder, server, None
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = dict(os.environ) | {
            "COUNTERSIGN_DATABASE__URL": database or f"sqlite://{folder}/desk.db",
            "COUNTERSIGN_DATA__DIRECTORY": str(folder),
            "COUNTERSIGN_SERVER__LISTEN": self.url.removeprefix("http://"),
            "RUST_LOG": "trace,hyper=off,h2=off",
        }
        self.command("mailbox", "add", "--address", ADDRESS, "--name", "Desk", "--mode", "monitored", "--postal-address", "1 Main Street")
        self.key = self.command("key", "add", "--name", "reader", "--scopes", "read")

    def command(self, *words):
        done = subprocess.run([self.binary, *words], env=self.environment, cwd=self.folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.stdout.strip()

    def start(self, trusted=True):
        ca = f'ca_file = "{self.server.folder}/cert.pem"\n' if trusted else ""
        url = f"imaps://ana:{PASSWORD.replace('/', '%2F')}@localhost:{self.server.tls}/INBOX"
        (self.folder / "countersign.toml").write_text(f'[imap]\n{ca}[imap.mailboxes]\n"{ADDRESS}" = "{url}"\n')
        self.log = open(self.folder / "log", "a")
        self.running = subprocess.Popen([self.binary, "serve"], env=self.environment, cwd=self.folder, stdout=self.log, stderr=self.log)

    def stop(self):
        self.running.terminate()
        self.running.wait(timeout=30)
        self.log.close()

    def said(self):
        return (self.folder / "log").read_text()

    def subjects(self):
        request = urllib.request.Request(f"{self.url}/v1/mailboxes/{ADDRESS}/inbox", headers={"Authorization": f"Bearer {self.key}"})
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:
            return sorted(mail["subject"] for mail in json.load(answer)["emails"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("countersign")
    parser.add_argument("--database")
    asked = parser.parse_args()
    check = Checks()
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        (Path(top) / "server").mkdir()
        (Path(top) / "desk").mkdir()
        server = Dovecot(Path(top) / "server")
        server.start()
        desk = Desk(asked.countersign, Path(top) / "desk", asked.database, server)
        try:
            walk(check, server, desk)
        finally:
            for one in (desk, server):
                if one.running and one.running.poll() is None:
                    one.stop()
    check.end()


def walk(check, server, desk):
    server.append("long-ago", days_ago=60)
    server.append("first")
    # A certificate that nobody trusts: nothing is read, and the log says why.
    desk.start(trusted=False)
    check("an unknown certificate is refused", until(lambda: "did not prove who it is" in desk.said()), desk.said()[-2000:])
    check("nothing was read", desk.subjects() == [], desk.subjects())
    desk.stop()

    desk.start()
    check("what is there comes, without what is old", until(lambda: desk.subjects() == ["first"]), desk.subjects())
    server.append("second")
    check("what comes is told by the server", until(lambda: desk.subjects() == ["first", "second"], 20), desk.subjects())
    desk.stop()
    server.append("while-away")
    desk.start()
    three = ["first", "second", "while-away"]
    check("after a restart the rest comes once", until(lambda: desk.subjects() == three), desk.subjects())

    # The server goes away and comes back.
    server.stop()
    check("a lost server is noted", until(lambda: desk.said().count("mail cannot be read") >= 2), desk.said()[-2000:])
    server.start()
    server.append("after-the-break")
    four = sorted([*three, "after-the-break"])
    check("it is read again", until(lambda: desk.subjects() == four, 60), desk.subjects())

    # All numbers change.
    desk.stop()
    before = server.validity()
    server.change_validity()
    check("the numbers have changed", server.validity() != before, before)
    server.append("new-numbers")
    desk.start()
    five = sorted([*four, "new-numbers"])
    check("with new numbers each mail still came once", until(lambda: desk.subjects() == five), desk.subjects())
    time.sleep(2)
    check("and stays so", desk.subjects() == five, desk.subjects())
    desk.stop()

    with server.client() as client:
        found = client.search(None, "ALL")[1][0].split()
        unseen = client.search(None, "UNSEEN", "UNDELETED")[1][0].split()
    check("nothing was marked or deleted", len(found) == len(unseen) == 6, (found, unseen))
    check("no log holds the password", PASSWORD not in desk.said() and "correct-horse" not in desk.said())


main()
