// The desk as it is worked: a hundred mixed messages by keyboard alone, then five reviewers on one queue.
// usage: node desk.mjs [--shots DIR]
import { check, run } from "./lib.mjs";

const PLAIN = "Hello,\n\nwe would like to hear how you are.\n\nSee you soon";
const KINDS = {
  approve: {}, reject: {}, change: {}, snooze: {}, undo: {}, take: {},
  waive: { body: "Hello,\n\nyou get 97% off.\n\nSee you soon" },
  // A Cyrillic letter in a Latin word.
  tick: { body: PLAIN.replace("are", "\u0430re") },
};

await run(async ({ demo, signIn, visitor, signInAs, api, caught, shoot }) => {
  const gated = demo.mailboxes.find((mailbox) => mailbox.mode === "gated_send");
  const sent = {};
  async function submit(kind, to) {
    const { status, json } = await api("POST", "/v1/send", { mailbox: gated.address, to, subject: `${kind}: how are you`, body: PLAIN, consent_basis: "consent", ...KINDS[kind] });
    if (status !== 202) throw new Error(`${kind}: ${status} ${JSON.stringify(json)}`);
    sent[json.id] = { kind, to };
  }
  const page = await signIn("reviewer", { viewport: { width: 1440, height: 900 } });
  const before = await page.locator("[data-row-link]").count();
  const names = Object.keys(KINDS);
  for (let i = 0; i < 100 - before; i++) await submit(names[i % names.length], `by-keyboard-${i}@example.com`);

  // ---- By keyboard alone: from here on nothing but page.keyboard touches the page.
  const keys = page.keyboard;
  const here = () => page.evaluate(() => ({ url: location.pathname, title: document.querySelector("h1")?.textContent.trim(), focus: document.activeElement?.id, flash: document.querySelector(".flash")?.textContent.trim() ?? "" }));
  /** Presses keys and waits until another page has come. */
  async function go(...pressed) {
    await page.evaluate(() => { document.querySelector("main").dataset.old = "yes"; });
    for (const key of pressed) key.startsWith("'") ? await keys.type(key.slice(1)) : await keys.press(key);
    await page.waitForFunction(() => document.querySelector("main") && !document.querySelector("main").dataset.old, undefined, { timeout: 15000 }).catch(async () => { await shoot(page, "stuck"); throw new Error(`${pressed} did nothing: ${JSON.stringify(await here())}`); });
    await page.waitForTimeout(20);
  }
  await page.reload();
  const rows = await page.locator("[data-row-link]").count();
  await keys.press("j");
  await keys.press("j");
  await keys.press("k");
  check("j and k move through the list", (await page.evaluate(() => document.activeElement.matches("[data-row-link]"))) && rows === 50, rows);
  await keys.press("?");
  check("? shows the keys", await page.evaluate(() => document.getElementById("help").open));
  await keys.press("Escape");
  await keys.press("x");
  await keys.press("Shift+J");
  await keys.press("Shift+J");
  check("x and Shift+J select", (await page.locator("input[name=id]:checked").count()) === 3 && (await page.textContent("[data-selected]")) === "3 messages selected");
  await keys.press("k"); await keys.press("k");
  for (let i = 0; i < 3; i++) { await keys.press("x"); await keys.press("j"); }
  await keys.press("Control+k");
  await keys.type("keys off then");
  check("the palette says when nothing fits", (await page.textContent("#palette-list")).includes("No command"));
  await keys.press("Escape");
  await keys.press("/");
  await keys.type("jjkk");
  check("keys rest while somebody types", (await page.evaluate(() => document.activeElement.value)) === "jjkk");
  await keys.press("Control+a"); await keys.press("Delete");
  await keys.press("Escape");
  await keys.press("j");
  await go("Enter");
  const done = {};
  let steps = 0, lost = 0;
  const started = Date.now();
  for (; steps < 260; steps++) {
    const now = await here();
    if (!now.url.startsWith("/messages/")) break;
    if (now.focus !== "subject") await page.waitForFunction(() => document.activeElement.id === "subject", undefined, { timeout: 2000 }).catch(() => lost++);
    const id = now.url.split("/").pop();
    const kind = done[id] ? "reject" : sent[id]?.kind ?? "approve";
    done[id] = kind;
    if (kind === "approve") await go("a");
    else if (kind === "reject") await go("r", "'Not in this tone.", "Control+Enter");
    else if (kind === "change") await go("c", "'Please name what changed.", "Control+Enter");
    else if (kind === "snooze") await go("s", "Enter");
    else if (kind === "take") { await go("i"); await go("a"); }
    else if (kind === "waive") { await keys.press("n"); await go("Tab", "Enter", "Tab", "'Agreed by phone.", "Enter"); await go("a"); }
    else if (kind === "tick") {
      for (let i = 0; i < 30 && !(await page.evaluate(() => document.activeElement.name === "ticked")); i++) await keys.press("Tab");
      await keys.press("Space");
      await go("a");
    } else if (kind === "undo") { await go("a"); await go("z"); done[id] = "undo"; }
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  const end = await here();
  check(`a hundred messages are worked off by keyboard alone, in ${steps} steps and ${seconds} s`, end.url === "/queue" && Object.keys(done).length === 100, `${end.url} ${Object.keys(done).length} ${end.title} ${end.flash}`);
  check("after every decision the focus is on the next heading", lost === 0, lost);
  await shoot(page, "desk-empty");
  check("the queue says that nothing waits", (await page.textContent(".empty h2")).includes("Nothing waits"));
  await go("g", "h");
  check("g h goes to the history", (await here()).url === "/messages");

  const wanted = { approve: "approved", take: "approved", waive: "approved", tick: "approved", undo: "rejected", reject: "rejected", change: "changes_requested", snooze: "pending" };
  const wrong = [];
  for (const [id, { kind, to }] of Object.entries(sent)) {
    const { json } = await api("GET", `/v1/emails/${id}`);
    const status = ["queued", "sending", "sent"].includes(json.status) ? "approved" : json.status;
    if (status !== wanted[kind]) wrong.push(`${kind} ${to} ${json.status}`);
  }
  check("every message is as its reviewer decided", wrong.length === 0, wrong.join("\n"));
  const approved = Object.values(sent).filter(({ kind }) => wanted[kind] === "approved").map(({ to }) => to);
  await caught(() => false, 6);
  await caught((mail) => mail.to.includes(approved.at(-1)), 30);
  const mails = (await (await fetch(demo.catcher)).json()).flatMap((mail) => mail.to).filter((to) => to.startsWith("by-keyboard-"));
  check(`the ${approved.length} approved ones arrive once each, and no other`, mails.length === approved.length && new Set(mails).size === mails.length && mails.every((to) => approved.includes(to)), mails.length);

  // ---- Back keeps scroll and selection.
  await page.goto("/messages");
  await page.evaluate(() => scrollTo(0, 900));
  const link = page.locator("[data-row-link]").nth(20);
  const chosen = await link.evaluate((a) => { a.focus({ preventScroll: true }); return a.closest("[data-message]").dataset.message; });
  const top = await page.evaluate(() => scrollY);
  await go("Enter");
  await page.goBack();
  await page.waitForTimeout(400);
  const back = await page.evaluate(() => ({ top: scrollY, focus: document.activeElement.closest?.("[data-message]")?.dataset.message }));
  check("back keeps scroll and selection", Math.abs(back.top - top) < 5 && back.focus === chosen, JSON.stringify({ back, top, chosen }));

  // ---- Five reviewers on one queue.
  const admin = await signIn("admin");
  const team = [page, admin];
  for (const name of ["Fay", "Gus", "Hal"]) {
    await admin.goto("/users");
    await admin.fill("#email", `${name.toLowerCase()}@desk.example.com`);
    await admin.fill("#name", name);
    for (const box of await admin.locator(".card [name=mailboxes]").all()) await box.check();
    await admin.click(".card .btn-primary");
    const invitation = new URL(await admin.textContent("#secret")).pathname;
    const guest = await visitor();
    await guest.goto(invitation);
    await guest.fill("[name=password]", "a long enough password");
    await guest.click("button[type=submit]");
    await guest.waitForURL(/\/(login|queue)/);
    await guest.context().close();
    team.push(await signInAs({ email: `${name.toLowerCase()}@desk.example.com`, password: "a long enough password" }));
  }
  const watcher = await signIn("manager");
  await watcher.goto("/queue?mailbox=" + gated.id);
  await watcher.waitForTimeout(500);
  const shown = await watcher.locator("[data-row-link]").count();
  const ids = Object.keys(sent).length;
  for (let i = 0; i < 30; i++) await submit("approve", `by-five-${i}@example.com`);
  await watcher.waitForSelector("[data-new]:not([hidden])");
  await watcher.waitForFunction(() => document.querySelector("[data-new-count]").textContent === "30", undefined, { timeout: 8000 }).catch(() => {});
  check("what is new is counted and moves nothing", (await watcher.textContent("[data-new-count]")) === "30" && (await watcher.locator("[data-row-link]").count()) === shown, await watcher.textContent("[data-new-count]"));
  check("the title counts what waits", /^\(\d+\) /.test(await watcher.title()), await watcher.title());
  await watcher.click("[data-new] a");
  await watcher.waitForSelector("[data-row-link]");
  const five = Object.keys(sent).slice(ids);
  // Each opens another message before anybody decides, so that all five have a share however slow the machine is.
  await Promise.all(team.map((member, i) => member.goto(`/messages/${five[i]}`)));
  await Promise.all(team.map(async (member, i) => {
    await member.click("#approve button:not(:disabled)");
    await member.waitForURL((url) => !url.pathname.endsWith(five[i]));
  }));
  const tally = await Promise.all(team.map(async (member) => {
    let approvals = 0, conflicts = 0;
    const open = async () => {
      await member.goto(`/queue?mailbox=${gated.id}`);
      if (!(await member.locator("[data-row-link]").count())) return false;
      await member.locator("[data-row-link]").first().click();
      await member.waitForURL("**/messages/*", { timeout: 8000 }).catch(() => {});
      return true;
    };
    await open();
    for (let i = 0; i < 80; i++) {
      await member.waitForTimeout(60);
      const path = new URL(member.url()).pathname;
      if (path === "/queue") break;
      if (await member.locator(".error-page").count()) { conflicts++; if (!(await open())) break; continue; }
      const approve = member.locator("#approve button:not(:disabled)");
      if (!(await approve.count())) { if (!(await open())) break; continue; }
      approvals++;
      await approve.click({ timeout: 4000 }).catch(() => { approvals--; });
    }
    return { approvals, conflicts };
  }));
  const decisions = await Promise.all(five.map(async (id) => (await api("GET", `/v1/emails/${id}`)).json.decisions));
  check(`five reviewers decide thirty messages once each (${tally.map(({ approvals, conflicts }) => `${approvals}/${conflicts}`).join(" ")})`, decisions.every((made) => made.filter(({ decision }) => decision === "approve").length === 1), JSON.stringify(decisions.map((made) => made.length)));
  const people = new Set(decisions.flat().map(({ by }) => by)).size;
  check("all five of them had a share", people === team.length, people);
  await watcher.waitForFunction(() => document.querySelectorAll(".q-gone").length >= 25, undefined, { timeout: 8000 }).catch(() => {});
  check("another open queue marks what was decided and keeps its rows", (await watcher.locator(".q-gone").count()) >= 25, await watcher.locator(".q-gone").count());
  await shoot(watcher, "desk-decided-by-others");
  await caught((mail) => mail.to.includes(sent[five.at(-1)].to), 30);
  await caught(() => false, 4);
  const arrived = (await (await fetch(demo.catcher)).json()).flatMap((mail) => mail.to).filter((to) => to.startsWith("by-five-"));
  check("each of the thirty arrives once", arrived.length === 30 && new Set(arrived).size === 30, arrived.length);
});
