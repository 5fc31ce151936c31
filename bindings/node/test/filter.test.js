/** Lists of subjects: of names, of bytes, and bit by bit; by the server, and by a replica. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { remote, replica } from "consentry-node";
import { startHouse } from "../stage/house.js";
import { KEY, staged } from "../stage/staged.js";

/** @import { Ask, Replica } from "consentry-node" */
/** @import { House, Person } from "../stage/house.js" */

/** @type {House} */
let house;
/** @type {{ name: string, consent: Ask }[]} */
let everyone = [];
/** @type {Person[]} */
let people = [];
/** Before anybody withdrew. */
let earlierMs = 0;

/** A machine may have much else to do. */
const PATIENT_MS = 60_000;
const QUERY = { purpose: "ai-training" };

before(async () => {
  house = await startHouse();
  const key = await house.key("ask,export");
  people = Array.from({ length: 40 }, () => house.person());
  for (const [n, person] of people.entries()) if (n % 2 === 0) earlierMs = (await person.choose("all-granted")).recorded_at_ms;
  const held = await replica(house.url, "adforge", key, { answerWithinMs: PATIENT_MS });
  let last = 0;
  for (const [n, person] of people.entries()) if (n % 4 === 0) last = (await person.choose("all-refused")).seq;
  await held.heard(last);
  everyone = [
    { name: "remote", consent: remote(house.url, "adforge", key, { answerWithinMs: PATIENT_MS }) },
    { name: "replica", consent: held },
  ];
});
after(async () => {
  for (const { consent } of everyone) if ("close" in consent) /** @type {Replica} */ (consent).close();
  await house?.stop();
});

const names = (/** @type {readonly Person[]} */ some) => some.map(({ subject }) => subject);
const bytes = (/** @type {readonly Person[]} */ some) => Uint8Array.from(some.flatMap((person) => [...person.bytes]));
const allowed = () => people.filter((_, n) => n % 4 === 2);

test("those_who_allow_come_back_in_the_same_form_and_order", async () => {
  for (const { name, consent } of everyone) {
    assert.deepEqual(await consent.filter(names(people), QUERY), names(allowed()), name);
    assert.deepEqual(await consent.filter(bytes(people), QUERY), bytes(allowed()), name);
    const come = [];
    for await (const subject of consent.filter(new Set(names(people)), QUERY)) come.push(subject);
    assert.deepEqual(come, names(allowed()), name);
    assert.deepEqual(await consent.filter([], QUERY), [], name);
    assert.deepEqual(await consent.filter(new Uint8Array(), QUERY), new Uint8Array(), name);
    assert.deepEqual(await consent.filter(names(people), { ...QUERY, processor: "kling" }), [], name);
  }
});

test("lists_are_longer_than_a_piece", async () => {
  const many = Array.from({ length: 30_000 }, (_, n) => people[n % people.length]).filter((person) => person !== undefined);
  const expected = many.filter((_, n) => n % people.length % 4 === 2);
  for (const { name, consent } of everyone) {
    assert.deepEqual(await consent.filter(names(many), QUERY), names(expected), name);
    assert.deepEqual(await consent.filter(bytes(many), QUERY), bytes(expected), name);
    async function* source() {
      for (const { subject } of many) yield subject;
    }
    let count = 0;
    for await (const subject of consent.filter(source(), QUERY)) assert.equal(subject, expected[count++]?.subject, name);
    assert.equal(count, expected.length, name);
  }
});

test("r31_a_list_is_asked_about_as_of_a_time", async () => {
  const granted = people.filter((_, n) => n % 2 === 0);
  for (const { name, consent } of everyone) {
    const then = { ...QUERY, as_of_ms: earlierMs };
    assert.deepEqual(await consent.filter(names(people), then), names(granted), name);
    assert.deepEqual(await consent.filter(bytes(people), then), bytes(granted), name);
    // What a replica does not hold, it asks about: what had happened by then, whenever it was recorded.
    const happened = { ...QUERY, happened_by_ms: earlierMs };
    assert.deepEqual(await consent.filter(names(people), happened), names(granted), name);
    assert.deepEqual(await consent.filter(bytes(people), happened), bytes(granted), name);
  }
});

