"""Columns of subjects: how each kind is read where it lies, and in which form it is answered.

NumPy, pandas, Polars and PyArrow are imported by whoever made the column, never here first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import compress, islice
from typing import Any, Protocol

from ._consentry import Bits, Question

UUID_BYTES = 16
# How many of an iterator are asked about together.
TOGETHER_MAX = 10_000


class Asks(Protocol):
    def allowed(self, subjects: Any, question: Question) -> Any: ...


def view(column: Any) -> tuple[str, Any]:
    """The column as something that can be read: how, and what."""
    if is_a(column, "numpy", "ndarray"):
        return of_numpy(column)
    if is_a(column, "pandas", "Series") or is_a(column, "pandas", "Index"):
        return of_pandas(column)
    if hasattr(column, "__arrow_c_array__") or hasattr(column, "__arrow_c_stream__"):
        return "arrow", column
    if isinstance(column, (list, tuple)):
        return "objects", tuple(column)
    if (lies := in_one_piece(column)) is not None:
        return of_buffer(lies)
    if isinstance(column, str) or not isinstance(column, Iterable):
        raise TypeError("expected a column of subjects: a list, 16 bytes for each, or a column of NumPy, Arrow, Polars or pandas")
    return "objects", tuple(column)


def in_one_piece(column: Any) -> memoryview | None:
    """Where it lies, of `bytes`, a mapped file, an `array.array`; none of what only holds objects."""
    try:
        return memoryview(column)
    except TypeError:
        return None


def of_buffer(lies: memoryview) -> tuple[str, Any]:
    if lies.itemsize not in (1, UUID_BYTES):
        raise TypeError("expected items of 16 bytes, or bytes")
    return "bytes", lies.cast("B")


def of_numpy(column: Any) -> tuple[str, Any]:
    """Rows of bytes where they lie, strides and all; texts and objects one by one."""
    numpy = sys.modules["numpy"]
    if isinstance(column, numpy.ma.MaskedArray):
        # What is under the mask is nobody's.
        return of_numpy_masked(column)
    kind, width = column.dtype.kind, column.dtype.itemsize
    if column.ndim == 2 and column.dtype == numpy.uint8 and column.shape[1] == UUID_BYTES:
        return "rows", column
    if column.ndim == 1 and kind in "SV" and width == UUID_BYTES and column.dtype.names is None:
        return "rows", column.reshape(-1, 1).view(numpy.uint8)
    # Of an empty array NumPy does not know what would have been in it.
    if column.ndim == 1 and (kind in "UTO" or column.size == 0):
        return "objects", tuple(none_if_missing(value) for value in column.tolist())
    raise TypeError("expected an array of V16, S16, texts or UUIDs, or one of uint8 with 16 in a row")


def of_numpy_masked(column: Any) -> tuple[str, Any]:
    if column.ndim != 1:
        raise TypeError("expected a masked array of one dimension")
    # `S16` loses the zeros at its end as an object of Python's.
    values = column.view(f"V{UUID_BYTES}") if column.dtype.kind == "S" and column.dtype.itemsize == UUID_BYTES else column
    if values.dtype.kind == "V":
        mask = sys.modules["numpy"].ma.getmaskarray(column)
        return "objects", tuple(None if is_masked else bytes(value) for value, is_masked in zip(values.data, mask, strict=True))
    return "objects", tuple(none_if_missing(value) for value in values.tolist())


def of_pandas(column: Any) -> tuple[str, Any]:
    """Arrow's arrays where that is what it is made of; NumPy's otherwise."""
    arrow = getattr(column.array, "__arrow_array__", None)
    if arrow is not None and "pyarrow" in sys.modules:
        return "arrow", arrow()
    return of_numpy(column.to_numpy())


def none_if_missing(value: Any) -> Any:
    """`None` for what stands for nothing in NumPy's and pandas' columns of objects."""
    # `nan` and `NaT` are not themselves, and `NA` will not say.
    if isinstance(value, float) and value != value or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return value


def answer(column: Any, bits: Bits) -> Any:
    """Truths in the form that goes with the column."""
    if is_a(column, "numpy", "ndarray"):
        return of_bits(bits)
    if is_a(column, "pandas", "Series"):
        return sys.modules["pandas"].Series(of_bits(bits), index=column.index, name=column.name)
    if is_a(column, "pandas", "Index"):
        return of_bits(bits)
    if is_a(column, "polars", "Series"):
        return sys.modules["polars"].Series(values=bits).alias(column.name)
    if type(column).__module__.partition(".")[0] == "pyarrow":
        return sys.modules["pyarrow"].array(bits)
    return bits.to_list()


def of_bits(bits: Bits) -> Any:
    numpy = sys.modules["numpy"]
    return numpy.frombuffer(bits.to_bytes(), dtype=numpy.bool_)


def only(asks: Asks, column: Any, question: Question) -> Any:
    """The rows of the column of which the answer is yes, as such a column; of an iterator, an iterator."""
    if isinstance(column, Iterator):
        return some_at_a_time(asks, column, question)
    allowed = asks.allowed(column, question)
    if is_a(column, "pandas", "Series") or is_a(column, "pandas", "Index") or is_a(column, "numpy", "ndarray"):
        return column[allowed]
    if is_a(column, "polars", "Series") or type(column).__module__.partition(".")[0] == "pyarrow":
        return column.filter(allowed)
    if in_one_piece(column) is not None:
        raise TypeError("bytes are no list: ask with `allowed`, or hand over a NumPy array")
    kept = compress(column, allowed)
    return tuple(kept) if isinstance(column, tuple) else list(kept)


def some_at_a_time(asks: Asks, subjects: Iterator[Any], question: Question) -> Iterator[Any]:
    while together := list(islice(subjects, TOGETHER_MAX)):
        yield from compress(together, asks.allowed(together, question))


def is_a(column: Any, library: str, name: str) -> bool:
    """Whether it is that library's, without importing what nobody uses."""
    module = sys.modules.get(library)
    return module is not None and isinstance(column, getattr(module, name, ()))
