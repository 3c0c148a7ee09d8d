// Looking back with the real streamer, which records its test card: the picture itself says when it was taken.
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from './browser.mjs';
import { assert, check, equal, skip, until } from './check.mjs';
import { live, NOTES } from './page.mjs';
import { streamer } from './streamer.mjs';

const DIST = path.join(path.dirname(fileURLToPath(import.meta.url)), '../dist');
const RECORD_MS = 24_000;

/** The test card's clock on an element, in ms of Unix time near `near`; undefined where it can't be read. */
const CLOCK = ([selector, near]) => {
  const from = document.querySelector(selector);
  const width = from?.videoWidth ?? from?.width ?? 0;
  if (!width) return undefined;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, 1];
  const g = canvas.getContext('2d', { willReadFrequently: true });
  g.drawImage(from, 0, Math.floor(width / 80), width, 1, 0, 0, width, 1);
  const { data } = g.getImageData(0, 0, width, 1);
  let value = 0n;
  for (let i = 0; i < 40; i += 1) value = value << 1n | (data[4 * Math.floor((i + 0.5) * width / 40) + 1] > 128 ? 1n : 0n);
  const v = Number(value >> 8n);
  if (((v ^ v >>> 8 ^ v >>> 16 ^ v >>> 24 ^ 0xA5) & 0xff) !== Number(value & 0xffn)) return undefined;
  const tenths = BigInt(Math.round(near * 10));
  return Number(tenths + BigInt.asIntN(32, BigInt(v) - tenths)) / 10;
};

