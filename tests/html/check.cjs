// Opens each report of a directory in Chromium from disk, with the network off, and fails on
// whatever should not be: errors, requests, violations, hidden keyboard ways, wide pages.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const directory = path.resolve(process.argv[2]);
const pages = fs.readdirSync(directory).filter(name => name.endsWith(".html")).sort();
const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const failures = [];
const fail = (where, what) => { failures.push(`${where}: ${what}`); };

/// Opens a page; every message, request and violation is a failure.
async function open(context, name, where) {
  const url = pathToFileURL(path.join(directory, name)).href;
  const page = await context.newPage();
  page.on("console", message => fail(where, `console ${message.type()}: ${message.text()}`));
  page.on("pageerror", error => fail(where, `error: ${error}`));
  page.on("dialog", dialog => { fail(where, "dialog"); dialog.dismiss(); });
  page.on("request", request => { if (request.url() !== url) fail(where, `request: ${request.url()}`); });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", event =>
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} line ${event.lineNumber}`));
  });
  await page.goto(url);
  return page;
}

async function width(page, where) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (over > 0) fail(where, `the page is ${over} pixels wider than the window`);
}

/// What Tab reaches, and that Enter and the arrows do what they say.
async function keyboard(page, where) {
  const reached = [];
  for (let step = 0; step < 200; step++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      const box = element.getBoundingClientRect();
      return { is: element.getAttribute("role") === "treeitem" ? "flame" : element.localName + (element.className.baseVal ?? (element.className ? "." + element.className : "")),
        seen: box.width > 0 && box.height > 0 };
    });
    if (!at) break;
    if (!at.seen) fail(where, `${at.is} has the focus and cannot be seen`);
    reached.push(at.is);
  }
  if (reached[0] !== "a.skip") fail(where, `Tab reaches ${reached[0]} first, not the skip link`);
  const wanted = { flame: "#flame", button: ".command", summary: "summary", "div.scroll": ".scroll" };
  for (const [what, selector] of Object.entries(wanted)) {
    const there = await page.locator(selector).count();
    if (there > 0 && !reached.includes(what)) fail(where, `Tab does not reach ${what}`);
  }
  await page.evaluate(() => document.activeElement.blur());
  await page.locator("a.skip").focus();
  await page.keyboard.press("Enter");
  if (await page.evaluate(() => document.activeElement.id) !== "main") fail(where, "the skip link does not skip");
  if (await page.locator("details").count() > 0) {
    await page.locator("summary").first().focus();
    await page.keyboard.press("Enter");
    const opened = await page.locator("details").first().evaluate(d => d.open);
    await page.keyboard.press("Enter");
    if (opened === await page.locator("details").first().evaluate(d => d.open)) fail(where, "Enter does not open and close details");
    if (opened) await page.keyboard.press("Enter");
  }
  if (await page.locator("#packets .sortable").count() > 0) {
    const column = at => page.locator(".sortable tbody tr:not([hidden])").evaluateAll((rows, at) => rows.map(row => row.cells[at].textContent), at);
    await page.locator("#packets details").evaluate(details => { details.open = true; });
    const button = page.locator(".sortable thead button").nth(6);
    for (const way of [-1, 1]) {
      await button.focus();
      await page.keyboard.press("Enter");
      const times = (await column(6)).map(Number);
      if (times.length < 2 || times.some((time, at) => at > 0 && (time - times[at - 1]) * way < 0)) fail(where, `the table is not sorted (${way})`);
    }
    const all = await column(3);
    await page.locator(".find input").fill("CALI5 icmp6");
    const found = await column(3);
    if (found.length === 0 || found.length >= all.length || found.some(name => name !== "cali5")) fail(where, `the table shows ${found.length} rows with cali5`);
    await page.locator(".find input").fill("");
    if ((await column(3)).length !== all.length) fail(where, "the table does not show all rows again");
  }
  if (await page.locator("#flame").count() > 0) {
    await page.locator("#flame [tabindex='0']").focus();
    for (const key of ["ArrowDown", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    const near = await page.evaluate(() => document.activeElement.getAttribute("width"));
    if (near !== "100%") fail(where, `Enter does not look closer: ${near}`);
    const level = () => page.evaluate(() => document.activeElement.getAttribute("aria-level"));
    if (await level() !== "3") fail(where, "the arrow keys do not walk the flame graph");
    await page.keyboard.press("Escape");
    if (await level() !== "1") fail(where, "Escape does not go back");
  }
  if (await page.locator(".command + button").count() > 0) {
    await page.locator(".command + button").first().focus();
    await page.keyboard.press("Enter");
    const said = page.locator("#said");
    await said.filter({ hasText: /\w/ }).waitFor({ timeout: 2000 }).catch(() => fail(where, "the copy button says nothing"));
  }
}

const shownText = (page, selector) => page.locator(selector).evaluateAll(all => all.map(one => one.textContent));
const sum = texts => texts.reduce((total, text) => total + Number(text), 0);

/// A selection in the map narrows the tables to it, by mouse and by keys, and all comes back.
async function selection(page, where) {
  const maps = page.locator(".map"), lanes = maps.first().locator(".lane");
  if (await maps.count() === 0) return;
  const narrows = await maps.count() === 1;
  const map = maps.first(), said = page.locator(".map + .picked").first();
  const perClass = () => shownText(page, "#classes .scroll:first-of-type tr:not(.out) td:nth-of-type(1)");
  const packets = () => shownText(page, "#packets .sortable tr:not(.out) [data-sum]");
  const tables = async () => JSON.stringify(await shownText(page, "#cpus table, #classes table, #packets table"));
  const before = await tables(), all = await lanes.locator(".n").evaluateAll(cells => cells.map(cell => Number(cell.textContent)));
  const named = (await packets()).length > 0;
  const check = async (drops, how) => {
    const text = await said.textContent();
    if (!text.includes(`: ${drops} drop`)) fail(where, `${how} says "${text}" for ${drops} drops`);
    if (!narrows) return;
    if (sum(await perClass()) !== drops) fail(where, `${how}: classes have ${await perClass()}, not ${drops}`);
    const cpus = await shownText(page, "#cpus tbody tr:not(.out) th");
    if (drops > 0 && !cpus.includes("all") && all.length > 1) fail(where, `${how}: CPUs ${cpus}`);
    if (named && sum(await packets()) !== drops) fail(where, `${how}: packets have ${sum(await packets())}, not ${drops}`);
    for (const column of [0, 1, 2].slice(0, await page.locator("#packets table:not(.sortable)").count())) {
      const counts = await page.locator("#packets table:not(.sortable)").nth(column).locator("tbody td:nth-of-type(1)").evaluateAll(cells => cells.map(cell => cell.textContent));
      if (named && sum(counts) !== drops) fail(where, `${how}: table ${column} of packets has ${counts}`);
    }
  };
  await map.scrollIntoViewIfNeeded();
  await lanes.first().locator("span").first().click();
  await check(all[0], "a click on the first CPU");
  const box = await lanes.first().locator("svg").boundingBox(), end = await lanes.nth(Math.min(1, all.length - 1)).locator("svg").boundingBox();
  await page.mouse.move(box.x + 1, box.y + 4);
  await page.mouse.down();
  await page.mouse.move(end.x + end.width - 1, end.y + 4, { steps: 5 });
  await page.mouse.up();
  await check(sum(all.slice(0, 2)), "a drag over two CPUs");
  await map.focus();
  await page.keyboard.press("Escape");
  if (await tables() !== before || await said.textContent() !== "") fail(where, "Escape does not show all");
  for (const key of ["ArrowRight", "Home", "Shift+End"]) await page.keyboard.press(key);
  const first = all.findIndex(n => n > 0);
  await check(all[first], "a row by keys");
  for (const _ of all) await page.keyboard.press("Shift+ArrowDown");
  await check(sum(all.slice(first)), "all rows by keys");
  if (narrows) {
    await page.locator("#cpus .picked button").focus();
    await page.keyboard.press("Enter");
    if (!await map.evaluate(map => map === document.activeElement)) fail(where, "the focus is lost");
  } else await page.keyboard.press("Escape");
  if (await tables() !== before) fail(where, "the tables do not come back");
}

/// On paper nothing scrolls, nothing is folded, and nothing is wider than the sheet.
async function paper(page, where) {
  await page.setViewportSize({ width: 680, height: 900 });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await width(page, `${where} on paper`);
  const found = await page.evaluate(() => {
    const all = [...document.querySelectorAll("main *")].filter(element => element instanceof HTMLElement);
    const scrolls = all.filter(element => ["auto", "scroll"].includes(getComputedStyle(element).overflowX));
    const wide = all.filter(element => element.getBoundingClientRect().right > innerWidth + 1);
    const folded = [...document.querySelectorAll("details > :last-child")].filter(element => element.getBoundingClientRect().height === 0);
    return { scrolls: scrolls.length, wide: wide.map(element => element.outerHTML.slice(0, 90)).slice(0, 3), folded: folded.length,
      dark: getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)" };
  });
  if (found.scrolls || found.wide.length || found.folded || found.dark) fail(where, `on paper: ${JSON.stringify(found)}`);
}

async function accessibility(context, name, where) {
  const page = await context.newPage();
  await page.goto(pathToFileURL(path.join(directory, name)).href);
  await page.evaluate(() => document.querySelectorAll("details").forEach(d => { d.open = true; }));
  await page.addScriptTag({ content: axe });
  const result = await page.evaluate(() => axe.run(document, { rules: { "target-size": { enabled: true } } }));
  for (const violation of result.violations) {
    for (const node of violation.nodes.slice(0, 3)) {
      fail(where, `axe ${violation.id}: ${node.html.slice(0, 160)} ${node.failureSummary.replaceAll("\n", " ")}`);
    }
  }
  if (result.passes.length < 10) fail(where, "axe looked at next to nothing");
  await page.close();
}

async function main() {
  if (pages.length === 0) throw new Error(`no page in ${directory}`);
  const profile = fs.mkdtempSync(path.join(directory, "profile-"));
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
  });
  try {
    for (const name of pages) {
      for (const [size, viewport] of Object.entries(sizes)) {
        for (const colorScheme of ["light", "dark"]) {
          const where = `${name} ${size} ${colorScheme}`;
          const options = { viewport, colorScheme, offline: true, reducedMotion: "reduce" };
          const strict = await browser.newContext(options);
          const page = await open(strict, name, where);
          await width(page, where);
          await page.screenshot({ path: path.join(directory, `${name}.${size}.${colorScheme}.png`), fullPage: true });
          if (colorScheme === "light") await keyboard(page, where);
          if (colorScheme === "light") await selection(page, where);
          if (size === "desktop" && colorScheme === "light") {
            await page.pdf({ path: path.join(directory, `${name}.pdf`), format: "A4" });
          }
          await strict.close();
          const loose = await browser.newContext({ ...options, bypassCSP: true });
          await accessibility(loose, name, where);
          await loose.close();
        }
      }
      const still = await browser.newContext({ offline: true, javaScriptEnabled: false });
      const page = await open(still, name, `${name} without script`);
      if (!await page.locator("h1").isVisible()) fail(name, "shows no verdict without script");
      await paper(page, `${name} without script`);
      await still.close();
    }
  } finally {
    await browser.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
  failures.forEach(failure => console.error(`not ok ${failure}`));
  if (failures.length > 0) process.exit(1);
  console.log(`ok ${pages.length} pages, light and dark, on a phone and a desktop`);
}

main().catch(error => { console.error(error); process.exit(1); });
