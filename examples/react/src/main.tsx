/** Starts Consentry and React. Neither waits for the other. */

import { load } from "@consentry/page";
import { createRoot } from "react-dom/client";
import { App } from "./App";

const { content, nonce } = document.querySelector<HTMLMetaElement>('meta[name="consentry"]')!;
load({ src: content, nonce: nonce || undefined }).catch((error) => {
  // Without it nothing is allowed, and the page works as after a refusal.
  console.error(error);
});

createRoot(document.getElementById("app")!).render(<App />);
