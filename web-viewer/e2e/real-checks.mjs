// The built page with the real streamer, its test card and its tone.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from './browser.mjs';
import { assert, check, equal, skip, until } from './check.mjs';
import { accessibleText, live, NOTES, pictureAt } from './page.mjs';
import { streamer } from './streamer.mjs';

const DIST = path.join(path.dirname(fileURLToPath(import.meta.url)), '../dist');

/** Reads the test card's clock in each frame callback: capture time, and when the frame was handed to the compositor. */
const READ_CLOCK = (frames) => new Promise((resolve, reject) => {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  const out = [];
  let unread = 0;
  setTimeout(() => reject(new Error(`${out.length} frames, ${unread} unreadable`)), 30_000);
  const next = () => video.requestVideoFrameCallback((now, meta) => {
    const shown = performance.timeOrigin + meta.presentationTime;
    const width = video.videoWidth;
    canvas.width = width;
    canvas.height = 1;
    const g = canvas.getContext('2d', { willReadFrequently: true });
    // One row in the middle of the cells; a cell is a fortieth of the width, and as high.
    g.drawImage(video, 0, Math.floor(width / 80), width, 1, 0, 0, width, 1);
    const { data } = g.getImageData(0, 0, width, 1);
    let value = 0n;
    for (let i = 0; i < 40; i += 1) value = value << 1n | (data[4 * Math.floor((i + 0.5) * width / 40) + 1] > 128 ? 1n : 0n);
    const v = Number(value >> 8n);
    const sum = (v ^ v >>> 8 ^ v >>> 16 ^ v >>> 24 ^ 0xA5) & 0xff;
    if (sum === Number(value & 0xffn)) {
      const tenths = BigInt(Math.round(shown * 10)) & 0xffff_ffffn;
      out.push(Number(BigInt.asIntN(32, tenths - BigInt(v))) / 10);
    } else unread += 1;
    if (out.length >= frames) resolve({ out, unread });
    else next();
  });
  next();
});

const percentile = (values, p) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))];

