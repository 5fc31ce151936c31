"""A server about which schemathesis finds out whether it is as it describes itself: with people, accounts, keys and a ledger, so that
a request that is as it should be gets somewhere.

What it is told beside the document: who it is (a device and its secret, an API key, an identity token), and the names of what is there.
"""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import time

import jwt
import tokens
from test_ledger import BROWSER_FILES, ORIGIN, ROOT, Server, token, uuid7

HERE = pathlib.Path(__file__).resolve().parent
SITE = "/v1/sites/adforge"
# What may be answered to a request that is as it should be.
WELL_FORMED = ["2xx", "3xx", "401", "403", "404", "409"]
# Beside that: it may name what this policy does not have, or a time that has not come, or be one case too many.
ALSO = {
    "createChoice": "422", "createDemand": "422", "createCase": "422", "createUnsubscribeLink": "422", "createWebhook": "422",
    "showState": "400",
}
# What may be answered to a request that is not. What is too long is refused before it is looked at.
NOT_WELL_FORMED = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429"]
# What the document's examples are about. Their names are exchanged for those of the server that is asked.
EXAMPLES = {
    "policy": "8d700a7b58036baa45ade5bb69c78ed633700c76ca71d8a0b1a45991814a44a4",
    "notice": "680776cfe34976f95928abab1e08b69925dcca600b918e754fcf142929b57ee6",
    "demand": "01a2054c-305f-7aa6-9b78-fb7addbf4327",
    "device": "424fe4cb-d95b-4654-b505-a3e075e04bb9",
    "asset": "widget.3f1c0e6a9b2d4857.js",
}


