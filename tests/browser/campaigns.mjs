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
  await page.selectOption("#who-segment", { label: "From the browser" });
  await page.click("text=See who would be enrolled");
  await page.waitForSelector("h1:has-text('Enroll From the browser')");
  const forecast = page.url();
  const stat = async (name) => Number(await page.textContent(`.stat:has(dt:text-is("${name}")) dd`));
  const [would_be, out] = [await stat("Would be enrolled"), await stat("Would be left out")];
  check("the forecast says who would be enrolled", would_be > 0 && would_be + out + (await stat("In it already")) === (await stat("Looked at")), `${would_be} ${out}`);
  await page.click(".page-head button");
  await page.waitForFunction(() => document.querySelector("#rounds")?.textContent.includes("Done:"), null, { timeout: 60_000 });
  check("everybody of a segment is enrolled as the forecast said", (await page.textContent("#rounds")).includes(`${would_be} enrolled`), await page.textContent("#rounds"));
  await page.goto("/segments");
  await page.waitForFunction((some) => [...document.querySelectorAll("tr")].some((row) => row.textContent.includes("From the browser") && row.querySelector(".num")?.textContent.includes(some)), some);
  check("the list of segments counts their contacts", true);

  await page.goto("/churn");
  await page.click("text=Win-back rules");
  await page.click("text=Make the first rule");
  const would = () => page.textContent("[aria-labelledby=would-title] b");
  const before = Number(await would());
  await page.check("text=Too expensive");
  await page.waitForFunction((before) => Number(document.querySelector("[aria-labelledby=would-title] b")?.textContent) < before, before);
  const letters = Number(await would());
  check("what a rule would do follows while it is written", letters > 0 && letters < before, `${letters} of ${before}`);
  await page.fill("#name", "Price");
  await page.fill("#holdout", "0");
  await page.fill("#to_days", "1");
  await page.click("text=Save rule");
  await page.waitForSelector("[role=alert]");
  check("what is wrong is said and nothing is lost", (await page.textContent("[role=alert]")).includes("To days must be at least") && (await page.inputValue("#name")) === "Price");
  await page.fill("#to_days", "60");
  await page.click("text=Save rule");
  await page.waitForURL(/rules\/[0-9a-f-]{36}$/);
  const rule = page.url();
  await page.waitForFunction(async ([url, letters]) => (await (await fetch(url)).text()).includes(`arm=letter">${letters}<`), [rule, letters], { timeout: 60_000 });
  check("it drafts for as many as it said", true);
  await page.goto(rule);
  await page.click("text=Let it rest");
  await page.waitForSelector("text=Let it draft");

  const paths = ["/churn/rules", "/churn/rules/new", rule, "/churn?arm=letter", "/campaigns", "/campaigns/new", "/segments", "/segments/new", "/migrations", "/migrations/new", migration, `${migration}/edit`];
  paths.push(`${migration}/preview?phase=window`, "/sequences", "/sequences/new", sequence, forecast, sequence.replace(/\?.*/, "/edit"), "/referrals");
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
