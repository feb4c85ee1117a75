// Somebody adds a passkey with the authenticator of the browser, signs in with it after the password and alone, and removes it.
// usage: node passkeys.mjs [--shots DIR]
import { check, faults, run } from "./lib.mjs";

// Browsers make no passkeys at an IP address.
await run(async ({ demo, visitor, shoot }) => {
  const views = [["wide", 1280, 800, "light"], ["wide-dark", 1280, 800, "dark"], ["phone", 390, 844, "light"], ["phone-dark", 390, 844, "dark"]];
  async function look(page, name) {
    const found = [];
    for (const [view, width, height, colorScheme] of views) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      found.push(...(await faults(page)).map((fault) => `${view}: ${fault}`), ...(overflow > 0 ? [`${view}: ${overflow} too wide`] : []));
      await shoot(page, `passkeys-${name}-${view}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    check(`${name}: nothing for axe to find and no overflow, wide and on a phone, light and dark`, found.length === 0, found.join("\n"));
  }
  const person = demo.users.find((user) => user.role === "reviewer");
  const page = await visitor();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
  const kept = async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  const main = () => page.locator("main").innerText();
  async function password() {
    await page.goto("/login");
    await page.fill("[name=email]", person.email);
    await page.fill("[name=password]", person.password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }
  async function signOut() {
    await page.goto("/account");
    await page.locator(".sidebar form[action='/logout'] button").click();
    await page.waitForURL("**/login");
  }

  await password();
  await page.waitForURL("**/queue");
  await page.goto("/account");
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await page.waitForURL("**/account/passkeys/new");
  await look(page, "new");
  await page.fill("[name=name]", "This laptop");
  await page.getByRole("button", { name: "Add it" }).click();
  await page.waitForURL("**/account#passkeys");
  check("the passkey is on the account", (await main()).includes("This laptop"), await main());
  check("the device keeps it, to be found without an address", (await kept()).length === 1 && (await kept())[0].isResidentCredential, JSON.stringify(await kept()));
  await look(page, "account");
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await page.fill("[name=name]", "The same again");
  await page.getByRole("button", { name: "Add it" }).click();
  await page.locator("[data-passkey-problem]:visible").waitFor();
  check("one device has one", (await main()).includes("has a passkey for this desk already"), await main());
  await look(page, "refused");

  await signOut();
  await password();
  await page.waitForURL("**/login/passkey");
  await look(page, "after-password");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL("**/queue");
  check("it is asked for after the password and lets them in", true);

  await signOut();
  await look(page, "login");
  await page.getByRole("link", { name: "Sign in with a passkey" }).click();
  await page.waitForURL("**/login/passkey**");
  await look(page, "alone");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL("**/queue");
  check("it lets them in without a password", true);

  await signOut();
  await page.getByRole("link", { name: "Sign in with a passkey" }).click();
  await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("[data-passkey-problem]:visible").waitFor();
  check("a device that is not unlocked does not", (await main()).includes("cancelled, or took too long"), await main());
  await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL("**/queue");

  await page.goto("/account");
  await page.getByRole("button", { name: "Remove This laptop" }).click();
  await page.waitForURL("**/account#passkeys");
  check("it is gone from the account", !(await main()).includes("This laptop"), await main());
  await signOut();
  await page.getByRole("link", { name: "Sign in with a passkey" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("not known here any more").waitFor();
  check("one that was removed opens nothing", page.url().endsWith("/login/passkey"), page.url());
  await password();
  await page.waitForURL("**/queue");
  check("and no second factor is asked for any more", true);
}, { listen: "localhost:0" });
