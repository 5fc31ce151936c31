/** The corpus of decision cases: by the rule over each case's entries, and by a replica that has followed them. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Follower, Taken } from "consentry-node/core";

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} policy
 * @property {object[]} changes
 * @property {{ happened_by_ms?: number }} question
 * @property {number} now_ms
 * @property {object} decision
 */

/** As `tests/examples/corpus_feeds.rs` writes it. */
const path = process.env.CONSENTRY_FEEDS ?? assert.fail("CONSENTRY_FEEDS is not set: `cargo xtask test` writes the file and sets it");
const { replicas, cases } = /** @type {{ replicas: Record<string, string>, cases: Case[] }} */ (JSON.parse(readFileSync(path, "utf8")));

/** So many are in the corpus at least: has a file been lost? */
const CASES_MIN = 500;

/** @param {Case} one */
const replicaOf = (one) => new Follower(Buffer.from(replicas[one.policy] ?? assert.fail(one.policy), "base64"));

/** A decision as the corpus writes it: without version and policy, and without what is empty. @param {string} text */
function written(text) {
  const { v, policy, ...decision } = JSON.parse(text);
  assert.equal(v, 1);
  assert.match(policy, /^[0-9a-f]{64}$/);
  return Object.fromEntries(Object.entries(decision).filter(([, value]) => !(Array.isArray(value) && value.length === 0)));
}

test("every_case_is_decided_as_written", () => {
  assert.ok(cases.length >= CASES_MIN, `only ${cases.length} cases`);
  for (const one of cases) {
    const follower = replicaOf(one);
    const said = follower.decideByEntries(JSON.stringify(one.question), JSON.stringify(one.changes), one.now_ms);
    assert.deepEqual(written(said), one.decision, one.name);
    follower.free();
  }
});

test("r34_a_replica_that_has_followed_says_the_same_of_all_that_it_holds", () => {
  let notHeld = 0;
  for (const one of cases) {
    const follower = replicaOf(one);
    for (const change of one.changes) assert.equal(follower.take(JSON.stringify(change)), Taken.All, one.name);
    assert.equal(follower.entries, one.changes.length);
    const said = follower.decide(JSON.stringify(one.question), one.now_ms);
    if (said === undefined) notHeld += 1;
    else {
      const { events: _, ...expected } = /** @type {{ events?: unknown }} */ (one.decision);
      assert.deepEqual(written(said), expected, one.name);
    }
    follower.free();
  }
  const past = cases.filter(({ question }) => question.happened_by_ms !== undefined).length;
  assert.equal(notHeld, past, "what had happened but was recorded later is not in a replica, and nothing else is missing");
});