class Described(Server):
    """AdForge's server, where people are signed in, old choices may be imported, and nobody is asked to wait."""

    def __init__(self, folder):
        policies = folder / "adforge"
        shutil.copytree(ROOT / "policies" / "adforge", policies)
        with (policies / "policy.toml").open("a") as policy:
            policy.write('\n[page.imports]\nfrom = ["klaro"]\n')
        keys = f'[adforge]\nkeys = [{{ alg = "EdDSA", kid = "EdDSA", public_key = "{tokens.encode(tokens.PUBLIC)}" }}]\n'
        (folder / "identity.toml").write_text(keys)
        no_limit = {f"{of}_requests_per_second": 0 for of in ("address", "key", "site")}
        super().__init__(folder, policies=policies, identity=folder / "identity.toml", **no_limit)
        command = [os.environ["CONSENTRY_BIN"], "key", "new", "--database", self.database, "--site", "adforge", "--name", "peer"]
        made = subprocess.run([*command, "--scope", "ask,write,export,admin"], capture_output=True, text=True, check=True)
        self.key = made.stdout.strip()
        script = self.ask("/adforge.js").decode()
        self.boot, _ = json.JSONDecoder().raw_decode(script.split(BROWSER_FILES["loader.js"] + "(", 1)[1])
        self.token = token()
        claims = {"aud": "adforge", "sub": "u-42", "exp": int(time.time()) + 20 * 3600}
        self.identity = jwt.encode(claims, tokens.PRIVATE, algorithm="EdDSA", headers={"kid": "EdDSA"})
        self.account = json.loads(self.ask(f"{SITE}/identity", {"v": 1, "token": self.identity}, self.token))["account"]
        choice = {name: self.boot[name] for name in ("policy", "notice", "language")} | {"surface": "banner", "outcome": "all-granted"}
        self.kept = [self.post("choices", choice, self.token), self.post("signals", {"signal": "gpc"}, self.token)]
        self.kept.append(self.post("demands", {"demand": "objection", "purpose": "analytics"}, self.token))
        gone = token()
        self.post("choices", choice, gone)
        self.post("demands", {"demand": "erasure"}, gone)
        # A tile that is full, and one that is not.
        for _ in range(260):
            self.post("signals", {"signal": "gpc"}, token())

    @property
    def device(self):
        return self.token.split(".")[0]

    def document(self):
        """The document with what is here: examples, the site, its origin. Strict about answers: what it does not describe must not come."""
        text = self.ask("/openapi.json").decode()
        here = {
            "policy": self.boot["policy"], "notice": self.boot["notice"], "demand": self.kept[2]["id"], "device": self.device,
            "asset": self.boot["widget"]["js"][0].removeprefix("/assets/"),
        }
        for name, example in EXAMPLES.items():
            assert example in text, name
            text = text.replace(example, here[name])
        document = strict(json.loads(text))
        known = {"Site": "adforge", "Origin": ORIGIN, "OriginUnlessSame": ORIGIN}
        for name, value in known.items():
            document["components"]["parameters"][name]["schema"] = {"type": "string", "enum": [value]}
        return document

    def config(self, seed, operations):
        """What schemathesis is told (schemathesis.toml), as a tree."""
        dictionaries = {
            "scripts": ["adforge.js"],
            "policies": [self.boot["policy"]], "notices": [self.boot["notice"]], "languages": ["en"],
            "purposes": ["ai-training", "downstream-ai", "analytics", "marketing", "security"],
            "processors": ["kling", "gemini", "kie-ai", "seedance"],
            "subjects": [f"device:{self.device}", self.account],
            "devices": [self.device], "events": [kept["id"] for kept in self.kept],
            "tiles": ["0/000", "0/001.p/1", "1/000.p/1", "entries/000", "entries/000.p/7"],
            "assets": [row[0].removeprefix("/assets/") for row in self.boot["widget"].values()],
            "tokens": [self.identity], "past": [0, 1_700_000_000_000, 2**63, 2**64 - 1],
        }
        bindings = {
            "path.id": ("events", 0.5), "path.hash": ("notices", 0.5), "path.tile": ("tiles", 0.5),
            "path.script": ("scripts", 0.7), "path.name": ("assets", 0.5), "header.Consentry-Identity": ("tokens", 0.5),
            "query.purpose": ("purposes", 0.7), "query.processor": ("processors", 0.7),
            "body.policy": ("policies", 0.8), "body.notice": ("notices", 0.8), "body.language": ("languages", 0.8),
            "body.purpose": ("purposes", 0.7), "body.processor": ("processors", 0.7), "body.subject": ("subjects", 0.7),
            "body.device": ("devices", 0.7), "body.as_of_ms": ("past", 0.5), "body.token": ("tokens", 0.5),
            "body.questions[*].subject": ("subjects", 0.7), "body.questions[*].purpose": ("purposes", 0.7),
        }
        if "createUnsubscribeLink" in operations:
            link = self.ask(f"{SITE}/unsubscribe-links", {"v": 1, "subject": self.account, "purpose": "marketing"}, self.key)
            dictionaries["links"] = [json.loads(link)["url"].rsplit("/", 1)[1]]
            bindings["path.token"] = ("links", 0.7)
        return {
            "seed": seed, "hooks": str(HERE / "hooks.py"), "workers": 1, "continue-on-failure": True, "request-timeout": 10.0,
            "max-stream-events": 5,
            "dictionaries": {name: {"values": values} for name, values in dictionaries.items()},
            "parameters": {key: {"dictionary": name, "probability": chance} for key, (name, chance) in bindings.items()},
            "generation": {"mode": "all", "database": "none"},
            "auth": {"openapi": {"Device": {"bearer": self.token}, "Key": {"bearer": self.key}, "Identity": {"api_key": self.identity}}},
            "phases": {"stateful": {"enabled": False}},
            "checks": {"negative_data_rejection": {"expected-statuses": NOT_WELL_FORMED}},
            "operations": [
                {"include-operation-id": name, "checks": {"positive_data_acceptance": {"expected-statuses": [*WELL_FORMED, status]}}}
                for name, status in ALSO.items() if name in operations
            ],
        }


def strict(document):
    """The same, but that no answer may have a field that it does not describe. Whoever only receives ignores those."""
    document = copy.deepcopy(document)
    schemas = document["components"]["schemas"]

    def is_open_object(schema):
        if "$ref" in schema:
            return is_open_object(schemas[schema["$ref"].rsplit("/", 1)[1]])
        if "additionalProperties" in schema:
            return False
        return bool(schema.get("properties")) or any(is_open_object(one) for of in ("allOf", "oneOf") for one in schema.get(of, []))

    def close_inside(schema):
        for name, field in schema.get("properties", {}).items():
            schema["properties"][name] = close(field)
        if "items" in schema:
            schema["items"] = close(schema["items"])
        for of in ("allOf", "oneOf"):
            for one in schema.get(of, []):
                close_inside(one)

    def close(schema):
        close_inside(schema)
        return {**schema, "unevaluatedProperties": False} if is_open_object(schema) else schema

    for schema in schemas.values():
        close_inside(schema)
    responses = list(document["components"]["responses"].values())
    for item in document["paths"].values():
        for method, operation in item.items():
            if method != "parameters":
                responses += [response for response in operation["responses"].values() if "$ref" not in response]
    for response in responses:
        for content in response.get("content", {}).values():
            if "schema" in content:
                content["schema"] = close(content["schema"])
    return document
