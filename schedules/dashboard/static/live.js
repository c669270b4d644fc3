// Refreshes the element #live: progress of a run, or the lists. Without scripts the page shows the state at load.
"use strict";
const live = document.getElementById("live");
if (live) {
  let shown = live.innerHTML;
  const refresh = async () => {
    // Keep the keyboard focus of a reader inside.
    if (document.hidden || live.contains(document.activeElement)) return;
    try {
      const response = await fetch(live.dataset.live, { credentials: "same-origin", redirect: "error" });
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const html = (page.getElementById("live") || page.body).innerHTML;
      if (html !== shown) live.innerHTML = shown = html;
    } catch {
      // The service is down: keep the last state, which shows its time.
    }
  };
  setInterval(refresh, 1000 * Number(live.dataset.every));
}
