/** A training pipeline that cannot train on anybody who was not asked about. */

import { createInterface } from "node:readline";
import { Denied, remote } from "consentry-node";

/** @import { Permit } from "consentry-node" */

/** Trains our own model on what people have typed. */
const TRAIN = /** @type {const} */ ({ purpose: "ai-training", data: "prompts", activity: "train" });

/** Takes one person's prompts into the training set. Nobody can call this who has not asked. @param {Permit<"ai-training">} permit */
function train(permit) {
  // Your code: read the prompts of `permit.subject`, and do what `permit.obligations` says.
  permit.check();
}

const consent = remote(process.argv[2] ?? "", "adforge", process.env.CONSENTRY_KEY ?? "");
let [all, trained] = [0, 0];

/** Of a list (`device:…` or `account:…`, one a line). */
async function* people() {
  for await (const line of createInterface({ input: process.stdin })) {
    all += 1;
    yield line;
  }
}

// Ten thousand of them in a request: those who are not in the answer are not looked at any further.
for await (const subject of consent.filter(people(), TRAIN)) {
  try {
    train(await consent.require({ subject, ...TRAIN }));
    trained += 1;
  } catch (error) {
    // Somebody has changed their mind since the list was filtered. Any other error is no permission either: stop, rather than go on without an answer.
    if (!(error instanceof Denied)) throw error;
  }
}
console.log(`trained on ${trained} of ${all}`);
