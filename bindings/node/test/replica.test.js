/** The replica against the real server: it says what the server says, as soon as the feed has it, and nothing once it hears nothing. */

import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AskError, Denied, remote, replica } from "consentry-node";
import { Follower } from "consentry-node/core";
import { heldClock } from "../stage/clock.js";
import { startHouse } from "../stage/house.js";
import { startProxy } from "../stage/proxy.js";
import { KEY, answering, cut, staged } from "../stage/staged.js";

/** @import { Decision, Question, Replica, ReplicaOptions } from "consentry-node" */
/** @import { House } from "../stage/house.js" */

/** @type {House} */
let house;
/** @type {string} */
let key;
/** @type {Replica[]} */
const open = [];

before(async () => {
  house = await startHouse();
  key = await house.key("ask,export");
});
after(async () => {
  for (const one of open) one.close();
  await house?.stop();
});

/** @param {ReplicaOptions} [options] @param {string} [url] */
async function opened(options, url = house.url) {
  const one = await replica(url, "adforge", key, { answerWithinMs: 30_000, ...options });
  open.push(one);
  return one;
}

/** Something that a test waits for. */
function event() {
  let happen = () => {};
  const happened = new Promise((resolve) => (happen = () => resolve(undefined)));
  return { happen: () => happen(), happened };
}

/** @param {string} subject */
const training = (subject) => ({ subject, purpose: "ai-training" });

test("r34_it_says_what_the_server_says", async () => {
  const people = Array.from({ length: 5 }, () => house.person());
  const [granted, refused, erased, mixed, nobody] = people;
  assert.ok(granted && refused && erased && mixed && nobody);
  await granted.choose("all-granted");
  await erased.choose("all-granted");
  const held = await opened();
  const server = remote(house.url, "adforge", key, { rememberedForMs: 0, answerWithinMs: 30_000 });
  /** @param {number} seq */
  const agrees = async (seq) => {
    await held.heard(seq);
    assert.equal(held.entries, seq + 1);
    const asked = people.flatMap(({ subject }) =>
      [
        { purpose: "ai-training" }, { purpose: "downstream-ai", processor: "kling", jurisdiction: "DE" }, { purpose: "marketing", age: "15" },
        { purpose: "analytics", jurisdiction: "US-CA", signal: "gpc" }, { purpose: "analytics", activity: "train", form: "anonymised" }, { purpose: "whatever" },
        { purpose: "ai-training", as_of_ms: 1_763_800_000_000 },
      ].map((fields) => /** @type {Question} */ ({ subject, ...fields })),
    );
    const decided = await server.decideAll(asked);
    // Time goes on between the two: how long an answer may be relied on differs, and a replica knows no events.
    const alike = (/** @type {unknown} */ answer) => {
      const { events: _, valid_until_ms: until, ...rest } = /** @type {Decision} */ (answer);
      return [rest, typeof until];
    };
    for (const [n, question] of asked.entries()) assert.deepEqual(alike(held.decideHere(question)), alike(decided[n]), JSON.stringify(question));
    assert.deepEqual((await held.decideAll(asked)).map(alike), decided.map(alike));
  };
  await agrees((await refused.choose("all-refused")).seq);
  await agrees((await mixed.choose({ "ai-training": "grant", "downstream-ai": "grant", "downstream-ai/kling": "refuse" })).seq);
  const { seq } = await erased.demand("erasure");
  await agrees(seq);
  await agrees((await granted.demand("restriction")).seq);
  await agrees((await erased.choose("all-granted")).seq);
});

test("a_withdrawal_counts_as_soon_as_the_feed_has_it", async () => {
  const [held, person] = [await opened(), house.person()];
  await held.heard((await person.choose("all-granted")).seq);
  const permit = await held.require(training(person.subject));
  assert.equal(permit.purpose, "ai-training");
  const { seq, recorded_at_ms } = await person.choose({ "ai-training": "refuse" });
  await held.heard(seq);
  await assert.rejects(held.require(training(person.subject)), (error) => error instanceof Denied && error.reason === "withdrawn");
  // And as of before it, it was allowed.
  assert.equal(held.decideHere({ ...training(person.subject), as_of_ms: recorded_at_ms - 1 }).allow, true);
});

test("what_it_does_not_hold_the_server_is_asked", async () => {
  let asked = 0;
  const held = await opened({
    fetch: (url, init) => {
      if (String(url).endsWith("/decisions")) asked += 1;
      return fetch(url, init);
    },
  });
  const person = house.person();
  const { seq, recorded_at_ms } = await person.choose("all-granted");
  await held.heard(seq);
  await held.decide(training(person.subject));
  assert.equal(asked, 0, "what it holds it says by itself");
  const past = { ...training(person.subject), happened_by_ms: recorded_at_ms };
  assert.throws(() => held.decideHere(past), { name: "AskError", code: "not-held" });
  assert.equal((await held.decide(past)).allow, true);
  const answers = await held.decideAll([training(person.subject), past, /** @type {any} */ ({ purpose: "ads" })]);
  assert.deepEqual(answers.map((answer) => (answer instanceof AskError ? answer.code : answer.allow)), [true, true, "malformed"]);
  assert.equal(asked, 1, "and what was asked a moment ago is remembered");
  const { explanation } = await held.explain(training(person.subject), "en");
  assert.equal(explanation?.language, "en");
});

