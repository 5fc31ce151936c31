"""A data set that has only the rows of those who allow it, asked about at the moment when they are read.

It is iterated over as a streaming data set of Hugging Face's `datasets` is: row by row, or in batches of columns. With `datasets` itself no
loader is needed, since it filters in batches:

    dataset.filter(lambda batch: consent.allowed(batch["subject"], question), batched=True)
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet

import consentry
from consentry import Question

# How many rows are asked about together, and handed out before the next are asked about. As many a withdrawal may come too late for.
BATCH_ROWS_MAX = 10_000


@dataclass(frozen=True)
class Consented:
    """The rows of a Parquet file of which a replica, or a server, says yes.

    Nothing of it is remembered between two epochs: who has withdrawn is not in the next.
    """

    file: pathlib.Path
    consent: consentry.Remote | consentry.Replica
    question: Question
    """What the rows are for."""
    subject: str = "subject"
    """The column that says whose they are. A row that is nobody's is left out."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches():
            yield from batch.to_pylist()

    def batches(self, rows_max: int = BATCH_ROWS_MAX) -> Iterator[pa.Table]:
        """The same as tables, none of them empty."""
        with pa.parquet.ParquetFile(self.file) as file:
            for batch in file.iter_batches(rows_max):
                table = pa.Table.from_batches([batch])
                # Answered where the column lies, and one bit for each row.
                kept = table.filter(self.consent.allowed(table[self.subject], self.question))
                if kept.num_rows:
                    yield kept
