// Somebody sets up a second factor, signs in with it, loses the password, and looks where they are signed in.
// usage: node people.mjs [--shots DIR]
import { createHmac } from "node:crypto";
import { check, run } from "./lib.mjs";

/** What an authenticator app shows (RFC 6238 with SHA-1, six digits, 30 seconds), so many steps from now. */
function code(secret, steps = 0) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps));
  const hash = createHmac("sha1", key).update(counter).digest();
  return String((hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1000000).padStart(6, "0");
}

/** Waits until a code has ten seconds left. */
async function early() {
  const over = (Date.now() % 30000) - 20000;
  if (over > 0) await new Promise((done) => setTimeout(done, 10000 - over));
}

await run(async ({ demo, visitor, signIn, caught, shoot, look }) => {
  const person = demo.users.find((user) => user.role === "reviewer");
  async function password(page, word = person.password) {
    await page.goto("/login");
    await page.fill("[name=email]", person.email);
    await page.fill("[name=password]", word);
    await page.click("button[type=submit]");
  }

  const reviewer = await signIn("reviewer");
  await reviewer.goto("/account");
  await reviewer.click("#second-factor button");
  await reviewer.waitForSelector("#factor-secret");
  await look(reviewer, "account");
  const secret = await reviewer.textContent("#factor-secret");
  // The code before this one is good until this one ends.
  await early();
  await reviewer.fill("#factor-code", code(secret, -1));
  await reviewer.click("#second-factor .btn-primary");
  const recovery = (await reviewer.textContent("#codes")).trim().split("\n");
  check("ten recovery codes are shown", recovery.length === 10, recovery);

  // Without JavaScript, as everything here.
  const other = await visitor({ javaScriptEnabled: false });
  await password(other);
  await other.waitForURL("**/login/code");
  await other.goto("/queue");
  check("a password alone opens nothing", other.url().includes("/login"), other.url());
  await other.goto("/login/code");
  await other.fill("#code", "not-right");
  await other.click("form:has(#code) button");
  check("a wrong code says what to do", (await other.textContent("[role=alert]")).includes("Wait for the next one"));
  await other.fill("#code", code(secret));
  await other.click("form:has(#code) button");
  await other.waitForURL("**/queue");
  check("the code opens the queue", (await other.locator("[data-message]").count()) > 0);

  const third = await visitor();
  await password(third);
  await third.waitForURL("**/login/code");
  await look(third, "code");
  await third.click("summary");
  await third.fill("#recovery-code", recovery[0]);
  await third.click("form:has(#recovery-code) button");
  await third.waitForURL("**/queue");
  check("a recovery code opens it once", (await third.textContent(".flash")).includes("9 are left"));

  await reviewer.goto("/account");
  const rows = reviewer.locator("#sessions tbody tr");
  check("three sessions are listed, one of them this", (await rows.count()) === 3 && (await reviewer.locator("#sessions tbody form").count()) === 2, await rows.count());
  check("each says what it is in words", (await rows.first().innerText()).includes("Chrome on Linux"), await rows.first().innerText());
  await reviewer.locator("#sessions").scrollIntoViewIfNeeded();
  await shoot(reviewer, "people-sessions");
  await reviewer.locator("#sessions tbody form button").first().click();
  await reviewer.waitForSelector(".flash");
  await third.goto("/queue");
  check("a session that is ended shows the sign-in", third.url().includes("/login"), third.url());
  await reviewer.click("#sessions > .card-body > form button");
  await reviewer.waitForSelector(".flash");
  await other.goto("/queue");
  check("and so do all the others", other.url().includes("/login"), other.url());

  await third.goto("/login");
  await third.click("text=Forgot your password?");
  await third.waitForURL("**/login/forgot");
  await look(third, "forgot");
  await third.fill("[name=email]", person.email);
  await third.click("button[type=submit]");
  await third.waitForSelector("p[role=status]");
  await look(third, "asked");
  const mail = await caught((one) => one.subject === "A new password for Countersign");
  check("a link is mailed", mail?.to?.includes(person.email), JSON.stringify(mail));
  const link = (mail.text ?? mail.raw ?? JSON.stringify(mail)).replace(/=\r?\n/g, "").match(/\/reset\/[\w-]+/)[0];
  await third.goto(link);
  await look(third, "reset");
  await third.fill("[name=password]", "a password that is new");
  await third.click("button[type=submit]");
  await third.waitForURL("**/login");
  await reviewer.goto("/queue");
  check("a new password ends all sessions", reviewer.url().includes("/login"), reviewer.url());
  await password(third, "a password that is new");
  await third.waitForURL("**/login/code");
  check("and the code is asked for as before", true);

  const admin = await signIn("admin");
  await admin.goto("/users");
  await admin.check("[name=required][value=deciders]");
  await admin.click("#second-factor .btn-primary");
  await admin.waitForURL("**/account/second-factor");
  await look(admin, "due");
  await admin.click(".card .btn-primary");
  await admin.waitForSelector("#factor-secret");
  await look(admin, "due-started");
  await admin.goto("/queue");
  check("nothing else opens before the second factor is set up", admin.url().includes("/account/second-factor"), admin.url());
  await admin.fill("#factor-code", code(await admin.textContent("#factor-secret"), 0));
  await admin.click("form:has(#factor-code) .btn-primary");
  await admin.waitForSelector("#codes");
  await admin.goto("/users");
  check("then everything does", (await admin.textContent("main")).includes("second factor on"));
  await look(admin, "users");
});
