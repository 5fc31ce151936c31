/** The same switches as in the preference centre, as part of the site. */
export function Settings() {
  return (
    <section aria-labelledby="settings">
      <h2 id="settings">Settings</h2>
      <p>
        News by e-mail: <consentry-toggle purpose="marketing" />
      </p>
      <consentry-preferences />
    </section>
  );
}
