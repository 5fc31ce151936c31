"""Columns of every kind are answered as one by one, whoever made them and however they lie."""

from __future__ import annotations

import array
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from house import Browser, House

import consentry
from consentry import Question

MARKETING = Question("marketing")
# More than are read together, and no multiple of eight.
MANY = 65_536 * 2 + 13


class People(NamedTuple):
    """Who is in the columns, and of whom the answer is yes."""

    devices: list[uuid.UUID]
    allowed: list[bool]
    asks: list[consentry.Remote | consentry.Replica]


@pytest.fixture(scope="module")
def people(home: House) -> People:
    browsers = [Browser() for _ in range(11)]
    for place, browser in enumerate(browsers):
        # Of every third nobody knows anything.
        if place % 3 == 0:
            home.grant(browser)
        elif place % 3 == 1:
            home.refuse(browser)
    asks: list[consentry.Remote | consentry.Replica] = [home.remote(), home.replica()]
    devices = [browser.device for browser in browsers]
    one_by_one = [bool(asks[0].decide(device, MARKETING)) for device in devices]
    assert one_by_one == [place % 3 == 0 for place in range(11)]
    assert one_by_one == [bool(asks[1].decide(device, MARKETING)) for device in devices]
    return People(devices, one_by_one, asks)


def packed(devices: list[uuid.UUID]) -> bytes:
    return b"".join(device.bytes for device in devices)


def texts(devices: list[uuid.UUID]) -> list[str]:
    return [f"device:{device}" for device in devices]


def rows(devices: list[uuid.UUID]) -> Any:
    return np.frombuffer(packed(devices), dtype=np.uint8).reshape(-1, 16)


def chunked(devices: list[uuid.UUID]) -> Any:
    values = [device.bytes for device in devices]
    return pa.chunked_array([pa.array(part, type=pa.binary(16)) for part in (values[:3], [], values[3:])], type=pa.binary(16))


def query(devices: list[uuid.UUID]) -> Any:
    frame = pa.table({"place": range(len(devices)), "text": [str(device) for device in devices]})
    connection = duckdb.connect()
    connection.register("frame", frame)
    answer = connection.sql("SELECT text::UUID AS device FROM frame ORDER BY place")
    assert answer is not None
    return answer.to_arrow_table()["device"]


KINDS: dict[str, Callable[[list[uuid.UUID]], Any]] = {
    "list of UUID": lambda devices: list(devices),
    "list of texts": texts,
    "tuple of bytes": lambda devices: tuple(device.bytes for device in devices),
    "bytes": packed,
    "bytearray": lambda devices: bytearray(packed(devices)),
    "memoryview": lambda devices: memoryview(packed(devices)),
    "array of bytes": lambda devices: array.array("B", packed(devices)),
    "NumPy rows": rows,
    "NumPy rows, Fortran": lambda devices: np.asfortranarray(rows(devices)),
    "NumPy V16": lambda devices: np.frombuffer(packed(devices), dtype="V16"),
    "NumPy S16": lambda devices: np.frombuffer(packed(devices), dtype="S16"),
    "NumPy texts": lambda devices: np.array(texts(devices)),
    "NumPy StringDType": lambda devices: np.array(texts(devices), dtype=np.dtypes.StringDType()),
    "NumPy objects": lambda devices: np.array(devices, dtype=object),
    "Arrow fixed_size_binary": lambda devices: pa.array([device.bytes for device in devices], type=pa.binary(16)),
    "Arrow binary": lambda devices: pa.array([device.bytes for device in devices], type=pa.binary()),
    "Arrow large_binary": lambda devices: pa.array([device.bytes for device in devices], type=pa.large_binary()),
    "Arrow uuid": lambda devices: pa.array([device.bytes for device in devices], type=pa.uuid()),
    "Arrow string": lambda devices: pa.array(texts(devices)),
    "Arrow large_string": lambda devices: pa.array(texts(devices), type=pa.large_string()),
    "Arrow string_view": lambda devices: pa.array(texts(devices), type=pa.string_view()),
    "Arrow in chunks": chunked,
    "Polars texts": lambda devices: pl.Series("device", texts(devices), dtype=pl.String),
    "Polars binary": lambda devices: pl.Series("device", [device.bytes for device in devices], dtype=pl.Binary),
    "pandas objects": lambda devices: pd.Series(devices, dtype=object),
    "pandas texts": lambda devices: pd.Series(texts(devices), dtype="str"),
    "pandas Arrow": lambda devices: pd.Series(texts(devices), dtype=pd.ArrowDtype(pa.string())),
    "pandas index": lambda devices: pd.Index(texts(devices), dtype="str"),
    "DuckDB": query,
}

