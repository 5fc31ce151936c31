"""Independent readers of what a running server hands out: RDF and SHACL, Parquet by three engines, JWS.

Run from the repository's root, inside a venv with tests/peers/requirements.txt, once the server is built:

    CONSENTRY_BIN=target/debug/consentry python tests/peers/test_server.py

Nothing here needs the network but the loopback of this machine.
"""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import uuid

import duckdb
import jwt
import polars
import pyarrow.parquet
import pyshacl
import rdflib
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONSENTRY = os.environ.get("CONSENTRY_BIN", str(ROOT / "target" / "debug" / "consentry"))
POLICIES = ROOT / "policies" / "adforge"
ORIGIN = "https://adforge.example"
BROWSER_FILES = ("loader.js", "signals.js", "guard.js", "clean.js", "imports.js", "widget.js", "more.js", "debug.js")


def uuid7():
    """A UUIDv7 (RFC 9562 section 5.7) of now."""
    random = int.from_bytes(secrets.token_bytes(10))
    number = (time.time_ns() // 1_000_000) << 80 | random
    number = number & ~(0xF << 76) | 7 << 76
    return str(uuid.UUID(int=number & ~(3 << 62) | 2 << 62))


class Browser:
    """A subject and the secret that proves it."""

    def __init__(self):
        self.device = str(uuid.uuid4())
        self.secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        self.subject = f"device:{self.device}"
        self.headers = {"Authorization": f"Bearer {self.device}.{self.secret}", "Origin": ORIGIN}


class House(unittest.TestCase):
    """A server of one's own, with three subjects: one says yes to all, one no, one to a processor alone."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.database = f"sqlite:{cls.folder / 'consentry.db'}"
        assets = cls.folder / "assets"
        assets.mkdir()
        for name in BROWSER_FILES:
            (assets / name).write_text("(function(){})")
        (assets / "widget.wasm").write_bytes(b"\0asm\1\0\0\0")
        arguments = ["--policies", POLICIES, "--database", cls.database, "--assets", assets, "--listen", "127.0.0.1:0"]
        arguments += ["--storage-country", "DE"]
        cls.server = subprocess.Popen([CONSENTRY, "serve", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        cls.addClassCleanup(cls.stop)
        cls.address = urllib.parse.urlsplit(cls.server.stdout.readline().removeprefix("listening on ").strip()).netloc
        cls.key = cls.run_consentry("key", "new", "--database", cls.database, "--site", "adforge", "--name", "peer", "--scope", "export").strip()
        boot = cls.get("/adforge.js", {}).decode().rsplit("(function(){})(", 1)[1].rstrip().removesuffix(");")
        cls.boot = json.loads(boot)
        cls.yes, cls.no, cls.some = Browser(), Browser(), Browser()
        cls.choose(cls.yes, {"outcome": "all-granted"})
        cls.choose(cls.no, {"outcome": "all-refused"})
        cls.choose(cls.some, {"stances": {"downstream-ai": "grant", "downstream-ai/kling": "grant"}})
        cls.choose(cls.yes, {"stances": {"marketing": "refuse"}})

    @classmethod
    def stop(cls):
        cls.server.terminate()
        cls.server.wait()
        cls.server.stdout.close()

    @classmethod
    def run_consentry(cls, *arguments):
        return subprocess.run([CONSENTRY, *map(str, arguments)], check=True, capture_output=True, text=True).stdout

    @classmethod
    def request(cls, method, path, headers, body=None):
        connection = http.client.HTTPConnection(cls.address)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status in (200, 201), content
        return content

    @classmethod
    def get(cls, path, headers):
        return cls.request("GET", path, headers)

    @classmethod
    def choose(cls, browser, fields):
        choice = {"v": 1, "id": uuid7(), "policy": cls.boot["policy"], "notice": cls.boot["notice"], "language": "en", "surface": "banner", **fields}
        headers = {**browser.headers, "Content-Type": "application/json"}
        cls.request("POST", "/v1/sites/adforge/choices", headers, json.dumps(choice))


class Export(House):
    """The record as JSON-LD, as the server hands it out."""

    def test_the_record_of_a_real_server_has_every_mandatory_field(self):
        shapes = rdflib.Graph().parse(HERE / "shapes.ttl", format="turtle")
        for browser in (self.yes, self.no, self.some):
            text = self.get("/v1/sites/adforge/export", {**browser.headers, "Accept": "application/ld+json"})
            graph = rdflib.Graph().parse(data=text, format="json-ld")
            conforms, _, report = pyshacl.validate(graph, shacl_graph=shapes, inference="none")
            self.assertTrue(conforms, report)
            del (broken := json.loads(text))["dpv:hasNotice"]
            graph = rdflib.Graph().parse(data=json.dumps(broken), format="json-ld")
            self.assertFalse(pyshacl.validate(graph, shacl_graph=shapes, inference="none")[0])


class State(House):
    """The state of the site, by three engines."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        headers = {"Authorization": f"Bearer {cls.key}"}
        as_of = time.time_ns() // 1_000_000
        path = f"/v1/sites/adforge/state?as_of_ms={as_of}&format="
        cls.rows = [json.loads(line) for line in cls.get(path + "ndjson", headers).splitlines()]
        cls.file = cls.folder / "state.parquet"
        cls.file.write_bytes(cls.get(path + "parquet", headers))

    def test_there_are_rows_that_say_yes_and_rows_that_say_no(self):
        self.assertEqual(len({row["subject"] for row in self.rows}), 3)
        allowed = {(row["subject"], row["purpose"], row["processor"]) for row in self.rows if row["allow"]}
        self.assertIn((self.some.subject, "downstream-ai", "kling"), allowed)
        self.assertNotIn((self.some.subject, "downstream-ai", "gemini"), allowed)
        self.assertNotIn((self.yes.subject, "marketing", None), allowed)
        self.assertIn((self.yes.subject, "analytics", None), allowed)

    def test_pyarrow_reads_every_row_as_the_json_has_it(self):
        table = pyarrow.parquet.read_table(self.file)
        self.assertEqual(table.to_pylist(), self.rows)
        facts = pyarrow.parquet.read_metadata(self.file).metadata
        self.assertEqual(facts[b"consentry.site"], b"adforge")
        self.assertEqual(facts[b"consentry.as_of_ms"].decode(), str(self.rows[0]["as_of_ms"]))

    def test_duckdb_counts_the_same(self):
        query = "SELECT purpose, count(*), count(*) FILTER (WHERE allow), count(processor) FROM read_parquet(?) GROUP BY ALL ORDER BY ALL"
        counted = duckdb.execute(query, [str(self.file)]).fetchall()
        self.assertEqual(counted, self.counted())
        [[lines]] = duckdb.execute("SELECT count(*) FROM read_parquet(?) WHERE policy = ?", [str(self.file), self.boot["policy"]]).fetchall()
        self.assertEqual(lines, len(self.rows))

    def test_polars_counts_the_same(self):
        columns = polars.col
        counted = (
            polars.scan_parquet(self.file)
            .group_by("purpose")
            .agg(polars.len().alias("rows"), columns("allow").sum().alias("allowed"), columns("processor").count().alias("processors"))
            .sort("purpose")
            .collect()
        )
        self.assertEqual([tuple(row) for row in counted.rows()], self.counted())

    def counted(self):
        purposes = sorted({row["purpose"] for row in self.rows})
        of = lambda purpose: [row for row in self.rows if row["purpose"] == purpose]
        return [(p, len(of(p)), sum(r["allow"] for r in of(p)), sum(r["processor"] is not None for r in of(p))) for p in purposes]


class Manifest(House):
    """The manifest of a training set, by PyJWT and hashlib."""

    def test_the_signature_is_over_the_hash_of_the_list(self):
        seed = secrets.token_bytes(32)
        key = self.folder / "manifest.key"
        key.write_text(base64.b64encode(seed).decode())
        out = self.folder / "set"
        self.run_consentry("manifest", "--database", self.database, "--policies", POLICIES, "--site", "adforge", "--purpose", "ai-training", "--key", key, "--out", out)
        jws, subjects = pathlib.Path(f"{out}.jws").read_text().strip(), pathlib.Path(f"{out}.subjects").read_bytes()
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
        manifest = jwt.decode(jws, public, algorithms=["EdDSA"])
        self.assertEqual(subjects.decode().splitlines(), [self.yes.subject])
        self.assertEqual(manifest["subjects"], {"count": 1, "sha256": hashlib.sha256(subjects).hexdigest()})
        self.assertEqual(manifest["ledger"]["size"], 4)
        thumbprint = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": jwt.utils.base64url_encode(public.public_bytes_raw()).decode()}, separators=(",", ":"))
        self.assertEqual(jwt.get_unverified_header(jws)["kid"], jwt.utils.base64url_encode(hashlib.sha256(thumbprint.encode()).digest()).decode())
        other = Ed25519PrivateKey.generate().public_key()
        with self.assertRaises(jwt.InvalidSignatureError):
            jwt.decode(jws, other, algorithms=["EdDSA"])


if __name__ == "__main__":
    unittest.main(testRunner=unittest.TextTestRunner(stream=sys.stdout, verbosity=2))
