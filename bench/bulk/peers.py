"""Filters the same lists with Polars and DuckDB, and with ours in Python, one at a time, whenever it is told to.

Goes in: a folder with the lists (`bench/src/bin/bulk/lists.rs` says what is in it), the number of threads; for ours the server that sends the
replica, the site, purpose and processor, and the time in milliseconds; and on standard input a line for each run: `run NAME`, or `check NAME`, which keeps what came out. Comes out: the names with what they do, and for each line how long it took,
and how long all processors together worked, in seconds.

Each has its table beforehand, in the form that suits it best: ids as numbers or UUIDs in its own memory, only the allowed ones where that is
quicker, sorted where they are, and said to be sorted where that can be said. Columns are an exception: everybody is handed the same 16 bytes
for each UUID, next to one another in a NumPy array, or as the column of Arrow or Polars that lies there, and whoever would have them otherwise
makes that of it in the time that is taken.
"""

import os
import sys
import time
from pathlib import Path

FOLDER, THREADS = Path(sys.argv[1]), int(sys.argv[2])
URL, SITE, PURPOSE, PROCESSOR, NOW_MS = sys.argv[3:8]
os.environ["POLARS_MAX_THREADS"] = str(THREADS)

import consentry  # noqa: E402
import duckdb  # noqa: E402
import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import pyarrow as pa  # noqa: E402

assert pl.thread_pool_size() == THREADS
CONNECTION = duckdb.connect()
CONNECTION.execute(f"SET threads = {THREADS}")
# The order of what comes out is not asked for: that is quicker.
CONNECTION.execute("SET preserve_insertion_order = false")

HALF = pl.lit(2**64, dtype=pl.UInt128)
ALLOWED = np.fromfile(FOLDER / "allowed", dtype=np.uint8).astype(bool)


def numbers(name):
    return pl.Series("id", np.fromfile(FOLDER / name, dtype="<u8"))


def uuids(name):
    """As the numbers that UUIDs are: what Polars joins quickest."""
    halves = np.fromfile(FOLDER / name, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    frame = pl.DataFrame({"high": halves[:, 0], "low": halves[:, 1]})
    wide = [pl.col(half).cast(pl.UInt128) for half in ("high", "low")]
    return frame.select(id=wide[0] * HALF + wide[1])["id"]


def halves_of(ids):
    """The upper and the lower 64 bits of each."""
    frame = pl.DataFrame({"id": ids})
    high, low = (pl.col("id") // HALF).cast(pl.UInt64), (pl.col("id") % HALF).cast(pl.UInt64)
    return frame.select(high=high, low=low)


def in_duckdb(name, ids):
    """A table of its own, in that order."""
    if ids.dtype == pl.UInt64:
        CONNECTION.register("given", pl.DataFrame({"id": ids}).to_arrow())
        CONNECTION.execute(f"CREATE TABLE {name} AS SELECT id FROM given")
    else:
        CONNECTION.register("given", halves_of(ids).to_arrow())
        CONNECTION.execute(f"CREATE TABLE {name} AS SELECT printf('%016x%016x', high, low)::UUID AS id FROM given")
    CONNECTION.unregister("given")


def left(case):
    """The ids that are left, in a table: so that UUIDs need not become texts."""
    select = f"SELECT id FROM {case}_asked SEMI JOIN {case}_allowed USING (id)"
    CONNECTION.execute(f"CREATE OR REPLACE TEMPORARY TABLE remaining AS {select}")


def table(known, allowed):
    return pl.DataFrame({"id": known, "allowed": allowed})


RUNS = {}


def run(case, peer, how):
    """Remembers how a list is filtered: what comes out is a column that says of each, or the ids that are left."""

    def remember(work):
        RUNS[f"{case}/{len(RUNS)}"] = (case, peer, how, work)

    return remember


def random_uuids():
    known, asked = uuids("uuids-known"), pl.DataFrame({"id": uuids("uuids-random")})
    allowed = pl.DataFrame({"id": known.filter(pl.Series(ALLOWED))})
    in_duckdb("random_asked", asked["id"])
    in_duckdb("random_allowed", allowed["id"])

    @run("random", "Polars", "UInt128, semi join with the allowed, streaming")
    def _():
        return asked.lazy().join(allowed.lazy(), on="id", how="semi").collect(engine="streaming")["id"]

    @run("random", "Polars", "UInt128, `is_in` the allowed")
    def _():
        return asked["id"].is_in(allowed["id"].implode())

    @run("random", "DuckDB", "UUID, semi join with the allowed")
    def _():
        return left("random")


def sorted_ids(case, read):
    known, ids = read(f"{case}-known"), read(f"{case}-sorted")
    known, asked = known.set_sorted(), pl.DataFrame({"id": ids.set_sorted()})
    all_known = table(known, ALLOWED)
    allowed = all_known.filter("allowed").select(pl.col("id").set_sorted()).with_columns(same=pl.col("id"))
    in_duckdb(f"{case}_asked", asked["id"])
    in_duckdb(f"{case}_allowed", allowed["id"])

    @run(case, "Polars", "left join, both said to be sorted")
    def _():
        return asked.join(all_known, on="id", how="left", maintain_order="left")["allowed"].fill_null(False)

    @run(case, "Polars", "`join_asof` with the allowed")
    def _():
        near = asked.join_asof(allowed, on="id")
        return near.select((pl.col("id") == pl.col("same")).fill_null(False)).to_series()

    @run(case, "DuckDB", "semi join with the allowed")
    def _():
        return left(case)

    if case == "counted":
        # No join: a column in which the id is the row.
        column = np.zeros(int(max(known.max(), ids.max())) + 1, dtype=bool)
        column[known.to_numpy()] = ALLOWED
        by_row = pl.Series(column)

        @run("counted-row", "Polars", "no join: `gather` from a column in which the id is the row")
        def _():
            return by_row.gather(asked["id"])


# Any: the server that sends the replica asks for none.
KEY = "ck_" + "A" * 43
REPLICA = consentry.replica(URL, SITE, KEY, clock=consentry.HeldClock(int(NOW_MS)))
QUESTION = consentry.Question(PURPOSE, processor=PROCESSOR or None)


def column(case):
    raw = np.fromfile(FOLDER / ("uuids-random" if case == "random" else "uuids-sorted"), dtype="V16")
    arrow = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(raw), [None, pa.py_buffer(raw)])
    named = pa.ExtensionArray.from_storage(pa.uuid(), arrow)
    series = pl.Series("id", arrow)
    assert series.dtype == pl.Binary
    name = f"{case}-column"

    @run(name, "Consentry", "in Python, a column of Arrow's")
    def _():
        return REPLICA.allowed(arrow, QUESTION)

    @run(name, "Consentry", "in Python, a series of Polars'")
    def _():
        return REPLICA.allowed(series, QUESTION)

    @run(name, "Consentry", "in Python, an array of NumPy's")
    def _():
        return REPLICA.allowed(raw, QUESTION)

    known = uuids("uuids-known")
    wide = pl.DataFrame({"id": known.filter(pl.Series(ALLOWED))})
    known_raw = np.fromfile(FOLDER / "uuids-known", dtype="V16")[ALLOWED]
    allowed = pl.DataFrame({"id": pl.Series(pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(known_raw), [None, pa.py_buffer(known_raw)]))})
    asked = pl.DataFrame({"id": series})
    as_numbers = pl.col("id").bin.reinterpret(dtype=pl.UInt128, endianness="big")

    @run(name, "Polars", "binary, semi join with the allowed, streaming")
    def _():
        return asked.lazy().join(allowed.lazy(), on="id", how="semi").collect(engine="streaming")["id"]

    @run(name, "Polars", "binary made UInt128, semi join with the allowed, streaming")
    def _():
        return asked.lazy().select(as_numbers).join(wide.lazy(), on="id", how="semi").collect(engine="streaming")["id"]

    @run(name, "Polars", "binary made UInt128, `is_in` the allowed")
    def _():
        return asked.select(as_numbers)["id"].is_in(wide["id"].implode())

    table = pa.table({"id": named})
    CONNECTION.register(f"{case}_column_asked", table)

    # The table of UUIDs that the lists have, too.
    @run(name, "DuckDB", "a column of Arrow's (`arrow.uuid`), semi join with the allowed")
    def _():
        select = f"SELECT id FROM {case}_column_asked SEMI JOIN {case}_allowed USING (id)"
        CONNECTION.execute(f"CREATE OR REPLACE TEMPORARY TABLE remaining AS {select}")


