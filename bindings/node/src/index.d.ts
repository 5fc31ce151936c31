import type { Decision, Obligation, Query, Question, Refused, Subject } from "./wire.js";

export type * from "./wire.js";

/** What time it is, and how to wait. The machine's if nothing is said; one in hand is for tests. */
export interface Clock {
  /** Milliseconds since the Unix epoch. It has to be right to within the policy's `recheck`. */
  now(): number;
  /** Milliseconds since some moment that stays the same. It never goes back. */
  elapsed(): number;
  /** Settles after so many milliseconds, and at once where the signal is, or is then, aborted. It never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** How a server is asked. Times are milliseconds. */
export interface RemoteOptions {
  /** How long an answer may take, with all tries and the waits between them; of many questions, of each request of a thousand. 5 000 if nothing is said. */
  readonly answerWithinMs?: number;
  /** For how long an answer is remembered at most: a withdrawal may go unnoticed for as long. 5 000 if nothing is said; 0 remembers nothing. */
  readonly rememberedForMs?: number;
  /** How many answers are remembered at most, the last ones: some 2 KiB each. 10 000 if nothing is said. */
  readonly rememberedMax?: number;
  readonly clock?: Clock;
  /** Sends the requests: Node's own if nothing is said. For a server whose certificate only you believe, or whoever counts requests. */
  readonly fetch?: typeof fetch;
}

/** How a replica is kept. Times are milliseconds. */
export interface ReplicaOptions extends RemoteOptions {
  /** From when on nothing is answered any more, counted from when it had last heard all that the server had kept. 60 000 if nothing is said. */
  readonly staleAfterMs?: number;
  /** How long it may take until the server has sent a replica: it may have to make one first. 300 000 if nothing is said. */
  readonly loadWithinMs?: number;
  /** The file that the replica is kept in, which a restart begins with. It is readable for its owner alone, and lies where nobody else writes. */
  readonly file?: string;
}

/** A decision, or why there is none. `allow` is true where it may be done, and nowhere else. */
export type Answer = Decision | AskError;

/** A decision, and why. */
export interface Explained {
  readonly decision: Decision;
  /** Why, in words; none where the policy has none in this regime. */
  readonly explanation?: {
    /** For the person whose data it is. */
    readonly sentence: string;
    /** The language of that, one of the policy's. */
    readonly language: string;
    /** For whoever has to find out why. */
    readonly line: string;
  };
}

/** Can be asked what may be done with somebody's data. */
export interface Ask {
  /**
   * Asks one question.
   *
   * @throws {AskError} where there is no answer. Then nobody has said yes: process nothing.
   */
  decide(question: Question): Promise<Decision>;

  /** Asks any number of questions: as many answers, in the same order. Each stands for itself, so that one that cannot be read denies one subject. */
  decideAll(questions: readonly Question[]): Promise<Answer[]>;

  /**
   * Asks, and hands out a permit if the answer is yes. What it is for is what the question says, whatever is wanted (TypeScript 5.4 and later).
   *
   * @throws {Denied} with the decision where the answer is no
   * @throws {AskError} where there is none that counts now
   */
  require<const Purpose extends string, const Processor extends string | undefined = undefined>(
    question: Question<Purpose, Processor>,
  ): Promise<Permit<NoInfer<Purpose>, NoInfer<Processor>>>;

  /**
   * Of these subjects those for whom it is allowed, in the same order. What is said of them is as fresh as their piece of the list: whoever
   * takes long over it asks for a permit before they act.
   *
   * The 16 bytes of each device's UUID, one after the other, are answered in the same form, a list of names as a list; what comes bit by bit
   * goes on bit by bit, in constant memory. After an error nothing more comes: who has come until then is allowed; who has not, nobody knows.
   *
   * @throws {AskError} where there is no answer
   */
  filter(uuids: Uint8Array, query: Query): Promise<Uint8Array>;
  filter(subjects: readonly Subject[], query: Query): Promise<Subject[]>;
  filter(subjects: Iterable<Subject> | AsyncIterable<Subject>, query: Query): AsyncGenerator<Subject, void, undefined>;

  /**
   * Asks the server one question, and for words that say why, in the policy's language that suits best. Never from memory.
   *
   * @throws {AskError} where there is no answer
   */
  explain(question: Question, language: string): Promise<Explained>;