test("whose_list_cannot_be_read_is_told_and_nobody_is_allowed", async () => {
  for (const { name, consent } of everyone) {
    const [person] = names(people);
    for (const wrong of ["me", "", `${person}\n${person}`, "device:7F9C0C52-7A41-4F5E-9D0E-0A2B1C3D4E5F", undefined]) {
      const list = /** @type {string[]} */ ([person, wrong]);
      await assert.rejects(consent.filter(list, QUERY), { name: "AskError", code: "malformed" }, `${name}: ${wrong}`);
    }
    await assert.rejects(consent.filter(bytes(people).subarray(1), QUERY), { code: "malformed" }, name);
    await assert.rejects(async () => consent.filter(names(people), /** @type {any} */ ({ ...QUERY, procesor: "kling" })), { code: "malformed" }, name);
    await assert.rejects(async () => consent.filter(names(people), /** @type {any} */ ({ ...QUERY, subject: person })), { code: "malformed" }, name);
    const guardian = { from_ms: 1, until_ms: 2 };
    await assert.rejects(async () => consent.filter(names(people), /** @type {any} */ ({ ...QUERY, guardian })), { code: "not-of-a-list" }, name);
  }
});

test("who_is_in_an_answer_must_have_been_asked_about_and_in_this_order", async () => {
  const [a = "", b = "", c = ""] = names(people);
  for (const [answer, isBelieved] of /** @type {const} */ ([
    ["", true], [`${a}\n${b}\n${b}\n`, true], [`${b}\n`, true], [`${b}\n${a}\n`, false], [`${a}\n${a}\n`, false], [`${c}\n`, false], [`${a}\n${b}`, false], ["\n", false],
  ])) {
    const consent = remote("http://127.0.0.1:1", "adforge", KEY, { fetch: staged(() => new Response(answer)).fetch });
    const asked = consent.filter([a, b, b], QUERY);
    if (isBelieved) assert.deepEqual(await asked, answer.split("\n").slice(0, -1));
    else await assert.rejects(asked, { code: "unreadable" }, answer);
  }
  const [one, two] = people.map((person) => person.bytes);
  for (const [answer, isBelieved] of /** @type {[Uint8Array[], boolean][]} */ ([[[], true], [[two], true], [[two, one], false], [[one?.subarray(1)], false]])) {
    const body = Uint8Array.from(answer.flatMap((uuid) => [...uuid]));
    const consent = remote("http://127.0.0.1:1", "adforge", KEY, { fetch: staged(() => new Response(body)).fetch });
    const asked = consent.filter(bytes(people.slice(0, 2)), QUERY);
    if (isBelieved) assert.deepEqual(await asked, body);
    else await assert.rejects(asked, { code: "unreadable" });
  }
});

test("after_an_error_nobody_comes", async () => {
  const [person = ""] = names(people);
  const server = staged(() => new Response(`${person}\n`.repeat(10_000)), () => new Response("", { status: 500 }));
  const consent = remote("http://127.0.0.1:1", "adforge", KEY, { fetch: server.fetch });
  let come = 0;
  await assert.rejects(async () => {
    for await (const _ of consent.filter(new Array(40_000).fill(person).values(), QUERY)) come += 1;
  }, { code: "refused" });
  assert.equal(come, 10_000);
  // A list that is asked for as one comes whole or not at all.
  const again = staged(() => new Response(`${person}\n`.repeat(10_000)), () => new Response("", { status: 500 }));
  const asked = remote("http://127.0.0.1:1", "adforge", KEY, { fetch: again.fetch }).filter(new Array(20_000).fill(person), QUERY);
  await assert.rejects(asked, { code: "refused" });
});
