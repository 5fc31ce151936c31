"""How a site stands, by DuckDB and by Polars: the server's Parquet export, and a table of one's own joined with it.

The export is as of one time, which is what a report wants. Whoever is about to process asks a client, which knows what was withdrawn since.
"""

from __future__ import annotations

import pathlib
import shutil
import urllib.request

import duckdb
import polars as pl


def export(url: str, key: str, file: pathlib.Path) -> None:
    """The state of the site, with a key of the scope `export`."""
    address = f"{url}/v1/sites/adforge/state?format=parquet"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})
    part = file.with_suffix(".part")
    with urllib.request.urlopen(request) as answer, part.open("wb") as out:
        shutil.copyfileobj(answer, out)
    # What breaks off is an error before it comes here: the file is whole, or not there.
    part.rename(file)


def by_duckdb(state: pathlib.Path) -> list[tuple[str, int, int]]:
    """For each purpose how many were asked about, and how many of them allow it."""
    query = """
        SELECT purpose, count(*), count(*) FILTER (WHERE allow) FROM read_parquet(?)
        WHERE processor IS NULL GROUP BY purpose ORDER BY purpose
    """
    return duckdb.execute(query, [str(state)]).fetchall()


def by_polars(state: pathlib.Path) -> list[tuple[str, int, int]]:
    """The same."""
    site_itself = pl.scan_parquet(state).filter(pl.col("processor").is_null())
    counted = site_itself.group_by("purpose").agg(pl.len().alias("all"), pl.col("allow").sum().alias("allowed"))
    return counted.sort("purpose").select("purpose", "all", "allowed").collect().rows()


def prompts_of_those_who_allow(state: pathlib.Path, prompts: pl.DataFrame, purpose: str) -> pl.DataFrame:
    """The rows of a table (`subject`, `prompt`) of whoever allowed it then."""
    allowed = pl.scan_parquet(state).filter(pl.col("allow"), pl.col("purpose") == purpose, pl.col("processor").is_null())
    return prompts.lazy().join(allowed, on="subject", how="semi").collect()
