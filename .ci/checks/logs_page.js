// What people do on the page of logs, done in a real browser against a running server that has
// records in the last hour: brush, pills, keyboard, context, columns, saved searches, completion,
// live mode; and the same without scripts. The content policy is in force.
const assert = require("assert/strict");
const { counted, params, opened, followed, follow, weight, allOf } = require("./browsing.js");

const WEIGHT = 150_000;
const number = (text) => Number(text.replace(/\D/g, ""));

// The count on the page, the sum of the legend and the API's total of the very same range.
async function totalsAgree(page, base) {
  const shown = number((await page.textContent("#summary")).split(" of ").pop());
  const legend = await page.$$eval("#timeline .legend .num", (counts) => counts.map((count) => count.textContent));
  assert.equal(shown, legend.map(number).reduce((sum, count) => sum + count, 0), "legend and count");
  const asked = new URLSearchParams({ q: params(page).get("q") ?? "", start: params(page).get("start"), end: params(page).get("end"), limit: 1 });
  const answer = await (await fetch(`${base}/api/v1/logs?${asked}`)).json();
  assert.equal(shown, answer.total, "count and API");
}

async function emit(base, service, message) {
  const line = JSON.stringify({ timestamp: new Date().toISOString(), severity: "WARN", "service.name": service, message });
  const answer = await fetch(`${base}/api/v1/ingest/logs`, { method: "POST", headers: { "content-type": "application/x-ndjson" }, body: line });
  assert.equal((await answer.json()).accepted, 1);
}

