"""Signatures of mail held against an independent verifier: dkimpy, with keys that another library made."""

import base64
import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import dkim
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from desk import Checks, demo, until


def keys(folder, domain):
    """Two private keys where the server looks for them, and the records that belong to them."""
    folder.mkdir(exist_ok=True)
    made = {"e1": ed25519.Ed25519PrivateKey.generate(), "r1": rsa.generate_private_key(65537, 2048)}
    records = {}
    for selector, key in made.items():
        text = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
        (folder / f"{domain}~{selector}.pem").write_bytes(text)
        public = key.public_key()
        if selector == "e1":
            raw = public.public_bytes(pem.Encoding.Raw, pem.PublicFormat.Raw)
            record = "v=DKIM1; k=ed25519; p=" + base64.b64encode(raw).decode()
        else:
            raw = public.public_bytes(pem.Encoding.DER, pem.PublicFormat.SubjectPublicKeyInfo)
            record = "v=DKIM1; k=rsa; p=" + base64.b64encode(raw).decode()
        records[f"{selector}._domainkey.{domain}."] = record.encode()
    return records


def call(url, key, method, path, body=None):
    request = urllib.request.Request(url + path, method=method, data=json.dumps(body).encode() if body else None)
    request.add_header("Authorization", "Bearer " + key)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        raise RuntimeError(refused.read().decode()) from refused


def holds(mail, index, look_up):
    try:
        return dkim.DKIM(mail).verify(idx=index, dnsfunc=look_up)
    except dkim.ValidationError:
        return False


def main():
    check = Checks()
    with demo() as found:
        box = next(box for box in found["mailboxes"] if box["mode"] == "gated_send")
        domain = box["address"].split("@")[1]
        (database,) = Path(found["folder"]).rglob("demo.db")
        records = keys(database.parent / "dkim", domain)
        time.sleep(16)  # The server reads the directory again after a quarter of a minute.
        subject = "Your export,  with  wide  gaps and a sign: ü"
        body = {"mailbox": box["address"], "to": "signed@example.com", "subject": subject, "text_body": "Hello \n\n  there.\n\n\n", "consent_basis": "consent"}
        sent = call(found["url"], found["keys"]["agent"], "POST", "/v1/send", body)
        decision = {"message_id": sent["id"], "decision": "approve"}
        call(found["url"], found["keys"]["oversight"], "GET", "/v1/oversight/pending?limit=100")
        call(found["url"], found["keys"]["oversight"], "POST", "/v1/oversight/decide", decision)

        def arrived():
            with urllib.request.urlopen(found["url"] + "/catcher.json") as answer:
                return [mail["raw"].encode() for mail in json.loads(answer.read()) if mail["to"] == "signed@example.com"]

        mails = until(arrived, 60)
        if not check("the mail arrives", mails):
            check.end()
        mail = mails[0].lstrip(b"\r\n")
        look_up = lambda name, timeout=5: records.get(name.decode() if isinstance(name, bytes) else name)
        count = mail.count(b"DKIM-Signature:")
        check("one signature for each key", count == 2, count)
        for index in range(count):
            verifier = dkim.DKIM(mail)
            check(f"signature {index} holds", verifier.verify(idx=index, dnsfunc=look_up), verifier.signature_fields)
            signed = [name.strip().lower() for name in verifier.signature_fields[b"h"].split(b":")]
            for name in (b"from", b"to", b"subject", b"date", b"message-id", b"list-unsubscribe", b"list-unsubscribe-post"):
                check(f"{name.decode()} is signed", name in signed, signed)
            check("From is signed once more than it is there", signed.count(b"from") == 2, signed)
            check("there is no l=", b"l" not in verifier.signature_fields)
            for forged in (mail.replace(b"Hello", b"Hallo"), b"From: a@b.test\r\n" + mail, mail.replace(b"One-Click", b"Two-Clicks")):
                check("what was changed does not verify", not holds(forged, index, look_up))
    check.end()


if __name__ == "__main__":
    main()
