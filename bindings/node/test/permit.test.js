/** The permit: only an answer that says yes makes one, and nothing else. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { AskError, Denied, Permit, PermitError, SetUpError, remote, replica } from "consentry-node";
import { heldClock } from "../stage/clock.js";
import { KEY, QUESTION, SUBJECT, allowed, answering, cut, staged } from "../stage/staged.js";

const UNTIL_MS = 1_763_800_300_000;

/** @param {unknown} doc */
function asking(doc) {
  const held = heldClock({ startMs: UNTIL_MS - 300_000 });
  const server = staged(answering(doc));
  return { held, server, consent: remote("http://127.0.0.1:1", "adforge", KEY, { clock: held.clock, fetch: server.fetch }) };
}

const FLAGGED = allowed(UNTIL_MS, {
  decided_by: "downstream-ai/kling",
  obligations: [{ type: "no-training" }, { type: "request-flag", name: "store", value: "false" }],
});

test("a_permit_says_for_what_it_is_and_what_must_be_done", async () => {
  const { consent } = asking(FLAGGED);
  const question = { subject: SUBJECT, purpose: /** @type {const} */ ("downstream-ai"), processor: /** @type {const} */ ("kling"), data: "product-images" };
  const permit = await consent.require(question);
  assert.ok(permit instanceof Permit);
  assert.deepEqual([permit.subject, permit.purpose, permit.processor, permit.data], [SUBJECT, "downstream-ai", "kling", "product-images"]);
  assert.deepEqual(permit.requestFlags, { store: "false" });
  assert.deepEqual(permit.obligations, FLAGGED.obligations);
  assert.equal(permit.expiresMs, UNTIL_MS);
  assert.equal(permit.check(), permit);
  assert.equal(inspect(permit).includes(SUBJECT), false, "a log says nobody's name");
});

test("r35_a_permit_ends_when_the_answer_does", async () => {
  const { consent, held } = asking(FLAGGED);
  const permit = await consent.require(QUESTION);
  held.move(299_999);
  permit.check();
  held.move(1);
  assert.throws(() => permit.check(), (error) => error instanceof PermitError && error.expiredMs === UNTIL_MS);
});

test("nothing_else_makes_a_permit", async () => {
  const { consent } = asking(FLAGGED);
  const permit = await consent.require(QUESTION);
  const make = /** @type {new (...given: unknown[]) => Permit} */ (/** @type {unknown} */ (Permit));
  assert.throws(() => new make(), TypeError);
  assert.throws(() => new make(Symbol("made here"), QUESTION, FLAGGED, {}), TypeError);
  const alike = [Object.create(Permit.prototype), structuredClone(permit), { ...permit }, JSON.parse(JSON.stringify(permit))];
  for (const forged of alike) assert.throws(() => Permit.prototype.check.call(forged), TypeError);
  class Mine extends make {}
  assert.throws(() => new Mine(), TypeError);
  assert.throws(() => Object.assign(permit, { purpose: "ads" }), TypeError);
  assert.throws(() => Object.assign(permit.decision, { valid_until_ms: Infinity }), TypeError);
  assert.throws(() => Object.assign(permit.question, { processor: "kling" }), TypeError);
});

test("r34_a_no_is_thrown_with_its_reason", async () => {
  const no = { ...allowed(UNTIL_MS), allow: false, reason: "withdrawn", events: ["0198c0de-0000-7000-8000-000000000001"] };
  const { consent } = asking(no);
  await assert.rejects(consent.require(QUESTION), (error) => {
    assert.ok(error instanceof Denied && error.reason === "withdrawn");
    assert.deepEqual(error.decision, no);
    assert.equal(error.message, "denied by `ai-training`: withdrawn (regime opt-in)");
    return true;
  });
});

test("the_past_permits_nothing", async () => {
  const { consent, server } = asking(FLAGGED);
  for (const past of [{ as_of_ms: 1 }, { happened_by_ms: 1 }]) {
    await assert.rejects(consent.require({ ...QUESTION, ...past }), { name: "AskError", code: "past" });
  }
  assert.equal(server.asked.length, 0);
});

test("an_answer_that_has_expired_when_it_comes_permits_nothing", async () => {
  const { consent, held } = asking(FLAGGED);
  held.move(300_000);
  await assert.rejects(consent.require(QUESTION), { name: "AskError", code: "expired" });
});

test("who_changes_a_question_while_it_is_asked_has_a_permit_for_what_was_asked", async () => {
  const { consent, server } = asking(FLAGGED);
  const question = { ...QUESTION };
  const asked = consent.require(question);
  question.purpose = "ads";
  assert.equal((await asked).purpose, "ai-training");
  assert.equal(JSON.parse(server.asked[0]?.body ?? "").purpose, "ai-training");
});