BYTES = ("bytes", "bytearray", "memoryview", "array of bytes")


def truths(answer: Any) -> list[bool]:
    if hasattr(answer, "to_pylist"):
        return list(answer.to_pylist())
    return list(answer) if isinstance(answer, list) else list(answer.tolist() if hasattr(answer, "tolist") else answer.to_list())


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_is_answered_as_one_by_one(people: People, kind: str) -> None:
    for asks in people.asks:
        assert truths(asks.allowed(KINDS[kind](people.devices), MARKETING)) == people.allowed


@pytest.mark.parametrize("kind", KINDS)
def test_of_nobody_there_is_no_answer(people: People, kind: str) -> None:
    for asks in people.asks:
        answer = asks.allowed(KINDS[kind]([]), MARKETING)
        assert len(answer) == 0 and truths(answer) == []


# PyArrow filters no views.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in (*BYTES, "Arrow string_view")])
def test_filtered_is_a_column_of_the_same_kind(people: People, kind: str) -> None:
    expected = KINDS[kind]([device for device, is_allowed in zip(people.devices, people.allowed, strict=True) if is_allowed])
    for asks in people.asks:
        column = KINDS[kind](people.devices)
        only = asks.filter(column, MARKETING)
        assert type(only) is type(column) and as_list(only) == as_list(expected)


@pytest.mark.parametrize("kind", BYTES)
def test_bytes_are_no_list_to_filter(people: People, kind: str) -> None:
    for asks in people.asks:
        with pytest.raises(TypeError, match="ask with `allowed`"):
            asks.filter(KINDS[kind](people.devices), MARKETING)


def as_list(column: Any) -> list[Any]:
    for convert in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, convert):
            return list(getattr(column, convert)())
    return list(column)


def test_the_answer_is_of_the_columns_kind(people: People) -> None:
    asks = people.asks[1]
    assert asks.allowed(people.devices, MARKETING) == people.allowed
    numpy = asks.allowed(rows(people.devices), MARKETING)
    assert numpy.dtype == np.bool_ and numpy.flags.writeable
    polars = asks.allowed(KINDS["Polars texts"](people.devices), MARKETING)
    assert isinstance(polars, pl.Series) and polars.dtype == pl.Boolean and polars.name == "device"
    pandas = asks.allowed(pd.Series(people.devices, dtype=object, index=range(100, 111), name="device"), MARKETING)
    assert isinstance(pandas, pd.Series) and pandas.name == "device" and list(pandas.index) == list(range(100, 111))
    arrow = asks.allowed(chunked(people.devices), MARKETING)
    assert arrow.type == pa.bool_() and arrow.null_count == 0


def test_a_table_is_filtered_by_the_answer(people: People) -> None:
    asks, prompts = people.asks[1], list(range(11))
    expected = prompts[::3]
    frame = pl.DataFrame({"device": texts(people.devices), "prompt": prompts})
    assert frame.filter(asks.allowed(frame["device"], MARKETING))["prompt"].to_list() == expected
    table = frame.to_arrow()
    assert table.filter(asks.allowed(table["device"], MARKETING))["prompt"].to_pylist() == expected
    data = pd.DataFrame({"device": texts(people.devices), "prompt": prompts}, index=range(50, 61))
    assert data[asks.allowed(data["device"], MARKETING)]["prompt"].to_list() == expected


