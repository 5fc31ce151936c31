import { useConsent } from "@consentry/page/react";

/** Says what would happen, before anything does. Your back end asks again: this is for people. */
export function Renderer() {
  const mayUseKling = useConsent("downstream-ai", { processor: "kling" });
  return (
    <section aria-labelledby="renderer">
      <h2 id="renderer">Make a clip</h2>
      <p id="renderer-state">{mayUseKling ? "Kling will animate your picture." : "Your picture stays with us; the clip is plain."}</p>
      {/* The element says so by itself, and offers to change it. */}
      <consentry-gate purpose="downstream-ai" processor="kling">
        <p id="styles">Choose a style of Kling’s.</p>
      </consentry-gate>
    </section>
  );
}
