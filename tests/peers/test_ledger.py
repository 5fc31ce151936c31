"""The ledger, read by other hands than ours: the tree by pymerkle, receipts by PyJWT and joserfc, signed notes by a few lines of our own
that know nothing but C2SP's text, with Ed25519 of cryptography.

Run from the repository's root, inside a venv with tests/peers/requirements.txt, with the server's binary in CONSENTRY_BIN:

    CONSENTRY_BIN=target/debug/consentry python tests/peers/test_ledger.py

It starts a server of its own on this machine, and needs no other network.
"""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import uuid

import joserfc.jwk
import joserfc.jws
import jwt
import pymerkle
import pymerkle.proof
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LEDGER = "/v1/sites/adforge/ledger"
ORIGIN = "https://adforge.example"
# Stand-ins for the browser's files: nobody here is one.
BROWSER_FILES = {
    "loader.js": "(function(boot){})", "signals.js": "(function(signals){})", "guard.js": "(function(guard){})",
    "clean.js": "(function(clean){})", "imports.js": "(function(imports){})", "more.js": ";", "debug.js": ";", "widget.js": ";",
    "widget.wasm": "\0asm\1\0\0\0",
}


class Note:
    """A signed note, by https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint."""

    def __init__(self, note):
        text, signatures = note.rsplit("\n\n", 1)
        self.text = text + "\n"
        assert signatures.endswith("\n")
        self.signatures = []
        for line in signatures[:-1].split("\n"):
            dash, name, signature = line.split(" ")
            assert dash == "\u2014", line
            signature = base64.b64decode(signature, validate=True)
            self.signatures.append((name, signature[:4], signature[4:]))
        self.origin, size, root, *extension = self.text[:-1].split("\n")
        assert not extension and str(int(size)) == size
        self.size, self.root = int(size), base64.b64decode(root, validate=True)

    def verify(self, verifier_key):
        """Raises InvalidSignature unless a signature of that key is on it, and right."""
        name, key_id, key = verifier_key.split("+", 2)
        key = base64.b64decode(key, validate=True)
        assert key[:1] == b"\x01", "Ed25519"
        assert hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() == key_id
        found = [signature for (n, i, signature) in self.signatures if (n, i.hex()) == (name, key_id)]
        if not found:
            raise InvalidSignature
        for signature in found:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature, self.text.encode())