@pytest.mark.parametrize(
    "kind",
    ["list", "NumPy objects", "NumPy masked", "NumPy masked V16", "Arrow", "Arrow string", "Arrow null", "Polars", "Polars sliced", "pandas objects", "pandas texts", "pandas Arrow"],
)
def test_a_null_is_nobody_and_not_allowed(people: People, kind: str) -> None:
    # What is necessary is allowed about everybody, and still not about nobody.
    necessary = Question("security")
    holed: list[Any] = list(people.devices)
    holed[0] = holed[6] = holed[10] = None
    held = [device is not None for device in holed]
    named = [None if device is None else f"device:{device}" for device in holed]
    kinds: dict[str, Callable[[], Any]] = {
        "list": lambda: holed,
        "NumPy objects": lambda: np.array([np.nan if device is None else device for device in holed], dtype=object),
        "NumPy masked": lambda: np.ma.MaskedArray(np.array(texts(people.devices)), mask=[not one for one in held]),
        "NumPy masked V16": lambda: np.ma.MaskedArray(np.frombuffer(packed(people.devices), "V16"), mask=[not one for one in held]),
        "Arrow": lambda: pa.array([device and device.bytes for device in holed], type=pa.binary(16)),
        "Arrow string": lambda: pa.array(named),
        "Arrow null": lambda: pa.nulls(11),
        "Polars": lambda: pl.Series(named),
        "Polars sliced": lambda: pl.Series([None, *named, None])[1:12],
        "pandas objects": lambda: pd.Series([pd.NA if device is None else device for device in holed], dtype=object),
        "pandas texts": lambda: pd.Series(named, dtype="str"),
        "pandas Arrow": lambda: pd.Series(named, dtype=pd.ArrowDtype(pa.string())),
    }
    is_all_null = kind == "Arrow null"
    for asks in people.asks:
        for question, expected in ((MARKETING, people.allowed), (necessary, [True] * 11)):
            answer = truths(asks.allowed(kinds[kind](), question))
            assert answer == [held_here and one and not is_all_null for held_here, one in zip(held, expected, strict=True)]


@pytest.mark.parametrize("part", [slice(2, 9), slice(None, None, 2), slice(None, None, -1), slice(9, 1, -3), slice(5, 5)])
def test_parts_are_read_where_they_lie(people: People, part: slice) -> None:
    columns: list[Any] = [
        rows(people.devices)[part],
        np.frombuffer(packed(people.devices), dtype="V16")[part],
        np.frombuffer(packed(people.devices), dtype="S16")[part],
        np.array([people.devices] * 3, dtype=object)[1][part],
        pd.Series(texts(people.devices))[part],
        KINDS["Polars texts"](people.devices)[part],
    ]
    if part.step is None:
        for kind in ("Arrow fixed_size_binary", "Arrow string", "Arrow string_view", "Arrow in chunks"):
            columns.append(KINDS[kind](people.devices).slice(part.start, part.stop - part.start))
    for column in columns:
        assert truths(people.asks[1].allowed(column, MARKETING)) == people.allowed[part]
    # Fields of a row that has more of them.
    wide = np.zeros((11, 40), dtype=np.uint8)
    wide[:, 7:23] = rows(people.devices)
    assert truths(people.asks[1].allowed(wide[part, 7:23], MARKETING)) == people.allowed[part]


