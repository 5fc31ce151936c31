import { Gate } from "@consentry/page/react";

/** A film of others. Until it may be loaded, its address is nowhere in the page. */
export function Film() {
  return (
    <figure>
      <Gate purpose="analytics" fallback={<p>The film is not loaded, because it counts its viewers.</p>}>
        <iframe id="film" title="How it is made" src="https://others.test/film" width="320" height="180" />
      </Gate>
      <figcaption>How it is made</figcaption>
    </figure>
  );
}
