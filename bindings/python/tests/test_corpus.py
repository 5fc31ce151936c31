"""The corpus of decision cases, through `remote` and `replica`: a server for each case, whose clock stands where the case says."""

import json
import os
import subprocess
from typing import Any

import consentry
from house import ROOT

CORPUS_HOUSE = os.environ.get("CORPUS_HOUSE_BIN", str(ROOT / "target" / "debug" / "examples" / "corpus_house"))
CASES_MIN = 500


def asked(question: dict[str, Any]) -> tuple[str, consentry.Question]:
    """A question of the wire, in Python's words."""
    said = dict(question)
    subject, purpose = said.pop("subject"), said.pop("purpose")
    if guardian := said.pop("guardian", None):
        said["guardian"] = (guardian["from_ms"], guardian["until_ms"])
    return subject, consentry.Question(purpose, **said)


def as_written(decision: consentry.Decision) -> dict[str, Any]:
    """A decision as it would stand in a corpus file."""
    shown: dict[str, Any] = {
        "allow": decision.allow,
        "reason": decision.reason,
        "decided_by": decision.decided_by,
        "basis": decision.basis,
        "regime": decision.regime,
        "events": list(decision.events),
        "obligations": list(decision.obligations),
        "features_lost": list(decision.features_lost),
        "valid_until_ms": decision.valid_until_ms,
    }
    return {name: value for name, value in shown.items() if value not in (None, [])}


def check(case: dict[str, Any]) -> list[str]:
    clock = consentry.HeldClock(case["now_ms"])
    where = (case["url"], case["site"], case["key"])
    subject, question = asked(case["question"])
    of_one = [field for field in ("device", "guardian") if field in case["question"]]
    failures = []
    asks: consentry.Remote | consentry.Replica
    for asks in (consentry.remote(*where, clock=clock), consentry.replica(*where, clock=clock)):
        expected = dict(case["decision"])
        if isinstance(asks, consentry.Replica):
            # Which events it rests on, a replica does not know.
            expected.pop("events", None)
        decision = asks.decide(subject, question)
        written = as_written(decision)
        if isinstance(asks, consentry.Replica):
            written.pop("events", None)
        if written != expected:
            failures.append(f"{case['name']}: expected {expected}, got {written} from {asks}")
        if bool(decision) is not expected["allow"] or json.loads(decision.to_json())["allow"] is not expected["allow"]:
            failures.append(f"{case['name']}: {decision}")
        # A list of one is answered as the one is, and a permit is there exactly if it is allowed now.
        if not of_one and not (isinstance(asks, consentry.Replica) and "happened_by_ms" in case["question"]):
            if asks.allowed([subject, None], question) != [expected["allow"], False]:
                failures.append(f"{case['name']}: otherwise in a list, from {asks}")
        is_past = "as_of_ms" in case["question"] or "happened_by_ms" in case["question"]
        try:
            asks.require(subject, question)
            is_permitted = True
        except consentry.RequireError:
            is_permitted = False
        if is_permitted is not (expected["allow"] and not is_past):
            failures.append(f"{case['name']}: a permit, or none, against the decision, from {asks}")
    return failures


def test_every_case_is_answered_as_written() -> None:
    command = subprocess.Popen([CORPUS_HOUSE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert command.stdin is not None and command.stdout is not None
    count, failures = 0, []
    with command:
        for line in command.stdout:
            failures += check(json.loads(line))
            count += 1
            command.stdin.write("\n")
            command.stdin.flush()
    assert command.returncode == 0
    assert not failures, f"{len(failures)} of {count} cases:\n" + "\n".join(failures)
    assert count >= CASES_MIN, f"only {count} cases: has a file been lost?"