def test_long_columns_are_whole(people: People) -> None:
    """They are read in parts, and answered in one."""
    turns = np.arange(MANY) % 11
    expected = np.array(people.allowed)[turns]
    column = rows(people.devices)[turns]
    replica = people.asks[1]
    assert np.array_equal(replica.allowed(column, MARKETING), expected)
    assert replica.allowed(column.tobytes(), MARKETING) == expected.tolist()
    arrow = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), MANY, [None, pa.py_buffer(column.tobytes())])
    assert replica.allowed(arrow, MARKETING).to_pylist() == expected.tolist()
    # Parts that end within a byte.
    uneven = pa.chunked_array([arrow[:3], arrow[3:70_000], arrow[70_000:]])
    assert replica.allowed(uneven, MARKETING).to_pylist() == expected.tolist()
    devices = [people.devices[turn] for turn in turns.tolist()]
    assert replica.allowed(devices, MARKETING) == expected.tolist()
    assert people.asks[0].allowed(column[:25_000], MARKETING).tolist() == expected[:25_000].tolist()


def test_an_iterator_is_filtered_as_it_comes(people: People) -> None:
    for asks in people.asks:
        taken = 0

        def devices() -> Iterator[uuid.UUID]:
            nonlocal taken
            for device in people.devices * 2_000:
                taken += 1
                yield device

        only = asks.filter(devices(), MARKETING)
        assert taken == 0
        assert next(only) == people.devices[0] and taken == 10_000
        assert [next(only) for _ in range(4)] == [people.devices[place] for place in (3, 6, 9, 0)]
        assert sum(1 for _ in only) == 4 * 2_000 - 5 and taken == 22_000


def test_as_of_a_time_a_column_is_answered_as_it_was(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    granted = home.remote().decide(browser.subject, MARKETING)
    at_ms = uuid.UUID(granted.events[0]).int >> 80
    home.refuse(browser)
    replica = home.replica()
    then = Question("marketing", as_of_ms=at_ms + 5_000)
    before = Question("marketing", as_of_ms=at_ms - 60_000)
    assert replica.allowed([browser.device], MARKETING) == [False]
    for asks in (replica, home.remote()):
        for question in (then, before):
            assert asks.allowed([browser.device], question) == [bool(asks.decide(browser.device, question))]
        assert asks.allowed([browser.device], before) == [False]


@pytest.mark.parametrize(
    "column, error",
    [
        ("device:1", "expected a column"),
        (42, "expected a column"),
        (b"123", "expected 16 bytes for each"),
        (np.zeros((2, 15), np.uint8), "expected an array of V16"),
        (np.zeros(2, np.int64), "expected an array of V16"),
        (pa.array([1, 2]), "found Int64: cast it first"),
        (pa.array([b"0" * 20], type=pa.binary(20)), "found FixedSizeBinary"),
        (pl.Series([1.5]), "found Float64: cast it first"),
        (pd.Series([1, 2]), "expected an array of V16"),
        ([1], "a subject is a `str`"),
    ],
)
def test_what_is_no_column_of_subjects_is_refused(people: People, column: Any, error: str) -> None:
    for asks in people.asks:
        with pytest.raises((TypeError, ValueError), match=error):
            asks.allowed(column, MARKETING)


@pytest.mark.parametrize("kind", ["NumPy V16", "Arrow string", "list of texts", "NumPy texts", "Polars texts"])
def test_a_row_that_is_no_subject_is_named_and_not_shown(people: People, kind: str) -> None:
    wrong = uuid.UUID("7f9c0c52-7a41-1f5e-9d0e-0a2b1c3d4e5f")
    devices = [*people.devices * 6_000, wrong, *people.devices]
    with pytest.raises(ValueError, match="row 66000: expected `device:`") as caught:
        people.asks[1].allowed(KINDS[kind](devices), MARKETING)
    assert "7f9c0c52" not in str(caught.value)


def test_what_is_one_persons_is_not_asked_of_a_list(people: People) -> None:
    for asks in people.asks:
        with pytest.raises(consentry.AskError) as caught:
            asks.allowed(people.devices, Question("marketing", device=people.devices[0]))
        assert caught.value.kind == "not-of-a-list"
    with pytest.raises(consentry.AskError) as caught:
        people.asks[1].allowed(people.devices, Question("marketing", happened_by_ms=1))
    assert caught.value.kind == "not-of-a-list"
