// A demo server of its own, a browser, and checks that are counted.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const top = new URL("../../", import.meta.url).pathname;
const binary = process.env.COUNTERSIGN_BIN ?? `${top}target/debug/countersign`;
const shots = process.argv.includes("--shots") ? process.argv[process.argv.indexOf("--shots") + 1] : null;
const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

let passed = 0, failed = 0;
export function check(name, ok, got = "") {
  ok ? passed++ : failed++;
  console.log(ok ? "ok    " : "FAILED", name, ok ? "" : `| got: ${String(got).slice(0, 600)}`);
}

/** What axe has to say; its script is put there past the page's policy, which allows none. */
export async function faults(page) {
  await page.evaluate(readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8"));
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"], iframes: false }));
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 3).join(" | ")}`);
}

/** With `excused`, what the browser logs may be excused by the address of the page and the words. */
export async function run(work, { excused = () => false, listen = "127.0.0.1:0" } = {}) {
  const server = spawn(binary, ["demo", "--json", "--listen", listen], { stdio: ["ignore", "pipe", "ignore"] });
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
    // A page that answers 409 or 404 on purpose is logged by the browser, and a screenshot tries a script in every frame.
    const expected = (words) => /status of 4\d\d/.test(words) || (shots && /document's frame is sandboxed/.test(words));
    page.on("console", (m) => m.type() === "error" && !expected(m.text()) && !excused(page.url(), m.text()) && problems.push(`${page.url()} ${m.text()}`));
    page.on("pageerror", (e) => problems.push(`${page.url()} ${e}`));
    return page;
  }
  async function signInAs(person, options) {
    const page = await visitor(options);
    await page.goto("/login");
    await page.fill("[name=email]", person.email);
    await page.fill("[name=password]", person.password);
    await page.click("button[type=submit]");
    await page.waitForURL("**/queue");
    return page;
  }
  const signIn = (role, options) => signInAs(demo.users.find((user) => user.role === role), options);
  async function api(method, path, body, key = demo.keys.agent) {
    const response = await fetch(`${demo.url}${path}`, { method, headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
    return { status: response.status, json: await response.json().catch(() => null) };
  }
  async function caught(test, seconds = 60) {
    for (let i = 0; i < seconds * 4; i++) {
      const mails = await (await fetch(demo.catcher)).json();
      const found = mails.find(test);
      if (found) return found;
      await new Promise((done) => setTimeout(done, 250));
    }
    return null;
  }
  async function shoot(page, name) {
    if (!shots) return;
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: `${shots}/${name}.png` });
  }
  /** The page as it is: wide and on a phone, light and dark, without colours that are still on their way. */
  async function look(page, name) {
    const found = [];
    for (const [view, width, height, colorScheme] of [["wide", 1280, 800, "light"], ["wide-dark", 1280, 800, "dark"], ["phone", 390, 844, "light"], ["phone-dark", 390, 844, "dark"]]) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      // The shortest transition takes a frame too.
      await page.waitForTimeout(100);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      found.push(...(await faults(page)).map((fault) => `${view}: ${fault}`), ...(overflow > 0 ? [`${view}: ${overflow} too wide`] : []));
      await shoot(page, `${basename(process.argv[1], ".mjs")}-${name}-${view}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    check(`${name}: nothing for axe to find and no overflow, wide and on a phone, light and dark`, found.length === 0, found.join("\n"));
  }
  try {
    await work({ demo, browser, visitor, signIn, signInAs, api, caught, shoot, look });
    check("the browser saw no error and no blocked resource", problems.length === 0, problems.join("\n"));
  } catch (error) {
    check("the run went to its end", false, error.stack);
  } finally {
    await browser.close();
    server.kill();
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed || !passed ? 1 : 0);
}