export async function pastRealChecks(browser, program) {
  const camera = await streamer(program);
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, acceptDownloads: true });
  let site;
  try {
    const ready = await camera.start();
    const served = Buffer.from(await (await fetch(ready.page)).arrayBuffer());
    if (!served.equals(await readFile(path.join(DIST, 'index.html')))) site = await serve(DIST, camera.port);
    const origin = site?.origin ?? new URL(ready.page).origin;
    await context.addInitScript(NOTES);
    const page = await context.newPage();
    const faults = [];
    page.on('pageerror', (e) => faults.push(String(e)));
    const button = (name) => page.getByRole('button', { name, exact: true });
    const mark = () => page.evaluate(() => Number(document.querySelector('.mark[data-at]')?.dataset.at));
    const card = async (selector = '.past video') => page.evaluate(CLOCK, [selector, Date.now()]);
    const playing = () => page.evaluate(() => document.querySelector('.past video:not(.hidden)') !== null);
    await page.goto(`${origin}/${new URL(ready.link).hash}`);
    await until('"Live"', 20_000, () => live(page));
    if (!await until('the strip', 8_000, () => page.evaluate(() => document.querySelector('[role=slider]') !== null)).catch(() => false)) {
      skip('looking back with the real streamer', 'it does not know of it, or this device may not');
      return;
    }

    await check('real past: the strip comes without moving anything', async () => {
      const { shift, shifted } = await page.evaluate(() => window.notes);
      equal(shift, 0, `layout shift of ${shifted.join(', ')}`);
    });

    await check('real past: a recording is started by a press, and the picture says so', async () => {
      await button('Record').click();
      await until('the badge', 5_000, () => page.evaluate(() => document.querySelector('.badge').innerText.includes('Recording')));
      await page.waitForTimeout(RECORD_MS);
    });

    await check('real past: a press shows the first picture in under 300 ms', async () => {
      const times = [];
      for (let i = 0; i < 5; i += 1) {
        times.push(await page.evaluate(() => new Promise((done) => {
          const began = performance.now();
          document.querySelector('[aria-label="Back 10 seconds"]').click();
          const look = () => {
            if (document.querySelector('.past video:not(.hidden), .past canvas:not(.hidden)')) done(performance.now() - began);
            else requestAnimationFrame(look);
          };
          requestAnimationFrame(look);
        })));
        await until('the player', 5_000, playing);
        await button('Back to live').first().click();
      }
      const p50 = times.sort((a, b) => a - b)[2];
      assert(p50 < 300, `${times.map(Math.round)} ms`);
      return `p50 ${Math.round(p50)} ms of ${times.map((t) => Math.round(t)).join(' ')}`;
    });

    await check('real past: standing, the frame is the one whose time is said, and a key goes one on and one back', async () => {
      await button('Back 10 seconds').click();
      await until('the player', 5_000, playing);
      await page.keyboard.press('k');
      await page.waitForTimeout(400);
      const off = [];
      let before = await card();
      for (const [key, by] of [['.', 1], ['.', 1], ['.', 1], [',', -1], [',', -1]]) {
        await page.keyboard.press(key);
        await page.waitForTimeout(400);
        const [now, said] = [await card(), await mark()];
        assert(now !== undefined, 'the clock can\'t be read');
        off.push(Math.abs(now - said));
        assert(Math.sign(now - before) === by && Math.abs(now - before) < 70, `${key} moved by ${now - before} ms`);
        before = now;
      }
      const worst = Math.max(...off);
      assert(worst < 34, `${worst} ms off`);
      return `at most ${worst.toFixed(0)} ms between the picture's clock and what is said`;
    });

    await check('real past: dragging, pictures follow, and where it is let go the exact frame stands', async () => {
      const box = await page.getByRole('slider').boundingBox();
      await page.getByLabel('Time shown').selectOption({ label: '1 min' });
      await page.evaluate(() => {
        window.pictures = new Set();
        const look = () => {
          const at = document.querySelector('.mark[data-at]')?.dataset.at;
          if (at !== undefined && document.querySelector('.past canvas:not(.hidden)')) window.pictures.add(at);
          requestAnimationFrame(look);
        };
        look();
      });
      const [x, y] = [box.x + 640, box.y + 40];
      await page.mouse.move(x, y);
      await page.mouse.down();
      const began = Date.now();
      for (let i = 0; i <= 60; i += 1) {
        await page.mouse.move(x + 120 * Math.sin(i / 10), y);
        await page.waitForTimeout(16);
      }
      const took = (Date.now() - began) / 1000;
      await page.waitForTimeout(150);
      await page.mouse.up();
      await until('the player', 5_000, playing);
      await page.waitForTimeout(300);
      const [now, said] = [await card(), await mark()];
      assert(now !== undefined && Math.abs(now - said) < 34, `the picture is of ${now}, said is ${said}`);
      const pictures = await page.evaluate(() => window.pictures.size);
      assert(pictures >= 3, `${pictures} pictures`);
      return `${pictures} pictures in ${took.toFixed(1)} s`;
    });

    await check('real past: at twice the speed now is reached: it stops there and offers live', async () => {
      await page.getByLabel('Speed').selectOption({ label: '2×' });
      if (await button('Play').count() > 0) await button('Play').click();
      await until('the end', 40_000, () => page.evaluate(() => /newest picture/.test(document.body.innerText)));
      assert(await page.locator('.frame > .past').count() === 1, 'it went to live by itself');
      await page.locator('.words .button').click();
      await until('"Live"', 5_000, () => live(page));
      equal(await page.locator('.frame > .past').count(), 0, 'the past');
    });

    await check('real past: a part is downloaded and plays, and live goes on meanwhile', async () => {
      await button('Back 10 seconds').click();
      await until('the player', 5_000, playing);
      await page.keyboard.press('k');
      await button('Download a part').click();
      await button('End here').click();
      const end = await mark();
      await button('Back 10 seconds').click();
      await page.waitForTimeout(300);
      await button('Start here').click();
      const start = await mark();
      const told = (await page.locator('.take p').first().innerText()).replaceAll('\n', ' ');
      const [download] = await Promise.all([page.waitForEvent('download'), button('Download').click()]);
      const file = await download.path();
      if (process.env.SHOTS !== undefined) await download.saveAs(path.join(process.env.SHOTS, 'part.mp4'));
      const probe = spawnSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file], { encoding: 'utf8' });
      assert(/^\w.* \d\d\d\d-\d\d-\d\d \d\d\.\d\d\.\d\d\.mp4$/.test(download.suggestedFilename()), download.suggestedFilename());
      const seconds = Number(probe.stdout);
      if (probe.error) return 'ffprobe is not here: its length was not looked at';
      // From the fragment before that begins with a key frame; its end is exact.
      assert(seconds > (end - start) / 1000 - 0.1 && seconds < (end - start) / 1000 + 12, `${seconds} s of ${(end - start) / 1000} s; ${told}`);
      return `${seconds.toFixed(2)} s for ${((end - start) / 1000).toFixed(2)} s`;
    });

    await check('real past: after a reload the strip is there again, and nothing moved', async () => {
      await page.goto(origin);
      await until('"Live"', 20_000, () => live(page));
      await page.getByRole('slider').waitFor({ timeout: 8_000 });
      const { shift, shifted } = await page.evaluate(() => window.notes);
      // A word that comes into the badge moves the one after it.
      equal(shift.toFixed(2), '0.00', `layout shift of ${shifted.join(', ')}`);
      await button('Stop recording').click();
      await until('no badge', 5_000, () => page.evaluate(() => !document.querySelector('.badge').innerText.includes('Recording')));
    });

    await check('real past: no error was logged by the page', () => Promise.resolve(equal(faults, [], 'errors')));
  } finally {
    await context.close();
    await camera.close();
    await site?.close();
  }
}