class Server:
    """A server with a database of its own, until it is closed. Flags that are said here count instead of its own."""

    def __init__(self, folder=None, **flags):
        self.folder = folder or pathlib.Path(tempfile.mkdtemp())
        assets = self.folder / "assets"
        assets.mkdir()
        for name, content in BROWSER_FILES.items():
            (assets / name).write_text(content)
        self.database = f"sqlite:{self.folder / 'consentry.db'}"
        said = {
            "policies": ROOT / "policies" / "adforge", "assets": assets, "database": self.database, "listen": "127.0.0.1:0",
            "public_url": "https://consent.example", **flags,
        }
        command = [os.environ["CONSENTRY_BIN"], "serve"]
        command += [word for flag, value in said.items() for word in (f"--{flag.replace('_', '-')}", str(value))]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().removeprefix("listening on ").strip()
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc)

    def close(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder)

    def ask(self, path, body=None, token=None, accept="*/*"):
        headers = {"Origin": ORIGIN, "Accept": accept}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request("GET" if body is None else "POST", path, body and json.dumps(body), headers)
        response = self.connection.getresponse()
        answer = response.read()
        assert response.status < 300, (path, response.status, answer)
        return answer

    def post(self, kind, body, token):
        return json.loads(self.ask(f"/v1/sites/adforge/{kind}", {"v": 1, "id": uuid7(), **body}, token))

    def checkpoint(self):
        return Note(self.ask(f"{LEDGER}/checkpoint").decode())

    def receipt(self, id, token, accept="application/json"):
        return self.ask(f"/v1/sites/adforge/receipts/{id}", token=token, accept=accept).decode()

    def entries(self, size):
        """All entries of a tree of that size, from its bundles (https://c2sp.org/tlog-tiles)."""
        entries = []
        for number in range(-(-size // 256)):
            width = min(256, size - 256 * number)
            bundle = self.ask(f"{LEDGER}/tile/entries/{number:03}" + ("" if width == 256 else f".p/{width}"))
            while bundle:
                end = 2 + int.from_bytes(bundle[:2], "big")
                entries.append(bundle[2:end])
                bundle = bundle[end:]
        assert len(entries) == size
        return entries


def token():
    return f"{uuid.uuid4()}.{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip('=')}"


def uuid7():
    """RFC 9562 section 5.7."""
    bits = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    bits = bits & ~(0xF << 76 | 0x3 << 62) | 7 << 76 | 2 << 62
    return str(uuid.UUID(int=bits))


class Ledger(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.older = None
        cls.token = token()
        for number in range(300):
            if number == 20:
                cls.older = cls.server.checkpoint()
            mine = number % 100 == 7
            kept = cls.server.post("signals", {"signal": "gpc"}, cls.token if mine else token())
            if mine:
                cls.kept = kept
        script = cls.server.ask("/adforge.js").decode()
        boot, _ = json.JSONDecoder().raw_decode(script.split(BROWSER_FILES["loader.js"] + "(", 1)[1])
        choice = {name: boot[name] for name in ("policy", "notice", "language")}
        cls.choice = cls.server.post("choices", {**choice, "surface": "banner", "outcome": "all-granted"}, cls.token)
        cls.checkpoint = cls.server.checkpoint()
        cls.keys = json.loads(cls.server.ask(f"{LEDGER}/keys"))["keys"]
        cls.entries = cls.server.entries(cls.checkpoint.size)
        cls.tree = pymerkle.InmemoryTree.init_from_entries(cls.entries, algorithm="sha256")

    def test_the_checkpoints_are_signed_as_c2sp_says_and_by_nobody_else(self):
        self.assertEqual((self.checkpoint.origin, self.checkpoint.size, self.older.size), ("consent.example/adforge", 301, 20))
        for note in (self.older, self.checkpoint):
            note.verify(self.keys[-1]["note"])
        self.checkpoint.text = self.checkpoint.text.replace("\n301\n", "\n302\n")
        with self.assertRaises(InvalidSignature):
            self.checkpoint.verify(self.keys[-1]["note"])
        self.checkpoint.text = self.checkpoint.text.replace("\n302\n", "\n301\n")

    def test_pymerkle_computes_the_same_root_from_the_entries(self):
        self.assertEqual(self.tree.get_root(), self.checkpoint.root)
        self.assertEqual(self.tree.get_root(20), self.older.root)

    def test_the_tiles_are_the_hashes_of_the_entries_and_of_full_tiles(self):
        leaves = [hashlib.sha256(b"\0" + entry).digest() for entry in self.entries]
        self.assertEqual(self.server.ask(f"{LEDGER}/tile/0/000"), b"".join(leaves[:256]))
        self.assertEqual(self.server.ask(f"{LEDGER}/tile/0/001.p/45"), b"".join(leaves[256:]))
        self.assertEqual(self.server.ask(f"{LEDGER}/tile/1/000.p/1"), self.tree.get_root(256))

    def test_pymerkle_proves_that_the_ledger_has_only_grown(self):
        proof = self.tree.prove_consistency(self.older.size, self.checkpoint.size)
        pymerkle.verify_consistency(self.older.root, self.checkpoint.root, proof, prior_size=20, later_size=301)
        with self.assertRaises(pymerkle.proof.InvalidProof):
            pymerkle.verify_consistency(self.tree.get_root(21), self.checkpoint.root, proof)

    def check_receipt(self, receipt):
        """Every step that somebody has to take who trusts neither the server nor our code."""
        entry, note = receipt["entry"], Note(receipt["checkpoint"])
        note.verify(self.keys[-1]["note"])
        salt = base64.urlsafe_b64decode(entry["salt"] + "=")
        leaf, payload = json.loads(entry["leaf"]), json.loads(entry["payload"])
        for text, value in ((entry["leaf"], leaf), (entry["payload"], payload)):
            self.assertEqual(rfc8785.dumps(value).decode(), text)
        self.assertEqual(hashlib.sha256(b"\2" + salt + entry["payload"].encode()).hexdigest(), leaf["commitment"])
        self.assertEqual((leaf["site"], leaf["at_ms"]), (payload["site"], payload["event"]["at_ms"]))
        self.assertEqual(note.origin, f"consent.example/{receipt['site']}")
        hashed = hashlib.sha256(b"\0" + entry["leaf"].encode()).digest()
        # The tree's own proof has the right form; its hashes are replaced by those that the server gave.
        tree = pymerkle.InmemoryTree.init_from_entries(self.server.entries(note.size), algorithm="sha256")
        proof = tree.prove_inclusion(receipt["seq"] + 1, note.size)
        proof.path = [hashed] + [base64.b64decode(text, validate=True) for text in receipt["proof"]]
        pymerkle.verify_inclusion(hashed, note.root, proof, index=receipt["seq"] + 1, size=note.size, algorithm="sha256")
        return payload

    def test_pymerkle_finds_each_receipt_proved(self):
        for kept in (self.kept, self.choice):
            receipt = json.loads(self.server.receipt(kept["id"], self.token))
            self.assertEqual(receipt["seq"], kept["seq"])
            payload = self.check_receipt(receipt)
            self.assertEqual(payload["subject"], "device:" + self.token.split(".")[0])
            self.assertEqual(payload["event"]["at_ms"], kept["recorded_at_ms"])
        receipt["seq"] -= 1
        with self.assertRaises(pymerkle.proof.InvalidProof):
            self.check_receipt(receipt)

    def test_pyjwt_and_joserfc_read_the_receipt_as_a_jws(self):
        text = self.server.receipt(self.choice["id"], self.token, "application/jose")
        receipt = json.loads(self.server.receipt(self.choice["id"], self.token))
        keys = jwt.PyJWKSet.from_dict({"keys": self.keys})
        key = keys[jwt.get_unverified_header(text)["kid"]]
        self.assertEqual(jwt.decode(text, key, algorithms=["EdDSA"]), receipt)
        keys = joserfc.jwk.KeySet.import_key_set({"keys": self.keys})
        opened = joserfc.jws.deserialize_compact(text, keys, algorithms=["EdDSA"])
        self.assertEqual(json.loads(opened.payload), receipt)
        self.check_receipt(receipt)
        header, claims, signature = text.split(".")
        other = header + "." + base64.urlsafe_b64encode(b'{"v":1}').decode().rstrip("=") + "." + signature
        with self.assertRaises(jwt.InvalidSignatureError):
            jwt.decode(other, key, algorithms=["EdDSA"])
        with self.assertRaises(Exception):
            joserfc.jws.deserialize_compact(other, keys, algorithms=["EdDSA"])

    def test_the_check_by_hand_in_the_docs_does_what_it_says(self):
        script = (ROOT / "docs" / "ledger.md").read_text("utf-8").split("<<'END'\n", 1)[1].split("\nEND\n", 1)[0]
        receipt = json.loads(self.server.receipt(self.choice["id"], self.token))

        def check(receipt):
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                (folder / "receipt.json").write_text(json.dumps(receipt))
                command = [sys.executable, "-c", script, "receipt.json", self.keys[-1]["note"]]
                run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                if run.returncode:
                    return run.stderr.strip().splitlines()[-1]
                command = "openssl pkeyutl -verify -pubin -inkey key.der -keyform DER -rawin -in text -sigfile signature"
                return run.stdout + subprocess.run(command.split(), cwd=folder, capture_output=True, text=True).stdout

        self.assertEqual(check(receipt), receipt["entry"]["payload"] + "\nSignature Verified Successfully\n")
        entry, note = receipt["entry"], receipt["checkpoint"]
        salted = {**entry, "salt": "A" + entry["salt"][1:] if entry["salt"][0] != "A" else "B" + entry["salt"][1:]}
        self.assertEqual(check({**receipt, "entry": salted}), "AssertionError: payload, salt")
        self.assertEqual(check({**receipt, "seq": receipt["seq"] - 1}), "AssertionError: proof")
        self.assertEqual(check({**receipt, "proof": receipt["proof"][:-1]}), "AssertionError: proof")
        self.assertEqual(check({**receipt, "site": "paf"}), "AssertionError: origin")
        last = note.rstrip("\n")[-10]
        forged = note.rstrip("\n")[:-10] + ("A" if last != "A" else "B") + note.rstrip("\n")[-9:] + "\n"
        self.assertNotIn("Successfully", check({**receipt, "checkpoint": forged}))

    def test_a_tlog_proof_has_the_same_in_lines(self):
        """By https://c2sp.org/tlog-proof."""
        receipt = json.loads(self.server.receipt(self.kept["id"], self.token))
        header, extra, index, *proof = self.server.receipt(self.kept["id"], self.token, "text/plain").split("\n\n", 1)[0].split("\n")
        self.assertEqual(header, "c2sp.org/tlog-proof@v1")
        self.assertEqual(json.loads(base64.b64decode(extra.removeprefix("extra "), validate=True)), receipt["entry"])
        self.assertEqual((index, proof), (f"index {self.kept['seq']}", receipt["proof"]))

    def test_proofs_hold_when_what_they_prove_is_erased(self):
        mine = token()
        kept = self.server.post("signals", {"signal": "gpc"}, mine)
        for _ in range(3):
            self.server.post("signals", {"signal": "gpc"}, token())
        before, receipt = self.server.checkpoint(), json.loads(self.server.receipt(kept["id"], mine))
        entries = self.server.entries(before.size)
        self.server.post("demands", {"demand": "erasure"}, mine)
        after = self.server.checkpoint()
        self.assertEqual(after.size, before.size + 1)
        self.assertEqual(self.server.entries(before.size), entries)
        later = pymerkle.InmemoryTree.init_from_entries(self.server.entries(after.size), algorithm="sha256")
        self.assertEqual((later.get_root(before.size), later.get_root()), (before.root, after.root))
        self.check_receipt(receipt)


if __name__ == "__main__":
    if not os.environ.get("CONSENTRY_BIN"):
        sys.exit("name the server's binary in CONSENTRY_BIN")
    unittest.main(testRunner=unittest.TextTestRunner(stream=sys.stdout, verbosity=2))
