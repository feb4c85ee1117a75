// A real browser against a real server: sign in, review, approve, and read the mail that arrived.
// usage: node review.mjs [--shots DIR]
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const top = new URL("../../", import.meta.url).pathname;
const binary = process.env.COUNTERSIGN_BIN ?? `${top}target/debug/countersign`;
const shots = process.argv.includes("--shots") ? process.argv[process.argv.indexOf("--shots") + 1] : null;
const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

let passed = 0, failed = 0;
function check(name, ok, got = "") {
  ok ? passed++ : failed++;
  console.log(ok ? "ok    " : "FAILED", name, ok ? "" : `| got: ${String(got).slice(0, 300)}`);
}

const server = spawn(binary, ["demo", "--json", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "ignore"] });
const lines = createInterface({ input: server.stdout });
const demo = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const problems = [];

async function visitor(options = {}) {
  const context = await browser.newContext({ baseURL: demo.url, ...options });
  const page = await context.newPage();
  // A page that answers 409 or 404 on purpose is logged by the browser; that is no fault.
  page.on("console", (m) => m.type() === "error" && !/status of 4\d\d/.test(m.text()) && problems.push(`${page.url()} ${m.text()}`));
  page.on("pageerror", (e) => problems.push(`${page.url()} ${e}`));
  return page;
}

async function signIn(role, options) {
  const page = await visitor(options);
  const person = demo.users.find((user) => user.role === role);
  await page.goto("/login");
  await page.fill("[name=email]", person.email);
  await page.fill("[name=password]", person.password);
  await page.click("button[type=submit]");
  await page.waitForURL("**/queue");
  return page;
}

async function caught(test, seconds = 40) {
  for (let i = 0; i < seconds * 4; i++) {
    const mails = await (await fetch(demo.catcher)).json();
    const found = mails.find(test);
    if (found) return found;
    await new Promise((done) => setTimeout(done, 250));
  }
  return null;
}

async function shoot(page, name) {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
}

