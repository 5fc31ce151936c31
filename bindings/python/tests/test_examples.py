"""The data set that has only the rows of those who allow it, and the state of a site by two engines."""

import pathlib
import sys

import polars as pl
import pyarrow as pa
import pyarrow.parquet
from house import ROOT, Browser, House, house

import consentry

sys.path.insert(0, str(ROOT / "bindings" / "python" / "examples"))

import dataset  # noqa: E402
import state  # noqa: E402

TRAINING = consentry.Question("ai-training", data="prompts", activity="train")


def written(folder: pathlib.Path, subjects: list[str | None]) -> pathlib.Path:
    file = folder / "prompts.parquet"
    table = pa.table({"subject": subjects, "prompt": [f"prompt {place}" for place in range(len(subjects))]})
    pa.parquet.write_table(table, file, row_group_size=5)
    return file


def test_a_data_set_has_the_rows_of_those_who_allow_it_when_they_are_read(home: House, tmp_path: pathlib.Path) -> None:
    yes, no, unknown = Browser(), Browser(), Browser()
    home.grant(yes)
    home.refuse(no)
    file = written(tmp_path, [yes.subject, no.subject, unknown.subject, None] * 3)
    replica = home.replica()
    for consent in (replica, home.remote()):
        rows = dataset.Consented(file, consent, TRAINING)
        assert [row["prompt"] for row in rows] == ["prompt 0", "prompt 4", "prompt 8"]
        assert [table.num_rows for table in rows.batches(4)] == [1, 1, 1]
    # Somebody withdraws while an epoch is under way: what is read later is without them.
    under_way = dataset.Consented(file, replica, TRAINING).batches(4)
    assert next(under_way)["prompt"].to_pylist() == ["prompt 0"]
    assert replica.heard(home.refuse(yes))
    assert list(under_way) == []


def test_the_state_of_a_site_is_the_same_by_both_engines_and_as_the_client_says(tmp_path: pathlib.Path) -> None:
    with house() as own:
        browsers = [Browser() for _ in range(5)]
        for place, browser in enumerate(browsers):
            own.grant(browser) if place < 2 else own.refuse(browser)
        file = tmp_path / "state.parquet"
        state.export(own.url, own.key("export"), file)
        counted = state.by_duckdb(file)
        assert counted == state.by_polars(file)
        assert ("ai-training", 5, 2) in counted and ("security", 5, 5) in counted
        prompts = pl.DataFrame({"subject": [browser.subject for browser in browsers], "prompt": list("abcde")})
        joined = state.prompts_of_those_who_allow(file, prompts, "ai-training")
        asked = prompts.filter(own.replica().allowed(prompts["subject"], consentry.Question("ai-training")))
        assert joined["prompt"].to_list() == asked["prompt"].to_list() == ["a", "b"]