const checks = {
  async "brush zooms, and the histogram adds up to the count"(browser, base) {
    const page = await opened(browser, `${base}/logs?last=1h`);
    const box = await page.locator("[data-chart]").boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
    await counted(page.locator(".selection"), 1);
    await page.mouse.move(box.x + box.width * 0.7, box.y + 40);
    await followed(page, () => page.mouse.up());
    assert.ok(params(page).get("start") && params(page).get("end") && !params(page).get("last"));
    const minutes = (Date.parse(params(page).get("end")) - Date.parse(params(page).get("start"))) / 60_000;
    assert.ok(Math.abs(minutes - 24) < 1, `${minutes} minutes`);
    await totalsAgree(page, base);
    return page;
  },
  async "a pill is switched off, on, round and away"(browser, base) {
    const page = await opened(browser, `${base}/logs?last=1h`);
    await follow(page, "#fields .values .v");
    const clause = params(page).get("q");
    assert.match(clause, /^service\.name:/);
    await follow(page, ".pill .switch");
    assert.deepEqual([params(page).get("q"), params(page).get("off")], [null, clause]);
    await follow(page, ".pill.off .switch");
    assert.deepEqual([params(page).get("q"), params(page).get("off")], [clause, null]);
    await follow(page, ".pill .turn");
    assert.equal(params(page).get("q"), `-${clause}`);
    await follow(page, ".pill .x");
    assert.equal(params(page).get("q"), null);
    return page;
  },
  async "rows are walked, unfolded and filtered from the keyboard"(browser, base) {
    const page = await opened(browser, `${base}/logs?last=1h`);
    for (const key of ["j", "j"]) await page.keyboard.press(key);
    const second = page.locator(".records .log").nth(1);
    await page.keyboard.press("Enter");
    await second.locator(".log-body").waitFor();
    assert.equal(await second.locator("a.t").getAttribute("aria-expanded"), "true");
    assert.ok(await second.locator(".filters a").count() >= 4);
    await page.keyboard.press("Escape");
    assert.equal(await second.locator(".log-body").count(), 0);
    await page.keyboard.press("?");
    assert.ok(await page.locator("dialog.keys").isVisible());
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "q");
    await page.keyboard.press("Escape");
    await page.keyboard.press("u");
    await page.waitForURL(/tz=local/);
    return page;
  },
  async "a field becomes a column, a value a filter, a record its context"(browser, base) {
    const page = await opened(browser, `${base}/logs?last=1h`);
    await page.fill("#col", "trace_id");
    await follow(page, ".column-form button");
    await counted(page.locator(".records-head .cell"), 1);
    await page.click(".records .log .entry .msg");
    const body = page.locator(".log-body");
    await body.waitFor();
    const without = body.locator(".fields > div", { hasText: "trace_id" }).locator(".filters a").nth(1);
    await followed(page, () => without.click());
    assert.match(params(page).get("q"), /^-trace_id:/);
    await page.click(".records .log .entry .msg");
    const around = page.locator(".log-body .around a", { hasText: "its service" });
    await followed(page, () => around.click());
    await page.locator(".log.middle .log-body").waitFor();
    assert.equal(params(page).get("by"), "service");
    const id = params(page).get("id");
    const json = await (await fetch(`${base}/logs?id=${id}&as=json`)).json();
    assert.equal(json.id, id);
    return page;
  },
  async "a search is saved, found again and forgotten"(browser, base) {
    const page = await opened(browser, `${base}/logs?q=severity:INFO&last=6h&cols=trace_id`);
    const name = `check ${Date.now()}`;
    await page.click(".menu summary");
    await page.fill(".save-form input[name=name]", name);
    await follow(page, ".save-form button");
    await page.goto(`${base}/logs`);
    await page.click(".menu summary");
    await followed(page, () => page.locator(".saved-list a", { hasText: name }).click());
    assert.deepEqual([params(page).get("q"), params(page).get("last"), params(page).get("cols")], ["severity:INFO", "6h", "trace_id"]);
    await page.click(".menu summary");
    const forget = page.locator(".saved-list li", { hasText: name }).locator("button");
    await followed(page, () => forget.click());
    await counted(page.locator(".saved-list li", { hasText: name }), 0);
    return page;
  },
  async "names and values are completed"(browser, base) {
    const page = await opened(browser, `${base}/logs?last=1h`);
    await page.click("#q");
    await page.keyboard.type("severi");
    await page.locator(".options li").first().waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.inputValue("#q"), "severity:");
    await page.locator(".options li", { hasText: "INFO" }).waitFor();
    await page.keyboard.type("IN");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.equal(await page.inputValue("#q"), "severity:INFO ");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=severity/);
    return page;
  },
  async "live records come in, wait while paused, and go on"(browser, base) {
    const service = `check-${Date.now()}`;
    const page = await opened(browser, `${base}/logs?view=live&last=5m&q=service.name:${service}`);
    await page.locator(".live-bar.on").waitFor();
    await emit(base, service, "the first one");
    await page.locator(".records .log", { hasText: "the first one" }).waitFor();
    await page.click(".live-bar button");
    await emit(base, service, "the second one");
    await page.locator(".live-rate", { hasText: "1 waiting" }).waitFor();
    await counted(page.locator(".records .log", { hasText: "the second one" }), 0);
    await page.click(".live-bar button");
    await page.locator(".records .log", { hasText: "the second one" }).waitFor();
    assert.match(await page.textContent(".live-rate"), /records\/s · 0 skipped/);
    await page.click(".records .log .entry .msg");
    await page.locator(".log-body").waitFor();
    return page;
  },
  async "an error is marked in its column, and a slip has a link"(browser, base) {
    const page = await opened(browser, `${base}/logs?q=severity:ERROR%20(`);
    await counted(page.locator(".query-error mark"), 1);
    assert.match(await page.textContent(".query-error p"), /^column \d+: /);
    await page.goto(`${base}/logs?last=1h&q=service.nam:x`);
    await followed(page, () => page.locator(".notice a").first().click());
    assert.equal(params(page).get("q"), "service.name:x");
    return page;
  },
  async "a pipe is a table whose numbers lead to records"(browser, base) {
    const page = await opened(browser, `${base}/logs?last=1h&q=severity:INFO%20%7C%20count%20by%20service.name`);
    const first = page.locator(".counted tbody tr").first();
    const [service, count] = [await first.locator("td").nth(0).textContent(), number(await first.locator("a").textContent())];
    await followed(page, () => first.locator("a").click());
    assert.equal(params(page).get("q"), `severity:INFO service.name:${service}`);
    assert.ok(count > 0);
    return page;
  },
  async "patterns are counted, opened and hidden"(browser, base) {
    const page = await opened(browser, `${base}/logs?last=1h&view=patterns`);
    assert.ok(await page.locator(".pattern").count() > 1);
    await followed(page, () => page.locator(".pattern .hide").first().click());
    assert.match(params(page).get("q"), /^-pattern_id:/);
    await followed(page, () => page.locator(".pattern .template a").first().click());
    assert.match(params(page).get("q"), / pattern_id:/);
    assert.ok(await page.locator(".records .log").count() > 0);
    return page;
  },
  async "everything is read without scripts"(browser, base) {
    const page = await opened(browser, `${base}/logs?last=1h`, { javaScriptEnabled: false });
    await followed(page, () => page.locator(".records a.t").nth(2).click());
    assert.ok(params(page).get("open"));
    await counted(page.locator(".log-body"), 1);
    await followed(page, () => page.locator("#timeline a:has(.hit)").last().click());
    assert.ok(params(page).get("start") && !params(page).get("open"));
    await totalsAgree(page, base);
    await followed(page, () => page.locator(".field-list a.v").first().click());
    assert.ok(params(page).get("field"));
    await page.fill("#q", "severity:INFO");
    await follow(page, ".search button");
    assert.equal(params(page).get("q"), "severity:INFO");
    assert.ok(params(page).get("start"), "the form keeps the range");
    return page;
  },
  async "the page stays within its weight"(browser, base) {
    const { page, bytes } = await weight(browser, `${base}/logs?last=1h&wait=1`);
    assert.ok(bytes > 10_000 && bytes < WEIGHT, `${bytes} bytes, uncompressed`);
    return page;
  },
};

module.exports = (browser, base) => allOf(checks, browser, base);
