"""Whoever waits, or goes through a column, lets other threads run."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from house import Browser, House

from consentry import Question

MARKETING = Question("marketing")
ROWS = 300_000


def test_while_an_entry_is_waited_for_others_run(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    replica = home.replica()
    entry = replica.entries
    # It would wait for ever if it kept the interpreter: who makes the entry could not.
    with ThreadPoolExecutor() as threads:
        heard = threads.submit(replica.heard, entry, 60)
        assert home.refuse(browser) == entry
        assert heard.result() is True
    assert not replica.decide(browser.subject, MARKETING)


def test_while_a_column_is_gone_through_others_run(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    replica = home.replica()
    column = np.tile(np.frombuffer(browser.device.bytes, np.uint8), (ROWS, 1))
    is_done, turns = threading.Event(), 0

    def count() -> None:
        nonlocal turns
        while not is_done.is_set():
            turns += 1

    counts = threading.Thread(target=count)
    counts.start()
    before = turns
    allowed = replica.allowed(column, MARKETING)
    during = turns - before
    is_done.set()
    counts.join()
    assert allowed.all() and len(allowed) == ROWS
    assert during > 0


def test_many_threads_ask_one_client(home: House) -> None:
    browsers = [Browser() for _ in range(8)]
    for browser in browsers[::2]:
        home.grant(browser)
    for asks in (home.replica(), home.remote()):
        with ThreadPoolExecutor(8) as threads:
            lists = threads.map(lambda turn: asks.allowed([browser.device for browser in browsers], MARKETING), range(40))
            ones = threads.map(lambda turn: bool(asks.decide(browsers[turn % 8].subject, MARKETING)), range(40))
            assert list(lists) == [[True, False] * 4] * 40
            assert list(ones) == [turn % 2 == 0 for turn in range(40)]
