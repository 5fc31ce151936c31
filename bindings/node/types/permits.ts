/** What the types hold whoever uses them to: this is checked, and never run. */

import { AskError, Denied, Permit, remote, replica } from "consentry-node";
import type { Answer, Ask, Decision, DenyReason, Query, Question, Subject } from "consentry-node";
import { Follower, Taken } from "consentry-node/core";

const consent: Ask = remote("https://consent.example", "adforge", "ck_…", { answerWithinMs: 1_000 });
const held = await replica("https://consent.example", "adforge", "ck_…", { staleAfterMs: 10_000 });
const subject: Subject = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";

const question: Question = { subject, purpose: "ads", guardian: { from_ms: 1, until_ms: 2 } };

function train(permit: Permit<"ai-training">): Subject {
  return permit.check().subject;
}

function film(picture: Uint8Array, permit: Permit<"downstream-ai", "kling">): Record<string, string> {
  permit.check();
  return { length: `${picture.length}`, ...permit.requestFlags };
}

/** Whatever it is for. */
function log(permit: Permit<string, string | undefined>): string {
  return `${permit.purpose} by ${permit.processor ?? "the site"}, until ${permit.expiresMs}`;
}

const training = await consent.require({ subject, purpose: "ai-training", activity: "train" });
const filming = await held.require({ subject, purpose: "downstream-ai", processor: "kling" });
train(training);
film(new Uint8Array(), filming);
log(training);
log(filming);

// @ts-expect-error nobody has asked
train();
// @ts-expect-error it is for something else
train(filming);
// @ts-expect-error it is by the site itself, and not by the processor
film(new Uint8Array(), await consent.require({ subject, purpose: "downstream-ai" }));
// @ts-expect-error it is by another processor
film(new Uint8Array(), await consent.require({ subject, purpose: "downstream-ai", processor: "gemini" }));
// @ts-expect-error it may be by another processor
film(new Uint8Array(), await consent.require({ subject, purpose: "downstream-ai", processor: question.processor }));
film(new Uint8Array(), await consent.require({ subject, purpose: "downstream-ai", processor: "kling" }));
// @ts-expect-error a decision is no permit
train(await consent.decide({ subject, purpose: "ai-training" }));
// @ts-expect-error nobody makes one
train(new Permit());
// @ts-expect-error what looks like one is none
train({ ...training });
// @ts-expect-error a permit is not changed
training.purpose = "ads";
// @ts-expect-error a question says whom it is about
await consent.require({ purpose: "ai-training" });
// @ts-expect-error a misspelt field is no field
await consent.decide({ subject, purpose: "ai-training", procesor: "kling" });
// @ts-expect-error who is asked about stands in the list
await consent.filter([subject], { subject, purpose: "ai-training" });

const names: Subject[] = await consent.filter([subject], { purpose: "ai-training", as_of_ms: 1 });
const uuids: Uint8Array = await held.filter(new Uint8Array(16), { purpose: "ai-training" });
for await (const one of consent.filter(new Set(names), { purpose: "ai-training" })) one satisfies string;
// @ts-expect-error what comes bit by bit is no list
await consent.filter(new Set(names), { purpose: "ai-training" }).length;

const query: Query = { purpose: "ads", signal: "gpc" };
const answers: Answer[] = await consent.decideAll([question, { subject, ...query }]);
for (const answer of answers) {
  if (answer.allow) answer.reason satisfies "given" | "notified" | "not-objected";
  else if (answer instanceof AskError) answer.code satisfies string;
  else answer.reason satisfies DenyReason;
}

const decision: Decision = held.decideHere(question);
for (const obligation of decision.obligations) {
  if (obligation.type === "request-flag") [obligation.name, obligation.value] satisfies string[];
  if (obligation.type === "delete-within") obligation.minutes satisfies number;
}
// @ts-expect-error an answer is not changed
decision.allow = true;

try {
  // @ts-expect-error only the question says what for
  train(await consent.require(question));
} catch (error) {
  if (error instanceof Denied) error.reason satisfies DenyReason;
}

const follower = new Follower(uuids);
if (follower.take("{}") === Taken.Missed) follower.free();
held.close();
