"use strict";
// The chosen photo at once, dropping one, and what it will take.
(() => {
  const { find } = packshot;
  const form = find("[data-try]");
  if (!form) return;
  const drop = find("[data-drop]", form), file = find("input[type=file]", form), preview = find("[data-preview]", form);
  const show = () => {
    if (preview.src) URL.revokeObjectURL(preview.src);
    preview.hidden = !file.files.length;
    if (file.files.length) preview.src = URL.createObjectURL(file.files[0]);
  };
  file.addEventListener("change", show);
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) { file.files = event.dataTransfer.files; show(); }
  });

  const choice = find("[data-template]", form), quote = find("[data-quote]", form);
  const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
  const ask = async () => {
    const asked = choice.value;
    const answer = await fetch(`/console/try/quote?template=${encodeURIComponent(asked)}`, { headers: { accept: "application/json" } });
    const found = await answer.json();
    if (choice.value !== asked) return;
    quote.textContent = answer.ok
      ? `${found.shots} picture${found.shots === 1 ? "" : "s"} for ${found.destinations.join(", ")}: about ${short.format(found.seconds)} s of work, ${short.format(found.price)} ${found.currency}`
      : found.detail;
  };
  choice.addEventListener("change", () => ask().catch(() => {}));
  ask().catch(() => {});
})();
