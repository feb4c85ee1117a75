// The review desk: the keyboard, the palette, the selection, what others do meanwhile.
// Everything here also has a button or a link that works without this file.
(() => {
  "use strict";
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const say = (words) => document.dispatchEvent(new CustomEvent("desk:say", { detail: words }));
  const seen = (el) => el.getClientRects().length > 0;

  // ---- What keys do -------------------------------------------------------
  // The registry is the help sheet that the server made: data-shortcut="g q" data-then="go-queue".
  // A key presses what carries data-does with the same word, unless it is one of these.
  const links = () => all("[data-list] [data-row-link]");
  const here = () => links().indexOf(document.activeElement && document.activeElement.closest("[data-message]")?.querySelector("[data-row-link]"));
  function move(by) {
    const rows = links();
    if (!rows.length) return false;
    const at = here();
    const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
    rows[next].focus();
    rows[next].scrollIntoView({ block: "nearest" });
    return true;
  }
  const boxOf = (link) => link && link.closest("[data-message]").querySelector("input[type=checkbox][name=id]");
  function select(by) {
    const rows = links();
    let at = here();
    if (at < 0) { if (!move(1)) return false; at = here(); }
    const box = boxOf(rows[at]);
    if (!box) return false;
    box.checked = by ? true : !box.checked;
    if (by) {
      move(by);
      const next = boxOf(links()[here()]);
      if (next) next.checked = true;
    }
    selected();
    return true;
  }
  // With nothing selected, a key for the selection means the message under the cursor.
  function onSelection(does) {
    const form = document.getElementById("bulk");
    if (!form) return false;
    if (!all("input[name=id]:checked").length) {
      const box = boxOf(links()[here()]);
      if (!box) { say("Select messages first, with x."); return true; }
      box.checked = true;
      selected();
    }
    const wanted = all(`[data-does="${does}"]`, form)[0];
    return wanted ? press(wanted) : false;
  }
  // n: the next claim that keeps the message from leaving, its words shown in the text beside it.
  function nextClaim() {
    const open = all("[data-open-claim]");
    if (!open.length) return false;
    const at = open.findIndex((claim) => claim.contains(document.activeElement));
    const next = open[(at + 1) % open.length];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    for (const mark of all("[data-claim]")) {
      const now = `claim-${mark.dataset.claim}` === next.id;
      mark.classList.toggle("claim-now", now);
      if (now) mark.scrollIntoView({ block: "nearest" });
    }
    return true;
  }
  function press(el) {
    if (el.disabled) {
      say(document.getElementById(el.getAttribute("aria-describedby"))?.textContent.trim() || "This cannot be done now.");
      return true;
    }
    if (el.matches("input, textarea, select")) { el.focus(); el.select?.(); return true; }
    if (el.matches("summary")) {
      el.parentElement.open = true;
      (el.parentElement.querySelector("textarea, input:not([type=hidden]), select, button") || el).focus();
      return true;
    }
    // Without an undo window one more key press is asked for.
    if (el.matches("[data-careful]")) { el.focus(); say("There is no undo here. Press Enter to go on."); return true; }
    el.click();
    return true;
  }
  const inList = () => links().length > 0;
  const special = {
    next: () => inList() && move(1),
    previous: () => inList() && move(-1),
    open: () => { const link = links()[Math.max(0, here())]; if (link) link.click(); return Boolean(link); },
    select: () => inList() && select(0),
    "select-next": () => inList() && select(1),
    "select-previous": () => inList() && select(-1),
    approve: () => inList() && onSelection("approve"),
    snooze: () => inList() && onSelection("snooze"),
    take: () => inList() && onSelection("take"),
    "next-claim": nextClaim,
    submit: () => { const form = document.activeElement?.form; if (form && form.method === "post") form.requestSubmit(); return Boolean(form); },
    help: () => show("help"),
    palette: () => { show("palette"); offer(""); return true; },
    undo: () => { if (!one("[data-does=undo]")) say("There is nothing to undo."); return false; },
  };
  function act(does) {
    if (special[does] && special[does]()) return true;
    const wanted = [...all(`main [data-does="${does}"]`), ...all(`[data-does="${does}"]`)];
    const found = wanted.find(seen) || wanted[0];
    return found ? press(found) : false;
  }
  function show(id) {
    const dialog = document.getElementById(id);
    if (dialog && !dialog.open) dialog.showModal();
    return Boolean(dialog);
  }

  const typing = (el) => el instanceof HTMLElement && (el.isContentEditable || el.matches("input:not([type=checkbox], [type=radio]), textarea, select"));
  const registry = () => all("#help [data-shortcut]");
  let before = "";
  let forget = 0;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    if (event.target instanceof Element && event.target.id === "palette-words") { choosing(event); return; }
    // Out of a field, back to the keys.
    if (event.key === "Escape" && typing(event.target) && !event.target.closest("details[data-pop], dialog")) event.target.blur();
    const control = event.ctrlKey || event.metaKey;
    const key = control ? `Ctrl+${event.key.length > 1 ? event.key : event.key.toLowerCase()}` : event.shiftKey && /^[A-Z]$/.test(event.key) ? `Shift+${event.key}` : event.key;
    if (!control) {
      if (typing(event.target) || one("dialog[open]") || one("#main")?.dataset.shortcuts === "off") return;
      // Enter and the blank belong to what has the focus.
      if (event.key === "Enter" || event.key === " ") return;
    }
    const rows = registry();
    const wanted = rows.find((row) => row.dataset.shortcut === (before ? `${before} ${key}` : key));
    clearTimeout(forget);
    if (!wanted && !before && rows.some((row) => row.dataset.shortcut.startsWith(`${key} `))) {
      before = key;
      forget = setTimeout(() => { before = ""; }, 1500);
      event.preventDefault();
      return;
    }
    before = "";
    if (wanted && act(wanted.dataset.then)) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const el = event.target instanceof Element ? event.target.closest("[data-does]") : null;
    // A link, a field or a button of a form does it by itself.
    if (el && el.matches("button[type=button]") && special[el.dataset.does]) {
      event.preventDefault();
      special[el.dataset.does]();
    }
    const dialog = event.target;
    if (dialog instanceof HTMLDialogElement && dialog.open) dialog.close();
  });

  // ---- The palette ----------------------------------------------------------
  let offered = [];
  function commands() {
    const keys = registry().map((row) => ({ label: row.querySelector("dd").textContent, keys: row.dataset.shortcut, does: row.dataset.then }));
    const able = keys.filter(({ does }) => does !== "palette" && (special[does] || one(`[data-does="${does}"]`)));
    const pages = all(".sidebar .nav a, nav[data-views] a").map((link) => ({ label: `Go to ${link.firstChild && link.lastChild ? link.textContent.trim().replace(/\d+\+?\s*waiting$/, "").trim() : ""}`, link }));
    return able.concat(pages);
  }
  function offer(words) {
    const list = document.getElementById("palette-list");
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    offered = commands().filter(({ label }) => wanted.every((word) => label.toLowerCase().includes(word)));
    list.replaceChildren(...offered.map(({ label, keys }, at) => {
      const item = document.createElement("li");
      item.id = `command-${at}`;
      item.setAttribute("role", "option");
      item.textContent = label;
      if (keys) { const kbd = document.createElement("kbd"); kbd.textContent = keys; item.append(" ", kbd); }
      item.addEventListener("click", () => run(at));
      return item;
    }));
    point(0);
    if (!offered.length) list.textContent = "No command has these words.";
  }
  function point(at) {
    const items = all("#palette-list li");
    items.forEach((item, number) => item.setAttribute("aria-selected", String(number === at)));
    const field = document.getElementById("palette-words");
    if (items[at]) { field.setAttribute("aria-activedescendant", items[at].id); items[at].scrollIntoView({ block: "nearest" }); }
    else field.removeAttribute("aria-activedescendant");
  }
  function choosing(event) {
    const items = all("#palette-list li");
    const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown") point(Math.min(items.length - 1, at + 1));
    else if (event.key === "ArrowUp") point(Math.max(0, at - 1));
    else if (event.key === "Enter") run(at);
    else return;
    event.preventDefault();
  }
  function run(at) {
    const chosen = offered[at];
    if (!chosen) return;
    const field = document.getElementById("palette-words");
    field.value = "";
    document.getElementById("palette").close();
    if (chosen.link) chosen.link.click();
    else act(chosen.does);
  }
  document.addEventListener("input", (event) => { if (event.target.id === "palette-words") offer(event.target.value); });

  // ---- The selection ----------------------------------------------------------
  function selected() {
    const count = all("input[name=id]:checked").length;
    for (const el of all("[data-selected]")) el.textContent = count === 1 ? "1 message selected" : `${count} messages selected`;
    say(`${count} selected`);
  }
  document.addEventListener("change", (event) => { if (event.target instanceof Element && event.target.matches("input[name=id]")) selected(); });

  // ---- Back keeps scroll and selection ------------------------------------------
  const memory = () => `desk:${location.pathname}${location.search}`;
  function remember() {
    if (!one("[data-list] [data-row-link]")) return;
    const kept = { top: scrollY, ids: all("input[name=id]:checked").map((box) => box.value), focus: document.activeElement.closest?.("[data-message]")?.dataset.message };
    sessionStorage.setItem(memory(), JSON.stringify(kept));
  }
  function recall() {
    const text = sessionStorage.getItem(memory());
    if (!text || !one("[data-list] [data-row-link]")) return;
    const kept = JSON.parse(text);
    for (const box of all("input[name=id]")) box.checked = kept.ids.includes(box.value);
    if (kept.ids.length) selected();
    const from = location.hash.startsWith("#m-") ? location.hash.slice(3) : kept.focus;
    const row = from && document.getElementById(`m-${from}`);
    // The browser would put its own idea of the place on top.
    history.scrollRestoration = "manual";
    scrollTo(0, kept.top);
    if (row) row.querySelector("[data-row-link]").focus({ preventScroll: true });
  }
  addEventListener("pagehide", remember);
  document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.boosted) remember(); });

  // ---- A field that is missing is shown, also where its panel is closed --------------
  // The browser refuses to send a form whose field it cannot show, and says nothing.
  document.addEventListener("invalid", (event) => {
    for (let closed = event.target.closest("details:not([open])"); closed; closed = closed.parentElement.closest("details:not([open])")) closed.open = true;
  }, true);

  // ---- Findings are ticked before approving ------------------------------------------
  function ticked() {
    const boxes = all("input[name=ticked]");
    const button = one("#approve button");
    if (!boxes.length || !button || !one("[data-to-tick]")) return;
    const all_done = boxes.every((box) => box.checked);
    button.disabled = !all_done;
    one("[data-to-tick]").hidden = all_done;
    if (!all_done) button.setAttribute("aria-describedby", "why-not");
  }
  document.addEventListener("change", (event) => { if (event.target instanceof Element && event.target.matches("input[name=ticked]")) ticked(); });

  // ---- How long a message was in front of somebody ---------------------------------
  let visible = 0;
  let since = Date.now();
  function lookedAt() {
    if (!document.hidden) visible += Date.now() - since;
    since = Date.now();
    return visible;
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) visible += Date.now() - since; since = Date.now(); if (!document.hidden) beat(); });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-decision]")) return;
    let field = event.target.querySelector("[name=visible_ms]");
    if (!field) {
      field = document.createElement("input");
      field.type = "hidden";
      field.name = "visible_ms";
      event.target.append(field);
    }
    field.value = String(lookedAt());
  }, true);

  // ---- What others do meanwhile -------------------------------------------------------
  const open = () => one("[data-message-open]");
  function beat() {
    const message = open();
    if (!message || document.hidden) return;
    const body = new URLSearchParams({ csrf: one("#main").dataset.csrf });
    fetch(`/messages/${message.dataset.messageOpen}/presence`, { method: "POST", body, credentials: "same-origin" }).catch(() => {});
  }
  setInterval(beat, 20000);

  let stream = null;
  let fresh = new Set();
  function listen() {
    const wanted = one("[data-live], [data-message-open]");
    if (!wanted && stream) { stream.close(); stream = null; }
    if (!wanted || stream || !("EventSource" in window)) return;
    stream = new EventSource("/events");
    const on = (name, then) => stream.addEventListener(name, (event) => then(JSON.parse(event.data)));
    on("hello", (hello) => count(hello.pending));
    on("count", (told) => count(told.pending));
    on("change", changed);
    on("presence", present);
  }
  function count(number) {
    const pending = number > 1000 ? "1,000+" : number === 1000 ? "1,000" : number;
    document.title = document.title.replace(/^\([\d,]+\+?\) /, "");
    if (pending) document.title = `(${pending}) ${document.title}`;
    for (const el of all("[data-pending]")) {
      el.hidden = !pending;
      el.querySelector("[data-pending-count]").textContent = pending;
    }
  }
  // A row never moves under the cursor: what is new is counted, what is gone is marked.
  function changed({ id, state, version, by, action }) {
    const message = open();
    if (message && message.dataset.messageOpen === id) {
      const other = String(version) !== message.dataset.version;
      if (other || state !== message.dataset.state) meanwhile(other, by, state);
    }
    const rows = all("[data-message]").filter((row) => row.dataset.message === id);
    if (!rows.length && state === "pending" && one("[data-live]")) {
      fresh.add(id);
      const bar = one("[data-new]");
      bar.hidden = false;
      bar.querySelector("[data-new-count]").textContent = fresh.size;
      say(`${fresh.size} new`);
    }
    for (const row of rows) {
      row.classList.toggle("q-gone", state !== "pending");
      const label = row.querySelector("[data-state]");
      if (label) { label.textContent = state.replace("_", " ") + (by && state !== "pending" ? ` by ${by}` : ""); label.className = `state state-${state}`; }
      const box = row.querySelector("input[name=id]");
      if (box && state !== "pending") { box.checked = false; box.disabled = true; }
    }
  }
  function meanwhile(other, by, state) {
    const bar = document.getElementById("changed-meanwhile");
    if (!bar.hidden) return;
    const words = other ? `Changed by ${by} since you opened it. Read it again to decide.` : `${by} has dealt with it: it is ${state.replace("_", " ")} now.`;
    bar.querySelector("[data-words]").textContent = words;
    bar.querySelector("a").href = location.href.split("#")[0];
    bar.hidden = false;
    for (const button of all("[data-decision] button")) { button.disabled = true; button.setAttribute("aria-describedby", "changed-meanwhile"); }
    say(words);
  }
  function present(people) {
    for (const [id, { here: names, taken_by: taken }] of Object.entries(people)) {
      for (const row of all(`[data-message="${CSS.escape(id)}"] [data-presence]`)) {
        row.textContent = taken ? `Taken by ${taken}` : names.length ? `${names.join(", ")} ${names.length === 1 ? "is" : "are"} reading` : "";
      }
      if (open()?.dataset.messageOpen === id) for (const el of all("[data-here]")) el.textContent = names.length ? `Also here: ${names.join(", ")}` : "";
    }
  }

  // ---- A page is there ---------------------------------------------------------------
  function ready() {
    history.scrollRestoration = "auto";
    visible = 0;
    since = Date.now();
    fresh = new Set();
    listen();
    beat();
    recall();
    ticked();
    const current = one(".review-list .q-current");
    if (current) current.parentElement.parentElement.scrollTop = current.offsetTop - 120;
    const told = one("[data-say]");
    if (told) say(told.textContent.trim());
  }
  // An approval that can no longer be undone says so.
  document.addEventListener("countdown:done", (event) => {
    const bar = event.target.closest("[data-undo]");
    if (!bar) return;
    bar.querySelector("button").remove();
    bar.querySelector("p .muted").textContent = "It is leaving now and can no longer be undone.";
    say("The undo window is over.");
    setTimeout(() => bar.remove(), 6000);
  });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
  document.addEventListener("htmx:historyRestore", ready);
  document.addEventListener("htmx:afterSettle", (event) => { if (event.detail.target === document.body) ready(); });
})();
