// The page in a real browser, and what a visitor does there.

import { chromium } from 'playwright-core';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const folder = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
export const PAGE = pathToFileURL(folder('dist/index.html')).href;

const executablePath = process.env.CHROMIUM
  ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

export const launch = () =>
  chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu'] });

// A page whose console, errors and requests are watched.
export async function open(browser, link = '', options = {}) {
  const { address = PAGE, whole = true, ...context } = options;
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, colorScheme: 'light', ...context });
  page.complaints = [];
  page.requests = [];
  page.on('console', (message) => page.complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('request', (request) => page.requests.push(request.url()));
  await page.goto(address + link);
  await (whole ? settle(page) : live(page));
  return page;
}

// Waits until everything is computed and drawn; after a change, for the change first.
export async function settle(page, timeout = 60_000) {
  await page.waitForFunction(() => document.body.dataset.busy === '', null, { timeout });
}

// Waits until curves, triangle and bars are: the map and the optimum may take seconds.
export async function live(page) {
  await page.waitForFunction(() => document.body.dataset.busy?.includes('live') === false, null, { timeout: 60_000 });
}

// Does something, and waits for the pictures of it.
export async function change(page, act, whole = true) {
  const before = await page.evaluate(() => performance.getEntriesByName('knob to picture').length);
  await act();
  await page.waitForFunction(
    (count) => performance.getEntriesByName('knob to picture').length > count, before, { timeout: 60_000 },
  );
  await (whole ? settle(page) : live(page));
  // Links are written a moment later.
  await page.waitForTimeout(200);
}

// Moves a slider as a keyboard or a hand would: to a step between 0 and 1000.
export const slide = (page, name, position) =>
  page.locator(`#${name}`).evaluate((slider, value) => {
    slider.value = String(value);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  }, position);

export const link = (page) => page.evaluate(() => location.hash);
export const value = async (page, key) => Number(await page.locator(`[data-key="${key}"]`).first().getAttribute('data-value'));
export const parameter = async (page, key) => new URLSearchParams((await link(page)).slice(1)).get(key);

export async function download(page, button) {
  await page.locator('#export summary').click();
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

// All lines of the plot, as the page saves them.
export async function lines(page) {
  const [state, head, ...rows] = (await download(page, '#csv')).trim().split('\n');
  const columns = head.split(',').map((name, index) => [
    name, rows.map((row) => row.split(',')[index]).map((cell) => (cell === '' ? null : Number(cell))),
  ]);
  return { state, ...Object.fromEntries(columns) };
}
