/**
 * c15t's page as its React quickstart has it, without a server (`mode: "offline"`): provider, banner and dialog, and the gated
 * scripts in `scripts`. `peers.js` bundles it.
 */

import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { ConsentBanner, ConsentDialog, ConsentManagerProvider } from "@c15t/react";

/** Its categories are fixed; which of ours they stand for. */
const CATEGORIES = { analytics: "measurement", marketing: "marketing", "ai-training": "experience" };

const options = {
  mode: "offline",
  consentCategories: ["necessary", "functionality", "experience", "measurement", "marketing"],
  // It turns its entrances off.
  theme: { motion: { duration: { fast: "0ms", normal: "0ms", slow: "0ms" } } },
  scripts: Object.entries(CATEGORIES).map(([id, category]) => ({ id, category, src: `/gated/${id}.js` })),
};

createRoot(document.getElementById("consent")).render(
  createElement(ConsentManagerProvider, { options }, createElement(ConsentBanner), createElement(ConsentDialog)),
);
