/**
 * What a page may use of Consentry: `window.consentry`, and the events on `document`.
 *
 * Copy this file into your project, or name it in `types` of your `tsconfig.json`.
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

interface ConsentryEvents {
  /** Once, soon after `on` was called: what is allowed now. */
  ready: ConsentryState;
  /** Whenever what is allowed changes, in this tab or in another of the same site. */
  change: ConsentryState;
}

interface Consentry {
  /**
   * Whether this purpose is allowed now, or, with options, this processor for this purpose.
   * An unknown name, and options without a processor, are denied.
   */
  can(purpose: string, options?: { processor: string }): boolean;

  /** Opens the preference centre. Settles when it is open, or when the banner has said why it could not be. */
  open(): Promise<void>;

  /** Calls `listener` at each `event`; what it returns ends that. */
  on<Name extends keyof ConsentryEvents>(event: Name, listener: (state: ConsentryEvents[Name]) => void): () => void;

  /** Whom to name when a back end asks for a decision: `device:` and a UUID; null before the first choice. */
  readonly subject: string | null;

  /** SHA-256 of the policy that this page shows, in lower-case hex. */
  readonly policy: string;

  /** The language in which Consentry speaks on this page, as a BCP 47 tag. */
  readonly language: string;
}

interface Window {
  /** Absent until the loader has run: until then nothing is allowed. */
  consentry?: Consentry;
}

interface DocumentEventMap {
  "consentry:change": CustomEvent<ConsentryState>;
  "consentry:sync": CustomEvent<ConsentrySync>;
}
