/**
 * What the loader is given, keeps and hands on; see docs/wire.md, which says what the fields mean.
 */

/** The loader's one parameter. It is replaced when the server says that the policy in it was superseded. */
declare let boot: Boot;

/** A path under `base`, and its subresource integrity. */
type Asset = [path: string, integrity: string];

interface Boot {
  v: 1;
  site: string;
  base: string;
  policy: string;
  notice: string;
  language: string;
  languages: string[];
  dir: "ltr" | "rtl";
  regime: string;
  valid_ms: number;
  rest_ms: number;
  allowed: { nothing: string[]; refused: string[]; granted: string[] };
  gpc?: string[];
  earlier?: Record<string, PolicyChange>;
  names?: Record<string, string>;
  layout?: "box" | "corner" | "inline";
  script?: true;
  local?: true;
  texts: {
    title: string;
    text: string;
    lines: string[];
    accept: string;
    refuse: string;
    choose: string;
    offline: string;
    failed: string;
    signal?: string;
    change_title: string;
    change_text: string;
    gate_off: string;
    gate_allow: string;
  };
  widget: { js: Asset; wasm: Asset; centre: Asset; more: Asset; debug: Asset };
}

/** What an earlier policy's grants are not worth any more, and what is asked again. */
interface PolicyChange {
  ends: string[];
  asks: string[];
  /** Of these what is new. */
  fresh: string[];
  /** For each that is asked, what the banner says of its purpose. */
  lines: string[];
  from?: string;
}

/** A choice as it is posted. */
interface Choice {
  v: 1;
  id: string;
  policy: string;
  notice: string;
  language: string;
  surface: "banner" | "centre" | "page" | "script" | "import";
  confirmed?: true;
  outcome?: "all-granted" | "all-refused";
  stances?: Record<string, "grant" | "refuse">;
}

/** A choice as it is kept: when it was made by this browser's clock, and what the server said to it. */
interface KnownChoice extends Choice {
  at_ms: number;
  receipt?: ConsentryReceipt;
}

/** A right used, or its use taken back. */
interface Demand {
  v: 1;
  id: string;
  demand: "objection" | "restriction" | "erasure";
  purpose?: string;
  lifted?: true;
}

interface SentSignal {
  v: 1;
  id: string;
  signal: "gpc";
}

type Sent = Choice | Demand | SentSignal;
type Destination = "choices" | "signals" | "demands";

/** What lies in `localStorage`. */
interface Stored {
  v: 1;
  subject: string;
  secret: string;
  choices: KnownChoice[];
  signal?: { id: string; at_ms: number };
  demands?: (Omit<Demand, "v"> & { at_ms: number })[];
  /** What they end while they stand, whatever is chosen. */
  ends?: string[];
  allowed: string[];
  until_ms: number;
  ask_ms: number;
  queue: [Destination, Sent][];
  /** There once something was chosen while somebody was signed in, until that one has signed out. */
  signed?: { account: string; own: OwnState; owed: [Destination, Sent][] };
}

/** What is the device's own, whoever is signed in. */
type OwnState = Pick<Stored, "choices" | "allowed" | "until_ms" | "ask_ms">;

type SyncState = ConsentrySync["state"];

/** What the widget says when choices are saved in the preference centre. */
interface WidgetChoice {
  v: 1;
  choice: Omit<Choice, "v" | "outcome">;
  allowed: string[];
  until_ms: number;
  ask_ms: number;
}

/** What a page may leave before the loader runs. */
type Queue = ConsentryCall[];

/** What `more.js` gives back. */
type More = Pick<
  Consentry,
  "set" | "identify" | "signOut" | "record" | "receipt" | "export" | "erase" | "language" | "reset" | "debug"
>;

/** What `more.js` and `debug.js` get of the loader: names here are a contract with them. */
interface Inside {
  boot(): Boot;
  stored(): Stored | null;
  write(stored: Stored): void;
  enqueue(to: Destination, what: Sent): void;
  restore(): void;
  obey(list: string[]): void;
  address(path: string): string;
  /** What the widget's events begin with, once it runs. */
  base(): Promise<object>;
  emit(name: string, detail: object): void;
  meets(expression: string): boolean;
  isKnown(name: string): boolean;
  wanted(element: Element): string | null;
  gated: Set<Element>;
  token(stored: Stored): string;
  uuid(version: 4 | 7): string;
  load(url: string, integrity?: string): Promise<unknown>;
  /** What the account does not allow that is signed in. */
  ends?: string[];
  script(language: string): string;
}

interface Consentry {
  /** Put here by the widget's glue. */
  _widget?: (options: { module_or_path: Promise<Response> }) => Promise<unknown>;

  /** Called by a loader that finds this one running: hands over its own boot document. */
  _renew(fresh: Boot): void;

  /** Put here by `more.js` and `debug.js`. */
  _more?(inside: Inside): More;
  _debug?(inside: Inside): void;
}

interface DocumentEventMap {
  "consentry:choice": CustomEvent<WidgetChoice>;
  "consentry:close": CustomEvent<{ v: 1 }>;
}

/** Trusted Types, which TypeScript's own library does not describe. */
interface Window {
  trustedTypes?: {
    createPolicy(
      name: string,
      rules: { createScript(text: string): string; createScriptURL(url: string): string },
    ): ScriptMaker;
  };
}

interface ScriptMaker {
  createScript(text: string): string;
  createScriptURL(url: string): string;
}
