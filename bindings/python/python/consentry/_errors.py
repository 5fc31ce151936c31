"""What can go wrong. None of it is a yes, and none of it says whom a question was about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._words import AskErrorKind, Reason

if TYPE_CHECKING:
    from ._consentry import Decision


class ConsentryError(Exception):
    """Whatever is wrong: process nothing."""


class SetUpError(ConsentryError):
    """Nobody can be asked like this: the address, the site, the key or the certificates are not what they have to be."""


class AskError(ConsentryError):
    """There is no answer. Process nothing until there is one."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = AskErrorKind(kind)

    def __reduce__(self) -> tuple[type[AskError], tuple[str, str]]:
        return AskError, (str(self), str(self.kind))


class ReplicaError(ConsentryError):
    """There is no replica. Process nothing until there is one, or ask `remote`."""


class RequireError(ConsentryError):
    """There is no permit: the answer is no (`Denied`), came too late, or is about the past."""


class Denied(RequireError):
    """Asked, and told no."""

    def __init__(self, message: str, decision: Decision) -> None:
        super().__init__(message)
        self.decision = decision

    @property
    def reason(self) -> Reason:
        """Why."""
        return self.decision.reason


class PermitError(ConsentryError):
    """A permit permits no more, or something else: ask again."""
