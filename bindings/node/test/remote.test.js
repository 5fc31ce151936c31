/** The remote against the real server: what people say is what a back end is told. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Denied, remote } from "consentry-node";
import { startHouse } from "../stage/house.js";

/** @import { House } from "../stage/house.js" */

/** @type {House} */
let house;
/** @type {string} */
let key;

before(async () => {
  house = await startHouse();
  key = await house.key("ask");
});
after(() => house?.stop());

/** Remembers nothing, so that every answer is the server's. */
const asking = () => remote(house.url, "adforge", key, { rememberedForMs: 0, answerWithinMs: 60_000 });

test("a_yes_is_a_permit_and_a_withdrawal_ends_it", async () => {
  const [consent, person] = [asking(), house.person()];
  const question = { subject: person.subject, purpose: "downstream-ai", processor: "kling" };
  await assert.rejects(consent.require(question), (error) => error instanceof Denied && error.reason === "not-given");
  await person.choose("all-granted");
  const permit = await consent.require(question);
  assert.ok(permit.obligations.some(({ type }) => type === "no-training"));
  assert.ok(permit.decision.events.length > 0 && permit.expiresMs > Date.now());
  await person.choose("all-refused");
  await assert.rejects(consent.require(question), (error) => error instanceof Denied && ["withdrawn", "refused"].includes(error.reason));
});

test("a_withdrawal_goes_unnoticed_for_as_long_as_an_answer_is_remembered", async () => {
  const [consent, person] = [remote(house.url, "adforge", key, { rememberedForMs: 600_000 }), house.person()];
  const question = { subject: person.subject, purpose: "marketing" };
  await person.choose("all-granted");
  assert.equal((await consent.decide(question)).allow, true);
  await person.choose("all-refused");
  assert.equal((await consent.decide(question)).allow, true);
  assert.equal((await asking().decide(question)).allow, false);
});

test("thousands_of_questions_are_answered_in_their_order", async () => {
  const consent = asking();
  const people = [house.person(), house.person(), house.person()];
  await people[1]?.choose("all-granted");
  const questions = Array.from({ length: 2_400 }, (_, n) => ({ subject: people[n % 3]?.subject ?? "", purpose: "ai-training" }));
  const answers = await consent.decideAll(questions);
  assert.deepEqual(answers.map(({ allow }) => allow), questions.map((_, n) => n % 3 === 1));
  assert.deepEqual(await consent.decideAll([]), []);
});

test("an_explanation_is_in_the_language_that_was_asked_for", async () => {
  const { decision, explanation } = await asking().explain({ subject: house.person().subject, purpose: "ai-training" }, "de");
  assert.equal(decision.allow, false);
  assert.equal(explanation?.language, "de");
  assert.ok(explanation.sentence.length > 10 && explanation.line.length > 10);
});

test("who_may_not_ask_is_told_what_to_do", async () => {
  const question = { subject: house.person().subject, purpose: "ai-training" };
  const other = await house.key("export");
  for (const [site, given, code] of [["adforge", other, "wrong-key"], ["adforge", `ck_${"A".repeat(43)}`, "wrong-key"], ["icecone", key, "not-found"]]) {
    await assert.rejects(remote(house.url, site ?? "", given ?? "").decide(question), { name: "AskError", code }, code);
  }
  // The server knows no accounts.
  await assert.rejects(asking().accounts(["u-1"]), { name: "AskError", code: "refused" });
});

test("nobody_home_is_no_permission", async () => {
  const consent = remote("http://127.0.0.1:1", "adforge", key);
  await assert.rejects(consent.require({ subject: house.person().subject, purpose: "ai-training" }), { code: "unreachable", tries: 4 });
});
