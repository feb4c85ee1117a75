// Templates from the first draft to ten messages made from one, as the people who do it see them.
import { check, faults, run } from "./lib.mjs";

await run(async ({ signIn, api, shoot }) => {
  const looks = { wide: { viewport: { width: 1280, height: 900 } }, phone: { viewport: { width: 390, height: 844 } }, dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" } };
  const manager = await signIn("manager", looks.wide);
  await manager.goto("/templates");
  check("the list says what a template is while there is none", await manager.getByText("No template yet").isVisible());
  await manager.goto("/templates/new");
  await manager.fill("#name", "Spring news");
  await manager.fill("#subject", "News for {{ nam }}");
  await manager.fill("#body", "Hi {{ name }},\n\nthere is something new{% if plan %} for {{ plan }}{% endif %}.\n");
  await manager.fill("#variables", "name text from contact.name\nplan text optional from customer.plan");
  await manager.click("button.btn-primary");
  check("what is wrong is named with its line", (await manager.locator("[role=alert]").innerText()).includes("Subject, line 1: there is no variable"));
  await shoot(manager, "template-form-error");
  await manager.fill("#subject", "News for {{ name }}");
  await manager.click("button.btn-primary");
  await manager.waitForURL(/templates\/[0-9a-f-]+$/);
  const path = new URL(manager.url()).pathname;
  check("its writer cannot approve it", (await manager.getByRole("button", { name: "Approve version 1" }).count()) === 0);
  await manager.goto(`${path}/edit`);
  await manager.fill("#body", "Dear {{ name }},\n\nthere is something new{% if plan %} for {{ plan }}{% endif %}.\n");
  await manager.click("button.btn-primary");
  await manager.waitForSelector("#changes");
  check("what is different is shown", (await manager.locator("ins").allInnerTexts()).join().includes("Dear"));
  const admin = await signIn("admin", looks.wide);
  await admin.goto(`${path}?version=2`);
  await admin.getByRole("button", { name: "Approve version 2" }).click();
  await admin.getByText(/Approved by/).first().waitFor();
  check("somebody else approves it", true);
  const { json: found } = await api("GET", "/v1/contacts/search?limit=1");
  const email = found.contacts.find((contact) => contact.name)?.email ?? found.contacts[0].email;
  await admin.goto(`${path}?version=2&contact=${encodeURIComponent(email)}`);
  check("a preview reads as the contact would", (await admin.locator(".letter").allInnerTexts()).some((text) => text.startsWith("Dear ") || text.includes("not on record")));
  const { json: segment } = await api("POST", "/v1/segments", { name: "Everybody", tags: "" });
  const { json: campaign } = await api("POST", "/v1/campaigns", { name: "Spring news", kind: "feedback", segment_id: segment.id });
  await manager.goto(`/campaigns/${campaign.id}`);
  await manager.selectOption("#draft-mailbox", { index: 1 });
  await manager.fill("#holdout", "10");
  await manager.locator("form[action$='/drafts'] button").click();
  await manager.waitForSelector("#rounds li");
  await manager.locator("#rounds", { hasText: /Done:/ }).waitFor({ timeout: 60_000 });
  check("everybody is drafted for, and the page follows", /Done: \d+ drafted/.test(await manager.locator("#rounds").innerText()));
  for (const [look, options] of Object.entries(looks)) {
    const page = await signIn("manager", options);
    for (const [name, to] of Object.entries({ templates: "/templates", template: `${path}?version=2&since=1&contact=${encodeURIComponent(email)}`, "template-form": `${path}/edit`, "campaign-drafts": `/campaigns/${campaign.id}`, holidays: "/rules#holidays" })) {
      await page.goto(to);
      check(`${name} is accessible (${look})`, (await faults(page)).length === 0, (await faults(page)).join("\n"));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      check(`${name} fits its width (${look})`, !wide);
      await shoot(page, `${name}-${look}`);
    }
  }
});
