"""Questions over HTTP and from a replica: what is answered, what is an error, and what is seen when."""

import asyncio
import os
import pickle

import pytest
from house import Browser, House, house, stop

import consentry
from consentry import AskErrorKind, Question, Reason, _consentry

MARKETING = Question("marketing")
TRAINING = Question("ai-training", data="prompts", activity="train")


def test_the_words_are_those_of_the_core() -> None:
    assert [str(reason) for reason in Reason] == _consentry.REASONS


def test_who_was_not_asked_has_not_agreed(home: House) -> None:
    decision = home.remote().decide(Browser().subject, TRAINING)
    assert (decision.allow, bool(decision), decision.reason) == (False, False, Reason.NOT_GIVEN)
    assert decision.basis == "consent" and decision.policy == home.boot["policy"]


def test_a_choice_and_its_withdrawal_count(home: House) -> None:
    browser, remote = Browser(), home.remote()
    home.grant(browser)
    decision = remote.decide(browser.device, TRAINING)
    assert decision and decision.reason is Reason.GIVEN and len(decision.events) == 1
    for written in (browser.device.bytes, str(browser.device), browser.subject):
        assert remote.decide(written, TRAINING).events == decision.events
    home.refuse(browser)
    assert remote.decide(browser.subject, TRAINING).reason == "withdrawn"


def test_an_answer_is_remembered_as_long_as_was_said(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    remembers, forgets = home.remote(remembered_for=3600.0), home.remote(remembered_for=0)
    assert remembers.decide(browser.subject, MARKETING) and forgets.decide(browser.subject, MARKETING)
    home.refuse(browser)
    assert remembers.decide(browser.subject, MARKETING) and not forgets.decide(browser.subject, MARKETING)


def test_many_questions_are_answered_in_their_order(home: House) -> None:
    yes, no = Browser(), Browser()
    home.grant(yes)
    home.refuse(no)
    for asks in (home.remote(), home.replica()):
        answers = asks.decide_all([(yes.subject, MARKETING), (no.device, MARKETING), (yes.device, Question("no-such-purpose"))])
        reasons = [answer.reason for answer in answers if isinstance(answer, consentry.Decision)]
        assert reasons == [Reason.GIVEN, Reason.REFUSED, Reason.UNKNOWN_PURPOSE]
    nowhere = consentry.remote("http://127.0.0.1:1", "adforge", home.key("ask"), answer_within=0.2)
    answer = nowhere.decide_all([(yes.subject, MARKETING)])[0]
    assert isinstance(answer, consentry.AskError) and answer.kind in (AskErrorKind.UNREACHABLE, AskErrorKind.TOO_SLOW)


def test_an_answer_is_explained_in_words(home: House) -> None:
    decision, explanation = home.remote().explain(Browser().subject, TRAINING, "de")
    assert not decision and explanation is not None
    assert explanation.language == "de" and explanation.sentence and "ai-training" in explanation.line


@pytest.mark.parametrize("wrong", ["", "nobody", "device:7f9c0c52-7a41-1f5e-9d0e-0a2b1c3d4e5f", b"short"])
def test_what_is_no_subject_is_refused_and_not_repeated(home: House, wrong: str | bytes) -> None:
    with pytest.raises(ValueError, match="expected `device:`") as caught:
        home.remote().decide(wrong, MARKETING)
    assert "nobody" not in str(caught.value) and "1f5e" not in str(caught.value)


def test_what_is_no_word_is_refused_and_says_which_there_are() -> None:
    with pytest.raises(ValueError, match="purpose: expected 1 to 64"):
        Question("AI training")
    with pytest.raises(ValueError, match="activity: expected one of `process`, `train`"):
        Question("ai-training", activity="play")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Question("ai-training", procesor="kling")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="not an account"):
        Question("marketing", device="account:" + "0" * 64)


def test_questions_are_compared_by_what_they_ask() -> None:
    assert Question("marketing") == Question("marketing", activity="process") != Question("marketing", jurisdiction="DE")
    assert len({Question("marketing"), Question("marketing")}) == 1
    assert repr(Question("marketing", plan="secret")) == "Question('marketing', activity='process')"


