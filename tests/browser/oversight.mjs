// An administrator holds large sums for two people and lets mail to a partner through; two reviewers approve one after the other.
// usage: node oversight.mjs [--shots DIR]
import { check, run } from "./lib.mjs";

await run(async ({ demo, signIn, api, caught, look }) => {
  const admin = await signIn("admin");
  await admin.goto("/oversight");
  check("without rules the page says what they are for", (await admin.textContent(".empty")).includes("A rule adds to them"));
  await look(admin, "oversight-empty");
  await admin.fill("#name", "Large sums");
  await admin.click("text=Make the rule");
  check("a rule that names nothing is refused with what was typed", (await admin.inputValue("#name")) === "Large sums" && (await admin.textContent(".error")).includes("must say what it holds"));
  await look(admin, "oversight-error");
  await admin.fill("#amount_over", "500");
  await admin.fill("#currency", "EUR");
  await admin.check("input[name=approvers][value='2']");
  await admin.click("text=Make the rule");
  await admin.waitForSelector("table");
  check("the rule says in words what it holds", (await admin.textContent("table")).includes("an amount over €500"), await admin.textContent("table"));
  await look(admin, "oversight");

  const { json: boxes } = await api("GET", "/v1/mailboxes");
  const box = boxes.mailboxes.find((one) => one.mode === "gated_send");
  const { json: sent } = await api("POST", "/v1/send", { mailbox: box.address, to: "kim@partner.example", subject: "About what you asked", text_body: "You asked about the 900 EUR.", consent_basis: "legitimate_interest" });
  check("an agent's message with a large sum is held for two", sent.reason?.includes("holds it for two people"), JSON.stringify(sent));
  const { json: shown } = await api("GET", `/v1/emails/${sent.id}`, undefined, demo.keys.oversight);
  for (const claim of shown.claims.filter((claim) => claim.open))
    await api("POST", `/v1/emails/${sent.id}/claims/${claim.key}/waiver`, { reason: "Counted." }, demo.keys.oversight);
  await admin.goto(`/messages/${sent.id}`);
  check("the button says that it is the first of two", (await admin.textContent(".decision-bar")).includes("Approve, as the first of two"), await admin.textContent(".decision-bar"));
  await look(admin, "two-first");
  await admin.click("#approve button");
  await admin.waitForSelector("text=Somebody else must approve it too");
  await admin.goto(`/messages/${sent.id}`);
  check("whoever approved has no button any more", (await admin.locator("#approve").count()) === 0 && (await admin.textContent(".decision-bar")).includes("You approved it at"));
  const reviewer = await signIn("reviewer");
  await reviewer.goto(`/messages/${sent.id}`);
  check("the other sees who approved", (await reviewer.locator("text=approved it. Somebody else must approve it too.").count()) > 0);
  await look(reviewer, "two-second");
  await reviewer.click("#approve button");
  check("with the second approval it leaves", await caught((mail) => JSON.stringify(mail).includes("About what you asked")));

  await admin.goto(`/mailboxes/${box.id}`);
  await admin.fill("#recipient", "partner.example");
  await admin.fill("#allow-reason", "Our own people");
  await admin.click("text=Put on the list");
  check("what is no recipient is refused beside the form", (await admin.textContent("#allowed .error")).includes("*@"));
  await admin.fill("#recipient", "*@partner.example");
  await admin.click("text=Put on the list");
  await admin.waitForSelector("#allowed .items");
  check("the list says what it covers", (await admin.textContent("#allowed")).includes("*@partner.example"));
  await look(admin, "allow-list");
});
