"""What code intends to do with somebody's data, as a class, so that a type checker knows which permit is for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ._consentry import Question

if TYPE_CHECKING:
    from typing import Unpack

    from ._types import Activity, Circumstances


class Intent:
    """What code intends to do with somebody's data. A class of its own stands for it in `Permit`:

        class Train(Intent):
            purpose = "ai-training"
            activity = "train"

    Nobody makes objects of it.
    """

    purpose: ClassVar[str]
    """What for."""
    processor: ClassVar[str | None] = None
    """By whom; by the site itself if nothing is said."""
    data: ClassVar[str | None] = None
    """With which data; with all that the purpose uses if nothing is said."""
    activity: ClassVar[Activity | None] = None
    """What is done with it: `process` (if nothing is said), `train` or `own-ends`."""

    def __init__(self) -> None:
        raise TypeError("an intent is a class and no object: hand over the class")

    @classmethod
    def question(cls, **circumstances: Unpack[Circumstances]) -> Question:
        """The question that this is: for lists, of whose rows a permit is asked for when their turn comes."""
        return Question(cls.purpose, processor=cls.processor, data=cls.data, activity=cls.activity, **circumstances)


class AsAsked(Intent):
    """The intent of a permit for something that only its question says, such as a processor that was picked from a list."""
