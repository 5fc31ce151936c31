/** What is tried again and when, and what is remembered for how long: with the clock in hand. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AskError, remote } from "consentry-node";
import { heldClock } from "../stage/clock.js";
import { KEY, QUESTION, allowed, answering, cut, staged } from "../stage/staged.js";

const START_MS = 1_763_800_000_000;
const YES = answering(allowed(START_MS + 300_000));

/** @param {import("consentry-node").RemoteOptions} options @param {Parameters<typeof staged>} answers */
function asking(options, ...answers) {
  const held = heldClock({ startMs: START_MS });
  const server = staged(...answers);
  return { held, server, consent: remote("http://127.0.0.1:1", "adforge", KEY, { clock: held.clock, fetch: server.fetch, answerWithinMs: 60_000, ...options }) };
}

test("what_is_lost_or_busy_is_tried_again_after_a_wait_that_grows", async () => {
  const { consent, held, server } = asking({}, cut, answering("", 502), answering("", 504), YES);
  assert.equal((await consent.decide(QUESTION)).allow, true);
  assert.equal(server.asked.length, 4);
  held.pauses.forEach((pause, n) => assert.ok(pause >= 25 * 2 ** n && pause <= 50 * 2 ** n, `${held.pauses}`));
  assert.equal(held.pauses.length, 3);
});

test("after_four_tries_it_is_given_up", async () => {
  const lost = asking({}, cut);
  await assert.rejects(lost.consent.decide(QUESTION), (error) => error instanceof AskError && error.code === "unreachable" && error.tries === 4 && /cut/.test(error.message));
  assert.equal(lost.server.asked.length, 4);
  const busy = asking({}, cut, answering("", 503), cut, answering("", 429));
  await assert.rejects(busy.consent.decide(QUESTION), { code: "busy", status: 429, tries: 4 });
});

test("who_is_told_when_to_come_again_waits_until_then", async () => {
  // 2 s after the clock that is held.
  for (const after of ["2", "Sat, 22 Nov 2025 08:26:42 GMT"]) {
    for (const status of [429, 503]) {
      const { consent, held } = asking({}, answering("", status, { "retry-after": after }), YES);
      await consent.decide(QUESTION);
      const [pause = 0] = held.pauses;
      assert.ok(pause >= 2_000 && pause <= 2_100, `${after}: ${pause}`);
    }
  }
  const over = asking({}, answering("", 503, { "retry-after": "Sat, 22 Nov 2025 08:26:00 GMT" }), YES);
  await over.consent.decide(QUESTION);
  assert.ok((over.held.pauses[0] ?? Infinity) <= 100);
});

test("who_is_told_to_come_after_the_time_is_up_is_told_at_once", async () => {
  for (const after of ["60", "86400", "18446744073709551615"]) {
    const { consent, server } = asking({}, answering("", 503, { "retry-after": after }));
    await assert.rejects(consent.decide(QUESTION), { code: "busy", status: 503, tries: 1 });
    assert.equal(server.asked.length, 1);
  }
});

test("what_was_refused_is_not_tried_again", async () => {
  /** @type {[number, string, string][]} */
  const refusals = [
    [400, "refused", "malformed"], [401, "wrong-key", "wrong-key"], [403, "wrong-key", ""], [404, "not-found", "unknown-site"], [404, "refused", "not-set-up"],
    [408, "refused", "malformed"], [413, "refused", "too-large"], [204, "refused", ""], [500, "refused", ""],
  ];
  for (const [status, code, name] of refusals) {
    const doc = name === "" ? "" : JSON.stringify({ type: `/problems/${name}`, detail: "why" });
    const { consent, server } = asking({}, () => new Response(status === 204 ? null : doc, { status, headers: { "retry-after": "1" } }));
    await assert.rejects(consent.decide(QUESTION), { name: "AskError", code, status }, `${status}`);
    assert.equal(server.asked.length, 1);
  }
});

test("who_never_answers_is_waited_for_until_the_time_is_up_and_no_longer", async () => {
  /** @type {() => void} */
  let arrive = () => {};
  const arrived = new Promise((resolve) => (arrive = () => resolve(undefined)));
  const { consent, held, server } = asking({}, () => {
    arrive();
    return new Promise(() => {});
  });
  const answer = assert.rejects(consent.decide(QUESTION), { code: "too-slow" });
  await arrived;
  held.move(59_999);
  assert.equal(server.asked[0]?.signal?.aborted, false);
  held.move(1);
  await answer;
  assert.equal(server.asked[0]?.signal?.aborted, true);
});

test("an_answer_without_an_end_is_none", async () => {
  const part = new Uint8Array(1024 * 1024).fill(32);
  const { consent } = asking({}, () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(part) })));
  await assert.rejects(consent.decide(QUESTION), { code: "unreadable" });
});

test("r35_an_answer_is_remembered_for_as_long_as_both_bounds_say", async () => {
  for (const [validMs, countsMs] of [[300_000, 5_000], [5_000, 5_000], [200, 200]]) {
    const { consent, held, server } = asking({}, answering(allowed(START_MS + (validMs ?? 0))));
    await consent.decide(QUESTION);
    held.move((countsMs ?? 0) - 1);
    await consent.decide(QUESTION);
    assert.deepEqual([...(await consent.decideAll([QUESTION]))].map(({ allow }) => allow), [true]);
    assert.equal(server.asked.length, 1, `${validMs}`);
    held.move(1);
    await consent.decide(QUESTION);
    assert.equal(server.asked.length, 2, `${validMs}`);
  }
});

test("a_clock_that_is_set_back_makes_no_answer_last", async () => {
  const { consent, held, server } = asking({}, answering(allowed(START_MS + 300_000)));
  await consent.decide(QUESTION);
  held.set(-1);
  await consent.decide(QUESTION);
  assert.equal(server.asked.length, 2);
});

test("it_counts_from_when_it_was_asked_for_and_not_from_when_it_came", async () => {
  const late = asking({}, () => {
    late.held.move(4_000);
    return YES();
  });
  await late.consent.decide(QUESTION);
  late.held.move(999);
  await late.consent.decide(QUESTION);
  assert.equal(late.server.asked.length, 1);
  late.held.move(1);
  await late.consent.decide(QUESTION);
  assert.equal(late.server.asked.length, 2);
});

test("there_is_room_for_so_many_and_another_question_has_another_answer", async () => {
  const { consent, server } = asking({ rememberedMax: 2 }, YES);
  const [one, two, three] = [QUESTION, { ...QUESTION, processor: "kling" }, { ...QUESTION, jurisdiction: "US-CA" }];
  for (const question of [one, two, one, three, one, two]) await consent.decide(question);
  assert.deepEqual(server.asked.map(({ body }) => JSON.parse(body)), [one, two, three, two]);
  const forgetful = asking({ rememberedForMs: 0 }, YES);
  for (const question of [one, one]) await forgetful.consent.decide(question);
  assert.equal(forgetful.server.asked.length, 2);
});

test("who_could_not_be_reached_a_moment_ago_is_not_waited_for_once_more", async () => {
  const { consent, server } = asking({}, cut);
  const questions = Array.from({ length: 2_500 }, (_, n) => ({ ...QUESTION, purpose: `p-${n}` }));
  const answers = await consent.decideAll(questions);
  assert.equal(answers.length, 2_500);
  assert.ok(answers.every((answer) => answer instanceof AskError && answer.code === "unreachable"));
  assert.equal(server.asked.length, 4);
});
