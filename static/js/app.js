// Countersign in the browser. Every page works without this file; it only adds
// relative times, countdowns, copying, and the keyboard.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  // Theme: a cookie, so that the server can set data-theme before the first paint.
  const theme = document.cookie.match(/(?:^|; )theme=(light|dark)(?:;|$)/);
  if (theme && !root.dataset.theme) root.dataset.theme = theme[1];
  function setTheme(value) {
    const keep = value === "light" || value === "dark";
    if (keep) root.dataset.theme = value;
    else delete root.dataset.theme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${keep ? value : ""}; Path=/; SameSite=Lax; Max-Age=${keep ? 31536000 : 0}${secure}`;
  }

  // Said aloud by screen readers.
  function say(text) {
    let live = document.getElementById("live");
    if (!live) {
      live = document.createElement("div");
      live.id = "live";
      live.className = "sr-only";
      live.setAttribute("role", "status");
      document.body.append(live);
    }
    live.textContent = text;
  }

  // <time datetime="…" data-relative>21 Nov 2026, 09:12 UTC</time>
  const lang = root.lang || "en";
  const words = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" });
  const steps = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  function relative(then, now) {
    const seconds = Math.round((then - now) / 1000);
    for (const [unit, size] of steps) {
      if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
    }
    return seconds > 0 ? words.format(seconds, "second") : "just now";
  }
  function tellTimes(from = document) {
    for (const el of all("time[data-relative][datetime]", from)) {
      const then = Date.parse(el.dateTime);
      if (Number.isNaN(then)) continue;
      if (!el.title) el.title = el.textContent.trim();
      el.textContent = relative(then, Date.now());
    }
  }

  // <b data-countdown="2026-11-21T09:12:15Z" data-countdown-now="…" data-countdown-done="Sent">15 s</b>
  // data-countdown-now is the server's clock when the page was made, against a wrong clock here.
  // At zero the element fires "countdown:done" (usable as hx-trigger).
  const counting = new Map();
  function findCountdowns(from = document) {
    for (const el of all("[data-countdown]", from)) {
      if (counting.has(el)) continue;
      const until = Date.parse(el.dataset.countdown);
      if (Number.isNaN(until)) continue;
      const server = Date.parse(el.dataset.countdownNow);
      counting.set(el, until - (Number.isNaN(server) ? 0 : server - Date.now()));
    }
  }
  function countDown() {
    for (const [el, until] of counting) {
      if (!el.isConnected) { counting.delete(el); continue; }
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left > 0) {
        const text = left < 60 ? `${left} s` : left < 3600 ? `${Math.floor(left / 60)} min ${left % 60} s` : `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} min`;
        if (el.textContent !== text) el.textContent = text;
      } else {
        counting.delete(el);
        el.textContent = el.dataset.countdownDone || "0 s";
        for (const button of all("[data-until-countdown]")) button.disabled = true;
        el.dispatchEvent(new CustomEvent("countdown:done", { bubbles: true }));
      }
    }
  }

  // <button data-copy="text"> or <button data-copy="#id">
  async function copy(button) {
    const wanted = button.dataset.copy;
    const source = wanted.startsWith("#") ? document.querySelector(wanted) : null;
    const text = source ? ("value" in source ? source.value : source.textContent.trim()) : wanted;
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {
      // Plain http has no clipboard API: copy from a field that is off the page.
      const field = document.createElement("textarea");
      field.value = text;
      field.className = "sr-only";
      field.readOnly = true;
      document.body.append(field);
      field.select();
      try { done = document.execCommand("copy"); } catch { done = false; }
      field.remove();
      button.focus();
    }
    const label = button.querySelector("[data-copy-label]") || (button.childElementCount ? null : button);
    if (label && !button.dataset.copied) {
      const before = label.textContent;
      button.dataset.copied = "";
      label.textContent = done ? "Copied" : "Copy failed";
      setTimeout(() => { label.textContent = before; delete button.dataset.copied; }, 1600);
    }
    say(done ? "Copied" : "Could not copy. Select the text and copy it by hand.");
  }

  // A message in a frame that allows the same origin (never scripts) grows to its content.
  function fitFrame(frame) {
    try {
      const doc = frame.contentDocument;
      if (doc && doc.body && doc.body.childNodes.length) frame.style.height = `${Math.max(160, doc.documentElement.scrollHeight + 2)}px`;
    } catch { /* opaque origin: the style sheet's height stays */ }
  }

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    const copying = target.closest("[data-copy]");
    if (copying) { event.preventDefault(); copy(copying); }
    if (target.closest("[data-next-claim]")) nextClaim();
    const themed = target.closest("[data-set-theme]");
    if (themed) { event.preventDefault(); setTheme(themed.dataset.setTheme); }
    for (const open of all("details[data-pop][open]")) {
      if (!open.contains(target)) open.open = false;
    }
  });

  // Keyboard. Off with <body data-shortcuts="off">.
  //   [data-list] > … [data-row-link]   j, k move, Enter follows the link by itself
  //   [data-key="a"]                     the key moves the focus there; a <summary> is opened and its first field focused
  function typing(el) {
    return el instanceof HTMLElement && (el.isContentEditable || el.matches("input:not([type=checkbox], [type=radio]), textarea, select"));
  }
  function move(by) {
    const links = all("[data-list] [data-row-link]");
    if (!links.length) return false;
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
    links[next].focus();
    links[next].scrollIntoView({ block: "nearest" });
    return true;
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
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const open = document.activeElement && document.activeElement.closest("details[data-pop][open]");
      if (open) { open.open = false; open.querySelector("summary").focus(); }
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.body.dataset.shortcuts === "off" || typing(event.target) || document.querySelector("dialog[open]")) return;
    if ((event.key === "j" || event.key === "k") && move(event.key === "j" ? 1 : -1)) { event.preventDefault(); return; }
    if (event.key === "n" && nextClaim()) { event.preventDefault(); return; }
    if (!/^[a-z/?]$/.test(event.key)) return;
    const wanted = document.querySelector(`[data-key="${event.key}"]:not(:disabled)`);
    if (!wanted) return;
    event.preventDefault();
    const holder = wanted.matches("summary") ? wanted.parentElement : null;
    if (holder) holder.open = true;
    const field = holder && holder.querySelector("textarea, input:not([type=hidden]), select");
    (field || wanted).focus();
  });

  // Without the name attribute's help in older browsers: one decision panel at a time.
  document.addEventListener("toggle", (event) => {
    const opened = event.target;
    if (!(opened instanceof HTMLDetailsElement) || !opened.open || !opened.getAttribute("name")) return;
    for (const other of all("details[open]")) {
      if (other !== opened && other.getAttribute("name") === opened.getAttribute("name")) other.open = false;
    }
  }, true);

  function ready(from) {
    tellTimes(from);
    findCountdowns(from);
    countDown();
    for (const frame of all("iframe[data-fit]", from)) {
      if (frame.dataset.fitted) continue;
      frame.dataset.fitted = "1";
      frame.addEventListener("load", () => fitFrame(frame));
      fitFrame(frame);
    }
  }
  const start = () => ready(document);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  document.addEventListener("htmx:load", () => ready(document));
  setInterval(countDown, 250);
  setInterval(tellTimes, 30000);
})();
