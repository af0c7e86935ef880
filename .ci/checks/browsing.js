// What checks in a real browser have in common: pages that tell their faults, clicks that are
// followed, and a list of checks that are all done whatever one of them finds.
const assert = require("assert/strict");

const params = (page) => new URL(page.url()).searchParams;

async function opened(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  page.on("pageerror", (error) => page.faults.push(String(error)));
  const answer = await page.goto(url, { waitUntil: "load" });
  assert.equal(answer.status(), 200, url);
  return page;
}

// A click answers before the page that it leads to is there.
async function followed(page, act) {
  await Promise.all([page.waitForNavigation({ waitUntil: "load" }), act()]);
}
const follow = (page, selector) => followed(page, () => page.click(selector));

// There are so many, or will be before long: a page may still be drawing.
async function counted(locator, count) {
  const until = Date.now() + 30_000;
  while ((await locator.count()) !== count && Date.now() < until) await new Promise((done) => setTimeout(done, 50));
  assert.equal(await locator.count(), count);
}

// The bytes of a page with all that it loads, uncompressed.
async function weight(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.faults = [];
  const bodies = [];
  page.on("response", (answer) => bodies.push(answer.body().catch(() => "")));
  await page.goto(url, { waitUntil: "networkidle" });
  const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + body.length, 0);
  return { page, bytes };
}

// How many there are, and of those that failed the names, each with its reason.
async function allOf(checks, browser, base) {
  const failed = [];
  for (const [name, check] of Object.entries(checks)) {
    let page;
    try {
      page = await check(browser, base);
      assert.deepEqual(page.faults, []);
    } catch (error) {
      failed.push(`${name}: ${String(error.message).slice(0, 300)}`);
    }
    for (const context of browser.contexts()) await context.close();
  }
  return { all: Object.keys(checks).length, failed };
}

module.exports = { params, opened, followed, follow, counted, weight, allOf };
