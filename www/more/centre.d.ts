/**
 * What of the centre document, and of the server's answers, is read here; see docs/wire.md.
 */

interface CentreDocument {
  policy: {
    controller: { contact: string };
    purposes: { id: string; kind: string }[];
    processors: { id: string; name: string }[];
  };
  texts: Record<string, string | undefined>;
}

interface RecordDocument {
  v: 1;
  events: RecordedEvent[];
}

interface RecordedEvent {
  type: "chosen" | "signalled" | "demanded" | "lent";
  at_ms: number;
  seq?: number;
  [field: string]: unknown;
}

/** What somebody chose in another system on this site. */
interface FoundChoices {
  source: string;
  stances: Record<string, "grant" | "refuse" | boolean>;
  /** Null where that system does not say. */
  at_ms: number | null;
}

type Stance = "grant" | "refuse";

/** Where a choice that the widget makes for us was made. */
type AskedSurface = "page" | "script" | "import";

type Right = "export" | "access" | "objection" | "restriction" | "erasure";

/** What the widget says when somebody uses a right, or lifts it. */
interface WidgetDemand {
  v: 1;
  right: Right;
  lifted: boolean;
  /** What may not be done while demands stand, and what may by what was chosen: of an objection and a restriction. */
  ends: string[];
  allowed: string[];
}

interface DocumentEventMap {
  "consentry:demand": CustomEvent<WidgetDemand>;
  "consentry:receipt": CustomEvent<{ v: 1; id: string }>;
}
