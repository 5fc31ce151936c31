/**
 * A back end on Express whose routes run with a permit only.
 *
 *     CONSENTRY_KEY=ck_… node examples/express.js http://127.0.0.1:8080
 *
 * Deliberately absent: a session. Whom a request is about stands in a header here, as if a proxy had put it there.
 */

import { pathToFileURL } from "node:url";
import express from "express";
import { AskError, Denied, remote } from "consentry-node";

/** @import { NextFunction, Request, Response } from "express" */
/** @import { Ask, Permit, Query } from "consentry-node" */

/** Takes a prompt into the training set. */
const TRAIN = /** @type {const} */ ({ purpose: "ai-training", data: "prompts", activity: "train" });
/** Hands a product picture to Kling. */
const FILM_WITH_KLING = /** @type {const} */ ({ purpose: "downstream-ai", processor: "kling", data: "product-images" });

/** Whom a request is about, and what is known of it. Your application asks its session. @param {Request} request */
function whose(request) {
  const subject = request.get("x-subject");
  // What the browser says right now counts, whether it was recorded or not.
  return subject ? { subject, ...(request.get("sec-gpc") === "1" ? { signal: /** @type {const} */ ("gpc") } : {}) } : undefined;
}

/**
 * Lets a request through with a permit for this, which stands in `response.locals.permit`.
 *
 * @template {string} Purpose
 * @template {string | undefined} [Processor=undefined]
 * @param {Ask} consent
 * @param {Query<Purpose, Processor>} query
 */
export function permitted(consent, query) {
  /** @param {Request} request @param {Response<unknown, { permit: Permit<Purpose, Processor> }>} response @param {NextFunction} next */
  return async (request, response, next) => {
    const who = whose(request);
    if (!who) return void response.status(401).json({ title: "nobody is signed in" });
    try {
      response.locals.permit = await consent.require({ ...query, ...who });
    } catch (error) {
      if (error instanceof Denied) return void response.status(403).json({ title: "it is not allowed", reason: error.reason });
      // Nobody could say whether it is allowed, so it is not.
      if (error instanceof AskError) return void response.status(503).set("retry-after", "1").json({ title: "nobody could say whether it is allowed" });
      throw error;
    }
    next();
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
  const app = express();
  app.use(express.text());
  app.post("/train", permitted(consent, TRAIN), (request, response) => void response.send(learn(response.locals.permit, request.body ?? "")));
  app.post("/film", permitted(consent, FILM_WITH_KLING), (_request, response) => void response.send(film(response.locals.permit)));
  return app;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  backEnd(remote(process.argv[2] ?? "", "adforge", process.env.CONSENTRY_KEY ?? "")).listen(3000);
}
