// Browsers of new devices, each joined to a pretend streamer.
import { equal, until } from './check.mjs';
import { pretend } from './pretend.mjs';

/** The page shows this text. */
export const says = (page, text, ms = 5_000) =>
  until(`"${text}"`, ms, async () => (await page.evaluate(() => document.body.innerText)).includes(text));

export function devices(browser, origin, devOrigin) {
  /** A browser of a new device, joined to a new camera or to the one given. */
  const fresh = async (options = {}, camera = undefined) => {
    const cam = camera ?? await pretend(browser, devOrigin);
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 390, height: 844 }, ...options });
    await cam.join(context);
    const page = await context.newPage();
    const faults = [];
    page.on('pageerror', (e) => faults.push(String(e)));
    page.on('console', (m) => m.type() === 'error' && !/WebSocket/.test(m.text()) && faults.push(m.text()));
    const done = async () => {
      await context.close();
      if (!camera) await cam.close();
      equal(faults, [], 'errors in the page');
    };
    return { cam, context, page, faults, done };
  };
  /** One that is paired and shows a live picture. */
  const paired = async (options = {}) => {
    const all = await fresh(options);
    await all.page.goto(`${origin}/#${await all.cam.link()}`);
    await all.cam.announce(all.page);
    return all;
  };
  return { fresh, paired };
}
