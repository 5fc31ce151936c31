/**
 * A back end on Fastify whose routes run with a permit only, answered from a replica in this process.
 *
 *     CONSENTRY_KEY=ck_… node examples/fastify.js http://127.0.0.1:8080
 *
 * Deliberately absent: a session. Whom a request is about stands in a header here, as if a proxy had put it there.
 */

import { pathToFileURL } from "node:url";
import Fastify from "fastify";
import { AskError, Denied, replica } from "consentry-node";

/** @import { FastifyReply, FastifyRequest } from "fastify" */
/** @import { Ask, Permit, Query } from "consentry-node" */

/** Takes a prompt into the training set. */
const TRAIN = /** @type {const} */ ({ purpose: "ai-training", data: "prompts", activity: "train" });
/** Hands a product picture to Kling. */
const FILM_WITH_KLING = /** @type {const} */ ({ purpose: "downstream-ai", processor: "kling", data: "product-images" });

/** Whom a request is about, and what is known of it. Your application asks its session. @param {FastifyRequest} request */
function whose({ headers }) {
  const subject = headers["x-subject"];
  // What the browser says right now counts, whether it was recorded or not.
  return typeof subject === "string" ? { subject, ...(headers["sec-gpc"] === "1" ? { signal: /** @type {const} */ ("gpc") } : {}) } : undefined;
}

/**
 * A handler that is called with a permit for this, and not without.
 *
 * @template {string} Purpose
 * @template {string | undefined} [Processor=undefined]
 * @param {Ask} consent
 * @param {Query<Purpose, Processor>} query
 * @param {(permit: Permit<Purpose, Processor>, request: FastifyRequest) => unknown} handle
 */
export function permitted(consent, query, handle) {
  /** @param {FastifyRequest} request @param {FastifyReply} reply */
  return async (request, reply) => {
    const who = whose(request);
    if (!who) return reply.code(401).send({ title: "nobody is signed in" });
    let permit;
    try {
      permit = await consent.require({ ...query, ...who });
    } catch (error) {
      if (error instanceof Denied) return reply.code(403).send({ title: "it is not allowed", reason: error.reason });
      // Nobody could say whether it is allowed, so it is not.
      if (error instanceof AskError) return reply.code(503).header("retry-after", "1").send({ title: "nobody could say whether it is allowed" });
      throw error;
    }
    return handle(permit, request);
  };
}

/** Where the model would learn. Nobody can call this who has not asked. @param {Permit<"ai-training">} permit @param {string} prompt */
function learn(permit, prompt) {
  return `learned ${[...prompt].length} characters for ${permit.check().purpose}\n`;
}

/** Where the picture would be sent, with what must go along. @param {Permit<"downstream-ai", "kling">} permit */
function film(permit) {
  return `filmed under ${permit.check().obligations.length} obligations\n`;
}

/** The back end. @param {Ask} consent */
export function backEnd(consent) {
  const app = Fastify();
  app.post("/train", permitted(consent, TRAIN, (permit, { body }) => learn(permit, String(body ?? ""))));
  app.post("/film", permitted(consent, FILM_WITH_KLING, film));
  return app;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const consent = await replica(process.argv[2] ?? "", "adforge", process.env.CONSENTRY_KEY ?? "");
  const app = backEnd(consent);
  app.addHook("onClose", async () => consent.close());
  await app.listen({ port: 3000 });
}
