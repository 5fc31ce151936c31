/** Questions, as they are sent and remembered. The core reads them, so that a misspelt field is an error before it is sent. */

import { readQuery, readQuestion } from "./core.js";
import { AskError, messageOf } from "./errors.js";

/** @import { Query, Question } from "./index.js" */

/** A subject by name: a device, or an account. */
const SUBJECT = /^(?:device:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|account:[0-9a-f]{64})$/;

/** The question's one spelling. @param {Question} question */
export const textOf = (question) => read(readQuestion, question);

/** The same of a question about a list. @param {Query} query */
export const queryOf = (query) => read(readQuery, query);

/** The question as JSON, for whoever reads it anyway. @param {Question} question */
export const jsonOf = (question) => read((text) => text, question);

/** @param {(text: string) => string} reads @param {unknown} said */
function read(reads, said) {
  let cause;
  try {
    const text = JSON.stringify(said);
    if (typeof text === "string") return reads(text);
    cause = "it is no JSON";
  } catch (error) {
    cause = messageOf(error);
  }
  throw malformed(cause);
}

/** @param {string} cause */
export const malformed = (cause) => new AskError("malformed", `the question cannot be read (${cause}): correct it`);

/** @param {readonly unknown[]} subjects @returns {asserts subjects is readonly string[]} */
export function areSubjects(subjects) {
  if (!subjects.every((subject) => typeof subject === "string" && SUBJECT.test(subject))) {
    throw malformed("something in the list is no subject such as `device:…` or `account:…`");
  }
}
