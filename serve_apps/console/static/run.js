"use strict";
// A run that goes on, looked at every two seconds; the page is loaded anew when it has ended.
(() => {
  const { find } = packshot;
  const card = find("[data-progress]");
  const look = async () => {
    if (document.hidden) return;
    const answer = await fetch(card.dataset.progress, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const now = await answer.json();
    if (now.state !== "running") { location.reload(); return; }
    find("[data-chunks]", card).textContent = `${now.done} of ${now.of}`;
    find("progress", card).max = now.of || 1;
    find("progress", card).value = now.done;
    const parts = Object.entries(now.status).sort().map(([name, count]) => `${count.toLocaleString("en")} ${name}`);
    const shots = Object.values(now.status).reduce((sum, count) => sum + count, 0);
    find("[data-shots]", card).textContent = `${shots.toLocaleString("en")} of ${now.due.toLocaleString("en")} pictures: ${parts.join(", ")}`;
  };
  setInterval(() => look().catch(() => {}), 2000);
})();
