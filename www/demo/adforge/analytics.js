/**
 * A stand-in for an analytics script: counts this browser's visits, visibly.
 *
 * It runs only once analytics is allowed. What has run cannot be unrun, so it also listens for the withdrawal, and then
 * forgets what it counted.
 */

(() => {
  const key = "adforge:visits";
  const line = /** @type {HTMLElement} */ (document.getElementById("visits"));
  const waiting = line.textContent;

  const count = () => {
    const visits = Number(localStorage.getItem(key)) + 1;
    localStorage.setItem(key, String(visits));
    line.textContent = visits === 1 ? "Counting: this is your first visit." : `Counting: you have been here ${visits} times.`;
    line.className = "on";
  };

  const forget = () => {
    localStorage.removeItem(key);
    line.textContent = waiting;
    line.className = "off";
  };

  count();
  document.addEventListener("consentry:change", ({ detail }) => {
    const counting = line.className === "on";
    const allowed = detail.allowed.includes("analytics");
    if (counting && !allowed) forget();
    if (!counting && allowed) count();
  });
})();
