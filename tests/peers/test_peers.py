"""Independent readers of what Consentry writes, and writers of what it reads: RDF and SHACL, RFC 8785, SHA-256, JSON Schema, OpenMetrics,
JSON Web Tokens and Standard Webhooks by other hands than ours.

Run from the repository's root, inside a venv with tests/peers/requirements.txt:

    python tests/peers/test_peers.py

Nothing here needs the network: record.jsonld carries its own @context, and a test would fail that tried to fetch one.
"""

import copy
import datetime
import hashlib
import json
import pathlib
import socket
import sys
import tomllib
import unittest
import unittest.mock
import warnings

import jsonschema
import prometheus_client.openmetrics.parser
import pyshacl
import rdflib
import rfc8785
import standardwebhooks.webhooks
import tokens

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GOLDEN = ROOT / "core" / "tests" / "golden"
SCHEMA = ROOT / "docs" / "policy.schema.json"
METRICS = ROOT / "server-example" / "tests" / "golden" / "metrics.txt"
WEBHOOK = ROOT / "server-example" / "tests" / "golden" / "webhook.json"

DPV = rdflib.Namespace("https://w3id.org/dpv#")
CONSENTRY = rdflib.Namespace("https://consentry.example/ns#")
DCT = rdflib.DCTERMS

# Where each mandatory field of ISO/IEC TS 27560 stands, under the name that the shapes give it. Where it can be missing in two
# ways, a space tells the names apart.
RECORD_FIELDS = {
    "schema_version": ["dct:conformsTo"],
    "record_id": ["dct:identifier"],
    "pii_principal_id": ["dpv:hasDataSubject"],
    "pii_principal_id ": ["dpv:hasDataSubject", "dct:identifier"],
    "privacy_notice": ["dpv:hasNotice"],
    "privacy_notice ": ["dpv:hasNotice", "dct:identifier"],
    "language": ["dpv:hasNotice", "dct:language"],
    "pii_controllers": ["dpv:hasDataController"],
    "party_id": ["dpv:hasDataController", "dct:identifier"],
    "party_name": ["dpv:hasDataController", "dpv:hasName"],
    "party_address": ["dpv:hasDataController", "dpv:hasAddress"],
    "party_contact": ["dpv:hasDataController", "dpv:hasContact"],
    "party_type": ["dpv:hasDataController", "@type"],
    "withdrawal_method": ["dpv:hasConsentControl"],
    "withdrawal_method ": ["dpv:hasConsentControl", "dpv:isExercisedAt"],
    "storage_locations (record)": ["dpv:hasStorageCondition", "StorageLocation"],
    "retention_period (record)": ["dpv:hasStorageCondition", "StorageDuration"],
    "process": ["dpv:hasProcess"],
    "event": ["consentry:hasEvent"],
    "consentry:version": ["consentry:version"],
    "issued": ["dct:issued"],
}
PROCESS_FIELDS = {
    "purpose": ["dpv:hasPurpose"],
    "purpose: title": ["dpv:hasPurpose", "dct:title"],
    "purpose_type": ["dpv:hasPurpose", "skos:broader"],
    "pii_information": ["dpv:hasPersonalData"],
    "pii_type": ["dpv:hasPersonalData", 0, "dct:identifier"],
    "pii_controllers (process)": ["dpv:hasDataController"],
    "lawful_basis": ["dpv:hasLegalBasis"],
    "storage_locations": ["dpv:hasStorageCondition", "StorageLocation"],
    "retention_period": ["dpv:hasStorageCondition", "StorageDuration"],
    "jurisdiction": ["dpv:hasJurisdiction"],
    "recipient_third_parties": ["dpv:hasRecipient"],
    "process: state": ["dpv:hasConsentStatus"],
    "process: identifier": ["dct:identifier"],
}
RECIPIENT_FIELDS = {
    "party_id": ["dpv:hasRecipient", "dct:identifier"],
    "party_name": ["dpv:hasRecipient", "dpv:hasName"],
    "party_address": ["dpv:hasRecipient", "dpv:hasAddress"],
    "party_contact": ["dpv:hasRecipient", "dpv:hasContact"],
    "party_type": ["dpv:hasRecipient", "@type"],
}
EVENT_FIELDS = {
    "event_time": ["dpv:isIndicatedAtTime"],
    "validity_duration": ["dpv:hasDuration"],
    "entity_id": ["dpv:isIndicatedBy"],
    "event_type": ["dpv:hasLegalBasis"],
    "event_state": ["dpv:hasConsentStatus"],
    "event: method": ["dpv:hasIndicationMethod"],
    "event: recorded": ["consentry:recordedAt"],
    "event: sequence": ["consentry:sequence"],
    "event: identifier": ["dct:identifier"],
    "event: kind": ["@type"],
}
CHOICE_FIELDS = {
    "choice: notice": ["dpv:hasNotice"],
    "choice: policy": ["consentry:policyHash"],
    "choice: language": ["dct:language"],
    "choice: confirmed": ["consentry:confirmed"],
    "choice: stance": ["consentry:stance"],
    "stance: target": ["consentry:stance", 0, "consentry:target"],
    "stance: says": ["consentry:stance", 0, "consentry:says"],
    "stance: state": ["consentry:stance", 0, "dpv:hasConsentStatus"],
}


