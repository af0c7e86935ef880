// What people do on the page of traces, done in a real browser against a running server that has
// spans in the last hour: a region is dragged and compared, spans are grouped and sorted, a trace is
// opened and left, clauses come and go; and the same without scripts. The content policy is in force.
const assert = require("assert/strict");
const { counted, params, opened, followed, follow, weight, allOf } = require("./browsing.js");

const WEIGHT = 150_000;
const number = (text) => Number(text.replace(/\D/g, ""));
const spans = async (page) => number((await page.textContent("#summary .num")).split(",  ")[0].split(" span")[0]);

// What was counted in part is asked for once more by the page itself; then all is there.
async function settled(page) {
  await counted(page.locator("[data-patient]"), 0);
}

async function dragged(page, [x0, y0], [x1, y1]) {
  const chart = page.locator("[data-region] [data-chart]");
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  const [top, bottom] = await chart.evaluate((one) => [Number(one.dataset.top), Number(one.dataset.bottom)]);
  const at = (x, y) => [box.x + box.width * x, box.y + bottom - (bottom - top) * y];
  await page.mouse.move(...at(x0, y0));
  await page.mouse.down();
  await page.mouse.move(...at((x0 + x1) / 2, (y0 + y1) / 2));
  await counted(page.locator(".marking"), 1);
  await page.mouse.move(...at(x1, y1));
  await followed(page, () => page.mouse.up());
}

