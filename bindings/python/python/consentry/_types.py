"""Types for whoever writes them down: words, circumstances and obligations, as docs/wire.md has them."""

import uuid
from typing import Literal, NotRequired, TypeAlias, TypedDict

SubjectLike: TypeAlias = str | uuid.UUID | bytes
"""`device:…`, a device's UUID alone, or `account:…`; a device as `uuid.UUID`, or as the 16 bytes of one."""
Activity: TypeAlias = Literal["process", "train", "own-ends"]
DataForm: TypeAlias = Literal["raw", "pseudonymised", "anonymised"]
AgeBand: TypeAlias = Literal["under-13", "13", "14", "15", "16-17", "adult"]
Signal: TypeAlias = Literal["gpc"]


class Circumstances(TypedDict, total=False):
    """What is known besides the question itself. Whoever asks vouches for it."""

    device: SubjectLike | None
    """The device that the account is signed in on, so that both records count."""
    form: DataForm | None
    """In which form the data would be used."""
    mode: str | None
    """In which way of working it came about."""
    jurisdiction: str | None
    """Where the subject is."""
    age: AgeBand | None
    """How old the subject is."""
    guardian: tuple[int, int] | None
    """From when until when somebody stands by a minor's choices, in milliseconds since the Unix epoch."""
    plan: str | None
    """The plan that the subject is on."""
    signal: Signal | None
    """What the subject's browser says right now."""
    as_of_ms: int | None
    """As of which time in the past, by what had been recorded then. There is no permit for the past."""
    happened_by_ms: int | None
    """The same by what had happened then, whenever it was recorded."""


class Obligation(TypedDict):
    """What whoever asked must do."""

    type: str
    minutes: NotRequired[int]
    country: NotRequired[str]
    safeguard: NotRequired[str]
    name: NotRequired[str]
    value: NotRequired[str]
