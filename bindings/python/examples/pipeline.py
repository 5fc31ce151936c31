"""A training pipeline that cannot train on anybody who was not asked about."""

import os
import sys
from collections.abc import Iterable

import consentry
from consentry import Intent, Permit


class Train(Intent):
    """Trains our own model on what people have typed."""

    purpose = "ai-training"
    data = "prompts"
    activity = "train"


def train(permit: Permit[Train]) -> None:
    """Takes one person's prompts into the training set. A type checker finds whoever calls this without having asked."""
    permit.demand(Train)
    # Your code: read the prompts of `permit.subject`, and do what `permit.obligations` says.


def run(url: str, key: str, lines: Iterable[str]) -> str:
    """Trains on those of a list (`device:…` or `account:…`, one a line) who allow it, and says how many they are."""
    consent = consentry.remote(url, "adforge", key)
    people = [line.strip() for line in lines]
    trained = 0
    # Ten thousand of them in a request: those who are not in the answer are not looked at any further.
    for subject in consent.filter(iter(people), Train.question()):
        try:
            train(consent.require_for(Train, subject))
        except consentry.Denied:
            # Somebody has changed their mind since the list was filtered.
            continue
        # Any other error is no permission: stop, rather than go on without an answer.
        trained += 1
    return f"trained on {trained} of {len(people)}"


if __name__ == "__main__":
    print(run(sys.argv[1], os.environ["CONSENTRY_KEY"], sys.stdin))
