// What the browser keeps between visits: whose pictures, for how long, and what an iPhone is told about it.
import { assert, check, equal, until } from './check.mjs';
import { devices, says } from './device.mjs';
import { live } from './page.mjs';
import { pretend } from './pretend.mjs';

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';

/** What the database holds, without the keys. */
const KEPT = () => new Promise((resolve, reject) => {
  const request = indexedDB.open('athome');
  request.onerror = () => reject(request.error);
  request.onsuccess = () => {
    const db = request.result;
    const read = db.transaction(['pairings', 'thumbs']);
    const counts = {};
    for (const name of ['pairings', 'thumbs']) read.objectStore(name).count().onsuccess = (e) => { counts[name] = e.target.result; };
    read.oncomplete = () => {
      db.close();
      resolve({ ...counts, version: db.version, sounds: Object.keys(localStorage).filter((k) => k.startsWith('sound ')).length });
    };
  };
});

export async function keptChecks(browser, origin, devOrigin) {
  const { fresh, paired } = devices(browser, origin, devOrigin);
  /** Looks away, which keeps a picture. */
  const hide = async (page) => {
    await page.evaluate(() => Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' }));
    await until('a kept picture', 8_000, async () => {
      await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
      return (await page.evaluate(KEPT)).thumbs === 1;
    });
  };
  /** Opens the page again while the camera is away. */
  const again = async (cam, page) => {
    await cam.set({ online: false });
    await page.goto('about:blank');
    await page.goto(origin);
    await says(page, "The camera's computer is off", 10_000);
  };

  await check('the last picture is shown at the next visit, and never that of another streamer whose camera has the same name', async () => {
    const { cam, page, context, done } = await paired();
    await page.getByRole('button', { name: 'Tap for sound' }).click();
    await hide(page);
    await again(cam, page);
    // Control: the own picture is there.
    await until('the last picture', 4_000, async () => await page.locator('.still canvas').count() === 1);

    const other = await pretend(browser, devOrigin);
    await other.join(context);
    await page.goto('about:blank');
    await page.goto(`${origin}/#${await other.link()}`);
    await until('the other camera', 10_000, async () => await page.locator('.tile').count() === 1 && (await other.seen()).sessions === 1);
    equal(await page.locator('.still canvas').count(), 0, 'pictures of the first streamer while pairing with the second');
    await page.waitForTimeout(500);
    await again(other, page);
    equal(await page.locator('.tile').count(), 1, 'tiles');
    await page.waitForTimeout(500);
    equal(await page.locator('.still canvas').count(), 0, 'pictures of the first streamer at the second');
    equal((await page.evaluate(KEPT)).pairings, 2, 'pairings');
    await other.close();
    await done();
  });

  await check('"Forget this camera" takes its pictures and what was remembered with it', async () => {
    const { cam, page, done } = await paired();
    await page.getByRole('button', { name: 'Tap for sound' }).click();
    await hide(page);
    await again(cam, page);
    const { pairings, thumbs, sounds } = await page.evaluate(KEPT);
    equal([pairings, thumbs, sounds], [1, 1, 1], 'kept before');
    await cam.set({ online: true, refuse: { why: 'revoked' } });
    const loaded = page.waitForEvent('load');
    await page.getByRole('button', { name: 'Forget this camera' }).click({ timeout: 20_000 });
    await loaded;
    await says(page, 'No camera is paired with this browser yet.');
    const after = await page.evaluate(KEPT);
    equal([after.pairings, after.thumbs, after.sounds], [0, 0, 0], 'kept after');
    await done();
  });

  await check('a database of the first version keeps its pairing and loses its pictures', async () => {
    const { page, done } = await fresh();
    await page.goto(`${origin}/icon.svg`);
    await page.evaluate(() => new Promise((resolve, reject) => {
      const request = indexedDB.open('athome', 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore('pairings', { keyPath: 'id' }).put({ id: 'x', used: 1, servers: [], cameras: [], place: 'Old', ctr: 1 });
        request.result.createObjectStore('thumbs', { keyPath: 'id' }).put({ id: 'yard' });
      };
      request.onerror = () => reject(request.error);
      request.onsuccess = () => { request.result.close(); resolve(); };
    }));
    await page.goto(origin);
    await until('the place', 5_000, async () => await page.title() === 'Old · AtHome');
    const { pairings, thumbs, version } = await page.evaluate(KEPT);
    equal([pairings, thumbs, version], [1, 0, 2], 'kept');
    await done();
  });

  await check('an iPhone is told about its seven days once, after pairing; others and the Home Screen are not', async () => {
    const offered = (page) => page.getByText('Add AtHome to your Home Screen.').count();
    const { cam, page, done } = await paired({ userAgent: IPHONE });
    await says(page, 'This phone is now paired with Home.');
    equal(await offered(page), 0, 'before the first bar is closed');
    await page.getByRole('button', { name: 'Close' }).click();
    await says(page, 'Otherwise Safari forgets this camera after 7 days without a visit.');
    await says(page, 'Tap Share, then Add to Home Screen.');
    await page.getByRole('button', { name: 'Close' }).click();
    await page.goto(`${origin}/#${await cam.link()}`);
    await until('"Live"', 10_000, () => cam.announce(page).then(() => live(page)));
    equal(await offered(page), 0, 'at the next visit');
    await done();
    for (const [options, standalone] of [[{}, false], [{ userAgent: IPHONE }, true]]) {
      const other = await fresh(options);
      if (standalone) await other.context.addInitScript(() => { Object.defineProperty(navigator, 'standalone', { value: true }); });
      await other.page.goto(`${origin}/#${await other.cam.link()}`);
      await other.cam.announce(other.page);
      await other.page.getByRole('button', { name: 'Close' }).click();
      await other.page.waitForTimeout(300);
      equal(await offered(other.page), 0, JSON.stringify({ options, standalone }));
      await other.done();
    }
  });

  await check('the bar after pairing gives this device another name; what the camera refuses is not kept', async () => {
    const { cam, page, done } = await fresh();
    await page.goto(`${origin}/#${await cam.link()}`);
    await cam.announce(page);
    const give = async (name) => {
      await page.getByRole('button', { name: 'Rename' }).click();
      await page.getByLabel('Name of this device').fill(name);
      await page.keyboard.press('Enter');
    };
    const kept = () => page.evaluate(() => new Promise((resolve) => {
      const opened = indexedDB.open('athome');
      opened.onsuccess = () => {
        const all = opened.result.transaction('pairings').objectStore('pairings').getAll();
        all.onsuccess = () => {
          opened.result.close();
          resolve(all.result[0].device);
        };
      };
    }));
    await give('Nobody');
    await says(page, 'The name was not saved.');
    equal(await kept(), 'Linux, Chrome', 'after a refusal');
    await done();
    const again = await fresh();
    await again.page.goto(`${origin}/#${await again.cam.link()}`);
    await again.cam.announce(again.page);
    await again.page.getByRole('button', { name: 'Rename' }).click();
    await again.page.getByLabel('Name of this device').fill(`  Küche ${'é'.repeat(34)}`);
    await again.page.getByRole('button', { name: 'Save', exact: true }).click();
    await says(again.page, 'The new name is saved.');
    const { renamed } = await again.cam.seen();
    equal(renamed.map((name) => [name.slice(0, 6), new TextEncoder().encode(name).length <= 64]), [['Küche ', true]], 'what the camera was told');
    await again.done();
  });

  await check('a page that lost everything it kept still knows that it was paired, or that the address changed', async () => {
    const { page, context, done } = await paired();
    const address = await page.evaluate(() => location.href);
    assert(address === `${origin}/?home=${encodeURIComponent(new URL(origin).host)}`, `the address is ${address}`);
    // Another browser context with the same address: as after Safari's seven days.
    const bare = await browser.newContext({ locale: 'en-GB' });
    const lost = await bare.newPage();
    await lost.goto(address);
    await says(lost, 'This browser no longer holds its key.');
    await lost.goto(`${origin}/?home=10.0.0.9%3A8080`);
    await says(lost, "The camera's address changed, so this page lost its key. Scan a new code once.");
    // Control: a page that was never paired.
    await lost.goto(origin);
    await says(lost, 'No camera is paired with this browser yet.');
    await bare.close();
    await context.close();
    await done();
  });
}
