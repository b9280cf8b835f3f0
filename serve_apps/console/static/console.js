"use strict";
// What every page of the console does: menu, theme, keys, moving through rows. Pages work without it.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const find = (what, where = document) => where.querySelector(what);
  const all = (what, where = document) => [...where.querySelectorAll(what)];

  const menu = find(".menu");
  menu?.addEventListener("click", () => {
    const open = find("#nav").classList.toggle("open");
    menu.setAttribute("aria-expanded", String(open));
  });

  const said = find("[data-said]");
  const say = (text) => { if (said) said.textContent = text; };

  find("[data-theme-button]")?.addEventListener("click", () => {
    const order = ["system", "light", "dark"];
    const now = localStorage.getItem("packshot.theme") ?? "system";
    const next = order[(order.indexOf(now) + 1) % order.length];
    if (next === "system") { localStorage.removeItem("packshot.theme"); delete root.dataset.theme; }
    else { localStorage.setItem("packshot.theme", next); root.dataset.theme = next; }
    say(`Theme: ${next}`);
  });

  // Times as the reader's clock says; the title keeps UTC.
  const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const local = (where = document) => {
    for (const time of all("time[datetime]", where)) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.valueOf())) time.textContent = clock.format(at);
    }
  };
  local();

  // A second press of a button must not act twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.ask && !window.confirm(form.dataset.ask)) { event.preventDefault(); return; }
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form.filter");
    if (form && event.target.matches("select")) form.requestSubmit();
  });

  const rows = () => all("[data-row]");
  let place = -1;
  const move = (by) => {
    const found = rows();
    if (!found.length) return;
    found[place]?.classList.remove("here");
    place = Math.max(0, Math.min(found.length - 1, place + by));
    const row = found[place];
    row.classList.add("here");
    row.scrollIntoView({ block: "nearest" });
    (row.matches("a,button,[tabindex]") ? row : find("[data-open]", row) ?? find("a,button,input", row))?.focus({ preventScroll: true });
  };

  const help = find("#keys");
  const on = () => localStorage.getItem("packshot.keys") !== "off";
  const toggle = find("[data-keys-switch]");
  if (toggle) {
    toggle.checked = on();
    toggle.addEventListener("change", () => localStorage.setItem("packshot.keys", toggle.checked ? "on" : "off"));
  }
  find("[data-help-button]")?.addEventListener("click", () => help.showModal());

  const follow = (what) => { const link = find(what); if (link) { link.click(); return true; } return false; };
  const KEYS = {
    j: () => move(1), k: () => move(-1), n: () => follow("a[rel=next]"), p: () => follow("a[rel=prev]"),
    Enter: (event) => (event.target.matches("[data-row]") ? (find("a:not([hidden])", event.target)?.click(), true) : false),
    "?": () => help?.showModal(), "/": () => find("[data-search]")?.focus(),
  };
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (!on() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input:not([type=checkbox]):not([type=radio]),textarea,select,[contenteditable]")) return;
    if (find("dialog[open]")) return;
    const key = event.key;
    if (going && Date.now() - going < 1500) {
      going = 0;
      const link = all("[data-key]").find((one) => one.dataset.key === key);
      if (link) { event.preventDefault(); link.click(); return; }
    }
    if (key === "g" && find("[data-key]")) { going = Date.now(); return; }
    const act = packshot.keys[key] ?? KEYS[key];
    if (act && act(event) !== false) event.preventDefault();
  });

  // For the scripts of pages: `packshot.keys.a = () => ...` adds a key, `packshot.post(url, fields)` acts with the form's token.
  const packshot = {
    keys: {}, say, local, move, rows, find, all,
    here: () => rows()[place],
    async post(url, fields = {}) {
      const body = new FormData();
      const token = find("input[name=csrf]")?.value ?? find("meta[name=csrf]")?.content ?? "";
      for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) body.append(name, one);
      const answer = await fetch(url, { method: "POST", body, headers: { accept: "application/json", "x-csrf-token": token } });
      const data = answer.headers.get("content-type")?.includes("json") ? await answer.json() : {};
      if (!answer.ok) throw new Error(data.detail ?? `${answer.status}`);
      return data;
    },
    // An event stream that begins again by itself; `ended` is called when the server says that there is nothing more.
    listen(url, events, ended = () => {}) {
      const source = new EventSource(url);
      for (const [name, act] of Object.entries(events)) source.addEventListener(name, (event) => act(JSON.parse(event.data)));
      source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) ended(); });
      addEventListener("pagehide", () => source.close());
      return source;
    },
  };
  window.packshot = packshot;
})();
