// Opens each page in a real browser, wide and narrow, light and dark: it must answer 200, say nothing
// on the console, not overflow, and give axe nothing serious to find. If /logs, /explore, /traces
// or /services is among them, it then does there what people do.
//   NODE_PATH=… node pages.js http://127.0.0.1:7117 shots-folder /path …
const fs = require("fs");
const { chromium } = require("playwright-core");
const ACTIONS = { "/logs": require("./logs_page.js"), "/explore": require("./explore_page.js"), "/traces": require("./traces_page.js"), "/services": require("./chain_page.js") };
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const WIDTHS = [1440, 390];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];

async function look(browser, url, width, colorScheme, shot) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text().slice(0, 160)));
  page.on("pageerror", (error) => faults.push(String(error).slice(0, 160)));
  try {
    const answer = await page.goto(url, { waitUntil: "load", timeout: 30000 });
    if (answer.status() !== 200) faults.push(`status ${answer.status()}`);
    await page.waitForTimeout(300);
    await page.screenshot({ path: shot, fullPage: true });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (overflow > 0) faults.push(`${overflow} px too wide`);
    await page.addScriptTag({ content: axe });
    const found = await page.evaluate((values) => axe.run(document, { runOnly: { type: "tag", values } }), RULES);
    for (const violation of found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact))) {
      faults.push(`${violation.id} ×${violation.nodes.length}: ${violation.nodes[0].html.slice(0, 120)}`);
    }
  } catch (error) {
    faults.push(String(error).slice(0, 200));
  }
  await context.close();
  return faults;
}

(async () => {
  const [base, shots, ...paths] = process.argv.slice(2);
  fs.mkdirSync(shots, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  let failed = 0;
  for (const path of paths) {
    for (const width of WIDTHS) {
      for (const scheme of ["light", "dark"]) {
        const name = `${path.replace(/\W+/g, "_").slice(0, 40) || "_"}-${width}-${scheme}.png`;
        const faults = await look(browser, base + path, width, scheme, `${shots}/${name}`);
        failed += faults.length > 0;
        if (faults.length) console.log("FAIL", path, width, scheme, faults.join(" | "));
      }
    }
  }
  console.log(`${paths.length * WIDTHS.length * 2 - failed} passed, ${failed} failed`);
  const failures = [];
  let all = 0;
  for (const path of paths.filter((path) => ACTIONS[path])) {
    const acted = await ACTIONS[path](browser, base);
    all += acted.all;
    failures.push(...acted.failed.map((fault) => `${path} ${fault}`));
  }
  await browser.close();
  for (const fault of failures) console.log("FAIL", fault);
  console.log(`${all - failures.length} interactions passed, ${failures.length} failed`);
  process.exit(failed || failures.length ? 1 : 0);
})();