test("with_the_feed_cut_it_denies_after_the_bound_and_goes_on_without_a_gap", async (t) => {
  const proxy = await startProxy(house.url);
  t.after(() => proxy.stop());
  const held = heldClock();
  const consent = await opened({ clock: held.clock }, proxy.url);
  const [before, meanwhile] = [house.person(), house.person()];
  await consent.heard((await before.choose("all-granted")).seq);
  await consent.require(training(before.subject));

  proxy.cut();
  // The person withdraws, and only the server knows.
  await before.choose("all-refused");
  const { seq } = await meanwhile.choose("all-granted");
  held.move(60_000 - consent.ageMs);
  assert.equal(consent.decideHere(training(before.subject)).allow, true, "until the bound it is believed");
  held.move(1);
  const isStale = (/** @type {unknown} */ error) => error instanceof AskError && error.code === "stale" && error.ageMs === 60_001;
  assert.throws(() => consent.decideHere(training(before.subject)), isStale);
  await assert.rejects(consent.require(training(before.subject)), isStale);
  await assert.rejects(consent.decide(training(meanwhile.subject)), isStale);
  await assert.rejects(consent.filter([before.subject], { purpose: "ai-training" }), isStale);
  assert.ok((await consent.decideAll([training(before.subject)])).every(isStale));

  proxy.mend();
  await consent.heard(seq);
  assert.equal(consent.entries, seq + 1);
  assert.equal(consent.decideHere(training(meanwhile.subject)).allow, true);
  assert.equal(consent.decideHere(training(before.subject)).reason, "withdrawn");
  assert.ok(consent.ageMs <= 60_000);
  // And the feed goes on.
  const next = house.person();
  await consent.heard((await next.choose("all-granted")).seq);
  await consent.require(training(next.subject));
});

test("a_feed_on_which_nothing_is_heard_is_given_up_and_opened_anew", async () => {
  const held = heldClock();
  let streams = 0;
  const [isRead, opensAgain] = [event(), event()];
  const consent = await opened({
    clock: held.clock,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
      streams += 1;
      if (streams > 1) {
        opensAgain.happen();
        return response;
      }
      await response.body?.cancel();
      // Looks like a feed, and is silent.
      const source = {
        start: (/** @type {ReadableStreamDefaultController} */ controller) =>
          init?.signal?.addEventListener("abort", () => controller.error(new Error("aborted"))),
        pull: () => {
          isRead.happen();
          return new Promise(() => {});
        },
      };
      const silent = new ReadableStream(source, { highWaterMark: 0 });
      return new Response(silent, { headers: response.headers });
    },
  });
  await isRead.happened;
  // Somebody waits for it by now.
  await new Promise((resolve) => setImmediate(resolve));
  held.move(40_000);
  await opensAgain.happened;
  const person = house.person();
  await consent.heard((await person.choose("all-granted")).seq);
  await consent.require(training(person.subject));
});

test("when_the_policy_changes_it_fetches_another_replica", async () => {
  const [consent, person] = [await opened(), house.person()];
  await consent.heard((await person.choose("all-granted")).seq);
  const earlier = consent.policy;
  assert.equal(consent.decideHere(training(person.subject)).policy, earlier);
  const file = join(house.policies, "policy.toml");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace('"product-images", "generated-media"]', '"product-images"]'));
  house.child.kill("SIGHUP");
  const next = house.person();
  let policy = earlier;
  const server = remote(house.url, "adforge", key, { rememberedForMs: 0, answerWithinMs: 30_000 });
  while (policy === earlier) policy = (await server.decide(training(person.subject))).policy;
  const { seq } = await next.choose("all-granted");
  // Whichever comes first, the entry or that the feed has ended.
  while (consent.policy !== policy) await new Promise((resolve) => setImmediate(resolve));
  await consent.heard(seq);
  const decision = consent.decideHere(training(next.subject));
  assert.deepEqual([decision.allow, decision.policy], [true, policy]);
  await writeFile(file, text);
});

