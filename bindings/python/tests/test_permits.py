"""The permit: nothing but a yes makes one, it is for one intent, and it ends."""

import copy
import pickle
import time

import pytest
from house import Browser, House

import consentry
from consentry import Intent, Permit, Question, Reason


class Film(Intent):
    purpose = "downstream-ai"
    processor = "kling"
    data = "product-images"


class Market(Intent):
    purpose = "marketing"


def market(permit: Permit[Market]) -> str:
    return permit.demand(Market).subject


def test_a_denial_raises_with_the_decision(home: House) -> None:
    for asks in (home.remote(), home.replica()):
        with pytest.raises(consentry.Denied, match="denied by `marketing`: not-given") as caught:
            asks.require_for(Market, Browser().subject)
        assert caught.value.reason is Reason.NOT_GIVEN and not caught.value.decision
        assert isinstance(caught.value, consentry.RequireError)


def test_a_permit_is_for_what_was_intended_and_has_the_flags_of_the_request(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    for asks in (home.remote(), home.replica()):
        permit = asks.require_for(Film, browser.device, jurisdiction="DE")
        assert (permit.subject, permit.purpose, permit.processor, permit.data) == (browser.subject, "downstream-ai", "kling", "product-images")
        assert permit.intent is Film and permit.decision.allow
        flags = {one["name"]: one["value"] for one in permit.obligations if one["type"] == "request-flag"}
        assert permit.request_flags == flags and len(permit.obligations) > 0
        assert browser.subject not in repr(permit) and str(browser.device) not in repr(permit)
        with pytest.raises(consentry.PermitError, match="for something else"):
            permit.demand(Market)
        assert market(asks.require_for(Market, browser.subject)) == browser.subject


def test_a_permit_of_a_question_is_for_no_intent(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    permit = home.remote().require(browser.subject, Question("marketing"))
    assert permit.intent is None and permit.check() is permit
    with pytest.raises(consentry.PermitError):
        permit.demand(Market)


def test_a_permit_expires_by_the_clients_clock(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    clock = consentry.HeldClock(time.time_ns() // 1_000_000)
    permit = home.remote(clock=clock).require_for(Market, browser.subject)
    clock.ms = permit.expires_ms - 1
    assert market(permit) == browser.subject
    clock.ms += 1
    with pytest.raises(consentry.PermitError, match="expired 0 ms ago"):
        permit.check()
    with pytest.raises(consentry.PermitError):
        permit.demand(Market)
    # This machine's clock is an hour ahead of the server's, so that nothing can be relied on.
    clock.ms += 3_600_000
    with pytest.raises(consentry.RequireError, match="had expired when it came"):
        home.remote(clock=clock).require_for(Market, browser.subject)


def test_there_is_no_permit_for_the_past(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    with pytest.raises(consentry.RequireError, match="the past permits nothing"):
        home.remote().require(browser.subject, Question("marketing", as_of_ms=time.time_ns() // 1_000_000))


def test_nothing_else_makes_a_permit(home: House) -> None:
    browser = Browser()
    home.grant(browser)
    permit = home.remote().require_for(Market, browser.subject)
    with pytest.raises(TypeError):
        Permit()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        object.__new__(Permit)
    with pytest.raises(TypeError):
        type("Forged", (Permit,), {})
    for keep in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="neither copied nor kept"):
            keep(permit)
    with pytest.raises(AttributeError):
        permit.intent = Film  # type: ignore[misc, assignment]


def test_an_intent_says_what_circumstances_cannot(home: House) -> None:
    with pytest.raises(TypeError, match="`processor` is what the intent says"):
        home.remote().require_for(Film, Browser().subject, processor="gemini")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="an intent is a class"):
        Film()