try {
  if (shots) mkdirSync(shots, { recursive: true });
  const wrong = await visitor();
  await wrong.goto("/login");
  await shoot(wrong, "login");
  await wrong.fill("[name=email]", "nobody@example.com");
  await wrong.fill("[name=password]", "not the password");
  await wrong.click("button[type=submit]");
  check("a wrong password says nothing about who exists", (await wrong.textContent("[role=alert]")).includes("address or the password is wrong"));

  const reviewer = await signIn("reviewer");
  const rows = reviewer.locator("[data-message]");
  const waiting = await rows.count();
  check("the queue shows what waits", waiting >= 10, waiting);
  await rows.first().locator("a").first().click();
  await reviewer.waitForURL("**/messages/*");
  const subject = (await reviewer.textContent("h1")).trim();
  check("the heading is the subject", (await reviewer.locator(".mail-subject dd").innerText()).length >= subject.length, subject);
  check("its claims are listed with the facts they rest on", (await reviewer.locator(".claims > .claim-is-exact a[href^='/facts/']").count()) > 0);
  const frame = reviewer.frameLocator("iframe.mail-frame");
  check("the message is shown in a frame without rights", (await reviewer.getAttribute("iframe.mail-frame", "sandbox")) === "");
  check("the frame holds the words and the footer", /Unsubscribe/.test(await frame.locator("body").innerText()));
  check("evidence stands beside it", (await reviewer.locator(".review-evidence .card").count()) >= 3);
  await reviewer.click('form[action$="/approval"] button');
  await reviewer.waitForSelector(".flash");
  check("the next one opens after a decision", (await reviewer.textContent(".flash")).includes("Approved"));
  const mail = await caught((m) => m.subject === subject);
  check("the approved mail arrives", mail !== null);
  check("it carries both one-click headers", /^List-Unsubscribe: </m.test(mail?.raw) && /^List-Unsubscribe-Post: List-Unsubscribe=One-Click/m.test(mail?.raw));
  const plain = mail?.raw.replace(/=\r\n/g, "").replace(/=3D/g, "=") ?? "";
  check("it carries the postal address", plain.includes("18 Quay Street"));

  const link = mail?.raw.match(/^List-Unsubscribe: <([^>]+)>/m)?.[1];
  const recipient = await visitor();
  await recipient.goto(link);
  check("looking at the unsubscribe page changes nothing", (await recipient.textContent("h1")).includes("Stop these emails"));
  await recipient.click("button");
  check("one click unsubscribes without sign-in", (await recipient.textContent("h1")).includes("You are unsubscribed"));
  const again = await fetch(`${demo.url}/v1/send`, {
    method: "POST",
    headers: { Authorization: `Bearer ${demo.keys.agent}`, "Content-Type": "application/json" },
    body: JSON.stringify({ mailbox: demo.mailboxes.find((m) => m.mode === "autonomous").address, to: mail.to, subject: "Again", body: "Hello again" }),
  });
  check("the next send to them is refused", again.status === 409 && (await again.json()).code === "recipient_suppressed", again.status);

  const plainly = await signIn("reviewer", { javaScriptEnabled: false });
  await plainly.locator("[data-message] a").first().click();
  await plainly.locator('details:has(form[action$="/rejection"]) summary').click();
  await plainly.fill('form[action$="/rejection"] textarea', "Wrong tone for this customer.");
  await plainly.click('form[action$="/rejection"] button');
  check("rejecting works without JavaScript", (await plainly.textContent(".flash")).includes("Rejected"));

  const admin = await signIn("admin");
  await reviewer.goto("/queue");
  const target = await rows.first().locator("a").first().getAttribute("href");
  await admin.goto(target);
  await reviewer.goto(target);
  await reviewer.click('form[action$="/approval"] button');
  await reviewer.waitForSelector(".flash");
  await admin.click('form[action$="/approval"] button');
  await admin.waitForSelector(".error-page");
  check("a second decision is told who was first", (await admin.textContent(".error-page")).includes("Rita Reviewer approved this"));

  await admin.goto("/queue");
  const edited = await admin.locator("[data-message] a").first().getAttribute("href");
  await reviewer.goto(edited);
  await admin.goto(`${edited}/edit`);
  await admin.fill("[name=subject]", "A subject that was edited");
  await admin.click(".form-actions .btn-primary");
  await admin.waitForSelector(".flash");
  check("who edited cannot approve", (await admin.locator('form[action$="/approval"]').count()) === 0);
  await reviewer.click('form[action$="/approval"] button');
  await reviewer.waitForSelector(".error-page");
  check("an approval of words that changed is a 409 with the difference", (await reviewer.textContent(".diff")).includes("edited"));
  await reviewer.goto(edited);
  await reviewer.click('form[action$="/approval"] button');
  await reviewer.waitForSelector(".flash");
  check("edited, then approved by another, it arrives as edited", (await caught((m) => m.subject === "A subject that was edited")) !== null);

  const wild = await fetch(`${demo.url}/v1/send`, {
    method: "POST",
    headers: { Authorization: `Bearer ${demo.keys.agent}`, "Content-Type": "application/json" },
    body: JSON.stringify({ mailbox: demo.mailboxes[0].address, to: "claims@example.com", subject: "Wild promises", body: "Hello,\n\nyou get 97% off and unlimited orders.\n\nSee you soon" }),
  });
  const promises = new URL((await wild.json()).review_url).pathname;
  await reviewer.goto(`${promises}?view=text`);
  check("open claims keep it from being approved", await reviewer.locator('form[action$="/approval"] button').isDisabled());
  check("the words are underlined by verdict, and say it without colour", (await reviewer.locator(".mail-text .claim-unsupported").first().innerText()).includes("unsupported"));
  const open = await reviewer.locator("[data-open-claim]").count();
  await reviewer.keyboard.press("n");
  const first = await reviewer.evaluate(() => document.activeElement.id);
  await reviewer.keyboard.press("n");
  check("n goes from one open claim to the next", open === 2 && /^claim-/.test(first) && (await reviewer.evaluate(() => document.activeElement.id)) !== first, `${open} ${first}`);
  await reviewer.locator("[data-open-claim] summary").first().click();
  await reviewer.locator("[data-open-claim] input[name=reason]").first().fill("Agreed by phone.");
  await reviewer.locator("[data-open-claim] form button").first().click();
  await reviewer.waitForSelector(".flash");
  check("a claim is waived with a reason", (await reviewer.textContent(".claims .claim-is-waived")).includes("Agreed by phone."));
  await admin.goto(`${promises}/edit`);
  await admin.waitForSelector("#live-claims .claim-sum");
  await admin.fill("#text", "Hello,\n\nwe would like to have you back.\n\nSee you soon");
  const typed = Date.now();
  await admin.waitForSelector("#live-claims:has-text('No claim is open')");
  check("claims are checked while somebody types", true, `${Date.now() - typed} ms`);
  await admin.click(".form-actions .btn-primary");
  await admin.waitForSelector(".flash");
  await reviewer.goto(promises);
  await reviewer.click('form[action$="/approval"] button');
  await reviewer.waitForSelector(".flash");
  check("once edited it can be approved", (await reviewer.textContent(".flash")).includes("Approved"));

  const manager = await signIn("manager");
  await manager.goto("/churn?status=new");
  await manager.locator("tbody a").first().click();
  await manager.click('form[action$="/variants"] button');
  await manager.waitForSelector(".variant");
  check("nine drafts stand side by side, one recommended", (await manager.locator(".variant").count()) === 9 && (await manager.locator(".variant-best").count()) === 1);
  await manager.click(".variant-best form button");
  await manager.waitForURL("**/messages/*");
  check("who chose a draft does not approve it", (await manager.locator('form[action$="/approval"]').count()) === 0);

  await manager.goto("/churn/import");
  await manager.setInputFiles("[name=file]", `${top}samples/demo/churn.csv`);
  await manager.click(".card-foot button");
  await manager.waitForURL("**/imports/*");
  await manager.waitForSelector("h1:has-text('Imported')");
  check("an import keeps the good rows and names the bad ones", (await manager.locator("tbody tr").count()) === 2);
  await shoot(manager, "import");

  const variants = `${new URL(await (async () => { await manager.goto("/churn?status=variants_generated"); return manager.locator("tbody a").first().evaluate((a) => a.href); })()).pathname}/variants`;
  const event = variants.replace("/variants", "");
  await admin.goto("/queue");
  const review = await admin.locator("[data-message] a").first().getAttribute("href");
  const mailbox = `/mailboxes/${demo.mailboxes[0].id}`;
  await admin.goto("/customers");
  const customer = await admin.locator("tbody a").first().getAttribute("href");
  await admin.goto("/facts?kind=offer");
  const fact = await admin.locator("tbody a").first().getAttribute("href");
  const pages = ["/queue", review, `${review}/edit`, "/messages", "/messages/new", "/churn", event, variants, "/churn/new", "/churn/import", "/demand", "/customers", customer, "/facts", "/facts?kind=offer", "/facts?kind=plan_price", fact, "/mailboxes", mailbox, "/users", "/keys", "/audit", "/account", "/catcher", "/queue?q=nothing-fits-this"];
  const views = [["wide", 1440, 900, "light"], ["wide-dark", 1440, 900, "dark"], ["phone", 390, 844, "light"], ["phone-dark", 390, 844, "dark"]];
  const links = new Set();
  for (const [view, width, height, colorScheme] of views) {
    const page = await signIn("admin", { viewport: { width, height }, colorScheme });
    for (const path of pages) {
      const response = await page.goto(path);
      const name = path === review ? "review" : path === `${review}/edit` ? "edit" : path === event ? "churn-event" : path === variants ? "variants" : path === customer ? "customer" : path === mailbox ? "mailbox" : path === fact ? "fact" : path.slice(1).replace(/\W+/g, "-");
      await shoot(page, `${name}-${view}`);
      const facts = await page.evaluate(() => ({
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        h1: document.querySelectorAll("h1").length,
        unlabelled: [...document.querySelectorAll("input:not([type=hidden]), select, textarea")].filter((e) => !e.labels?.length).map((e) => e.name),
        links: [...document.querySelectorAll("a[href^='/']")].map((a) => a.getAttribute("href")),
      }));
      const fine = response.status() === 200 && facts.overflow <= 0 && facts.h1 === 1 && facts.unlabelled.length === 0;
      if (!fine || view === "wide") check(`${view} ${path.replace(/[0-9a-f-]{36}/g, "…")}`, fine, `${response.status()} ${JSON.stringify({ ...facts, links: undefined })}`);
      if (view === "wide") facts.links.forEach((link) => links.add(link));
    }
    await page.context().close();
  }
  const dead = [];
  for (const link of [...links].slice(0, 200)) {
    const response = await admin.request.get(link);
    if (response.status() >= 400) dead.push(`${link} ${response.status()}`);
  }
  check("no link is dead", dead.length === 0, dead);
  check("the browser saw no error and no blocked resource", problems.length === 0, problems.join("\n"));
} catch (error) {
  check("the run went to its end", false, error.stack);
} finally {
  await browser.close();
  server.kill();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
