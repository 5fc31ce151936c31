/** The examples, as somebody would run them: with what others have made. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { remote, replica } from "consentry-node";
import { backEnd as onExpress } from "../examples/express.js";
import { backEnd as onFastify } from "../examples/fastify.js";
import { startHouse } from "../stage/house.js";
import { KEY, cut, staged } from "../stage/staged.js";

/** @import { AddressInfo } from "node:net" */
/** @import { Ask } from "consentry-node" */
/** @import { House } from "../stage/house.js" */

/** @type {House} */
let house;
/** @type {string} */
let key;

before(async () => {
  house = await startHouse();
  key = await house.key("ask,export");
});
after(() => house?.stop());

/** What a back end answers. @typedef {(route: string, headers: Record<string, string>, body?: string) => Promise<{ status: number, text: string }>} Send */

/** @param {Send} send @param {(seq: number) => Promise<void>} heard */
async function guards(send, heard) {
  const person = house.person();
  const who = { "x-subject": person.subject };
  assert.equal((await send("/train", {}, "hello")).status, 401);
  const unasked = await send("/train", who, "hello");
  assert.deepEqual([unasked.status, JSON.parse(unasked.text).reason], [403, "not-given"]);
  await heard((await person.choose("all-granted")).seq);
  assert.deepEqual(await send("/train", who, "hello"), { status: 200, text: "learned 5 characters for ai-training\n" });
  assert.match((await send("/film", who)).text, /^filmed under [1-9] obligations\n$/);
  await heard((await person.choose({ "downstream-ai/kling": "refuse" })).seq);
  assert.equal((await send("/film", who)).status, 403);
  assert.equal((await send("/train", who, "hello")).status, 200, "a withdrawal costs nothing else");
  assert.equal((await send("/train", { "x-subject": "me" }, "hello")).status, 503);
}

const cutOff = () => remote("http://127.0.0.1:1", "adforge", KEY, { fetch: staged(cut).fetch });
const cases = { "x-subject": "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f" };

test("express_lets_nobody_through_without_a_permit", async (t) => {
  /** @param {Ask} consent @returns {Promise<Send>} */
  const serving = async (consent) => {
    const server = onExpress(consent).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await new Promise((resolve) => server.on("listening", resolve));
    const { port } = /** @type {AddressInfo} */ (server.address());
    return async (route, headers, body = "") => {
      const response = await fetch(`http://127.0.0.1:${port}${route}`, { method: "POST", headers: { "content-type": "text/plain", ...headers }, body });
      return { status: response.status, text: await response.text() };
    };
  };
  await guards(await serving(remote(house.url, "adforge", key, { rememberedForMs: 0 })), async () => {});
  assert.equal((await (await serving(cutOff()))("/train", cases, "hello")).status, 503);
});

test("fastify_lets_nobody_through_without_a_permit", async (t) => {
  /** @param {Ask} consent @returns {Send} */
  const serving = (consent) => {
    const app = onFastify(consent);
    t.after(() => app.close());
    return async (url, headers, payload = "") => {
      const response = await app.inject({ method: "POST", url, headers: { "content-type": "text/plain", ...headers }, payload });
      return { status: response.statusCode, text: response.payload };
    };
  };
  const consent = await replica(house.url, "adforge", key);
  t.after(() => consent.close());
  await guards(serving(consent), (seq) => consent.heard(seq));
  assert.equal((await serving(cutOff())("/train", cases, "hello")).status, 503);
});