const checks = {
  async "a region is dragged, framed, compared with the rest, narrowed to and cleared"(browser, base) {
    const page = await opened(browser, `${base}/traces?last=1h`);
    await settled(page);
    await dragged(page, [0.2, 0.3], [0.995, 0.9]);
    const region = params(page).get("region");
    assert.match(region, /^duration:\[[\d.]+(us|ms|s) TO [\d.]+(us|ms|s)\} timestamp:\[\S+ TO \S+\}$/);
    assert.ok(params(page).get("start") && !params(page).get("last"), "the range stands still");
    await settled(page);
    await counted(page.locator(".marked"), 1);
    const told = page.locator("#compare .compare");
    assert.match(await told.locator("h2").textContent(), /[\d,]+ inside, [\d,]+ outside/);
    assert.ok(await told.locator(".differences tbody tr, .nothing").count() > 0, "differences, or that there are none");
    await page.reload();
    await settled(page);
    const inside = number((await told.locator("h2").textContent()).match(/([\d,]+) inside/)[1]);
    await followed(page, () => told.locator("a", { hasText: "Only these spans" }).click());
    await settled(page);
    assert.match(params(page).get("q"), /^duration:\[/);
    assert.equal(params(page).get("region"), null);
    assert.equal(await spans(page), inside, "as many as were inside");
    return page;
  },
  async "what failed is held against the rest, and a value that stands out leads to its spans"(browser, base) {
    const page = await opened(browser, `${base}/traces?last=6h`);
    await settled(page);
    await followed(page, () => page.locator(".to-compare a", { hasText: "failed" }).click());
    assert.equal(params(page).get("region"), "status:error");
    await settled(page);
    const row = page.locator(".differences tbody tr").first();
    if (await row.count()) {
      const share = (cell) => row.locator("td").nth(cell).textContent().then((text) => parseFloat(text.replace("<", "")));
      assert.ok(await share(1) > await share(2), "more frequent inside");
      await followed(page, () => row.locator("th a").first().click());
      assert.ok(params(page).get("q").includes(":"));
    } else await counted(page.locator("#compare .nothing"), 1);
    await followed(page, () => page.keyboard.press("c"));
    assert.equal(params(page).get("region"), null);
    return page;
  },
  async "spans are grouped by any field, sorted, and a group leads to its spans"(browser, base) {
    const page = await opened(browser, `${base}/traces?last=1h`);
    await settled(page);
    const rows = page.locator(".groups-table tbody tr");
    assert.ok(await rows.count() > 1);
    await followed(page, () => page.locator(".groups-table thead a", { hasText: "p99" }).click());
    assert.equal(params(page).get("sort"), "p99");
    await settled(page);
    await counted(page.locator(".groups-table th[aria-sort=descending]", { hasText: "p99" }), 1);
    await page.fill("#group", "service");
    await page.locator(".group-by .options li").first().waitFor();
    await page.keyboard.press("Escape");
    await follow(page, ".group-by button");
    assert.deepEqual([params(page).get("group"), params(page).get("sort")], ["service", "p99"]);
    await settled(page);
    const first = rows.first();
    const [name, count] = [await first.locator("th a").textContent(), number((await first.locator("td").first().textContent()).split(" ")[0])];
    const range = await page.locator("[data-region] [data-chart]").evaluate((one) => [one.dataset.start, one.dataset.end].map((ms) => new Date(Number(ms)).toISOString()));
    const api = new URLSearchParams({ q: `service:${name}`, start: range[0], end: range[1], limit: 1 });
    const told = (await (await fetch(`${base}/api/v1/traces?${api}`)).json()).total_spans;
    assert.ok(Math.abs(told - count) <= Math.max(20, count / 10), `${told} and ${count}`);
    await followed(page, () => first.locator("th a").click());
    assert.ok(params(page).get("q").startsWith("service:"));
    await follow(page, ".pill .x");
    assert.equal(params(page).get("q"), null);
    return page;
  },
  async "rows are walked to a trace and back, from the keyboard"(browser, base) {
    const page = await opened(browser, `${base}/traces?last=1h&q=kind:server`);
    await settled(page);
    const rows = await page.locator("[data-row]").count();
    const groups = await page.locator(".groups-table tbody tr").count();
    for (let at = 0; at <= groups; at += 1) await page.keyboard.press("j");
    assert.ok(rows > groups);
    await counted(page.locator(".traces-table tr.at"), 1);
    await followed(page, () => page.keyboard.press("Enter"));
    assert.match(page.url(), /\/traces\/[0-9a-f]{32}\?span=[0-9a-f]{16}&last=1h$/);
    const trace = page.url().match(/traces\/([0-9a-f]{32})/)[1];
    await followed(page, () => page.goBack());
    assert.equal(params(page).get("q"), "kind:server");
    await page.keyboard.press("?");
    assert.ok(await page.locator("dialog.keys").isVisible());
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type(trace);
    await followed(page, () => page.keyboard.press("Enter"));
    assert.ok(page.url().includes(`/traces/${trace}`), "a pasted id leads to its trace");
    return page;
  },
  async "keys narrow to what failed, to entry points and to the slowest"(browser, base) {
    const page = await opened(browser, `${base}/traces?last=6h`);
    await settled(page);
    await followed(page, () => page.keyboard.press("e"));
    assert.equal(params(page).get("q"), "root:true");
    await settled(page);
    await followed(page, () => page.keyboard.press("s"));
    assert.equal(params(page).get("order"), "slowest");
    await settled(page);
    await page.locator(".traces-table tbody tr").first().waitFor();
    await followed(page, () => page.keyboard.press("f"));
    assert.equal(params(page).get("q"), "root:true status:error");
    await settled(page);
    const chart = page.locator(".outlier.bad").first();
    if (await chart.count()) await followed(page, () => chart.click({ force: true }));
    return page;
  },
  async "names and values are completed, and an error is marked in its column"(browser, base) {
    const page = await opened(browser, `${base}/traces?last=1h`);
    await settled(page);
    await page.click("#q");
    await page.keyboard.type("serv");
    await page.locator(".query-box .options li").first().waitFor();
    await page.keyboard.press("Tab");
    assert.match(await page.inputValue("#q"), /^service[\w.]*:$/);
    await page.fill("#q", "kind:");
    await page.locator(".options li", { hasText: /^server\d+$/ }).waitFor();
    await page.keyboard.type("serv");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.equal(await page.inputValue("#q"), "kind:server ");
    await page.goto(`${base}/traces?q=status:error%20(`);
    await counted(page.locator(".query-error mark"), 1);
    assert.match(await page.textContent(".query-error p"), /^column \d+: /);
    await page.goto(`${base}/traces?last=1h&q=servce:x`);
    await settled(page);
    await followed(page, () => page.locator(".notice a").first().click());
    assert.equal(params(page).get("q"), "service:x");
    await page.goto(`${base}/traces?last=1h&region=duration:(`);
    await settled(page);
    await counted(page.locator("#compare .query-error mark"), 1);
    return page;
  },
  async "pages of traces follow each other and none comes twice"(browser, base) {
    const page = await opened(browser, `${base}/traces?last=1h&q=root:true`);
    const ids = () => page.$$eval(".traces-table th a", (links) => links.map((link) => link.href.match(/traces\/(\w+)/)[1]));
    const first = await ids();
    assert.ok(first.length > 5);
    await follow(page, "a[rel=next]");
    const second = await ids();
    assert.ok(params(page).get("start"), "the moment stays");
    assert.deepEqual(second.filter((id) => first.includes(id)), []);
    return page;
  },
  async "everything is read without scripts"(browser, base) {
    const page = await opened(browser, `${base}/traces?last=1h&wait=1`, { javaScriptEnabled: false });
    await followed(page, () => page.locator("#scatter a:has(rect.hit)").first().click());
    assert.match(params(page).get("q"), /^duration:/);
    assert.ok(params(page).get("start"));
    await page.goto(`${base}/traces?last=1h&wait=1`);
    await page.locator(".to-compare summary").click();
    await page.fill("input[name=slower]", "1ms");
    await follow(page, ".region-form button");
    await counted(page.locator("#compare .compare"), 1);
    await page.fill("#q", "kind:server");
    await follow(page, ".search button");
    assert.equal(params(page).get("q"), "kind:server");
    assert.equal(params(page).get("region"), "duration:>=1ms");
    return page;
  },
  async "the page stays within its weight"(browser, base) {
    const { page, bytes } = await weight(browser, `${base}/traces?last=1h&wait=1&region=status:error`);
    assert.ok(bytes > 10_000 && bytes < WEIGHT, `${bytes} bytes, uncompressed`);
    return page;
  },
};

module.exports = (browser, base) => allOf(checks, browser, base);
