"use strict";
// An order under way: its latest event, and the page anew when there is something to see.
(() => {
  const { find } = packshot;
  const note = find("[data-follow]");
  const latest = find("[data-latest]", note);
  const source = new EventSource(note.dataset.follow);
  const types = ["queued", "started", "retried", "succeeded", "review", "rejected", "failed", "cancelled"];
  const ended = new Set(["succeeded", "review", "rejected", "failed", "cancelled"]);
  const seen = (type) => {
    latest.textContent = type;
    if (ended.has(type.replace("order.", ""))) { source.close(); setTimeout(() => location.reload(), 300); }
  };
  for (const type of types) source.addEventListener(`order.${type}`, () => seen(`order.${type}`));
  source.addEventListener("order.step", (event) => {
    const { data } = JSON.parse(event.data);
    latest.textContent = data.step ? `${data.step}` : "order.step";
  });
  source.addEventListener("asset.published", () => seen("asset.published"));
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) location.reload(); });
  addEventListener("pagehide", () => source.close());
})();
