// Zones and the house's mode with the real streamer: what one device draws black, another one sees black.
import { assert, check, until } from './check.mjs';
import { live } from './page.mjs';
import { streamer } from './streamer.mjs';

/** Brightness of the live picture at a place of it, 0 to 255; undefined while there is none. */
const BRIGHT = ([x, y]) => {
  const video = document.querySelector('video');
  if (!video?.videoWidth) return undefined;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const g = canvas.getContext('2d', { willReadFrequently: true });
  g.drawImage(video, 0, 0);
  const { data } = g.getImageData(Math.round(x * canvas.width) - 4, Math.round(y * canvas.height) - 4, 8, 8);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += Math.max(data[i], data[i + 1], data[i + 2]);
  return sum / (data.length / 4);
};

export async function zoneRealChecks(browser, program) {
  const camera = await streamer(program);
  const contexts = [];
  const device = async (link) => {
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 } });
    contexts.push(context);
    const page = await context.newPage();
    await page.goto(link);
    await until('"Live"', 20_000, () => live(page));
    return page;
  };
  try {
    const ready = await camera.start();
    const owner = await device(ready.link);
    const other = await device(await camera.invite());
    const press = (name) => owner.getByRole('button', { name, exact: true }).click();

    await check('real zones: what the owner draws black is black for another device, and comes back when that is undone', async () => {
      await until('the mode', 5_000, () => owner.evaluate(() => document.body.innerText.includes('Away')));
      await owner.keyboard.press('z');
      await owner.getByRole('group', { name: 'Add a zone' }).getByRole('button', { name: 'Privacy' }).click();
      await owner.locator('dialog').getByRole('button').last().click();
      const box = await owner.locator('.overlay').boundingBox();
      const corners = await owner.locator('[data-corner]').evaluateAll((all) => all.map((c) => { const r = c.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }));
      const mean = (n) => corners.reduce((sum, c) => sum + c[n], 0) / corners.length;
      const place = [(mean(0) - box.x) / box.width, (mean(1) - box.y) / box.height];
      assert(place.every((p) => p > 0 && p < 1), `the zone lies in the picture: ${place}`);
      const before = await other.evaluate(BRIGHT, place);
      assert(before > 40, `control: something is seen there before: ${before}`);
      await press('Save');
      await until('black for the other device', 5_000, async () => (await other.evaluate(BRIGHT, place)) < 24);
      await press('Undo saving');
      await until('the picture again', 5_000, async () => (await other.evaluate(BRIGHT, place)) > 40);
    });

    await check('real house: privacy closes the camera for everybody and says so; away opens it again', async () => {
      const mode = async (to) => {
        const done = await fetch(`${camera.api}/api/v1/mode`, { method: 'PUT', headers: { authorization: `Bearer ${await camera.token()}` }, body: JSON.stringify({ mode: to }) });
        assert(done.ok, `${to}: ${done.status}`);
      };
      const says = (text) => until(text, 8_000, () => other.evaluate((t) => document.body.innerText.includes(t), text));
      await mode('privacy');
      await says('Privacy');
      await until('nothing live', 8_000, async () => !await live(other));
      await mode('away');
      await until('"Live" again', 10_000, () => live(other));
    });
  } finally {
    for (const context of contexts) await context.close();
    await camera.close();
  }
}