def golden(name):
    return (GOLDEN / name).read_bytes()


def without(record, start, path):
    """A copy of the record with one field of what `start` picks taken out."""
    changed = copy.deepcopy(record)
    node = start(changed)
    *way, last = path
    for step in way:
        node = node[step]
    if isinstance(node, list):
        kept = [item for item in node if item["@type"] != f"dpv:{last}"]
        assert len(kept) == len(node) - 1, path
        node[:] = kept
    else:
        del node[last]
    return changed


class Record(unittest.TestCase):
    """record.jsonld, read by rdflib and validated by pySHACL."""

    @classmethod
    def setUpClass(cls):
        cls.real_socket = socket.socket
        socket.socket = None  # Whoever tries to fetch something fails.
        cls.addClassCleanup(setattr, socket, "socket", cls.real_socket)
        cls.shapes = rdflib.Graph().parse(HERE / "shapes.ttl", format="turtle")
        cls.record = json.loads(golden("record.jsonld"))

    def graph(self, record):
        return rdflib.Graph().parse(data=json.dumps(record), format="json-ld")

    def validate(self, record):
        conforms, _, report = pyshacl.validate(self.graph(record), shacl_graph=self.shapes, inference="none")
        return conforms, report

    def check_each_is_missed(self, fields, start):
        for name, path in fields.items():
            with self.subTest(path="/".join(map(str, path))):
                conforms, report = self.validate(without(self.record, start, path))
                self.assertFalse(conforms)
                # What a node within lacks is reported of the field that it stands in.
                is_own = len(path) == 1 or str(path[-1]).startswith("Storage")
                blamed = name if is_own else next(n for n, p in fields.items() if p == path[:1])
                self.assertIn(f"Message: {blamed.strip()}\n", report)

    def test_the_record_has_every_mandatory_field(self):
        conforms, report = self.validate(self.record)
        self.assertTrue(conforms, report)

    def test_a_record_without_a_mandatory_field_does_not_conform(self):
        self.check_each_is_missed(RECORD_FIELDS, lambda record: record)

    def test_a_process_without_a_mandatory_field_does_not_conform(self):
        for number, process in enumerate(self.record["dpv:hasProcess"]):
            self.check_each_is_missed(PROCESS_FIELDS, lambda record, n=number: record["dpv:hasProcess"][n])

    def test_a_recipient_without_a_mandatory_field_does_not_conform(self):
        processes = self.record["dpv:hasProcess"]
        number = next(n for n, process in enumerate(processes) if "/" in process["dct:identifier"])
        # The party's fields stand in the report of the process, which wants its recipient to be one.
        for name, path in RECIPIENT_FIELDS.items():
            with self.subTest(field=name):
                conforms, report = self.validate(without(self.record, lambda r: r["dpv:hasProcess"][number], path))
                self.assertFalse(conforms)
                self.assertIn("recipient_third_parties", report)

    def test_an_event_without_a_mandatory_field_does_not_conform(self):
        for number, event in enumerate(self.record["consentry:hasEvent"]):
            fields = dict(EVENT_FIELDS)
            if event["@type"] == "consentry:Choice":
                fields.update(CHOICE_FIELDS)
            self.check_each_is_missed(fields, lambda record, n=number: record["consentry:hasEvent"][n])

    def test_a_document_without_a_record_does_not_conform(self):
        self.assertFalse(self.validate({})[0])

    def test_a_record_with_links_and_loans_has_every_mandatory_field(self):
        record = json.loads(golden("account.jsonld"))
        kinds = [event["@type"] for event in record["consentry:hasEvent"]]
        self.assertEqual(kinds, ["consentry:Link", "consentry:Choice", "consentry:Loan"])
        conforms, report = self.validate(record)
        self.assertTrue(conforms, report)
        for number, kind in ((0, "consentry:device"), (2, "consentry:choice")):
            without_it = without(record, lambda r, n=number: r["consentry:hasEvent"][n], [kind])
            self.assertFalse(self.validate(without_it)[0])

    def test_rdf_says_what_the_json_says(self):
        graph = self.graph(self.record)
        [record] = graph.subjects(rdflib.RDF.type, DPV.ConsentRecord)
        self.assertEqual(str(record), self.record["@id"])
        events = sorted(graph.objects(record, CONSENTRY.hasEvent), key=lambda e: graph.value(e, CONSENTRY.sequence).value)
        self.assertEqual([str(e) for e in events], [event["@id"] for event in self.record["consentry:hasEvent"]])
        for event in events:
            happened = graph.value(event, DPV.isIndicatedAtTime).value
            # A UUIDv7 begins with its time in milliseconds (RFC 9562 section 5.7).
            milliseconds = int(str(graph.value(event, DCT.identifier)).replace("-", "")[:12], 16)
            self.assertEqual(happened, datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC))
        states = {
            str(graph.value(p, DCT.identifier)): graph.value(p, DPV.hasConsentStatus)
            for p in graph.objects(record, DPV.hasProcess)
        }
        self.assertEqual(states["ai-training"], DPV.RenewedConsentGiven)
        self.assertEqual(states["downstream-ai/near"], DPV.ConsentGiven)
        self.assertEqual(states["downstream-ai/far"], DPV.ConsentRefused)
        self.assertEqual(states["marketing"], DPV.ConsentWithdrawn)
        self.assertEqual(states["analytics"], DPV.ConsentUnknown)

    def test_no_word_of_the_record_is_lost_to_a_missing_prefix(self):
        known = ("https://w3id.org/dpv", "http://purl.org/dc/terms/", str(CONSENTRY), "urn:uuid:", "mailto:", "http://www.w3.org/")
        for triple in self.graph(self.record):
            for term in triple:
                if isinstance(term, rdflib.URIRef):
                    self.assertTrue(str(term).startswith(known), term)
        keys = set()
        pending = [self.record]
        while pending:
            node = pending.pop()
            if isinstance(node, dict):
                keys.update(node)
                pending.extend(value for key, value in node.items() if key != "@context")
            elif isinstance(node, list):
                pending.extend(node)
        predicates = {str(p) for p in self.graph(self.record).predicates()}
        context = self.record["@context"]
        for key in keys - {"@context", "@id", "@type", "@value", "@language"}:
            prefix, name = key.split(":")
            self.assertIn(context[prefix] + name, predicates)


