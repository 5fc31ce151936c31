"""What schemathesis cannot know of a server that it talks to: how to send what is no JSON, who has lent it their names, and that whatever
happens has an id of its own."""

import hashlib
import itertools
import os

import schemathesis

ME, OTHER, IDENTITY = (os.environ[f"CONSENTRY_{name}"] for name in ("ME", "OTHER", "IDENTITY"))
EVENTS = ("createChoice", "createSignal", "createDemand")
# In turn: nothing, so that the first is what there is if nothing is said, and each form that there is.
RECEIPTS = itertools.cycle([None, "application/json", "application/jose", "text/plain"])
CHANGES = itertools.cycle([None, "application/json", "text/event-stream"])
TURNS = itertools.count()


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """A list as it is."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.serializer("application/octet-stream")
def uuids(context, value):
    """No schema can say that bytes are UUIDs of version 4: whatever is drawn becomes one to four of them."""
    drawn = hashlib.shake_128(repr(value).encode()).digest(65)
    made = bytearray(drawn[1 : 1 + 16 * (1 + drawn[0] % 4)])
    for start in range(0, len(made), 16):
        made[start + 6] = made[start + 6] & 0x0F | 0x40
        made[start + 8] = made[start + 8] & 0x3F | 0x80
    return bytes(made)


def event_id(turn):
    """A UUID of version 7 that no other turn has."""
    digits = hashlib.sha256(str(turn).encode()).hexdigest()
    return f"01a2054c-{digits[:4]}-7{digits[4:7]}-8{digits[7:10]}-{digits[10:22]}"


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    operation, turn = case.operation.definition.raw.get("operationId"), next(TURNS)
    if operation in EVENTS:
        # Sent again with an id that was sent before, as often as not.
        if turn % 2 and isinstance(case.body, dict) and "id" in case.body:
            case.body["id"] = event_id(turn)
        if turn % 3 == 0:
            case.headers["Consentry-Identity"] = IDENTITY
    # Whoever has had everything erased has no record to look at, so demands come from somebody else.
    if operation == "createDemand" and case.headers.get("Authorization") == f"Bearer {ME}":
        case.headers["Authorization"] = f"Bearer {OTHER}"
    if operation == "showReceipt" and (form := next(RECEIPTS)):
        case.headers["Accept"] = form
    # From the beginning there is something to hear at once, and nothing to wait for.
    if operation == "showChanges" and "after" not in (case.query or {}) and "Last-Event-ID" not in case.headers:
        if form := next(CHANGES):
            case.headers["Accept"] = form
