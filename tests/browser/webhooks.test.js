/**
 * A message as it is sent while a secret rotates, verified by the library that receivers in JavaScript use. No browser is in it.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { ROOT } from "./harness.js";

const sent = JSON.parse(await readFile(join(ROOT, "server-example/tests/golden/webhook.json"), "utf8"));

/**
 * Verifies the message, with these headers in place of its own.
 *
 * @param {string} secret
 * @param {{ body?: string, headers?: Record<string, string> }} [changed]
 */
const verify = (secret, { body = sent.body, headers = {} } = {}) =>
  /** @type {{ type: string }} */ (new Webhook(secret).verify(body, { ...sent.headers, ...headers }));

/** @param {Parameters<typeof verify>} args */
const refused = (...args) => assert.throws(() => verify(...args), WebhookVerificationError);

test("both secrets verify while one replaces the other", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: sent.sent_at_ms });
  for (const secret of [sent.secret, sent.secret_before]) {
    assert.equal(verify(secret).type, "consent.erased");
  }
  const [fresh, before] = sent.headers["webhook-signature"].split(" ");
  verify(sent.secret, { headers: { "webhook-signature": fresh } });
  verify(sent.secret_before, { headers: { "webhook-signature": before } });
  refused(sent.secret, { headers: { "webhook-signature": before } });
  refused(sent.secret_before, { headers: { "webhook-signature": fresh } });
  refused(`whsec_${"A".repeat(43)}=`);
});

test("what was changed is refused", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: sent.sent_at_ms });
  refused(sent.secret, { body: sent.body.replace("kling", "klinh") });
  refused(sent.secret, { headers: { "webhook-id": `${sent.headers["webhook-id"]}3` } });
  refused(sent.secret, { headers: { "webhook-timestamp": "1763800002" } });
});

test("what is old or too new is refused", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: sent.sent_at_ms });
  for (const [seconds, good] of /** @type {[number, boolean][]} */ ([[290, true], [310, false], [-290, true], [-310, false]])) {
    t.mock.timers.setTime(sent.sent_at_ms + seconds * 1_000);
    if (good) {
      verify(sent.secret);
    } else {
      refused(sent.secret);
    }
  }
});