class Ledger(unittest.TestCase):
    """Canonical JSON by rfc8785, hashes by hashlib."""

    def test_canonical_forms_are_canonical(self):
        for name in ("payload.json", "leaf.json", "record.jsonld", "hashes.json"):
            with self.subTest(name=name):
                self.assertEqual(rfc8785.dumps(json.loads(golden(name))), golden(name))

    def test_commitment_and_leaf_hash_can_be_computed_again(self):
        hashes = json.loads(golden("hashes.json"))
        payload, leaf = golden("payload.json"), golden("leaf.json")
        commitment = hashlib.sha256(b"\x02" + bytes.fromhex(hashes["salt"]) + payload).hexdigest()
        self.assertEqual(commitment, hashes["commitment"])
        self.assertEqual(commitment, json.loads(leaf)["commitment"])
        self.assertEqual(hashlib.sha256(b"\x00" + leaf).hexdigest(), hashes["leaf_hash"])

    def test_a_leaf_is_of_the_site_and_time_of_its_payload(self):
        payload, leaf = json.loads(golden("payload.json")), json.loads(golden("leaf.json"))
        self.assertEqual(leaf["site"], payload["site"])
        self.assertEqual(leaf["at_ms"], payload["event"]["at_ms"])
        self.assertNotIn(payload["subject"], golden("leaf.json").decode())


