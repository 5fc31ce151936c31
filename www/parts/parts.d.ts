/**
 * What the parts are given, and what they find in a page that TypeScript's own library does not describe.
 *
 * Each part is the body of a function of its own, `(function(config){"use strict"; …})`, and sees no name of another. They
 * are checked together all the same: names at their top level therefore differ, and `config` is described once for all.
 */

/** The one parameter of a part. */
declare const config: SignalsConfig & GuardConfig & CleanConfig & ImportsConfig;

/** A purpose, or `purpose/processor`: one of what `consentry:change` lists. */
type Target = string;

/** What `signals.js` is given. */
interface SignalsConfig {
  /** Signals of Google Consent Mode, and the targets of which each needs all. */
  google: Record<string, Target[]> | null;
  /** What `ad_storage` of Microsoft UET follows. */
  microsoft: Target | null;
  /** Categories of the WP Consent API. */
  wordpress: Record<string, Target>;
  /** Whether people are asked first here. */
  optin: boolean;
}

/** What `guard.js` is given. */
interface GuardConfig {
  /** Hosts, in lower case, and what must be allowed before they are asked for anything. */
  hosts: Record<string, Target>;
}

/** What `clean.js` is given. */
interface CleanConfig {
  /** A target, its cookies, and its keys in the storages; in both `*` stands for anything. */
  clean: [target: Target, cookies: string[], keys: string[]][];
  /** Targets whose withdrawal reloads the page. */
  reload: Target[];
}

/** Systems whose choices can be taken over. */
type ImportSource = "cookieconsent" | "klaro" | "c15t" | "onetrust" | "cookiebot";

/** What `imports.js` is given. */
interface ImportsConfig {
  site: string;
  /** Where to look, in this order. */
  from: ImportSource[];
  /** Where a system's cookie has another name than usual. */
  cookie: Partial<Record<ImportSource, string>>;
  /** What they call our targets. */
  names: Record<string, Target>;
  /** What can be chosen here. */
  targets: Target[];
  validity_ms: number;
}

/** What `imports.js` hands over. */
interface ImportedChoice {
  source: ImportSource;
  stances: Record<Target, "grant" | "refuse">;
  /** When it was made by the old system's word; null where it does not say. */
  at_ms: number | null;
}

interface Window {
  dataLayer?: unknown[];
  uetq?: unknown[];
  wp_consent_type?: string;
  wp_has_consent?: (category: string) => boolean;
  wp_set_consent?: (category: string, word: "allow" | "deny") => void;
}
