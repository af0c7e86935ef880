// The chain, walked by clicks in a real browser against a running server with an open incident: from
// the map over a bucket of durations, its traces, a waterfall, a log record and its exception group to
// the incident, and back. Each hop is one click, keeps the time range, and shows what belongs to it.
const assert = require("assert/strict");
const { counted, params, opened, followed, follow, weight, allOf } = require("./browsing.js");

const WEIGHT = 150_000;
const LAST = "15m";
const path = (page) => decodeURIComponent(new URL(page.url()).pathname);
const kept = (page) => assert.equal(params(page).get("last"), LAST, page.url());
const there = (page, expected) => assert.match(path(page), expected, page.url());

// The incident that is open, with its exceptions.
async function incidentOf(page, base) {
  const { incidents } = await (await page.request.get(`${base}/api/v1/incidents`)).json();
  const found = incidents.find((one) => one.exceptions.length);
  assert.ok(found, "an incident with exceptions");
  return found;
}

// Where the heat map of a page has most requests, in its drawing; not in a step that is not over.
function busiest(chart) {
  const heat = JSON.parse(chart.dataset.heat);
  const [start, end, top, bottom] = ["start", "end", "top", "bottom"].map((name) => Number(chart.dataset[name]));
  const x = (step) => (heat.f + (step + 0.5) * heat.d - start) / (end - start);
  let best = { count: 0 };
  heat.r.forEach((row, at) => row.forEach((count, step) => count > best.count && x(step + 1) < 1 && (best = { count, at, step })));
  return { x: x(best.step), y: bottom - ((best.at + 0.5) / heat.r.length) * (bottom - top), low: heat.b[best.at], high: heat.b[best.at + 1] };
}

async function cellClicked(page) {
  const chart = page.locator("[data-heat]").first();
  await chart.scrollIntoViewIfNeeded();
  const cell = await chart.evaluate(busiest);
  const box = await chart.boundingBox();
  await followed(page, () => page.mouse.click(box.x + box.width * cell.x, box.y + cell.y));
  there(page, /^\/traces$/);
  const q = params(page).get("q");
  assert.ok(!cell.low || q.includes(`duration:>${Number((cell.low * 1e3).toPrecision(6))}ms`), q);
  assert.ok(!cell.high || q.includes(`duration:<=${Number((cell.high * 1e3).toPrecision(6))}ms`), q);
  assert.ok(params(page).get("start") < params(page).get("end"), page.url());
  await page.locator('main a[href^="/traces/"]').first().waitFor();
}

