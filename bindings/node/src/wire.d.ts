/** What crosses the border, as `docs/wire.md` has it. Times are milliseconds since the Unix epoch and end in `_ms`. */

/** `device:` and a UUID (version 4), or `account:` and 64 hexadecimal digits. */
export type Subject = string;

/** All that is said of a question but whom it is about. What is left out is not known, and takes the strictest reading. */
export interface Query<Purpose extends string = string, Processor extends string | undefined = string | undefined> {
  /** What for. */
  readonly purpose: Purpose;
  /** By whom; by the site itself if nothing is said. */
  readonly processor?: Processor;
  /** With which data; with all that the purpose uses if nothing is said. */
  readonly data?: string;
  /** What would be done with it; to process it if nothing is said. */
  readonly activity?: "process" | "train" | "own-ends";
  /** In which form it would be used. */
  readonly form?: "raw" | "pseudonymised" | "anonymised";
  /** In which way of working it came about. */
  readonly mode?: string;
  /** Where the subject is: a country, or a state of the US as `US-CA`. */
  readonly jurisdiction?: string;
  /** How old the subject is. */
  readonly age?: "under-13" | "13" | "14" | "15" | "16-17" | "adult";
  /** The plan that the subject is on. */
  readonly plan?: string;
  /** What the subject's browser says right now: `gpc` for `Sec-GPC: 1`. */
  readonly signal?: "gpc";
  /** As of which time in the past, by what had been recorded then. */
  readonly as_of_ms?: number;
  /** As of which time in the past, by what had happened then, whenever it was recorded. */
  readonly happened_by_ms?: number;
}

/** One question about one subject. */
export interface Question<Purpose extends string = string, Processor extends string | undefined = string | undefined>
  extends Query<Purpose, Processor> {
  /** Whose data. */
  readonly subject: Subject;
  /** The UUID of the device that an account is signed in on, so that both records count (R39). */
  readonly device?: string;
  /** For how long a guardian is known to stand by a minor's choices. */
  readonly guardian?: { readonly from_ms: number; readonly until_ms: number };
}

/** Why it may be done. */
export type AllowReason = "given" | "notified" | "not-objected";

/** Why it may not be done. */
export type DenyReason =
  | "not-given"
  | "refused"
  | "withdrawn"
  | "expired"
  | "policy-replaced"
  | "unconfirmed"
  | "objected"
  | "signal"
  | "restricted"
  | "erased"
  | "minor"
  | "under-age"
  | "no-policy"
  | "unknown-purpose"
  | "unknown-processor"
  | "unknown-data"
  | "unknown-mode"
  | "processor-not-used"
  | "data-not-covered"
  | "purpose-limited"
  | "training-excluded"
  | "own-use-excluded"
  | "mode-excluded"
  | "form-not-covered";

/** What comes with an answer. Periods are minutes. */
export type Obligation =
  | { readonly type: "delete-within" | "delete-after-inactivity" | "delete-backups-within"; readonly minutes: number }
  | {
      readonly type: "delete-after-use" | "delete-on-request" | "pseudonymise-first" | "anonymise-first" | "no-training" | "no-own-use" | "erase";
    }
  | { readonly type: "transfer-safeguard"; readonly country: string; readonly safeguard: string }
  | { readonly type: "request-flag"; readonly name: string; readonly value: string };

interface Decided {
  readonly v: 1;
  /** The purpose, or `purpose/processor`, that settled it. */
  readonly decided_by: string;
  /** The legal basis. */
  readonly basis?: string;
  /** How people must be asked where the subject is. */
  readonly regime: "opt-in" | "mixed" | "opt-out";
  /** The hash of the policy applied. */
  readonly policy: string;
  /** The names of the events that it rests on. A replica does not know them. */
  readonly events: readonly string[];
  /** What whoever acts on it must do. */
  readonly obligations: readonly Obligation[];
  /** What the site cannot offer without it. */
  readonly features_lost: readonly string[];
  /** Until when it may be relied on without asking again. */
  readonly valid_until_ms: number;
}

/** It may be done. */
export interface Allowed extends Decided {
  readonly allow: true;
  readonly reason: AllowReason;
}

/** It may not be done. */
export interface Refused extends Decided {
  readonly allow: false;
  readonly reason: DenyReason;
}

/** What was decided. */
export type Decision = Allowed | Refused;
