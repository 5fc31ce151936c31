"""Closed sets of words, as docs/wire.md has them."""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Why a decision is as it is."""

    GIVEN = "given"
    NOTIFIED = "notified"
    NOT_OBJECTED = "not-objected"
    NOT_GIVEN = "not-given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    POLICY_REPLACED = "policy-replaced"
    UNCONFIRMED = "unconfirmed"
    OBJECTED = "objected"
    SIGNAL = "signal"
    RESTRICTED = "restricted"
    ERASED = "erased"
    MINOR = "minor"
    UNDER_AGE = "under-age"
    NO_POLICY = "no-policy"
    UNKNOWN_PURPOSE = "unknown-purpose"
    UNKNOWN_PROCESSOR = "unknown-processor"
    UNKNOWN_DATA = "unknown-data"
    UNKNOWN_MODE = "unknown-mode"
    PROCESSOR_NOT_USED = "processor-not-used"
    DATA_NOT_COVERED = "data-not-covered"
    PURPOSE_LIMITED = "purpose-limited"
    TRAINING_EXCLUDED = "training-excluded"
    OWN_USE_EXCLUDED = "own-use-excluded"
    MODE_EXCLUDED = "mode-excluded"
    FORM_NOT_COVERED = "form-not-covered"


class AskErrorKind(StrEnum):
    """What went wrong with asking."""

    UNREACHABLE = "unreachable"
    TOO_SLOW = "too-slow"
    BUSY = "busy"
    WRONG_KEY = "wrong-key"
    NOT_FOUND = "not-found"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    MISCOUNTED = "miscounted"
    NOT_OF_A_LIST = "not-of-a-list"
    STALE = "stale"
    NOT_HELD = "not-held"
    ENDED = "ended"


class Explanation(NamedTuple):
    """Why a decision is as it is, in words."""

    sentence: str
    """For the person whose data it is."""
    language: str
    """The language of that, one of the policy's."""
    line: str
    """For whoever has to find out why."""
