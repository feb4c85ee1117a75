// Somebody signs in with a provider that runs here (panva's oidc-provider), and out of both again.
// usage: node provider.mjs [--shots DIR]
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import Provider from "oidc-provider";
import { check, run } from "./lib.mjs";

const freePort = () => new Promise((done) => { const socket = createSocket().listen(0, "127.0.0.1", () => { const { port } = socket.address(); socket.close(() => done(port)); }); });
const port = await freePort();
const issuer = `http://127.0.0.1:${port}`;
// What the provider knows of people, by what they type into its sign-in page.
const people = {
  rita: { email: "Reviewer@harbourline.test", email_verified: true, name: "Rita R.", groups: ["staff"] },
  nia: { email: "nia@harbourline.test", email_verified: true, name: "Nia New", groups: ["staff", "desk-managers"] },
  eve: { email: "eve@elsewhere.test", email_verified: true, name: "Eve", groups: ["staff"] },
  mallory: { email: "admin@harbourline.test", email_verified: false, name: "Ada Admin", groups: ["desk-managers"] },
};
Object.assign(process.env, {
  COUNTERSIGN_OIDC__ISSUER: issuer,
  COUNTERSIGN_OIDC__CLIENT_ID: "desk",
  COUNTERSIGN_OIDC__CLIENT_SECRET: "between desk and provider: 50% & more+",
  COUNTERSIGN_OIDC__NAME: "Harbourline ID",
  COUNTERSIGN_OIDC__SCOPES: "email, profile, groups",
  COUNTERSIGN_OIDC__ROLE_CLAIM: "groups",
  COUNTERSIGN_OIDC__ROLES: '{desk-managers = "manager"}',
});

function serve(desk) {
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "desk",
      client_secret: process.env.COUNTERSIGN_OIDC__CLIENT_SECRET,
      redirect_uris: [`${desk}/login/provider/callback`],
      post_logout_redirect_uris: [`${desk}/login`],
    }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    pkce: { required: () => true },
    cookies: { keys: ["a key of the test"] },
    findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  });
  const server = createServer(provider.callback());
  return new Promise((done) => server.listen(port, "127.0.0.1", () => done(server)));
}

await run(async ({ demo, visitor, signIn, look }) => {
  const button = (page) => page.getByRole("link", { name: "Sign in with Harbourline ID" });
  const text = (page) => page.locator("main").innerText();
  /** Through the provider's own pages: who it is, and that the desk may know. */
  async function through(page, who) {
    await button(page).click();
    await page.waitForURL(`${issuer}/**`);
    await page.fill("[name=login]", who);
    await page.fill("[name=password]", "anything");
    await page.click("button[type=submit]");
    await page.waitForURL((url) => url.origin === demo.url || url.pathname.startsWith("/interaction/"));
    if (page.url().startsWith(issuer)) {
      await page.click("button[type=submit]");
      await page.waitForURL(`${demo.url}/**`);
    }
  }

  const early = await visitor();
  await early.goto("/login");
  await button(early).click();
  check("a provider that is not there is told in words", (await text(early)).includes("Harbourline ID cannot be reached from here"), await text(early));
  await look(early, "silent");
  const server = await serve(demo.url);
  try {
    const rita = await visitor();
    await rita.goto("/account");
    await look(rita, "login");
    await through(rita, "rita");
    check("a verified address finds the account that is there, and the page that was wanted", rita.url() === `${demo.url}/account`, rita.url());
    check("the account says where they sign in", (await text(rita)).includes(`You sign in with ${issuer}`), await text(rita));
    await look(rita, "account");
    await rita.getByRole("button", { name: "Unlink it" }).click();
    await rita.getByText("Unlinked. Your other sessions have ended.").waitFor();
    await look(rita, "unlinked");
    await rita.getByRole("link", { name: "Link Harbourline ID" }).click();
    await rita.getByText("Linked. You can sign in with it from now on.").waitFor();
    check("whoever is signed in links their account again", rita.url().startsWith(`${demo.url}/account`) && (await text(rita)).includes(`You sign in with ${issuer}`), await text(rita));

    await rita.locator(".sidebar form[action='/logout'] button").click();
    await rita.waitForURL("**/login?left=desk");
    await look(rita, "left");
    // Still known there: no page of the provider asks anything.
    await button(rita).click();
    await rita.waitForURL("**/queue");
    check("whoever is still signed in there is let in again", true);
    await rita.locator(".sidebar form[action='/logout'] button").click();
    await rita.getByRole("link", { name: "Sign out there as well" }).click();
    await rita.waitForURL(`${issuer}/session/end**`);
    await rita.click("button[value=yes]");
    await rita.waitForURL(`${demo.url}/login`);
    await button(rita).click();
    await rita.waitForURL(`${issuer}/interaction/**`);
    check("out of the provider as well: it asks again", true);

    const nia = await visitor();
    await nia.goto("/login");
    await through(nia, "nia");
    await nia.goto("/account");
    check("a value of the claim gives a role to whoever is new", (await text(nia)).includes("Nia New, manager") && (await text(nia)).includes("no password here"), await text(nia));

    const eve = await visitor();
    await eve.goto("/login");
    await through(eve, "eve");
    check("whoever is not known and has no such value is refused in words", (await text(eve)).includes("Ask an administrator of this desk to invite you"), await text(eve));
    await look(eve, "refused");

    const mallory = await visitor();
    await mallory.goto("/login");
    await through(mallory, "mallory");
    check("an address that nobody verified opens no account", (await text(mallory)).includes("does not vouch for an address"), await text(mallory));

    const stopped = await visitor();
    await stopped.goto("/login");
    await button(stopped).click();
    await stopped.waitForURL(`${issuer}/**`);
    await stopped.getByRole("link", { name: /Cancel/ }).click();
    await stopped.waitForURL(`${demo.url}/**`);
    check("whoever ends it there reads so here", (await text(stopped)).includes("or you ended it there"), await text(stopped));

    const admin = await signIn("admin");
    await admin.goto("/users");
    check("administrators see who comes from there", (await text(admin)).split(`signs in with ${issuer}`).length === 3, await text(admin));
    await look(admin, "users");
    await admin.goto("/audit?action=user.link");
    check("the log says who was linked", (await text(admin)).includes("user.link"), await text(admin));
    await admin.goto("/doctor");
    check("the doctor finds the provider well", (await text(admin)).includes("Harbourline ID answers"), await text(admin));
  } finally {
    server.closeAllConnections();
    server.close();
  }
  // The provider's own pages want a font of the web, and one of ours says on purpose that the provider is not there.
}, { excused: (url, words) => url.startsWith(issuer) || /status of 502/.test(words) });
