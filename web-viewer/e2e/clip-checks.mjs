// Real clips as cameras of the real streamer, several at once, in the built page: passed through where they have no B-frames,
// decoded and encoded where they have. ATHOME_MEDIA names the folder of clips; SHOTS=folder keeps what a person sees.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert, check, equal, skip, until } from './check.mjs';
import { NOTES } from './page.mjs';
import { streamer } from './streamer.mjs';

const MEDIA = process.env.ATHOME_MEDIA ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../shared/media');
const CLIPS = ['intel_car-detection.mp4', 'dvrscan_traffic_camera.mp4', 'intel_one-by-one-person-detection.mp4', 'asl_faces/book.mkv'];

/** What each video element shows: its size, the frames it was given, and how much its pixels differ from one grey. */
const SHOWN = () => [...document.querySelectorAll('video')].filter((v) => v.videoWidth > 0).map((video) => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [32, 18];
  const g = canvas.getContext('2d', { willReadFrequently: true });
  g.drawImage(video, 0, 0, 32, 18);
  const { data } = g.getImageData(0, 0, 32, 18);
  const luma = Array.from({ length: 576 }, (_, i) => 0.3 * data[4 * i] + 0.6 * data[4 * i + 1] + 0.1 * data[4 * i + 2]);
  const mean = luma.reduce((a, b) => a + b, 0) / luma.length;
  const spread = Math.sqrt(luma.reduce((a, b) => a + (b - mean) ** 2, 0) / luma.length);
  return { width: video.videoWidth, frames: video.getVideoPlaybackQuality().totalVideoFrames, spread };
});

export async function clipChecks(browser, program) {
  const missing = CLIPS.filter((clip) => !existsSync(path.join(MEDIA, clip)));
  if (missing.length > 0) {
    skip('real clips as cameras', `${missing.join(', ')} not found; ATHOME_MEDIA names their folder`);
    return;
  }
  const camera = await streamer(program, ['--mic', 'none', ...CLIPS.flatMap((clip) => ['--camera', `file:${path.join(MEDIA, clip)}`])]);
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 } });
  try {
    const ready = await camera.start();
    await context.addInitScript(NOTES);
    const page = await context.newPage();
    await check('clips: four real clips play side by side, none grey, each going on', async () => {
      await page.goto(ready.link);
      const live = () => page.evaluate(() => [...document.querySelectorAll('.badge')].filter((b) => /\bLive · \d/.test(b.textContent)).length);
      // A tile may change to the small layer once its size is known, and shows its last picture meanwhile.
      await until('four live pictures', 20_000, async () => await live() === CLIPS.length && (await page.evaluate(SHOWN)).length === CLIPS.length);
      const before = await page.evaluate(SHOWN);
      await page.waitForTimeout(2_000);
      const after = await page.evaluate(SHOWN);
      equal(after.length, CLIPS.length, 'pictures');
      for (const [i, now] of after.entries()) {
        assert(now.frames - before[i].frames >= 15, `picture ${i} got ${now.frames - before[i].frames} frames in 2 s`);
        assert(now.spread > 5, `picture ${i} is one grey (${now.spread.toFixed(1)})`);
      }
      return after.map((now, i) => `${now.width} wide, ${((now.frames - before[i].frames) / 2).toFixed(0)} fps`).join('; ');
    });
    if (process.env.SHOTS !== undefined) {
      await mkdir(process.env.SHOTS, { recursive: true });
      for (const [name, width, height] of [['desk', 1280, 800], ['phone', 390, 844], ['side', 844, 390]]) {
        await page.setViewportSize({ width, height });
        await page.waitForTimeout(800);
        await page.screenshot({ path: path.join(process.env.SHOTS, `clips-${name}.png`) });
      }
      await page.setViewportSize({ width: 390, height: 844 });
      await page.keyboard.press('2');
      await page.waitForTimeout(800);
      await page.screenshot({ path: path.join(process.env.SHOTS, 'clips-phone-one.png') });
    }
  } finally {
    await context.close();
    await camera.close();
  }
}
