// What people do on the pages for metrics, done in a real browser against a running server whose
// services have answered requests in the last hour. The content policy is in force.
const assert = require("assert/strict");
const { counted, params, opened, followed, follow, weight, allOf } = require("./browsing.js");

const WEIGHT = 150_000;
const CALLS = 'sum by (service) (rate(traces_span_metrics_calls_total[5m]))';
const P99 = 'histogram_quantile(0.99, sum by (le) (rate(traces_span_metrics_duration_seconds_bucket[5m])))';
const explore = (base, query) => `${base}/explore?${new URLSearchParams(query)}`;
const texts = (page, selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent));

// A query that a busy machine did not answer in time is asked again, as a person would.
async function answered(page) {
  const until = Date.now() + 90_000;
  while (await page.locator(".partial").count() && Date.now() < until) await page.reload({ waitUntil: "load" });
}

const checks = {
  async "names, labels, values and ranges are completed, and Enter runs"(browser, base) {
    const page = await opened(browser, `${base}/explore`);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.name), "a");
    await page.keyboard.type("rat");
    const options = page.locator(".options li");
    await options.filter({ hasText: "growth of a counter per second" }).first().waitFor();
    await page.keyboard.press("Tab");
    const field = page.locator("textarea[name=a]");
    assert.equal(await field.inputValue(), "rate(");
    await page.keyboard.type("span_metrics_calls");
    await options.filter({ hasText: "traces_span_metrics_calls_total" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.equal(await field.inputValue(), "rate(traces_span_metrics_calls_total");
    await page.keyboard.type("{serv");
    await options.filter({ hasText: "service" }).first().waitFor();
    await page.keyboard.press("Tab");
    await options.filter({ hasText: "content" }).first().waitFor();
    await page.keyboard.type("conten");
    await options.filter({ hasText: "content" }).first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.match(await field.inputValue(), /\{service="content[\w-]*"$/);
    await page.keyboard.type("}[5");
    await options.filter({ hasText: "5m" }).first().waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.type(")");
    await page.keyboard.press("Escape");
    await field.focus();
    await followed(page, () => page.keyboard.press("Enter"));
    assert.match(params(page).get("a"), /^rate\(traces_span_metrics_calls_total\{service="content[\w-]*"\}\[5m\]\)$/);
    await page.locator(".lane").first().waitFor({ state: "attached" });
    return page;
  },
  async "queries are added, copied, switched off and removed, and what was typed stays"(browser, base) {
    const page = await opened(browser, explore(base, { a: CALLS }));
    await follow(page, "button[value=add]");
    await page.fill("textarea[name=b]", "vector(1)");
    await follow(page, "button[value=copy-b]");
    assert.equal(await page.inputValue("textarea[name=c]"), "vector(1)");
    assert.deepEqual([params(page).get("b"), params(page).get("c")], ["vector(1)", "vector(1)"]);
    const before = await page.locator(".lane").count();
    await follow(page, "button[value=turn-c]");
    assert.equal(params(page).get("off"), "c");
    assert.equal(await page.locator(".lane").count(), before - 1);
    await follow(page, "button[value=remove-b]");
    assert.equal(params(page).get("b"), null);
    await follow(page, "button[value=remove-c]");
    assert.deepEqual([...params(page).keys()].filter((key) => key.length === 1), ["a"]);
    return page;
  },
  async "a line is shown alone, put away and brought back, and the URL says so"(browser, base) {
    const page = await opened(browser, explore(base, { a: CALLS }));
    const rows = page.locator(".lines-table tbody tr"), lines = page.locator(".lane:not([hidden])");
    const all = await rows.count();
    assert.ok(all >= 2, `${all} lines`);
    await page.waitForFunction((count) => document.querySelectorAll(".lane:not([hidden])").length === count, all);
    const first = rows.first().locator("button");
    await first.click();
    await page.waitForFunction(() => document.querySelectorAll(".lane:not([hidden])").length === 1);
    assert.equal(params(page).get("only") ?? params(page).get("hide")?.split(",").length, params(page).get("only") ?? all - 1);
    await page.reload();
    assert.equal(await lines.count(), 1);
    await page.locator(".lines-table tbody tr:not(.off) button").click();
    await page.waitForFunction((count) => document.querySelectorAll(".lane:not([hidden])").length === count, all);
    assert.deepEqual([params(page).get("only"), params(page).get("hide")], [null, null]);
    await page.locator(".lines-table tbody tr button").last().click({ modifiers: ["Control"] });
    await page.waitForFunction((count) => document.querySelectorAll(".lane:not([hidden])").length === count, all - 1);
    return page;
  },
  async "values are told under the pointer, a brush zooms in, and there is a way out"(browser, base) {
    const page = await opened(browser, explore(base, { a: CALLS, last: "1h" }));
    const names = await texts(page, ".lines-table bdi");
    const box = await page.locator("[data-chart]").boundingBox();
    await page.mouse.move(box.x + box.width * 0.98, box.y + 100);
    await page.waitForFunction((name) => document.querySelector(".readout:not([hidden])")?.textContent.includes(name), names[0]);
    assert.match(await page.textContent(".readout"), /^\d\d:\d\d:\d\d UTC/);
    await page.mouse.move(box.x + box.width * 0.5, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 100);
    await page.mouse.move(box.x + box.width * 0.75, box.y + 100);
    await followed(page, () => page.mouse.up());
    const length = () => (Date.parse(params(page).get("end")) - Date.parse(params(page).get("start"))) / 60_000;
    assert.ok(Math.abs(length() - 15) < 1, `${length()} minutes`);
    assert.equal(params(page).get("a"), CALLS);
    await followed(page, () => page.keyboard.press("z"));
    assert.ok(Math.abs(length() - 30) < 1, `${length()} minutes`);
    return page;
  },
  async "switches have keys: stacked, log scale, marks, exemplars, the views"(browser, base) {
    const page = await opened(browser, explore(base, { a: P99 }));
    for (const [key, name, value] of [["s", "stack", "1"], ["l", "scale", "log"], ["m", "marks", "off"], ["x", "exemplars", "off"]]) {
      await followed(page, () => page.keyboard.press(key));
      assert.equal(params(page).get(name), value, key);
    }
    assert.equal(params(page).get("stack"), null, "a stack has no logarithm");
    await followed(page, () => page.keyboard.press("2"));
    assert.equal(params(page).get("view"), "table");
    await page.keyboard.press("?");
    assert.ok(await page.locator("dialog.keys").isVisible());
    return page;
  },
  async "an exemplar opens its trace, a cell of the heat map its traces"(browser, base) {
    const page = await opened(browser, explore(base, { a: P99 }));
    await answered(page);
    const exemplar = page.locator(".exemplar").first();
    const href = await exemplar.evaluate((link) => link.href.baseVal);
    assert.match(href, /^\/traces\/[0-9a-f]{32}\?span=[0-9a-f]{16}&last=1h$/);
    const trace = await page.request.get(base + href);
    assert.equal(trace.status(), 200, href);
    await followed(page, () => page.keyboard.press("3"));
    assert.equal(params(page).get("view"), "heat");
    await answered(page);
    // The cell with the most requests, by what the drawing carries.
    const at = await page.locator("[data-heat]").evaluate((chart) => {
      const heat = JSON.parse(chart.dataset.heat);
      let best = { count: -1 };
      heat.r.forEach((row, y) => row.forEach((count, x) => { if (count > best.count) best = { count, x, y }; }));
      const [top, bottom] = [Number(chart.dataset.top), Number(chart.dataset.bottom)];
      const share = (heat.f + (best.x + 0.5) * heat.d - chart.dataset.start) / (chart.dataset.end - chart.dataset.start);
      const box = chart.getBoundingClientRect();
      return { x: box.x + share * box.width, y: box.y + bottom - ((best.y + 0.5) / heat.r.length) * (bottom - top) };
    });
    await followed(page, () => page.mouse.click(at.x, at.y));
    assert.match(page.url(), /\/traces\?/);
    assert.match(params(page).get("q"), /duration:/);
    assert.ok(params(page).get("start"));
    return page;
  },
  async "a fault is marked in its column"(browser, base) {
    const page = await opened(browser, explore(base, { a: "sum(rate(up[5m])" }));
    await counted(page.locator(".query-error mark"), 1);
    assert.match(await page.textContent(".query-error p"), /^column 17: expected \)/);
    return page;
  },
  async "a metric is looked for and asked for"(browser, base) {
    const page = await opened(browser, explore(base, { view: "metrics" }));
    await page.fill("#find", "span duration");
    await follow(page, "form:has(#find) button");
    const row = page.locator(".metrics-table tbody tr", { hasText: "traces_span_metrics_duration_seconds" });
    assert.equal(await row.count(), 1, "a histogram is one metric");
    await followed(page, () => row.locator("a").first().click());
    assert.match(params(page).get("a"), /^histogram_quantile\(0\.5, /);
    assert.match(params(page).get("c"), /^histogram_quantile\(0\.99, /);
    await answered(page);
    await counted(page.locator(".lines-table tbody tr"), 3);
    return page;
  },
  async "a page is shared with its times, and becomes a rule"(browser, base) {
    const page = await opened(browser, explore(base, { a: CALLS, every: "60" }));
    await page.click("summary:has-text('Share')");
    const link = await page.locator("[data-copy-link]").evaluate((link) => link.href);
    const shared = new URL(link).searchParams;
    assert.ok(shared.get("start") && shared.get("end") && !shared.get("every") && !shared.get("last"));
    assert.match(await page.textContent(".sheet [data-copy]"), /curl -sG .*query_range/);
    await page.click("summary:has-text('Alert rule')");
    assert.match((await texts(page, ".sheet [data-copy]"))[1], /- alert: [\s\S]*expr: \|-\n +\(sum by/);
    return page;
  },
  async "an earlier time is drawn behind"(browser, base) {
    const page = await opened(browser, explore(base, { a: CALLS, last: "15m", vs: "before" }));
    assert.ok(await page.locator(".lane.ghost").count() >= 1);
    assert.match((await texts(page, ".lines-table thead th")).join(), /the range before/);
    return page;
  },
  async "everything is read without scripts"(browser, base) {
    const page = await opened(browser, explore(base, { a: CALLS }), { javaScriptEnabled: false });
    await page.fill("textarea[name=a]", P99);
    await follow(page, ".run");
    assert.equal(params(page).get("a"), P99);
    await follow(page, "button[value=add]");
    await page.fill("textarea[name=b]", CALLS);
    await follow(page, ".run");
    await followed(page, () => page.locator(".lines-table button").last().click());
    assert.ok(params(page).get("only"));
    await counted(page.locator(".lane"), 1);
    return page;
  },
  async "a service is compared, sorted and looked into"(browser, base) {
    const page = await opened(browser, `${base}/services`);
    assert.ok(await page.locator(".graph .node").count() >= 2, "the map of calls");
    await followed(page, () => page.locator(".services tbody th a", { hasText: /^content$/ }).click());
    assert.match(page.url(), /\/services\/content/);
    await followed(page, () => page.locator("#operations thead a", { hasText: "p95" }).click());
    assert.equal(params(page).get("sort"), "p95");
    await followed(page, () => page.locator(".against a", { hasText: "range before" }).click());
    assert.deepEqual([params(page).get("sort"), params(page).get("vs")], ["p95", "before"]);
    const box = await page.locator("[data-sync] [data-chart]").first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 60);
    assert.ok(await page.locator("[data-sync]").first().locator(".cursor").count() >= 3, "one cursor on all charts");
    await followed(page, () => page.locator(".charts a.more").first().click());
    assert.match(params(page).get("a"), /traces_span_metrics_calls_total/);
    return page;
  },
  async "the pages stay within their weight"(browser, base) {
    let page;
    for (const url of [explore(base, { a: CALLS, b: P99 }), `${base}/services/content`, `${base}/services`]) {
      const weighed = await weight(browser, url);
      page = weighed.page;
      assert.ok(weighed.bytes > 10_000 && weighed.bytes < WEIGHT, `${url}: ${weighed.bytes} bytes, uncompressed`);
    }
    return page;
  },
};

module.exports = (browser, base) => allOf(checks, browser, base);
