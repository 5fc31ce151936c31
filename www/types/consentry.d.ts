/**
 * What a page may use of Consentry: `window.consentry`, the events on `document`, and the elements.
 *
 * Copy this file into your project, name it in `types` of your `tsconfig.json`, or install the npm package, which brings it.
 * What is not here (names that begin with an underscore) is no promise.
 */

/** What is allowed at this moment, as `purpose` or `purpose/processor`. What the list does not name is denied. */
interface ConsentryState {
  readonly v: 1;
  readonly allowed: readonly string[];
}

/**
 * How far the latest choice has come. It holds in this browser in all of these states; only `failed` and
 * `superseded` take back what it granted (never what it refused).
 */
interface ConsentrySync {
  readonly v: 1;
  readonly state: "saving" | "saved" | "offline" | "superseded" | "failed";
}

/** Something that did not work. What was not granted stays denied. */
interface ConsentryProblem {
  readonly v: 1;
  /** `widget` and `more`: a file could not be loaded; `identity`, `network`, `receipt`: the server could not be asked, or said no. */
  readonly what: "widget" | "more" | "identity" | "network" | "receipt";
  readonly message: string;
}

interface ConsentryEvents {
  /** Once, soon after `on` was called: what is allowed now. */
  ready: ConsentryState;
  /** Whenever what is allowed changes, in this tab or in another of the same site. */
  change: ConsentryState;
  /** The preference centre opens. */
  open: { readonly v: 1; readonly section: ConsentrySection | null };
  /** The preference centre has closed. */
  close: { readonly v: 1 };
  /** How far a choice has come on its way to the server. */
  sync: ConsentrySync;
  /** Something did not work. */
  error: ConsentryProblem;
}

/** A part of the preference centre. */
type ConsentrySection = "processors" | "signals" | "history" | "rights";

/** What the server says when it has a choice. */
interface ConsentryReceipt {
  readonly v: 1;
  readonly id: string;
  /** Its place in the ledger. */
  readonly seq: number;
  /** Milliseconds since 1970, by the server's clock. */
  readonly recorded_at_ms: number;
  /** From when it is asked again, in milliseconds since 1970. */
  readonly expires_at_ms: number;
  /** SHA-256 of the policy that was answered. */
  readonly policy: string;
  /** SHA-256 of the texts that were shown. */
  readonly notice: string;
}

/** What is kept of this browser's subject, as docs/wire.md has it. */
interface ConsentryRecord {
  readonly v: 1;
  readonly events: readonly { readonly type: "chosen" | "signalled" | "demanded"; readonly at_ms: number; readonly [field: string]: unknown }[];
}

/** A method's name and what it is called with, or a function that gets `window.consentry`. */
type ConsentryCall = readonly [method: string, ...given: unknown[]] | ((consentry: Consentry) => void);

interface Consentry {
  /**
   * Whether this purpose is allowed now, or, with options, this processor for this purpose.
   * An unknown name, and options without a processor, are denied.
   */
  can(purpose: string, options?: { processor: string }): boolean;

  /** Calls `listener` at each `event`; what it returns ends that. */
  on<Name extends keyof ConsentryEvents>(event: Name, listener: (state: ConsentryEvents[Name]) => void): () => void;

  /**
   * Opens the preference centre, at one of its sections if one is named. Settles when it is open, or when the banner has said why it
   * could not be.
   */
  open(section?: ConsentrySection): Promise<void>;

  /**
   * Grants everything, as a choice by script: recorded as such, and never counted as the person's own. Call it where they have clicked,
   * or let the policy say `script_choices`; else it throws.
   */
  acceptAll(): void;

  /** Refuses everything. Needs no leave. */
  refuseAll(): void;

  /** Grants (true, as `acceptAll`) or refuses (false) one by one: `{ "marketing": false, "downstream-ai/kling": true }`. */
  set(stances: Readonly<Record<string, boolean>>): Promise<void>;

  /**
   * Says who is signed in, by an identity token that the site's back end has signed. A bare account id is never believed. Lasts until
   * `signOut`, or the page is left. What is chosen meanwhile is the account's as well, and holds on its other devices.
   */
  identify(token: string): Promise<void>;

  /** Forgets who is signed in: call it wherever nobody is. Nothing that was granted in the account's name stays behind; what was refused does. */
  signOut(): Promise<void>;

  /** All that is kept of this browser's subject; null before the first choice. */
  record(): Promise<ConsentryRecord | null>;

  /** The receipt of that choice, or of the latest; null where there is none yet. */
  receipt(id?: string): Promise<ConsentryReceipt | null>;

  /** All that the server keeps, and what lies in this browser, as one object to take along. */
  export(): Promise<object>;

  /** Erases what was chosen, here and on the server. */
  erase(): Promise<void>;

  /** The language of our texts; with a tag that the policy has texts in, changes to it. */
  language(tag?: string): Promise<string>;

  /** Forgets this browser's choices without telling the server, and asks again. For tests and support. */
  reset(): Promise<void>;

  /** Shows developers what is gated, what is not, and why. */
  debug(): Promise<void>;

  /** Calls a method, or a function with this object: works before the loader has run, on an array in its place. */
  push(call: ConsentryCall): void;

  /** Whom to name when a back end asks for a decision: `device:` and a UUID; null before the first choice. */
  readonly subject: string | null;

  /** SHA-256 of the policy that this page shows, in lower-case hex. */
  readonly policy: string;
}

interface Window {
  /** An array until the loader has run, if the page left one: until then nothing is allowed. */
  consentry?: Consentry;
}

interface DocumentEventMap {
  "consentry:change": CustomEvent<ConsentryState>;
  "consentry:sync": CustomEvent<ConsentrySync>;
  "consentry:open": CustomEvent<ConsentryEvents["open"]>;
  "consentry:error": CustomEvent<ConsentryProblem>;
}