class Tokens(unittest.TestCase):
    """tokens.json, signed by PyJWT and joserfc. The server's tests read it."""

    def test_the_tokens_that_the_server_is_tested_with_are_what_other_libraries_sign(self):
        with warnings.catch_warnings():
            # joserfc would have `EdDSA` called `Ed25519` (RFC 9864); both are read.
            warnings.simplefilter("ignore")
            self.assertEqual(tokens.tokens(), json.loads((HERE / "tokens.json").read_bytes()))


class Policies(unittest.TestCase):
    """docs/policy.schema.json, applied by jsonschema."""

    @classmethod
    def setUpClass(cls):
        if not SCHEMA.is_file():
            raise AssertionError(f"{SCHEMA.relative_to(ROOT)} is missing: it is generated from the types that read a policy")
        schema = json.loads(SCHEMA.read_bytes())
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)
        cls.policies = {path: plain(tomllib.loads(path.read_text("utf-8"))) for path in ROOT.glob("policies/*/policy.toml")}

    def errors(self, policy):
        return [f"{error.json_path}: {error.message}" for error in self.validator.iter_errors(policy)]

    def test_every_policy_has_the_shape_that_the_schema_describes(self):
        self.assertGreaterEqual(len(self.policies), 6)
        for path, policy in self.policies.items():
            with self.subTest(path=str(path.relative_to(ROOT))):
                self.assertEqual(self.errors(policy), [])

    def test_what_is_broken_does_not(self):
        starter = self.policies[ROOT / "policies" / "starter" / "policy.toml"]

        def misspelt(policy):
            policy["purpose"][0]["retentoin"] = policy["purpose"][0].pop("retention")

        def unknown_word(policy):
            policy["purpose"][0]["control"] = "opt-maybe"

        def nameless(policy):
            del policy["controller"]["name"]

        for breakage in (misspelt, unknown_word, nameless):
            with self.subTest(breakage=breakage.__name__):
                broken = copy.deepcopy(starter)
                breakage(broken)
                self.assertNotEqual(self.errors(broken), [])


class Metrics(unittest.TestCase):
    """What `/metrics` answers, read by Prometheus' own client, which refuses what OpenMetrics 1.0 does not know."""

    def families(self, text):
        return {family.name: family for family in prometheus_client.openmetrics.parser.text_string_to_metric_families(text)}

    def test_openmetrics_reads_what_is_counted(self):
        families = self.families(METRICS.read_text())
        self.assertEqual(families["consentry_requests"].type, "counter")
        self.assertEqual(families["consentry_request_seconds"].type, "histogram")
        self.assertEqual(families["consentry_questions"].type, "histogram")
        self.assertEqual(families["consentry_connections"].type, "gauge")
        samples = families["consentry_requests"].samples
        choices = {"route": "/v1/sites/{site}/choices", "method": "POST", "status": "2xx"}
        self.assertIn((choices, 1), [(sample.labels, sample.value) for sample in samples])

    def test_what_is_no_openmetrics_is_refused(self):
        text = METRICS.read_text()
        for broken in (text.replace("# EOF\n", ""), text.replace('le="+Inf"', 'le="11"'), text + "more 1\n"):
            with self.assertRaises(ValueError):
                self.families(broken)


