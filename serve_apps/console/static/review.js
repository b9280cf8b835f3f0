"use strict";
// The review queue: choosing, deciding and undoing by keys; the slider. The forms work without it.
(() => {
  const { find, all, keys, say, post } = packshot;
  const queue = find("[data-queue]");
  const one = find("[data-one]");
  const form = queue ?? one;

  const boxes = () => all('input[name="item"][type="checkbox"]', queue ?? document);
  const mark = () => {
    const chosen = boxes().filter((box) => box.checked);
    for (const box of boxes()) box.closest("li").classList.toggle("chosen", box.checked);
    const said = find("[data-chosen]");
    if (said) said.textContent = chosen.length ? `${chosen.length} chosen` : "none chosen";
    const every = find("[data-every]");
    if (every) { every.checked = chosen.length > 0 && chosen.length === boxes().length; every.indeterminate = chosen.length > 0 && !every.checked; }
  };
  find("[data-every]")?.addEventListener("change", (event) => { for (const box of boxes()) box.checked = event.target.checked; mark(); });
  queue?.addEventListener("change", (event) => { if (event.target.name === "item") mark(); });

  const ids = () => {
    if (one) return [find('input[name="item"]', one).value];
    const chosen = boxes().filter((box) => box.checked).map((box) => box.value);
    const here = packshot.here()?.dataset.item;
    return chosen.length ? chosen : here ? [here] : [];
  };
  const shut = () => { for (const choice of all("details.choice[open]")) choice.open = false; };

  let busy = false;
  const act = async (action) => {
    const items = ids();
    if (!form || busy) return;
    if (!items.length) { say("Choose a picture first: j and k move, x chooses."); return; }
    const given = Object.fromEntries([...new FormData(form)].filter(([name]) => ["reason", "note", "change", "value"].includes(name)));
    if (action === "reject" && !given.reason) { open("reject"); say("Say why: choose a reason."); return; }
    busy = true;
    say("Working…");
    try {
      const answer = await post("/console/review/decide", { ...given, item: items, action });
      shut();
      if (!answer.decided.length) { say(answer.said); return; }
      if (one) { location.assign(find('input[name="then"]', one).value); return; }
      for (const id of answer.decided) {
        const row = document.getElementById(id);
        row?.classList.remove("chosen", "here");
        row?.classList.add("gone");
        row?.removeAttribute("data-row");
        row?.querySelector('input[name="item"]')?.remove();
      }
      mark();
      const back = find("[data-undo]");
      if (back && answer.decided.length) back.hidden = false;
      say(`${answer.said}. Press u to take it back.`);
      if (!boxes().length) location.reload(); else packshot.move(0);
    } catch (error) { say(error.message); } finally { busy = false; }
  };
  form?.addEventListener("submit", (event) => {
    const action = event.submitter?.dataset.act;
    if (!action) return;
    event.preventDefault();
    delete form.dataset.sent;
    act(action);
  });
  const open = (name) => {
    shut();
    const choice = find(`[data-choice="${name}"]`);
    if (!choice) return;
    choice.open = true;
    find("select", choice)?.focus();
  };
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { shut(); } });

  if (form && find("[data-act]")) {
    keys.a = () => { act("approve"); };
    keys.r = () => { open("reject"); };
    keys.m = () => { open("regenerate"); };
  }
  if (queue) keys.x = () => {
    const box = find('input[name="item"]', packshot.here() ?? document.createElement("i"));
    if (box) { box.checked = !box.checked; mark(); }
  };
  const undo = find("[data-undo]");
  if (undo) keys.u = () => { if (undo.hidden) say("There is nothing to take back."); else undo.requestSubmit(); };

  const viewer = find("[data-viewer]");
  if (!viewer) return;
  const views = all("[data-view]");
  const show = (name) => {
    for (const view of views) view.setAttribute("aria-pressed", String(view.dataset.view === name));
    for (const panel of all("[data-panel]", viewer)) panel.classList.toggle("on", panel.dataset.panel === name);
  };
  for (const view of views) view.addEventListener("click", () => show(view.dataset.view));
  keys.v = () => { const at = views.findIndex((view) => view.getAttribute("aria-pressed") === "true"); show(views[(at + 1) % views.length].dataset.view); };
  for (const name of ["j", "k"]) keys[name] = () => { find(`[data-go="${name}"]`)?.click(); };
  show("slider");

  const knob = find("[data-knob]");
  const after = find("[data-after]");
  const before = find("[data-before]");
  const slide = () => {
    after.style.clipPath = `inset(0 0 0 ${knob.value}%)`;
    before.style.clipPath = `inset(0 ${100 - knob.value}% 0 0)`;
  };
  if (knob && after) { knob.addEventListener("input", slide); slide(); }
})();
