"""Types of what is written in Rust."""

import os
from collections.abc import Iterable, Iterator, Sequence
from types import GenericAlias
from typing import Any, Final, Generic, Self, TypeVar, Unpack, final, overload

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from ._errors import AskError
from ._intent import AsAsked, Intent
from ._types import Activity, Circumstances, Obligation, SubjectLike
from ._words import Explanation, Reason

__all__ = ["Bits", "Decision", "HeldClock", "Permit", "Question", "REASONS", "Remote", "Replica", "__version__", "remote", "replica"]
__version__: Final[str]
REASONS: Final[list[str]]

_I_co = TypeVar("_I_co", bound=Intent, covariant=True)
_I = TypeVar("_I", bound=Intent)
_S = TypeVar("_S", bound=SubjectLike)
_C = TypeVar("_C")

@final
class HeldClock:
    """Milliseconds since the Unix epoch that a test holds in hand. They move when they are moved."""

    ms: int
    def __new__(cls, ms: int) -> Self: ...

@final
class Question:
    """A question without its subject, in its circumstances. What is left out is not known, and takes the strictest reading.

    Raises `ValueError` for a name or a word that can be none.
    """

    def __new__(
        cls,
        purpose: str,
        *,
        processor: str | None = None,
        data: str | None = None,
        activity: Activity | None = None,
        **circumstances: Unpack[Circumstances],
    ) -> Self: ...
    @property
    def purpose(self) -> str: ...
    @property
    def processor(self) -> str | None: ...
    @property
    def data(self) -> str | None: ...
    @property
    def activity(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Decision:
    """May it be done, why, and what comes with it. True if it may."""

    @property
    def allow(self) -> bool: ...
    @property
    def reason(self) -> Reason: ...
    @property
    def decided_by(self) -> str: ...
    @property
    def basis(self) -> str | None: ...
    @property
    def regime(self) -> str: ...
    @property
    def policy(self) -> str: ...
    @property
    def events(self) -> tuple[str, ...]: ...
    @property
    def obligations(self) -> tuple[Obligation, ...]: ...
    @property
    def features_lost(self) -> tuple[str, ...]: ...
    @property
    def valid_until_ms(self) -> int: ...
    def to_json(self) -> str: ...
    def __bool__(self) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Permit(Generic[_I_co]):
    """Somebody has asked, and it may be done: with this subject's data, for this purpose, until it expires.

    `Remote` and `Replica` alone make one. It can be neither constructed, subclassed, copied nor pickled: queued work asks again when it runs.
    """

    # Nobody has one of these, so that a type checker finds whoever calls it.
    def __new__(cls, never: _Never, /) -> Self: ...
    def __class_getitem__(cls, key: Any) -> GenericAlias: ...
    @property
    def subject(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def processor(self) -> str | None: ...
    @property
    def data(self) -> str | None: ...
    @property
    def intent(self) -> type[_I_co] | None: ...
    @property
    def decision(self) -> Decision: ...
    @property
    def obligations(self) -> tuple[Obligation, ...]: ...
    @property
    def request_flags(self) -> dict[str, str]:
        """What must go along with the request to the processor, by name and value."""
    @property
    def expires_ms(self) -> int: ...
    def check(self) -> Self:
        """Raises `PermitError` once it permits no more."""
    def demand(self, intent: type[Intent]) -> Self:
        """Raises `PermitError` if it is for something else, or permits no more. A function that demands a permit begins with it."""

class _Never:
    def __new__(cls, never: _Never, /) -> Self: ...

class _Asks:
    def decide(self, subject: SubjectLike, question: Question) -> Decision:
        """Asks one question. Raises `AskError` where there is no answer: then nobody has said yes."""
    def decide_all(self, asked: Iterable[tuple[SubjectLike, Question]]) -> list[Decision | AskError]:
        """Asks any number of questions, answered in their order. Each stands for itself: an `AskError` among the answers is no yes."""
    def require(self, subject: SubjectLike, question: Question) -> Permit[AsAsked]:
        """Asks, and hands out a permit if the answer is yes. Raises `Denied`, `RequireError`, or `AskError`."""
    def require_for(self, intent: type[_I], subject: SubjectLike, **circumstances: Unpack[Circumstances]) -> Permit[_I]:
        """Asks for what the class says, and hands out a permit for that alone. Raises as `require` does."""
    @overload
    def allowed(self, subjects: list[_S] | list[_S | None] | tuple[_S | None, ...] | bytes | bytearray | memoryview, question: Question) -> list[bool]: ...
    @overload
    def allowed(self, subjects: npt.NDArray[Any], question: Question) -> npt.NDArray[np.bool_]: ...
    @overload
    def allowed(self, subjects: pl.Series, question: Question) -> pl.Series: ...
    @overload
    def allowed(self, subjects: pd.Series[Any], question: Question) -> pd.Series[bool]: ...
    @overload
    def allowed(self, subjects: Any, question: Question) -> Any:
        """For each row of a column whether it may be done; a null is nobody, who is not allowed.

        The answer is of the column's kind: NumPy's, Polars', pandas' or PyArrow's booleans, a list for the rest. Raises `AskError`, and
        `ValueError` with the row where there is no subject.
        """
    @overload
    def filter(self, subjects: Iterator[_S], question: Question) -> Iterator[_S]: ...
    @overload
    def filter(self, subjects: list[_S], question: Question) -> list[_S]: ...
    @overload
    def filter(self, subjects: _C, question: Question) -> _C:
        """Those of a column for whom it may be done, in the same order, as a column of the same kind.

        An iterator is answered with an iterator, 10 000 of it at a time.
        """

@final
class Remote(_Asks):
    """Asks a server over HTTP, and remembers for a moment what it said."""

    def explain(self, subject: SubjectLike, question: Question, language: str) -> tuple[Decision, Explanation | None]:
        """Asks, and for words that say why, in the policy's language that suits best."""
    def accounts(self, ids: Sequence[str]) -> list[str]:
        """Under which names accounts are asked about, by their ids as the site has them, in the same order."""

@final
class Replica(_Asks):
    """Answers in this process, from a replica of the site that follows the server's change feed."""

    def decide_here(self, subject: SubjectLike, question: Question) -> Decision:
        """Answers at once, or raises `AskError`: what it can say without the server."""
    def heard(self, entry: int, within: float | None = None) -> bool:
        """Waits until the ledger's entry with this number is taken into account, `within` so many seconds (60)."""
    @property
    def entries(self) -> int:
        """How many entries of the site's ledger are taken into account: all before the one with this number."""
    @property
    def age(self) -> float:
        """How many seconds ago it had heard all that there was."""
    @property
    def policy(self) -> str:
        """The newest policy that it knows, by its hash."""

@final
class Bits:
    """A bit for each row, between here and `_columns`."""

    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> bool: ...
    def to_list(self) -> list[bool]: ...
    def to_bytes(self) -> bytearray: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

def remote(
    url: str,
    site: str,
    key: str,
    *,
    connect_within: float | None = None,
    answer_within: float | None = None,
    remembered_for: float | None = None,
    remembered_max: int | None = None,
    roots: str | None = None,
    clock: HeldClock | None = None,
) -> Remote:
    """Asks the server at `url` about people of `site`, with an API key of the scope `ask`. Nothing is sent yet.

    Times are in seconds: `connect_within` 1, `answer_within` 5, `remembered_for` 5; `remembered_max` is 10 000 answers. `roots` are the
    certificates to believe, as PEM; Mozilla's list if nothing is said. Raises `SetUpError`.
    """

def replica(
    url: str,
    site: str,
    key: str,
    *,
    stale_after: float | None = None,
    load_within: float | None = None,
    file: str | os.PathLike[str] | None = None,
    connect_within: float | None = None,
    answer_within: float | None = None,
    remembered_for: float | None = None,
    remembered_max: int | None = None,
    roots: str | None = None,
    clock: HeldClock | None = None,
) -> Replica:
    """A replica of what the server at `url` knows of people of `site`, with an API key of the scopes `ask` and `export`.

    Once this returns it has heard all that the server had kept. After `stale_after` seconds (60) without a word it answers nothing. `file` is
    what a restart begins with. The rest is as of `remote`. Raises `SetUpError` and `ReplicaError`.
    """