random_uuids()
sorted_ids("uuids", uuids)
sorted_ids("counted", numbers)
sorted_ids("scattered", numbers)

for case in ("random", "uuids"):
    column(case)

VERSIONS = {"Consentry": "", "Polars": f" {pl.__version__}", "DuckDB": f" {duckdb.__version__}"}
for name, (case, peer, how, _) in RUNS.items():
    print(name, case, f"{peer}{VERSIONS[peer]}, {how}", sep="\t", flush=True)
print(flush=True)


def keep(out):
    """What came out, in a form that others read: a byte for each, or the ids."""
    if out is None:
        column = "id" if CONNECTION.sql("SELECT id FROM remaining").types[0] == "UBIGINT" else "replace(id::VARCHAR, '-', '')"
        ids = CONNECTION.sql(f"SELECT {column} AS id FROM remaining")
        if column == "id":
            raw = ids.fetchnumpy()["id"].astype(">u8").tobytes()
        else:
            raw = bytes.fromhex("".join(text for (text,) in ids.fetchall()))
    elif not isinstance(out, pl.Series) or out.dtype == pl.Boolean:
        truths = out.to_numpy(zero_copy_only=False) if isinstance(out, pa.Array) else out if isinstance(out, np.ndarray) else out.to_numpy()
        (FOLDER / "out").write_bytes(b"b" + truths.astype(np.uint8).tobytes())
        return
    elif out.dtype == pl.Binary:
        raw = b"".join(out.to_list())
    elif out.dtype == pl.UInt64:
        raw = out.to_numpy().astype(">u8").tobytes()
    else:
        raw = np.ascontiguousarray(halves_of(out).to_numpy()).astype(">u8").tobytes()
    (FOLDER / "out").write_bytes(b"i" + raw)


for line in sys.stdin:
    what, name = line.split()
    work = RUNS[name][3]
    start, start_of_work = time.perf_counter(), time.process_time()
    out = work()
    took, worked = time.perf_counter() - start, time.process_time() - start_of_work
    if what == "check":
        keep(out)
    del out
    print(took, worked, flush=True)