class Webhooks(unittest.TestCase):
    """A message as it is sent while a secret rotates, verified by standardwebhooks, and as docs/webhooks.md says."""

    @classmethod
    def setUpClass(cls):
        cls.sent = json.loads(WEBHOOK.read_bytes())

    def verify(self, secret, body=None, after_s=0, **headers):
        """Verifies the message so long after it was sent, with these headers in place of its own."""
        now = datetime.datetime.fromtimestamp(self.sent["sent_at_ms"] / 1000 + after_s, datetime.timezone.utc)
        with unittest.mock.patch.object(standardwebhooks.webhooks, "datetime", wraps=datetime.datetime) as clock:
            clock.now.return_value = now
            own = {name.replace("-", "_"): value for name, value in self.sent["headers"].items()}
            named = {name.replace("_", "-"): value for name, value in (own | headers).items()}
            return standardwebhooks.webhooks.Webhook(secret).verify(body or self.sent["body"], named)

    def refused(self, *args, **kwargs):
        with self.assertRaises(standardwebhooks.webhooks.WebhookVerificationError):
            self.verify(*args, **kwargs)

    def test_both_secrets_verify_while_one_replaces_the_other(self):
        for secret in (self.sent["secret"], self.sent["secret_before"]):
            self.assertEqual(self.verify(secret)["type"], "consent.erased")
        new, before = self.sent["headers"]["webhook-signature"].split(" ")
        self.verify(self.sent["secret"], webhook_signature=new)
        self.verify(self.sent["secret_before"], webhook_signature=before)
        self.refused(self.sent["secret"], webhook_signature=before)
        self.refused(self.sent["secret_before"], webhook_signature=new)
        self.refused("whsec_" + "A" * 43 + "=")

    def test_what_was_changed_is_refused(self):
        self.refused(self.sent["secret"], self.sent["body"].replace("kling", "klinh"))
        self.refused(self.sent["secret"], webhook_id=self.sent["headers"]["webhook-id"] + "3")
        self.refused(self.sent["secret"], webhook_timestamp="1763800002")

    def test_what_is_old_or_too_new_is_refused(self):
        self.verify(self.sent["secret"], after_s=290)
        self.verify(self.sent["secret"], after_s=-290)
        self.refused(self.sent["secret"], after_s=310)
        self.refused(self.sent["secret"], after_s=-310)

    def test_what_the_guide_does_is_what_the_library_does(self):
        snippet = (ROOT / "docs" / "webhooks.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
        guide = {}
        exec(snippet, guide)
        headers, body, sent_s = self.sent["headers"], self.sent["body"].encode(), self.sent["sent_at_ms"] / 1000
        for secret, change, after_s, good in (
            ("secret", b"kling", 0, True),
            ("secret_before", b"kling", 290, True),
            ("secret", b"klinh", 0, False),
            ("secret", b"kling", 310, False),
            ("secret", b"kling", -310, False),
        ):
            with self.subTest(secret=secret, change=change, after_s=after_s):
                with unittest.mock.patch("time.time", return_value=sent_s + after_s):
                    changed = body.replace(b"kling", change)
                    if good:
                        self.assertEqual(guide["verified"](self.sent[secret], headers, changed)["type"], "consent.erased")
                    else:
                        self.assertRaises(ValueError, guide["verified"], self.sent[secret], headers, changed)


def plain(value):
    """TOML as JSON would say it: dates as text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.datetime)) else value


if __name__ == "__main__":
    unittest.main(testRunner=unittest.TextTestRunner(stream=sys.stdout, verbosity=2))