test("a_ledger_that_was_put_back_is_another_replica", async (t) => {
  const own = await startHouse();
  const proxy = await startProxy(own.url);
  t.after(async () => {
    await proxy.stop();
    await own.stop();
  });
  const [ownKey, person, other] = [await own.key("ask,export"), own.person(), own.person()];
  await own.copy("earlier.db");
  const consent = await replica(proxy.url, "adforge", ownKey, { clock: heldClock().clock, answerWithinMs: 30_000 });
  open.push(consent);
  await person.choose("all-granted");
  await consent.heard((await person.choose("all-granted")).seq);
  assert.deepEqual([consent.entries, consent.decideHere(training(person.subject)).allow], [2, true]);
  await own.restart("earlier.db");
  proxy.lead(own.url);
  const { seq } = await other.choose("all-granted");
  assert.equal(seq, 0);
  // Until it has another replica it asks the server, which knows nothing of the person any more.
  while (consent.entries !== 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(consent.decideHere(training(person.subject)).allow, false);
  assert.equal(consent.decideHere(training(other.subject)).allow, true);
});

test("a_restart_begins_with_the_file_and_goes_on_from_there", async () => {
  const file = join(house.folder, "replica");
  let loads = 0;
  const options = {
    file,
    /** @type {typeof fetch} */
    fetch: (url, init) => {
      loads += String(url).endsWith("/replica") ? 1 : 0;
      return fetch(url, init);
    },
  };
  (await opened(options)).close();
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const person = house.person();
  const { seq } = await person.choose("all-granted");
  const again = await opened(options);
  assert.equal(loads, 1);
  assert.equal(again.entries, seq + 1, "what was missed is heard before it answers");
  assert.equal(again.decideHere(training(person.subject)).allow, true);
  again.close();
  // What is no replica is fetched anew, and kept.
  const kept = await readFile(file);
  await writeFile(file, kept.subarray(0, kept.length - 1));
  assert.equal((await opened(options)).decideHere(training(person.subject)).allow, true);
  assert.equal(loads, 2);
  assert.notDeepEqual(await readFile(file), kept.subarray(0, kept.length - 1));
  await assert.rejects(opened({ file: join(house.folder, "nowhere", "replica") }), { name: "SetUpError", code: "option" });
});

test("r34_a_replica_that_breaks_is_not_asked_again_and_another_is_fetched", async (t) => {
  const [consent, person] = [await opened(), house.person()];
  await consent.heard((await person.choose("all-granted")).seq);
  const broken = t.mock.method(Follower.prototype, "decide", () => {
    throw Object.assign(new Error("unreachable"), { name: "RuntimeError" });
  });
  assert.equal((await consent.decide(training(person.subject))).allow, true, "the server knows as well");
  broken.mock.restore();
  assert.throws(() => consent.decideHere(training(person.subject)), { code: "not-held" });
  const { seq } = await person.choose("all-refused");
  await consent.heard(seq);
  assert.equal(consent.decideHere(training(person.subject)).reason, "withdrawn");
});

test("r34_without_a_replica_there_is_no_answer", async () => {
  const asking = (/** @type {Parameters<typeof staged>} */ ...answers) =>
    replica("http://127.0.0.1:1", "adforge", KEY, { clock: heldClock().clock, fetch: staged(...answers).fetch, answerWithinMs: 30_000 });
  await assert.rejects(asking(cut), { code: "unreachable" });
  await assert.rejects(asking(answering("", 403)), { code: "wrong-key" });
  await assert.rejects(asking(answering("no replica")), { code: "unreadable" });
  const other = await house.key("ask");
  await assert.rejects(replica(house.url, "adforge", other), { code: "wrong-key" });
});

test("r34_an_entry_that_is_not_understood_is_not_passed_over", async () => {
  const person = house.person();
  const { seq } = await person.choose("all-granted");
  /** @type {(text: string) => string} */
  let change = (text) => text;
  const held = heldClock();
  const failed = event();
  let pages = 0;
  const consent = await opened({
    clock: held.clock,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (!String(url).includes("/changes")) return response;
      if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
        const changed = new TransformStream({ transform: (text, controller) => controller.enqueue(change(text)) });
        const body = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(changed).pipeThrough(new TextEncoderStream());
        return new Response(body, response);
      }
      const text = change(await response.text());
      pages += text.includes("resignalled") ? 1 : 0;
      if (pages === 2) failed.happen();
      return new Response(text, response);
    },
  });
  await consent.heard(seq);
  await consent.require(training(person.subject));
  change = (text) => text.replaceAll('"type":"chosen"', '"type":"resignalled"');
  const next = await person.choose("all-refused");
  // It was heard of by the stream, and then in a page, twice.
  await failed.happened;
  assert.equal(consent.entries, next.seq);
  held.move(60_001);
  await assert.rejects(consent.require(training(person.subject)), { code: "stale" });
});

test("a_replica_that_was_closed_says_nothing", async () => {
  const consent = await opened();
  const waits = assert.rejects(consent.heard(1_000_000), { code: "ended" });
  consent.close();
  consent.close();
  await waits;
  const question = training(house.person().subject);
  assert.throws(() => consent.decideHere(question), { code: "ended" });
  await assert.rejects(consent.require(question), { code: "ended" });
  await assert.rejects(consent.filter([question.subject], { purpose: "ai-training" }), { code: "ended" });
  await assert.rejects(consent.heard(0), { code: "ended" });
});
