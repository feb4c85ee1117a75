// Every page: nothing for axe to find, no overflow, no shift, no dead link, wide and on a phone, light and dark, zoomed.
// usage: node pages.mjs [--shots DIR]
import { readFileSync } from "node:fs";
import http from "node:http";
import { check, faults, run, top } from "./lib.mjs";

/** Half of what Web Vitals calls good: a browser that comes late sets the buttons of a narrow bar once more, which is 0.024. */
const MOST_SHIFT = 0.05;

/** How many bytes a file has on the wire. */
function weight(url) {
  return new Promise((done, fail) => http.get(url, { headers: { "Accept-Encoding": "br, gzip" } }, (answer) => {
    let bytes = 0;
    answer.on("data", (chunk) => { bytes += chunk.length; });
    answer.on("end", () => done(bytes));
  }).on("error", fail));
}

await run(async ({ demo, signIn, visitor, api, shoot }) => {
  const admin = await signIn("admin");
  const first = async (path, selector) => { await admin.goto(path); return new URL(await admin.locator(selector).first().evaluate((a) => a.href)).pathname; };
  const event = await first("/churn?status=variants_generated", "tbody a");
  const review = await first("/queue", "[data-row-link]");
  const customer = await first("/customers", "tbody a");
  const fact = await first("/facts?kind=offer", "tbody a");
  const mailbox = `/mailboxes/${demo.mailboxes[0].id}`;
  const wild = await api("POST", "/v1/send", { mailbox: demo.mailboxes[0].address, to: "claims@example.com", subject: "Wild promises", body: "Hello,\n\nyou get 97% off and unlimited orders.\n\nSee you soon" });
  const open = new URL(wild.json.review_url).pathname;
  const pages = {
    queue: "/queue", review, text: `${review}?view=text`, source: `${review}?view=source`, edit: `${review}/edit`, open, messages: "/messages", compose: "/messages/new",
    "nothing-fits": "/queue?q=nothing-fits-this", churn: "/churn", "churn-event": event, variants: `${event}/variants`, "churn-new": "/churn/new", "churn-import": "/churn/import", "customers-import": "/customers/import",
    demand: "/demand", vigilance: "/vigilance", webhooks: "/webhooks", sources: "/sources", "for-me": "/queue?assignee=me", more: "/queue?claims=open", customers: "/customers", customer, "personal-data": `${customer}/privacy`, privacy: "/privacy", topics: "/topics", facts: "/facts", offers: "/facts?kind=offer", prices: "/facts?kind=plan_price", fact,
    overview: "/overview", reports: "/reports", recovered: "/reports/recovered", strategies: "/reports/strategies", "report-migrations": "/reports/migrations", "report-sequences": "/reports/sequences", "report-referrals": "/reports/referrals", "report-campaigns": "/reports/campaigns", deliverability: "/reports/deliverability", "report-desk": "/reports/desk", mailboxes: "/mailboxes", mailbox, delivery: `${mailbox}/delivery`, rules: "/rules", checks: `${customer}/checks`, sending: "/sending", uncertain: "/uncertain", users: "/users", keys: "/keys", audit: "/audit", account: "/account", caught: "/catcher", reference: "/reference", call: "/reference/send_email",
  };
  const views = [["wide", 1600, 900, "light"], ["wide-dark", 1600, 900, "dark"], ["laptop", 1280, 800, "light"], ["phone", 390, 844, "light"], ["phone-dark", 390, 844, "dark"], ["zoomed", 640, 400, "light"], ["narrow", 320, 640, "light"]];
  const links = new Set();
  for (const [view, width, height, colorScheme] of views) {
    const page = await signIn("admin", { viewport: { width, height }, colorScheme, reducedMotion: view === "laptop" ? "reduce" : "no-preference" });
    await page.addInitScript(() => {
      window.shift = 0;
      window.moved = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries().filter((entry) => !entry.hadRecentInput)) {
          window.shift += entry.value;
          window.moved.push(...entry.sources.map((source) => `${source.node?.nodeName}.${source.node?.className} ${source.previousRect.y}>${source.currentRect.y}`));
        }
      }).observe({ type: "layout-shift", buffered: true });
    });
    const bad = [];
    for (const [name, path] of Object.entries(pages)) {
      const response = await page.goto(path);
      await page.waitForTimeout(view === "wide" || view === "phone" ? 250 : 60);
      await shoot(page, `${name}-${view}`);
      const facts = await page.evaluate(() => ({
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        h1: document.querySelectorAll("h1").length,
        shift: Math.round(window.shift * 1000) / 1000,
        moved: window.moved.slice(0, 4),
        links: [...document.querySelectorAll("a[href^='/']")].map((a) => a.getAttribute("href")),
      }));
      const found = view === "zoomed" || view === "narrow" ? [] : await faults(page);
      if (response.status() !== 200 || facts.overflow > 0 || facts.h1 !== 1 || facts.shift > MOST_SHIFT || found.length) {
        bad.push(`${name}: ${response.status()} ${JSON.stringify({ ...facts, links: undefined, found })}`);
      }
      if (view === "wide") facts.links.forEach((link) => links.add(link.split("#")[0]));
    }
    check(`${view}: ${Object.keys(pages).length} pages have one heading, no overflow, no shift, and nothing for axe to find`, bad.length === 0, bad.join("\n"));
    await page.context().close();
  }

  const plain = await signIn("admin", { javaScriptEnabled: false, viewport: { width: 1280, height: 800 } });
  const useless = [];
  for (const path of Object.values(pages)) {
    await plain.goto(path);
    const shown = await plain.locator(".js-only:visible").count();
    if (shown) useless.push(`${path} ${shown}`);
  }
  check("without JavaScript no button is shown that needs it", useless.length === 0, useless);

  for (const [name, path] of [["login", "/login"], ["not-found", "/no-such-page"]]) {
    const visiting = await visitor();
    await visiting.goto(path);
    await shoot(visiting, name);
    const found = await faults(visiting);
    check(`axe finds nothing on ${name}`, found.length === 0, found);
    await visiting.context().close();
  }

  const gated = demo.mailboxes.find((mailbox) => mailbox.mode === "gated_send").address;
  for (const name of ["ana", "bo", "cy"]) await api("POST", "/v1/send", { mailbox: gated, to: `${name}@alike.example.com`, subject: "How are you", body: "Hello,\n\nwe would like to hear how you are.\n\nSee you soon", consent_basis: "consent" });
  for (const [view, width, height, colorScheme] of views.slice(0, 5)) {
    const page = await signIn("reviewer", { viewport: { width, height }, colorScheme });
    await page.goto("/queue?q=alike");
    for (const box of await page.locator("input[name=id]").all()) await box.check();
    await page.click(".bulk-bar .btn-primary");
    await page.waitForURL(/\/batches/);
    await page.waitForTimeout(300);
    await shoot(page, `batch-${view}`);
    const found = await faults(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(`${view}: approving together asks for a sample first, and axe finds nothing`, found.length === 0 && overflow <= 0 && (await page.locator("main form button:disabled").count()) > 0, `${overflow} ${found}`);
    await page.context().close();
  }
  const link = (await api("GET", `/v1/emails/${wild.json.id}`)).json.footer.preferences_url;
  for (const path of ["/u/no-such-link", "/invite/no-such-link", "/reset/no-such-link", "/login/forgot", "/login/code", "/confirm/no-such-link", new URL(link).pathname]) {
    const visiting = await visitor();
    await visiting.goto(path);
    const found = await faults(visiting);
    check(`axe finds nothing on ${path}`, found.length === 0, found);
    await visiting.context().close();
  }

  const dead = [];
  for (const link of [...links].slice(0, 300)) {
    const response = await admin.request.get(link);
    if (response.status() >= 400) dead.push(`${link} ${response.status()}`);
  }
  check("no link is dead", dead.length === 0, dead);

  const layout = readFileSync(`${top}templates/_layout.html`, "utf8");
  const sheets = layout.match(/for sheet in \[([^\]]+)\]/)[1].match(/\w+/g).map((name) => `css/${name}.css`);
  const scripts = [...layout.matchAll(/\/static\/(js\/[\w.]+)"/g)].map((found) => found[1]);
  let bytes = 0;
  for (const file of [...sheets, ...scripts]) bytes += await weight(`${demo.url}/static/${file}`);
  check(`script and style together are under 60 kB on the wire (${bytes} bytes in ${sheets.length + scripts.length} files)`, bytes > 10000 && bytes < 60000, bytes);
  // What listens for shifts is tried in every frame, also in that of a mail, where no script runs.
}, { excused: (_, words) => /document's frame is sandboxed/.test(words) });
