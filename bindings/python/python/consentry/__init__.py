"""Asks before it processes: may this data of this person be used for this purpose, by this processor, now?

`remote` asks a server over HTTP, `replica` answers in this process and follows the server. Both answer with a `Decision`, and `require` and
`require_for` turn a yes into a `Permit`, which nothing else makes. An error is never a yes.
"""

from ._consentry import Decision, HeldClock, Permit, Question, Remote, Replica, __version__, remote, replica
from ._errors import AskError, ConsentryError, Denied, PermitError, ReplicaError, RequireError, SetUpError
from ._intent import AsAsked, Intent
from ._types import Activity, AgeBand, Circumstances, DataForm, Obligation, Signal, SubjectLike
from ._words import AskErrorKind, Explanation, Reason

__all__ = [
    "Activity",
    "AgeBand",
    "AsAsked",
    "AskError",
    "AskErrorKind",
    "Circumstances",
    "ConsentryError",
    "DataForm",
    "Decision",
    "Denied",
    "Explanation",
    "HeldClock",
    "Intent",
    "Obligation",
    "Permit",
    "PermitError",
    "Question",
    "Reason",
    "Remote",
    "Replica",
    "ReplicaError",
    "RequireError",
    "SetUpError",
    "Signal",
    "SubjectLike",
    "__version__",
    "remote",
    "replica",
]