export async function realChecks(browser, program) {
  const camera = await streamer(program);
  const contexts = [];
  let site;
  try {
    const ready = await camera.start();
    const index = await readFile(path.join(DIST, 'index.html'));
    const served = Buffer.from(await (await fetch(ready.page)).arrayBuffer());
    const embedded = served.equals(index);
    if (!embedded) {
      skip('the page as the program embeds it', 'it embeds another one than dist/; dist/ is served in its place');
      site = await serve(DIST, camera.port);
    }
    const origin = site?.origin ?? new URL(ready.page).origin;
    const home = `${origin}/`;
    const link = `${home}${new URL(ready.link).hash}`;

    const device = async (options = {}) => {
      const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...options });
      contexts.push(context);
      await context.addInitScript(NOTES);
      const page = await context.newPage();
      const faults = [];
      page.on('pageerror', (e) => faults.push(String(e)));
      page.on('console', (m) => m.type() === 'error' && !/WebSocket|ERR_CONNECTION/.test(m.text()) && faults.push(m.text()));
      return { context, page, faults };
    };
    const first = await device();
    const { page } = first;

    await check('real: a link gives a live picture with zero clicks', async () => {
      const origins = new Set();
      first.context.on('request', (r) => origins.add(new URL(r.url()).origin));
      await page.goto(link);
      await until('"Live"', 20_000, () => live(page));
      const { sockets, shift, shifted } = await page.evaluate(() => window.notes);
      assert(sockets.every((s) => !s.href.includes('#1')), 'the code was in the address while a socket opened');
      equal(await page.evaluate(() => location.hash), '', 'fragment');
      equal(shift, 0, `layout shift of ${shifted.join(', ')}`);
      equal([...origins].filter((o) => o !== origin), [], 'other origins');
      equal(first.faults, [], 'errors in the page');
      return `first picture ${Math.round(await pictureAt(page))} ms after navigation`;
    });

    await check('real: opening a paired link shows a picture', async () => {
      const times = [];
      for (let i = 0; i < 15; i += 1) {
        await page.goto('about:blank');
        await page.goto(home);
        await until('a picture', 10_000, () => pictureAt(page));
        times.push(await pictureAt(page));
      }
      return `p50 ${Math.round(percentile(times, 0.5))} ms, all ${times.map((t) => Math.round(t)).join(' ')}`;
    });

    await check('real: capture to shown, by the picture\'s own clock', async () => {
      await until('"Live"', 10_000, () => live(page));
      await page.waitForTimeout(1_000);
      const { out, unread } = await page.evaluate(READ_CLOCK, 150);
      assert(unread < 15, `${unread} frames could not be read`);
      const p50 = percentile(out, 0.5);
      assert(p50 > 0 && p50 < 1_000, `p50 ${p50} ms is no latency`);
      return `p50 ${p50.toFixed(1)} ms, p95 ${percentile(out, 0.95).toFixed(1)} ms of ${out.length} frames`;
    });

    await check('real: the receiver holds pictures back for less than 5 ms on average', async () => {
      const read = () => page.evaluate(async () => {
        const e = [...(await window.notes.connection.getStats()).values()].find((s) => s.type === 'inbound-rtp' && s.kind === 'video' && s.framesDecoded > 0);
        return { delay: e.jitterBufferDelay, frames: e.jitterBufferEmittedCount };
      });
      const before = await read();
      await page.waitForTimeout(4_000);
      const after = await read();
      const frames = after.frames - before.frames;
      const mean = 1000 * (after.delay - before.delay) / frames;
      assert(frames > 60 && mean < 5, `${mean.toFixed(2)} ms over ${frames} frames`);
      return `${mean.toFixed(2)} ms over ${frames} frames`;
    });

    await check('real: the age on the screen is the picture\'s age', async () => {
      const { out } = await page.evaluate(READ_CLOCK, 20);
      const says = await page.evaluate(() => parseFloat(document.querySelector('.badge').innerText.match(/Live · ([\d.]+)/)[1]) * 1000);
      assert(Math.abs(says - percentile(out, 0.5)) < 250, `the badge says ${says} ms, the picture ${percentile(out, 0.5)} ms`);
    });

    await check('real: sound is heard after one tap', async () => {
      await page.getByRole('button', { name: 'Tap for sound' }).click();
      await page.getByRole('button', { name: 'Turn sound off' }).waitFor({ timeout: 5_000 });
      // Chromium reports a level only for sound that is played.
      const level = () => page.evaluate(async () => [...(await window.notes.connection.getStats()).values()].find((e) => e.type === 'inbound-rtp' && e.kind === 'audio')?.audioLevel ?? 0);
      const heard = await until('a level', 5_000, async () => {
        const now = await level();
        return now > 0.01 && now;
      });
      await page.getByRole('button', { name: 'Turn sound off' }).click();
      await until('silence', 5_000, async () => await level() < 0.01);
      return `level ${heard.toFixed(2)}`;
    });

    await check('real: the stats panel adds up within 5 ms and names path and codec', async () => {
      await page.keyboard.press('i');
      await until('its figures', 8_000, () => page.evaluate(() => document.querySelectorAll('[data-hop]').length === 7));
      await page.waitForTimeout(2_500);
      const parts = await page.evaluate(() => Object.fromEntries([...document.querySelectorAll('[data-hop]')].map((e) => [e.dataset.hop, parseFloat(e.textContent)])));
      const sum = Object.entries(parts).reduce((n, [hop, ms]) => (hop === 'total' ? n : n + ms), 0);
      const text = await page.locator('aside').innerText();
      await page.keyboard.press('Escape');
      assert(Math.abs(sum - parts.total) <= 5 && parts.total > 0, `${JSON.stringify(parts)}`);
      assert(/H264/.test(text) && /direct/.test(text) && /1280×720/.test(text), text);
      return Object.entries(parts).map(([hop, ms]) => `${hop} ${ms}`).join(', ');
    });

    await check('real: a used link says so on another device', async () => {
      const other = await device();
      await other.page.goto(link);
      await until('the sentence', 10_000, async () => (await other.page.evaluate(() => document.body.innerText)).includes('This code was already used, by Linux, Chrome.'));
      await other.context.close();
    });

    await check('real: the streamer is stopped for a while: stale within 2.5 s, live again when it goes on', async () => {
      await until('"Live"', 10_000, () => live(page));
      const before = Date.now();
      camera.signal('SIGSTOP');
      await until('"Not live"', 4_000, async () => /Not live/.test(await page.evaluate(() => document.querySelector('.badge').innerText)));
      const stale = Date.now() - before;
      assert(!/\bLive\b/.test(await accessibleText(page)), '"Live" is still read out');
      assert(stale <= 2_600, `stale after ${stale} ms`);
      camera.signal('SIGCONT');
      await until('"Live"', 20_000, () => live(page));
      return `stale ${stale} ms after the stop`;
    });

    await check('real: the streamer restarts: the page comes back by itself, without a code', async () => {
      await camera.stop();
      await until('"Not live"', 12_000, async () => /Not live/.test(await page.evaluate(() => document.querySelector('.badge').innerText)));
      await camera.start();
      const before = Date.now();
      await until('"Live"', 30_000, () => live(page));
      return `live ${Date.now() - before} ms after it was ready`;
    });

    await check('real: no error was logged by the page', () => Promise.resolve(equal(first.faults, [], 'errors')));
  } finally {
    for (const context of contexts) await context.close().catch(() => undefined);
    await camera.close();
    await site?.close();
  }
}