test("r34_what_is_not_understood_is_no_permission", async () => {
  const broken = [
    { v: 2 }, { allow: false }, { allow: "true" }, { allow: 1 }, { reason: "refused" }, { reason: "whispered" }, { basis: "whim" },
    { regime: "opt-sideways" }, { policy: "" }, { obligations: [{ type: "sing" }] }, { obligations: [{ type: "erase" }] },
    { obligations: [{ type: "delete-within", minutes: 0 }] }, { obligations: null }, { valid_until_ms: -1 }, { valid_until_ms: "9" },
  ].map((fields) => ({ ...allowed(UNTIL_MS), ...fields }));
  for (const doc of [...broken, "", "null", "[]", "{}", "true", JSON.stringify(allowed(UNTIL_MS)).slice(0, -1)]) {
    const { consent } = asking(doc);
    await assert.rejects(consent.require(QUESTION), { name: "AskError", code: "unreadable" }, JSON.stringify(doc));
  }
  // A later version may say more of a decision that is the same.
  await asking({ ...allowed(UNTIL_MS), mood: "sunny" }).consent.require(QUESTION);
});

test("r34_an_answer_that_cannot_be_read_denies_one_subject_and_not_all", async () => {
  const decisions = [allowed(UNTIL_MS), { ...allowed(UNTIL_MS), reason: "whispered" }, allowed(UNTIL_MS)];
  const { consent } = asking({ v: 1, decisions });
  const questions = ["ai-training", "ads", "marketing"].map((purpose) => ({ subject: SUBJECT, purpose }));
  const answers = await consent.decideAll(questions);
  assert.deepEqual(answers.map(({ allow }) => allow), [true, false, true]);
  assert.ok(answers[1] instanceof AskError && answers[1].code === "unreadable");
  const fewer = await asking({ v: 1, decisions: decisions.slice(1) }).consent.decideAll(questions);
  assert.ok(fewer.every((answer) => answer instanceof AskError && answer.code === "miscounted"));
  const none = await asking({ v: 2, decisions }).consent.decideAll(questions);
  assert.ok(none.every((answer) => answer instanceof AskError && answer.code === "unreadable"));
});

test("a_misspelt_question_is_not_a_wider_one_and_is_not_sent", async () => {
  const { consent, server } = asking(FLAGGED);
  const wrong = [
    { ...QUESTION, procesor: "kling" }, { ...QUESTION, processor: null }, { ...QUESTION, age: "fifteen" }, { ...QUESTION, subject: "me@example.org" },
    { purpose: "ads" }, null, undefined, "ads", { ...QUESTION, as_of_ms: 1n },
  ];
  for (const question of wrong) {
    const asked = /** @type {any} */ (question);
    const isMalformed = (/** @type {unknown} */ error) => error instanceof AskError && error.code === "malformed" && !error.message.includes("me@example");
    await assert.rejects(consent.decide(asked), isMalformed);
    await assert.rejects(consent.require(asked), isMalformed);
  }
  await assert.rejects(consent.decide(/** @type {any} */ ({ ...QUESTION, procesor: "kling" })), /unknown field `procesor`/);
  const answers = await consent.decideAll(/** @type {any} */ (wrong));
  assert.ok(answers.every((answer) => answer instanceof AskError && answer.code === "malformed"));
  assert.equal(server.asked.length, 0);
});

test("what_is_no_address_site_key_or_bound_is_refused_before_anything_is_sent", async () => {
  const url = "https://consent.example";
  for (const wrong of ["", "consent.example", "/consent", "ftp://consent.example", "https://", "https:///adforge", "https://me:secret@consent.example", "https://consent.example?a", "https://consent.example#a", "https://consent example"]) {
    assert.throws(() => remote(wrong, "adforge", KEY), { name: "SetUpError", code: "url" }, wrong);
  }
  for (const wrong of ["", "Ad Forge", "a/b", "a".repeat(65)]) assert.throws(() => remote(url, wrong, KEY), { code: "site" });
  for (const wrong of ["", "ck_", "A".repeat(43), `ck_${"A".repeat(42)}`, `ck_${"A".repeat(41)}\r\n`]) {
    assert.throws(() => remote(url, "adforge", wrong), (error) => error instanceof SetUpError && error.code === "key");
  }
  for (const wrong of [NaN, -1, Infinity, "60"]) {
    const given = /** @type {any} */ (wrong);
    assert.throws(() => remote(url, "adforge", KEY, { answerWithinMs: given }), { code: "option" });
    await assert.rejects(replica(url, "adforge", KEY, { staleAfterMs: given, fetch: staged(cut).fetch }), { code: "option" });
  }
});

test("a_site_is_under_its_server_and_the_key_goes_nowhere_else", async () => {
  for (const [url, base] of [
    ["https://consent.example", "https://consent.example"],
    ["https://consent.example/", "https://consent.example"],
    ["http://[::1]:8080", "http://[::1]:8080"],
    ["https://example.org/consent/", "https://example.org/consent"],
  ]) {
    const server = staged(answering("", 307, { location: "https://elsewhere.example" }));
    const consent = remote(url ?? "", "adforge", KEY, { fetch: server.fetch });
    await assert.rejects(consent.decide(QUESTION), { code: "refused", status: 307 });
    assert.deepEqual(server.asked.map((asked) => asked.url), [`${base}/v1/sites/adforge/decisions`]);
    assert.equal(inspect(consent, { depth: 9, showHidden: true }).includes(KEY), false);
  }
});
