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
  dir: "ltr" | "rtl";
  regime: string;
  valid_ms: number;
  allowed: { nothing: string[]; refused: string[]; granted: string[] };
  texts: {
    title: string;
    text: string;
    lines: string[];
    accept: string;
    refuse: string;
    choose: string;
    offline: string;
    failed: string;
  };
  widget: { js: Asset; wasm: Asset; centre: Asset };
}

/** A choice as it is posted. */
interface Choice {
  v: 1;
  id: string;
  policy: string;
  notice: string;
  language: string;
  surface: "banner" | "centre";
  outcome?: "all-granted" | "all-refused";
  stances?: Record<string, "grant" | "refuse">;
}

interface Receipt {
  id: string;
  expires_at_ms: number;
}

/** What lies in `localStorage`. */
interface Stored {
  v: 1;
  subject: string;
  secret: string;
  choice: Choice & { at_ms: number };
  allowed: string[];
  until_ms: number;
  queue: Choice[];
  receipt?: Receipt;
}

type SyncState = ConsentrySync["state"];

/** What the widget says when choices are saved in the preference centre. */
interface WidgetChoice {
  v: 1;
  choice: Omit<Choice, "v" | "outcome">;
  allowed: string[];
  until_ms: number;
}

interface Consentry {
  /** Put here by the widget's glue. */
  _widget?: (options: { module_or_path: Promise<Response> }) => Promise<unknown>;

  /** Called by a loader that finds this one running: hands over its own boot document. */
  _renew(fresh: Boot): void;
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