  /**
   * Under which names accounts are asked about, by their ids as the site has them, in the same order. Names say nothing of whether anything is
   * known, and may be kept.
   *
   * @throws {AskError} where there is no answer
   */
  accounts(ids: readonly string[]): Promise<Subject[]>;
}

/**
 * Asks a server over HTTP.
 *
 * How fresh an answer is: it was asked for at most `rememberedForMs` ago (5 s if nothing else is said), and is never relied on for longer than it
 * says itself. What is tried again: what breaks off, and what is answered 429, 502, 503 or 504, after its `Retry-After` or a growing wait; at
 * most four times, and within `answerWithinMs`.
 */
export interface Remote extends Ask {}

/**
 * Answers in this process. What the server has kept counts as soon as the change feed has brought it, some milliseconds later. Where nothing has
 * been heard for `staleAfterMs` (60 s if nothing else is said), nothing is answered, until all that was missed has been heard.
 *
 * It does not know which events a decision rests on. Where it knows too little to answer at all, and about the past by what had happened then, it
 * asks the server. It follows until it is closed, and keeps the process from ending for as long.
 */
export interface Replica extends Ask {
  /** How many entries of the site's ledger are taken into account: all before the one with this number. */
  readonly entries: number;
  /** How long ago it had heard all that there was, in milliseconds. */
  readonly ageMs: number;
  /** The hash of the newest policy that it knows; none while another replica is fetched. */
  readonly policy: string | undefined;

  /**
   * Answers at once, or not at all: what it can say without the server.
   *
   * @throws {AskError} `stale`, or `not-held` where the server has to be asked
   */
  decideHere(question: Question): Decision;

  /**
   * Settles once that entry of the ledger is taken into account: a choice's receipt says which it is (`seq`).
   *
   * @throws {AskError} `ended`
   */
  heard(seq: number): Promise<void>;

  /** Follows no more, and answers no more. */
  close(): void;
}

/** Asks the server at `url` (`https://consent.example`) about people of `site`, with an API key of the scope `ask`. Nothing is sent yet.
 *
 * @throws {SetUpError} if one of them is not what it has to be
 */
export function remote(url: string, site: string, key: string, options?: RemoteOptions): Remote;

/** Fetches a replica of the site, with an API key of the scopes `ask` and `export`, and follows the change feed. Settles once it has heard all that there is.
 *
 * @throws {SetUpError} if one of them is not what it has to be
 * @throws {AskError} where there is no replica
 */
export function replica(url: string, site: string, key: string, options?: ReplicaOptions): Promise<Replica>;

/**
 * Somebody has asked, and it may be done: with this subject's data, for this purpose, by this processor (undefined is the site itself), under
 * these obligations, until it expires. `require` alone makes one, and it can be neither copied nor kept for later: queued work asks again.
 */
export class Permit<Purpose extends string = string, Processor extends string | undefined = undefined> {
  private constructor();
  /** Nothing else that looks like it is one. */
  readonly #ours: true;
  readonly subject: Subject;
  readonly purpose: Purpose;
  readonly processor: Processor;
  /** With which data; undefined is all that the purpose uses. */
  readonly data: string | undefined;
  /** What was asked, with its circumstances. */
  readonly question: Question<Purpose, Processor>;
  readonly decision: Decision;
  /** What whoever acts on it must do. */
  readonly obligations: readonly Obligation[];
  /** What must go along with the request to the processor, by name. */
  readonly requestFlags: Readonly<Record<string, string>>;
  /** From when on it permits nothing more, in milliseconds since the Unix epoch, by the server's clock. */
  readonly expiresMs: number;
  /**
   * The permit, if it still permits. Whatever demands one calls this first: what only looks like a permit throws.
   *
   * @throws {PermitError} once it does not
   */
  check(): this;
}

/**
 * Why there is no answer: `unreachable`, `too-slow`, `busy`, `wrong-key`, `not-found`, `refused` (by the server), `unreadable` (its answer), `miscounted`,
 * `malformed` (the question), `not-of-a-list`, `stale` and `not-held` (a replica), `past` and `expired` (no permit), `ended`.
 */
export type AskErrorCode =
  | "unreachable"
  | "too-slow"
  | "busy"
  | "wrong-key"
  | "not-found"
  | "refused"
  | "unreadable"
  | "miscounted"
  | "malformed"
  | "not-of-a-list"
  | "stale"
  | "not-held"
  | "past"
  | "expired"
  | "ended";

export interface AskErrorDetails {
  /** What the server answered last. */
  readonly status?: number;
  /** How often it was tried. */
  readonly tries?: number;
  /** How old the replica is, in milliseconds. */
  readonly ageMs?: number;
}

/** Why there is no answer. Process nothing until there is one. */
export class AskError extends Error implements AskErrorDetails {
  constructor(code: AskErrorCode, message: string, details?: AskErrorDetails);
  readonly code: AskErrorCode;
  /** Among decisions, it is none that allows. */
  readonly allow: false;
  readonly status: number | undefined;
  readonly tries: number | undefined;
  readonly ageMs: number | undefined;
}

/** Asked, and told no. */
export class Denied extends Error {
  constructor(decision: Decision);
  readonly decision: Refused;
  readonly reason: Refused["reason"];
}

/** A permit permits no more: ask again. */
export class PermitError extends Error {
  constructor(expiredMs: number, nowMs: number);
  readonly code: "expired";
  readonly expiredMs: number;
  readonly nowMs: number;
}

/** Nobody can be asked like this: correct what the code names. */
export class SetUpError extends Error {
  constructor(code: "url" | "site" | "key" | "option", message: string);
  readonly code: "url" | "site" | "key" | "option";
}
