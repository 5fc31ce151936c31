/** The core by itself, for whoever checks afterwards what was answered. What crosses is JSON as `docs/wire.md` has it. */
export { Follower, Taken, readDecision, readDecisions, readQuery, readQuestion } from "../core/core.js";
