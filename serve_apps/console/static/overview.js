"use strict";
// Figures as they change. The page that came with the first ones stays as it is where this does not run.
(() => {
  const { find, all, listen } = packshot;
  const make = (name, fields = {}, ...inside) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(fields)) made[key] = value;
    made.append(...inside);
    return made;
  };
  const live = find("[data-live]");

  const tiles = (now) => {
    for (const [name, tile] of Object.entries(now.tiles)) {
      const place = find(`[data-tile="${name}"]`);
      if (!place) continue;
      const value = find("[data-value]", place);
      if (value.textContent !== tile.value) {
        value.textContent = tile.value;
        value.parentElement.classList.remove("fresh");
        void value.offsetWidth;
        value.parentElement.classList.add("fresh");
      }
      find("[data-note]", place).textContent = tile.note;
    }
  };
  const share = ({ released, rejected, failed }) => {
    const total = released + rejected + failed;
    const bars = all("[data-share] rect");
    if (!total || bars.length !== 3) return;
    const [good, held] = [(1000 * released) / total, (1000 * rejected) / total];
    bars[0].setAttribute("width", good);
    bars[1].setAttribute("x", good);
    bars[1].setAttribute("width", held);
    bars[2].setAttribute("x", good + held);
    bars[2].setAttribute("width", Math.max(0, 1000 - good - held));
  };
  const runs = (found) => find("[data-runs]").replaceChildren(...(found.length ? found.map((run) => make("p", {},
    make("a", { href: `/console/runs/${encodeURIComponent(run.id)}`, textContent: run.id }), " ",
    make("span", { className: "dim", textContent: run.catalog }), make("br"),
    make("label", { className: "dim" }, `${run.shots.toLocaleString("en")} of ${run.due.toLocaleString("en")} pictures`,
      make("progress", { max: run.of || 1, value: run.done })))) : [make("p", { className: "dim", textContent: "No run goes on." })]));
  const notices = (found) => find("[data-notices]").replaceChildren(...found.map((one) => make("p", { className: `note ${one.kind}` },
    one.path ? make("a", { href: `/console${one.path}`, textContent: one.text }) : one.text)));

  const source = listen("/console/events", {
    now(now) {
      if (now.error) { live.textContent = `the database does not answer (${now.error})`; return; }
      tiles(now); share(now.share); runs(now.runs); notices(now.notices);
      live.textContent = `live, ${new Date(now.at).toLocaleTimeString()}`;
    },
  }, () => { live.textContent = "no longer live: load the page again"; });
  source.addEventListener("error", () => { if (source.readyState === EventSource.CONNECTING) live.textContent = "connecting again"; });
})();
