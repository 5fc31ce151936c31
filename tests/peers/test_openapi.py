"""The server's description of itself, read by others: openapi-spec-validator reads it, jsonschema holds its examples and those of
docs/wire.md against it, and schemathesis talks to a server and finds out whether it is as it says.

Run from the repository's root, inside a venv with tests/peers/requirements.txt, with the server's binary in CONSENTRY_BIN:

    CONSENTRY_BIN=target/debug/consentry python tests/peers/test_openapi.py

It starts a server of its own on this machine, and needs no other network. CONSENTRY_OPENAPI_SECONDS says for how long schemathesis goes on,
with a seed that is another each time; without it the same requests are made each time, for about a minute.
"""

import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import openapi_spec_validator

from described import Described, HERE, ROOT, strict
from test_ledger import token

PARTS = ROOT / "server-example" / "openapi"
WIRE = ROOT / "docs" / "wire.md"
SEED = 20_260_101
EXAMPLES_MAX = 120
# How docs/wire.md writes what an example has no room for.
HASH, UUID7, UUID4 = "ab" * 32, "0198c0de-0000-7000-8000-000000000001", "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f"
STANDS_FOR = [
    ('"events": [ …as in the record… ], "cases": [ …as below… ]', '"events": [], "cases": []'),
    ('"subject": "account:…"', f'"subject": "account:{HASH}"'),
    ('"cases": [ … ]', '"cases": []'),
    ('"choice": { …as sent… }', '"choice": CHOICE'), ('"choice": { … }', '"choice": CHOICE'),
    ('"ids": ["<account id>", …]', '"ids": ["u-42"]'), ('["account:…", …]', f'["account:{HASH}"]'), ('"account:…"', f'"account:{HASH}"'),
    ('{"event":…}', '{}'), ('{\\"event\\":…}', "{}"), ('{\\"at_ms\\":…}', "{}"),
    ('"device:…"', f'"device:{UUID4}"'), ('"device": "<UUID>"', f'"device": "{UUID4}"'),
    ('"token": "<identity token>"', '"token": "a.b.c"'),
    ('"<choice id>"', f'"{UUID7}"'), ('"<event id>"', f'"{UUID7}"'), ('"<UUIDv7>"', f'"{UUID7}"'),
    ('"<32 bytes, base64url>"', f'"{"A" * 43}"'), ('["<32 bytes, base64>", "…"]', f'["{"A" * 43}="]'),
    ('"<signed note>"', json.dumps(f"consent.example/adforge\n1\n{'A' * 43}=\n\n— consent.example/adforge AAAA\n")),
    ('"<hash>"', f'"{HASH}"'), ('"<hash of the newest>"', f'"{HASH}"'), ('"<32 hexadecimal digits>"', f'"{HASH[:32]}"'),
    ('"id": "…"', f'"id": "{UUID7}"'), ('"choice_id": "…"', f'"choice_id": "{UUID7}"'), ('"purpose": "…"', '"purpose": "analytics"'),
    ('"allowed": ["…"]', '"allowed": ["security"]'), ('"questions": [ … ]', '"questions": []'), ('"subjects": [ … ]', '"subjects": []'), ('"decisions": [ … ]', '"decisions": []'),
]
CHOICE = {"v": 1, "id": UUID7, "policy": HASH, "notice": HASH, "language": "en", "surface": "banner", "stances": {"ai-training": "refuse"}}
# Of each section of docs/wire.md that is about a request: what its examples are, in their order.
SECTIONS = {
    "Choices": ["Choice", "ChoiceReceipt"],
    "Signals": ["SignalEvent", "Kept"],
    "Demands": ["OtherDemand"],
    "Identity": ["IdentityRequest", "Allowed"],
    "Record": ["Record", "Signalled", "Demanded", "Lent", "Linked"],
    "Decisions": ["Question", "Guardian", "Explanation", "Questions", "Decisions", "SameQuestion", "Answers", "Decision"] + ["Obligation"] * 12,
    "Changes": ["Changes"],
    "Accounts": ["AccountIds", "Accounts"],
    "Receipts": ["Receipt"],
    "Health": ["Health", "Readiness"],
    "Export": ["ExportRequest", "Export"],
    "Cases": ["NewCase", "Case", "Cases", "CaseChange"],
    "State": ["StateRow"],
    "Unsubscribe": ["LinkRequest", "Link"],
}


def document():
    """The parts that the server has a line for, put together as it does."""
    source = (ROOT / "server-example" / "src" / "openapi" / "mod.rs").read_text("utf-8")
    return merged(re.findall(r'include_str!\("../../openapi/(.*\.json)"\)', source))


def merged(names):
    whole = {}
    for name in names:
        merge(whole, json.loads((PARTS / name).read_text("utf-8"), object_pairs_hook=once))
    return whole


def once(pairs):
    fields = dict(pairs)
    assert len(fields) == len(pairs), "a name stands twice"
    return fields


def merge(whole, part):
    for name, value in part.items():
        if isinstance(value, dict):
            merge(whole.setdefault(name, {}), value)
        elif isinstance(value, list):
            whole.setdefault(name, []).extend(value)
        else:
            assert whole.setdefault(name, value) == value, name


