// A person reviews, approves, and reads the mail that arrived.
// usage: node review.mjs [--shots DIR]
import { check, run, top } from "./lib.mjs";

await run(async ({ demo, visitor, signIn, caught, shoot }) => {
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
  // Without a script nothing tells this page that somebody was quicker; the server does.
  const unaware = await signIn("admin", { javaScriptEnabled: false });
  await unaware.goto(target);
  await admin.goto(target);
  await reviewer.goto(target);
  await reviewer.click('form[action$="/approval"] button');
  await reviewer.waitForSelector(".flash");
  await unaware.click('form[action$="/approval"] button');
  await unaware.waitForSelector(".error-page");
  check("a second decision is told who was first", (await unaware.textContent(".error-page")).includes("Rita Reviewer approved this"));
  await admin.waitForSelector("#changed-meanwhile:not([hidden])");
  check("an open page says so by itself, and decides nothing any more", await admin.locator('form[action$="/approval"] button').isDisabled());

  await admin.goto("/queue");
  const edited = await admin.locator("[data-message] a").first().getAttribute("href");
  const behind = await signIn("reviewer", { javaScriptEnabled: false });
  await behind.goto(edited);
  await admin.goto(`${edited}/edit`);
  await admin.fill("[name=subject]", "A subject that was edited");
  await admin.click(".form-actions .btn-primary");
  await admin.waitForSelector(".flash");
  check("who edited cannot approve", (await admin.locator('form[action$="/approval"]').count()) === 0);
  await behind.click('form[action$="/approval"] button');
  await behind.waitForSelector(".error-page");
  check("an approval of words that changed is a 409 with the difference", (await behind.locator(".diff").first().textContent()).includes("edited"));
  await reviewer.goto(edited);
  await reviewer.click('form[action$="/approval"] button');
  await reviewer.waitForSelector(".flash");
  check("edited, then approved by another, it arrives as edited", (await caught((m) => m.subject === "A subject that was edited")) !== null);

  // A tick stands outside of the panel in which the ground is asked for: Ctrl+Enter there sends the form of the closed panel.
  const mixed = await fetch(`${demo.url}/v1/send`, {
    method: "POST",
    headers: { Authorization: `Bearer ${demo.keys.agent}`, "Content-Type": "application/json" },
    body: JSON.stringify({ mailbox: demo.mailboxes[0].address, to: "no-ground@example.com", subject: "Without a ground", body: "Hello,\n\nhow \u0430re you?\n\nSee you soon" }),
  });
  await reviewer.goto(new URL((await mixed.json()).review_url).pathname);
  await reviewer.check("input[name=ticked]");
  await reviewer.focus("input[name=ticked]");
  await reviewer.keyboard.press("Control+Enter");
  await reviewer.waitForTimeout(200);
  check("a ground that is missing is asked for where its panel was closed", (await reviewer.locator("#basis").isVisible()) && (await reviewer.evaluate(() => document.activeElement.id)) === "basis");

  const wild = await fetch(`${demo.url}/v1/send`, {
    method: "POST",
    headers: { Authorization: `Bearer ${demo.keys.agent}`, "Content-Type": "application/json" },
    body: JSON.stringify({ mailbox: demo.mailboxes[0].address, to: "claims@example.com", consent_basis: "consent", subject: "Wild promises", body: "Hello,\n\nyou get 97% off and unlimited orders.\n\nSee you soon" }),
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

  await manager.goto("/customers/import");
  await manager.setInputFiles("[name=file]", { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from("email,name,tags,city\npia@example.org,Pia,api-v1;eu,Bern\nnobody,Nobody,,\n") });
  await manager.click(".card-foot button");
  await manager.waitForURL("**/imports/*");
  await manager.waitForSelector("h1:has-text('Imported')");
  check("contacts come by a file too, and a row that is none is named", (await manager.textContent("main")).includes("1 imported, 0 known already, 1 refused") && (await manager.locator("tbody tr").count()) === 1);
  await shoot(manager, "import-contacts");
  await manager.goto("/customers?tags=api-v1,eu");
  check("who was imported is among the customers, with the tags", (await manager.textContent("main")).includes("pia@example.org"));

  await manager.goto("/facts?kind=product_update");
  await manager.click("summary:has-text('Import a CSV file')");
  const shipped = Array.from({ length: 300 }, (_, n) => `Improvement ${n},2026-04-30,It is there.\n`).join("");
  await manager.setInputFiles("[name=file]", { name: "shipped.csv", mimeType: "text/csv", buffer: Buffer.from(`title,shipped_on,summary\n${shipped}No day,soon,It comes.\n`) });
  await manager.click("form[action='/facts/import'] button");
  await manager.waitForURL("**/imports/*");
  await manager.waitForSelector("h1:has-text('Imported')");
  check("facts come by a file as well, with progress", (await manager.textContent("main")).includes("300 imported, 0 known already, 1 refused"));
  await shoot(manager, "import-facts");
  await manager.click("text=See the facts");
  await manager.waitForURL("**/facts?kind=product_update");
  await manager.waitForSelector("td:has-text('Improvement'), li:has-text('Improvement'), a:has-text('Improvement')");
  check("and are among the facts", (await manager.textContent("main")).includes("Improvement"));
});