// A field of the log record that a page shows opened.
const field = (body, name) => body.locator(".fields > div", { has: body.page().locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd bdi").textContent();

// From the waterfall that is open: one of its log lines that has a group, opened.
async function loggedException(page) {
  const lines = await page.locator("#panel .lines li.sev-ERROR a").count();
  for (let at = 0; at < lines; at++) {
    // By the keyboard: a link that breaks over lines has a middle that is not its own.
    await page.locator("#panel .lines li.sev-ERROR a").nth(at).press("Enter");
    await page.locator('#panel[aria-label="Log record"]').waitFor();
    if (await page.locator("#panel a", { hasText: /^Exception group$/ }).count()) return true;
    await page.goBack();
    await page.locator('#panel[aria-label="Span"]').waitFor();
  }
  return false;
}

const checks = {
  async "a service, a bucket, a trace, a log line, a group, the incident"(browser, base) {
    const page = await opened(browser, `${base}/services?last=${LAST}`);
    const incident = await incidentOf(page, base);
    const groups = incident.exceptions.map((one) => one.group);
    const { service } = incident.exceptions[0];
    await follow(page, `.node.service[href^="/services/${service}?"] rect`);
    there(page, new RegExp(`^/services/${service}$`));
    kept(page);
    await cellClicked(page);
    await page.goBack();
    kept(page);
    // Failed ones, the newest first, until one tells of the incident's exception.
    const failed = await page.locator(".exemplar").evaluateAll((all) =>
      all.map((one, at) => [one.textContent, at]).filter(([title]) => title.includes("failed")).map(([, at]) => at).reverse());
    assert.ok(failed.length, "a failed request is marked on the heat map");
    let group = "";
    for (const at of failed) {
      await followed(page, () => page.locator(".exemplar path").nth(at).click({ force: true }));
      there(page, /^\/traces\/[0-9a-f]{32}$/);
      assert.match(params(page).get("span"), /^[0-9a-f]{16}$/);
      kept(page);
      const trace = path(page).split("/").pop();
      await page.locator("#panel").waitFor();
      if (await loggedException(page)) {
        assert.equal(await field(page.locator("#panel"), "trace_id"), trace, "the log line is of this trace");
        const told = await field(page.locator("#panel"), "exception_group");
        kept(page);
        if (groups.includes(told)) {
          group = told;
          break;
        }
      }
      await page.goto(`${base}/services/${service}?last=${LAST}`);
    }
    assert.ok(group, "a failed request whose log line tells of the incident's exception");
    await followed(page, () => page.locator("#panel a", { hasText: /^Exception group$/ }).click());
    assert.equal(path(page), `/exceptions/${group}`);
    kept(page);
    await followed(page, () => page.locator(`main a[href^="/incidents/${incident.id}"]`).first().click());
    assert.equal(path(page), `/incidents/${incident.id}`);
    kept(page);
    assert.equal(await page.locator(`.incident-head .meta a[href^="/services/${service}?"]`).count(), 1, "it names the service");
    return page;
  },
  async "the incident, its group, their traces and records, and back to the incident"(browser, base) {
    const page = await opened(browser, `${base}/incidents?last=24h`);
    const incident = await incidentOf(page, base);
    const { group } = incident.exceptions[0];
    await page.goto(`${base}/incidents/${incident.id}?last=${LAST}`);
    await follow(page, `#exceptions a[href^="/exceptions/${group}"]`);
    kept(page);
    await followed(page, () => page.locator("h2 a", { hasText: /^failed traces$/ }).click());
    there(page, /^\/traces$/);
    kept(page);
    await page.locator('.traces-table tbody th a').first().waitFor();
    await followed(page, () => page.locator(".traces-table tbody th a").first().click());
    there(page, /^\/traces\/[0-9a-f]{32}$/);
    kept(page);
    await followed(page, () => page.locator('main a[href^="/incidents/"]').first().click());
    assert.equal(path(page), `/incidents/${incident.id}`);
    kept(page);
    await follow(page, `#exceptions a[href^="/exceptions/${group}"]`);
    const record = page.locator("details.log").first();
    await record.locator("summary").click();
    const trace = await field(record, "trace_id");
    await followed(page, () => record.locator("a", { hasText: /^Trace$/ }).click());
    assert.equal(path(page), `/traces/${trace}`);
    assert.match(params(page).get("span"), /^[0-9a-f]{16}$/, "at the span that logged it");
    kept(page);
    await follow(page, ".crumbs a");
    there(page, /^\/traces$/);
    kept(page);
    return page;
  },
  async "the incident's heat map leads to traces, its marks to one"(browser, base) {
    const page = await opened(browser, `${base}/services?last=${LAST}`);
    const incident = await incidentOf(page, base);
    await page.goto(`${base}/incidents/${incident.id}?last=${LAST}`);
    await cellClicked(page);
    await page.goBack();
    await followed(page, () => page.locator("#traces .exemplars a").first().click());
    there(page, /^\/traces\/[0-9a-f]{32}$/);
    assert.match(params(page).get("span"), /^[0-9a-f]{16}$/);
    kept(page);
    return page;
  },
  async "a map is narrowed to one service and widened, and a call leads to its spans"(browser, base) {
    const page = await opened(browser, `${base}/services?last=${LAST}`);
    const all = await page.locator(".node").count();
    assert.ok(all > 2, "a map");
    await page.fill("#focus", "gateway");
    await followed(page, () => page.locator(".map-bar button").click());
    assert.equal(params(page).get("focus"), "gateway");
    kept(page);
    await counted(page.locator(".node.focus"), 1);
    const near = await page.locator(".node").count();
    await followed(page, () => page.locator(".map-bar a", { hasText: /^3 hops$/ }).click());
    assert.ok((await page.locator(".node").count()) >= near);
    await followed(page, () => page.locator(".map-bar a", { hasText: /^All of them$/ }).click());
    await counted(page.locator(".node"), all);
    kept(page);
    const row = page.locator("#calls tbody tr", { hasText: "gateway" }).filter({ hasText: "content" }).first();
    await followed(page, () => row.locator("td:last-child a").click());
    there(page, /^\/traces$/);
    kept(page);
    assert.match(params(page).get("q"), /^service:/);
    await page.goBack();
    await followed(page, () => page.locator(".map-bar a", { hasText: /^List$/ }).click());
    await counted(page.locator(".graph"), 0);
    kept(page);
    return page;
  },
  async "the map stays within its weight"(browser, base) {
    const { page, bytes } = await weight(browser, `${base}/services?last=1h`);
    assert.ok(bytes > 10_000 && bytes < WEIGHT, `${bytes} bytes, uncompressed`);
    return page;
  },
};

module.exports = (browser, base) => allOf(checks, browser, base);