def validator(document, schema):
    # References begin at the root, so the schema takes the components with it.
    rooted = {**schema, "components": document["components"]}
    return jsonschema.Draft202012Validator(rooted, format_checker=jsonschema.FormatChecker())


def contents(value):
    """Every body that is described, wherever it stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "content":
                yield from inner.items()
            yield from contents(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from contents(inner)


def parameters(value):
    if isinstance(value, dict):
        if "in" in value and "schema" in value:
            yield value
        for inner in value.values():
            yield from parameters(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parameters(inner)


def sections():
    """The sections of docs/wire.md, each under the first word of its heading."""
    for section in WIRE.read_text("utf-8").split("\n## ")[1:]:
        heading, text = section.split("\n", 1)
        name = "Changes" if "change feed" in heading else re.split(r"\W", heading)[0]
        yield name, heading, text


def examples(text):
    """The objects that stand as code in a section, in their order."""
    for block, inline in re.findall(r"```json\n(.*?)```|`(\{.*?\})`(?!`)", text, re.DOTALL):
        code = block or inline
        for stands, value in STANDS_FOR:
            code = code.replace(stands, value)
        code = re.sub(r'(_ms"?): …', r"\1: 1763800000000", code).replace("CHOICE", json.dumps(CHOICE))
        yield code


class Document(unittest.TestCase):
    def test_it_is_openapi_3_1(self):
        openapi_spec_validator.validate(document())
        broken = document()
        broken["paths"]["/health"]["get"]["responses"] = {"200": {}}
        with self.assertRaises(Exception):
            openapi_spec_validator.validate(broken)

    def test_every_name_is_used(self):
        whole = document()
        used = set(re.findall(r'"#/components/([a-zA-Z]+/[A-Za-z]+)"', json.dumps(whole)))
        kinds = {kind for kind in whole["components"] if kind != "securitySchemes"}
        self.assertEqual(used, {f"{kind}/{name}" for kind in kinds for name in whole["components"][kind]})

    def check_examples(self, whole):
        found = 0
        for media_type, content in contents(whole):
            values = [content["example"]] if "example" in content else [one["value"] for one in content.get("examples", {}).values()]
            for value in values:
                validator(whole, content["schema"]).validate(value)
                found += 1
        for parameter in parameters(whole):
            if "example" in parameter:
                validator(whole, parameter["schema"]).validate(parameter["example"])
                found += 1
        return found

    def test_its_examples_are_as_it_says(self):
        self.assertGreater(self.check_examples(document()), 50)
        # Nothing in them is undescribed, either.
        self.check_examples(strict(document()))

    def test_the_examples_of_the_contract_are_as_it_says(self):
        whole, found = document(), 0
        schemas = whole["components"]["schemas"]
        for name, heading, text in sections():
            names = SECTIONS.get(name)
            about_a_request = re.search(r"`(GET|POST) /|`/v1/", heading) and ".js" not in heading
            if not about_a_request or (names and not all(name in schemas for name in names)):
                continue
            codes = list(examples(text))
            with self.subTest(heading):
                self.assertEqual(len(codes), len(names or []), codes)
            for code, schema in zip(codes, names or []):
                with self.subTest(heading, schema=schema):
                    validator(whole, {"$ref": f"#/components/schemas/{schema}"}).validate(json.loads(code))
                    found += 1
        self.assertGreater(found, 20)


class Conversation(unittest.TestCase):
    def test_the_server_is_as_it_says(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        seconds = os.environ.get("CONSENTRY_OPENAPI_SECONDS")
        server = Described(folder)
        self.addCleanup(server.close)
        described = json.dumps(server.document())
        (folder / "openapi.json").write_text(described)
        seed = secrets.randbelow(2**32) if seconds else SEED
        config = server.config(seed, set(re.findall(r'"operationId": "(\w+)"', described)))
        if seconds:
            config["max-time"] = int(seconds)
        else:
            config["generation"]["max-examples"] = EXAMPLES_MAX
        (folder / "schemathesis.toml").write_text("".join(f"{name} = {toml(value)}\n" for name, value in config.items()))
        command = [pathlib.Path(sys.executable).parent / "st", "--config-file", folder / "schemathesis.toml"]
        command += ["run", folder / "openapi.json", "--url", server.url, "--no-color", "--report", "json"]
        command += ["--report-json-path", folder / "report.json"]
        lent = {"CONSENTRY_ME": server.token, "CONSENTRY_OTHER": token(), "CONSENTRY_IDENTITY": server.identity}
        run = subprocess.run(command, cwd=folder, env={**os.environ, **lent}, capture_output=True, text=True, errors="replace")
        self.assertEqual(run.returncode, 0, f"seed {seed}\n{run.stdout[-20_000:]}\n{run.stderr[-2_000:]}")
        print(run.stdout.split("= SUMMARY =")[-1])
        self.assertIn("Coverage", run.stdout)


def toml(value):
    """A value as TOML has it, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


if __name__ == "__main__":
    if not os.environ.get("CONSENTRY_BIN"):
        sys.exit("name the server's binary in CONSENTRY_BIN")
    unittest.main(testRunner=unittest.TextTestRunner(stream=sys.stdout, verbosity=2))
