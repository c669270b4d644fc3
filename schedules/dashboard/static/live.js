// Keeps the progress of a running crawl, and the lists, current; without it a page is the same, as of when it was opened.
"use strict";
const place = document.getElementById("live");
if (place) {
  let last = place.innerHTML;
  const ask = async () => {
    // Whoever is reading there by keyboard is not to lose the place.
    if (document.hidden || place.contains(document.activeElement)) return;
    try {
      const answer = await fetch(place.dataset.live, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) return;
      const found = new DOMParser().parseFromString(await answer.text(), "text/html");
      const told = (found.getElementById("live") || found.body).innerHTML;
      if (told !== last) place.innerHTML = last = told;
    } catch {
      // The service is not there just now; what was last told stands with its time.
    }
  };
  setInterval(ask, 1000 * Number(place.dataset.every));
}
