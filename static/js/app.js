// Countersign in the browser. Every page works without this file; it only adds
// times that go on, countdowns, copying and the theme.
(() => {
  "use strict";
  const root = document.documentElement;

  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  // Theme: a cookie, so that the server can set data-theme before the first paint.
  function setTheme(value) {
    const keep = value === "light" || value === "dark";
    if (keep) root.dataset.theme = value;
    else delete root.dataset.theme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${keep ? value : ""}; Path=/; SameSite=Lax; Max-Age=${keep ? 31536000 : 0}${secure}`;
  }

  // Said aloud by screen readers. A region that has just come is heard only when it is filled a moment later.
  function say(text) {
    setTimeout(() => { const live = document.getElementById("live"); if (live) live.textContent = text; }, 150);
  }
  document.addEventListener("desk:say", (event) => say(event.detail));

  // <time datetime="…" data-relative>5 min ago</time>: the server's words, kept up to date.
  function relative(then, now) {
    const seconds = Math.abs(Math.trunc((then - now) / 1000));
    if (seconds < 60) return "just now";
    const [count, unit] = seconds < 3600 ? [seconds / 60, "min"] : seconds < 172800 ? [seconds / 3600, "h"] : [seconds / 86400, "d"];
    return then < now ? `${Math.floor(count)} ${unit} ago` : `in ${Math.floor(count)} ${unit}`;
  }
  function tellTimes() {
    for (const el of all("time[data-relative][datetime]")) {
      const then = Date.parse(el.dateTime);
      if (!Number.isNaN(then)) el.textContent = relative(then, Date.now());
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
    const themed = target.closest("[data-set-theme]");
    if (themed) { event.preventDefault(); setTheme(themed.dataset.setTheme); }
    for (const open of all("details[data-pop][open]")) {
      if (!open.contains(target)) open.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.activeElement && document.activeElement.closest("details[data-pop][open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
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