def test_who_cannot_ask_is_told_what_to_do(home: House) -> None:
    with pytest.raises(consentry.SetUpError, match="begins with `ck_`"):
        consentry.remote(home.url, "adforge", "password")
    with pytest.raises(ValueError, match="answer_within: expected seconds"):
        home.remote(answer_within=-1)
    stranger = consentry.remote(home.url, "adforge", "ck_" + "A" * 43)
    with pytest.raises(consentry.AskError) as caught:
        stranger.decide(Browser().subject, MARKETING)
    assert caught.value.kind is AskErrorKind.WRONG_KEY
    kept = pickle.loads(pickle.dumps(caught.value))
    assert (kept.kind, str(kept)) == (AskErrorKind.WRONG_KEY, str(caught.value))
    with pytest.raises(consentry.ReplicaError, match="`ask` and `export`"):
        consentry.replica(home.url, "adforge", home.key("ask"))


def test_nothing_that_is_shown_has_the_key(home: House) -> None:
    key = home.key()
    for asks in (consentry.remote(home.url, "adforge", key), consentry.replica(home.url, "adforge", key)):
        assert "127.0.0.1" in repr(asks) and key not in repr(asks)


def test_a_withdrawal_counts_as_soon_as_the_replica_has_heard_it(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    replica = home.replica()
    assert replica.decide(browser.subject, MARKETING).reason is Reason.GIVEN
    for choose, reason in ((home.refuse, Reason.WITHDRAWN), (home.grant, Reason.GIVEN), (home.refuse, Reason.WITHDRAWN)):
        entry = choose(browser)
        assert replica.heard(entry) and replica.entries > entry
        assert replica.decide_here(browser.subject, MARKETING).reason is reason
        assert replica.allowed([browser.subject], MARKETING) == [reason is Reason.GIVEN]
    assert replica.heard(replica.entries + 1_000, within=0) is False
    assert replica.policy == home.boot["policy"] and replica.age >= 0


def test_what_a_replica_cannot_tell_the_server_is_asked(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    replica = home.replica()
    past = Question("marketing", happened_by_ms=1_000)
    with pytest.raises(consentry.AskError) as caught:
        replica.decide_here(browser.subject, past)
    assert caught.value.kind is AskErrorKind.NOT_HELD
    assert replica.decide(browser.subject, past) == home.remote().decide(browser.subject, past)


def test_a_replica_that_hears_nothing_says_nothing_once_it_is_stale() -> None:
    with house() as own:
        browser = Browser()
        own.grant(browser)
        clock = consentry.HeldClock(1_763_800_000_000)
        replica = own.replica(clock=clock, stale_after=60)
        stop(own.server)
        clock.ms += 60_000
        assert replica.decide(browser.subject, MARKETING)
        clock.ms += 1
        for ask in (replica.decide, replica.decide_here, replica.require):
            with pytest.raises(consentry.AskError) as caught:
                ask(browser.subject, MARKETING)
            assert caught.value.kind is AskErrorKind.STALE
        with pytest.raises(consentry.AskError):
            replica.allowed([browser.subject], MARKETING)


def test_a_restart_begins_with_the_file(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    file = home.folder / "adforge.replica"
    home.replica(file=file)
    kept = file.read_bytes()
    home.refuse(browser)
    assert not home.replica(file=file).decide(browser.subject, MARKETING)
    assert file.read_bytes() == kept


def test_in_a_fork_nothing_is_waited_for(home: House) -> None:
    remote = home.remote()
    child = os.fork()
    if child == 0:
        try:
            remote.decide(Browser().subject, MARKETING)
        except consentry.AskError as error:
            os._exit(7 if error.kind is AskErrorKind.ENDED else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_async_code_waits_in_a_thread(home: House) -> None:
    browser, remote = Browser(), home.remote()
    home.grant(browser)

    async def both() -> list[consentry.Decision]:
        asked = (asyncio.to_thread(remote.decide, subject, MARKETING) for subject in (browser.subject, Browser().subject))
        return await asyncio.gather(*asked)

    assert [decision.allow for decision in asyncio.run(both())] == [True, False]
