"""A server of one's own: the real one, with AdForge's policy and an empty database, that people choose on."""

from __future__ import annotations

import base64
import http.client
import json
import os
import pathlib
import secrets
import subprocess
import tempfile
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import consentry

ROOT = pathlib.Path(__file__).resolve().parents[3]
CONSENTRY = os.environ.get("CONSENTRY_BIN", str(ROOT / "target" / "debug" / "consentry"))
ORIGIN = "https://adforge.example"
BROWSER_FILES = ("loader.js", "signals.js", "guard.js", "clean.js", "imports.js", "widget.js", "more.js", "debug.js")


class Browser:
    """A subject and the secret that proves it."""

    def __init__(self) -> None:
        self.device = uuid.uuid4()
        self.subject = f"device:{self.device}"
        secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        self.headers = {"Authorization": f"Bearer {self.device}.{secret}", "Origin": ORIGIN}


class House:
    """What a test asks of a server."""

    def __init__(self, folder: pathlib.Path, server: subprocess.Popen[str], database: str) -> None:
        self.folder, self.server, self.database = folder, server, database
        assert server.stdout is not None
        said = server.stdout.readline()
        assert said.startswith("listening on "), said
        self.url = said.removeprefix("listening on ").strip()
        boot = self.request("GET", "/adforge.js", {}).decode().rsplit("(function(){})(", 1)[1].rstrip().removesuffix(");")
        self.boot = json.loads(boot)

    def key(self, scopes: str = "ask,export") -> str:
        return run("key", "new", "--database", self.database, "--site", "adforge", "--name", "test", "--scope", scopes).strip()

    def remote(self, **options: Any) -> consentry.Remote:
        return consentry.remote(self.url, "adforge", self.key("ask"), **{"remembered_for": 0.0, **options})

    def replica(self, **options: Any) -> consentry.Replica:
        return consentry.replica(self.url, "adforge", self.key(), **options)

    def choose(self, browser: Browser, **fields: Any) -> int:
        """What a press of a button does; the number of its entry."""
        names = {name: self.boot[name] for name in ("policy", "notice")}
        choice = {"v": 1, "id": uuid7(), **names, "language": "en", "surface": "banner", **fields}
        headers = {**browser.headers, "Content-Type": "application/json"}
        receipt = json.loads(self.request("POST", "/v1/sites/adforge/choices", headers, json.dumps(choice)))
        return int(receipt["seq"])

    def grant(self, browser: Browser) -> int:
        return self.choose(browser, outcome="all-granted")

    def refuse(self, browser: Browser) -> int:
        return self.choose(browser, outcome="all-refused")

    def request(self, method: str, path: str, headers: dict[str, str], body: str | None = None) -> bytes:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status in (200, 201), content
        return content


@contextmanager
def house() -> Iterator[House]:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        database = f"sqlite:{folder / 'consentry.db'}"
        server = serve(folder, ROOT / "policies" / "adforge", database, "127.0.0.1:0")
        try:
            yield House(folder, server, database)
        finally:
            stop(server)


def serve(folder: pathlib.Path, policies: pathlib.Path, database: str, listen: str) -> subprocess.Popen[str]:
    assets = folder / "assets"
    assets.mkdir(exist_ok=True)
    for name in BROWSER_FILES:
        (assets / name).write_text("(function(){})")
    (assets / "widget.wasm").write_bytes(b"\0asm\1\0\0\0")
    arguments = ["--policies", policies, "--database", database, "--assets", assets, "--listen", listen]
    command = [CONSENTRY, "serve", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)


def stop(server: subprocess.Popen[str]) -> None:
    server.terminate()
    server.wait()
    if server.stdout is not None:
        server.stdout.close()


def run(*arguments: str) -> str:
    return subprocess.run([CONSENTRY, *arguments], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def uuid7() -> str:
    """A UUIDv7 (RFC 9562 section 5.7) of now."""
    random = int.from_bytes(secrets.token_bytes(10))
    number = (time.time_ns() // 1_000_000) << 80 | random
    number = number & ~(0xF << 76) | 7 << 76
    return str(uuid.UUID(int=number & ~(3 << 62) | 2 << 62))
