// What people do on the page of a trace of 10,000 spans, in a real browser and with the content policy
// in force: scroll, fold, walk from error to error, search, zoom, by mouse and by keyboard; and without
// scripts.
//   NODE_PATH=… node trace_page.js http://127.0.0.1:7117 trace-id
const assert = require("assert/strict");
const { chromium } = require("playwright-core");
const { counted, params, opened, followed, follow, weight, allOf } = require("./browsing.js");

const WEIGHT = 150_000;
const MOST_ROWS = 700;
const [url, trace] = process.argv.slice(2);
const path = (base, more = "") => `${base}/traces/${trace}${more}`;
const rows = (page) => page.locator(".tr-rows .rw");
const settled = async (page, wanted) => {
  const until = Date.now() + 30_000;
  while (!(await wanted()) && Date.now() < until) await new Promise((done) => setTimeout(done, 50));
  assert.ok(await wanted(), `it came to be: ${wanted}`);
};
const has = (page, name, value) => settled(page, async () => params(page).get(name) === value);

const checks = {
  async "all 10,000 are scrolled through, and few of them are there at once"(browser, base) {
    const page = await opened(browser, path(base, "?view=all"));
    await page.evaluate(() => {
      globalThis.long = [];
      new PerformanceObserver((list) => globalThis.long.push(...list.getEntries().map(({ duration }) => Math.round(duration)))).observe({ type: "longtask" });
    });
    const total = Number(await page.getAttribute(".tr-rows", "data-total"));
    assert.ok(total >= 10_000, `${total} rows`);
    let most = 0;
    const seen = new Set();
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    for (let y = 0; y < height + 4000; y += 12_000) {
      await page.evaluate((to) => scrollTo(0, to), y);
      await settled(page, () => page.evaluate(() => {
        const shown = document.elementsFromPoint(400, innerHeight / 2);
        return shown.some((one) => one.closest?.(".tr-rows .rw"));
      }));
      const there = await page.$$eval(".tr-rows .rw", (all) => all.map((row) => Number(row.ariaRowIndex)));
      there.forEach((index) => seen.add(index));
      most = Math.max(most, there.length);
    }
    assert.ok(most <= MOST_ROWS, `${most} rows at once`);
    assert.ok(seen.has(2) && seen.has(total + 1), "the first and the last were there");
    console.log(`     ${most} rows at once at most, long tasks of ${JSON.stringify(await page.evaluate(() => globalThis.long))} ms`);
    return page;
  },
  async "a subtree is folded where it stands, and the URL says so"(browser, base) {
    const page = await opened(browser, path(base, "?view=all"));
    const total = Number(await page.getAttribute(".tr-rows", "data-total"));
    const toggle = page.locator(".rw a.t[aria-expanded=true]").nth(1);
    const id = await toggle.evaluate((link) => link.closest(".rw").id);
    await toggle.click();
    await settled(page, async () => Number(await page.getAttribute(".tr-rows", "data-total")) < total);
    assert.ok(params(page).get("shut"));
    assert.equal(await page.locator(`#${id} a.t`).getAttribute("aria-expanded"), "false");
    assert.match(await page.textContent(`#${id}`), /below/);
    await page.reload({ waitUntil: "load" });
    assert.equal(await page.locator(`#${id} a.t`).getAttribute("aria-expanded"), "false");
    return page;
  },
  async "rows are walked, opened, folded and left from the keyboard"(browser, base) {
    const page = await opened(browser, path(base));
    for (const key of ["j", "j", "j"]) await page.keyboard.press(key);
    const here = page.locator(".rw.here");
    await counted(here, 1);
    assert.equal(await here.getAttribute("aria-rowindex"), "4");
    await page.keyboard.press("k");
    await settled(page, async () => (await here.getAttribute("aria-rowindex")) === "3");
    await page.keyboard.press("Enter");
    await page.locator("#panel").waitFor();
    await settled(page, async () => Boolean(params(page).get("span")));
    const span = params(page).get("span");
    await page.keyboard.press("f");
    await settled(page, async () => params(page).get("span") !== span);
    await page.keyboard.press("b");
    await has(page, "span", span);
    const open = async () => page.locator(".rw.here a.t").getAttribute("aria-expanded");
    const before = await open();
    await page.keyboard.press(before === "true" ? "[" : "]");
    await settled(page, async () => (await open()) !== before);
    await page.keyboard.press("Escape");
    await counted(page.locator("#panel"), 0);
    await page.keyboard.press("?");
    assert.ok(await page.locator("dialog.keys").isVisible());
    return page;
  },
  async "one walks from error to error wherever they are folded away"(browser, base) {
    const page = await opened(browser, path(base));
    await page.keyboard.press("e");
    await has(page, "span", (5000).toString(16).padStart(16, "0"));
    await page.locator("#panel .failing").waitFor();
    await page.keyboard.press("e");
    await has(page, "span", (9000).toString(16).padStart(16, "0"));
    await settled(page, () => page.evaluate(() => {
      const box = document.querySelector(".rw.at")?.getBoundingClientRect();
      return box && box.top >= 0 && box.bottom <= innerHeight;
    }));
    await page.keyboard.press("E");
    await has(page, "span", (5000).toString(16).padStart(16, "0"));
    await page.getByRole("link", { name: /^Errors/ }).click();
    await has(page, "only", "errors");
    assert.ok(await rows(page).count() <= 6);
    return page;
  },
  async "what is looked for is found, marked and walked"(browser, base) {
    const page = await opened(browser, path(base));
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "find");
    await page.keyboard.type("op 77");
    await page.keyboard.press("Enter");
    await has(page, "find", "op 77");
    await settled(page, async () => Boolean(params(page).get("span")));
    const first = params(page).get("span");
    assert.match(await page.textContent(".rw.at mark"), /op 77/i);
    await page.locator(".rw.at .o").focus();
    await page.keyboard.press("n");
    await settled(page, async () => params(page).get("span") !== first);
    await page.keyboard.press("N");
    await has(page, "span", first);
    return page;
  },
  async "a part of the map is drawn large"(browser, base) {
    const page = await opened(browser, path(base));
    const box = await page.locator(".minimap").boundingBox();
    await page.mouse.move(box.x + box.width * 0.25, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.4, box.y + 24);
    await page.mouse.move(box.x + box.width * 0.5, box.y + 24);
    await page.mouse.up();
    await settled(page, async () => Boolean(params(page).get("zoom")));
    const [from, to] = params(page).get("zoom").split(",").map(Number);
    assert.ok(Math.abs((to - from) / 1e6 - 3) < 0.2, `${from} to ${to}`);
    await page.getByRole("link", { name: "Whole time" }).click();
    await has(page, "zoom", null);
    return page;
  },
  async "without scripts links lead to other rows, open and fold"(browser, base) {
    const page = await opened(browser, path(base, "?view=all"), { javaScriptEnabled: false });
    await follow(page, "text=Rows after");
    assert.ok(Number(params(page).get("from")) > 0);
    await follow(page, "text=Last rows");
    await follow(page, ".rw.sp >> nth=3 >> a.o");
    assert.ok(params(page).get("span"));
    await page.locator("#panel").waitFor();
    await follow(page, "#panel a.x");
    assert.equal(params(page).get("span"), null);
    await followed(page, () => page.goto(path(base)));
    await follow(page, "a[data-key=e]");
    assert.equal(await page.locator(".rw.at.failed").count(), 1);
    return page;
  },
  async "the page stays within its weight"(browser, base) {
    const { page, bytes } = await weight(browser, path(base, `?view=all&from=5000&span=${(5000).toString(16).padStart(16, "0")}`));
    console.log(`     ${bytes} bytes in all`);
    assert.ok(bytes <= WEIGHT, `${bytes} bytes`);
    return page;
  },
};

(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const { all, failed } = await allOf(checks, browser, url);
  await browser.close();
  for (const fault of failed) console.log("FAIL", fault);
  console.log(`${all - failed.length} interactions passed, ${failed.length} failed`);
  process.exit(failed.length ? 1 : 0);
})();
