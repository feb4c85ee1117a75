// The pages of campaigns in a real browser: a live count, a migration drafted, a sequence, nothing for axe to find, no sideways scroll on a phone.
// usage: node campaigns.mjs [--shots DIR]
import { check, faults, run } from "./lib.mjs";

const phone = { viewport: { width: 390, height: 844 } };
const narrow = (page) => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);

await run(async ({ signIn, shoot }) => {
  const page = await signIn("manager", { viewport: { width: 1440, height: 900 } });
  await page.goto("/segments/new");
  const all = await page.textContent(".segment-count b");
  await page.fill("#tags", "api-v1");
  await page.waitForFunction((all) => document.querySelector(".segment-count b")?.textContent !== all, all);
  const some = await page.textContent(".segment-count b");
  check("the count follows while a segment is written", Number(some) > 0 && Number(some) < Number(all), `${some} of ${all}`);
  await page.fill("#name", "From the browser");
  await page.click("text=Save segment");
  await page.waitForURL(/segments\/[0-9a-f-]{36}$/);
  check("a segment is saved", (await page.textContent("h1")).includes("From the browser"));
  await shoot(page, "segment");

  await page.goto("/migrations");
  await page.click("text=API v1 sunset");
  await page.waitForSelector("#board");
  await page.click("text=Draft all phases");
  await page.waitForSelector("text=Drafting. Each message waits");
  await page.waitForFunction(() => !document.querySelector("#rounds")?.textContent.includes("Under way"), null, { timeout: 60_000 });
  check("all phases that are to come are drafted", (await page.textContent("#rounds")).includes("Done"), await page.textContent("#rounds"));
  await page.reload();
  await shoot(page, "migration");
  const migration = page.url();

  await page.goto("/sequences");
  await page.click("text=Welcome");
  await page.fill("#who-contact", "amelia.ward@wardandwillow.test");
  await page.click("button:has-text('Enroll')");
  await page.waitForSelector("text=0 of 3 handed in");
  check("somebody is enrolled", true);
  await page.fill("#contact", "amelia.ward@wardandwillow.test");
  await page.click("button:has-text('Show')");
  await page.waitForSelector("text=To amelia.ward@wardandwillow.test");
  await shoot(page, "sequence");
  const sequence = page.url();

  const paths = ["/campaigns", "/campaigns/new", "/segments", "/segments/new", "/migrations", "/migrations/new", migration, `${migration}/edit`];
  paths.push(`${migration}/preview?phase=window`, "/sequences", "/sequences/new", sequence, sequence.replace(/\?.*/, "/edit"), "/referrals");
  await page.goto("/campaigns");
  await page.click("td >> text=win-back");
  await page.waitForSelector("text=Messages by state");
  paths.push(page.url(), `${page.url()}/forecast`);
  for (const dark of [false, true]) {
    for (const [size, viewport] of [["wide", { width: 1440, height: 900 }], ["narrow", phone.viewport]]) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
      const found = [];
      for (const path of paths) {
        await page.goto(path);
        found.push(...(await faults(page)).map((fault) => `${path} ${fault}`));
        const name = new URL(page.url()).pathname.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, "one").replaceAll("/", "-").slice(1);
        if (size === "narrow") check(`no sideways scroll at ${name}${dark ? ", dark" : ""}`, await narrow(page));
        await shoot(page, `${name}-${size}-${dark ? "dark" : "light"}`);
      }
      check(`axe finds nothing on ${paths.length} pages, ${size}, ${dark ? "dark" : "light"}`, found.length === 0, found.join("\n"));
    }
  }
});
