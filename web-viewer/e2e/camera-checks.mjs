// From one camera to the next: by buttons, by a finger, and never by what belongs to the system or to zoom.
import { assert, check, equal } from './check.mjs';

export async function cameraChecks(browser, origin) {
  const open = async (run) => {
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    const touch = (type, points) => cdp.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
    /** One finger from `x` by `dx`, slowly enough to be no flick. */
    const drag = async (x, dx, y, dy = 0) => {
      await touch('touchStart', [[x, y]]);
      for (let i = 1; i <= 8; i += 1) {
        await touch('touchMove', [[x + dx * i / 8, y + dy * i / 8]]);
        await page.waitForTimeout(40);
      }
      await touch('touchEnd', []);
    };
    await page.goto(`${origin}/?scene=one_of_many`);
    await page.waitForTimeout(200);
    const { y, height } = await page.locator('.frame').boundingBox();
    try {
      await run({ page, drag, touch, middle: y + height / 2, shown: () => page.locator('section').getAttribute('aria-label') });
    } finally {
      await context.close();
    }
  };

  await check('previous and next camera by buttons alone, round and round', () => open(async ({ page, shown }) => {
    equal(await shown(), 'Yard', 'at first');
    const press = (name) => page.getByRole('button', { name, exact: true }).click();
    await press('Next camera');
    equal(await shown(), 'Garage', 'next');
    await press('Previous camera');
    await press('Previous camera');
    equal(await shown(), 'Front door', 'the first');
    await press('Previous camera');
    equal(await shown(), 'Kitchen', 'before the first is the last');
    await press('All cameras');
    equal(await page.locator('section').count(), 4, 'tiles');
    equal(await page.getByRole('button', { name: 'Next camera' }).count(), 0, 'buttons in the grid');
  }));

  await check('a swipe changes the camera; from the edge of the screen, or too short, it does nothing', () => open(async ({ drag, middle, shown }) => {
    await drag(300, -150, middle);
    equal(await shown(), 'Garage', 'leftwards');
    await drag(100, 150, middle);
    equal(await shown(), 'Yard', 'rightwards');
    await drag(12, 250, middle);
    equal(await shown(), 'Yard', 'from the left edge');
    await drag(380, -250, middle);
    equal(await shown(), 'Yard', 'from the right edge');
    await drag(250, -60, middle);
    equal(await shown(), 'Yard', 'too short');
    await drag(250, -80, middle - 40, 90);
    equal(await shown(), 'Yard', 'aslant');
  }));

  await check('a drag that begins on a button, and a pinch, change no camera', () => open(async ({ page, drag, touch, middle, shown }) => {
    const next = await page.getByRole('button', { name: 'Next camera' }).boundingBox();
    await drag(next.x + 10, -200, next.y + 24);
    equal(await shown(), 'Yard', 'from a button');
    await touch('touchStart', [[150, middle], [240, middle]]);
    for (let i = 1; i <= 6; i += 1) await touch('touchMove', [[150 - i * 12, middle], [240 + i * 12, middle]]);
    await touch('touchEnd', []);
    equal(await shown(), 'Yard', 'by a pinch');
    const scale = await page.evaluate(() => new DOMMatrix(getComputedStyle(document.querySelector('.picture')).transform).a);
    assert(scale > 1.5, `the pinch enlarged to ${scale}`);
  }));

  await check('swiping an enlarged picture moves it and stays with its camera', () => open(async ({ page, drag, middle, shown }) => {
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await page.getByRole('button', { name: 'Zoom in' }).click();
    const x = () => page.evaluate(() => new DOMMatrix(getComputedStyle(document.querySelector('.picture')).transform).e);
    const before = await x();
    await drag(300, -150, middle);
    equal(await shown(), 'Yard', 'the camera');
    assert(await x() < before - 100, `moved from ${before} to ${await x()}`);
  }));

  await check('the colours are the system\'s, or this browser\'s own, also after a reload', () => open(async ({ page }) => {
    const background = () => page.evaluate(() => getComputedStyle(document.querySelector('.app')).backgroundColor);
    const dark = 'rgb(14, 17, 22)';
    const light = 'rgb(245, 246, 248)';
    await page.emulateMedia({ colorScheme: 'dark' });
    equal(await background(), dark, 'as the system');
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Light').check();
    equal(await background(), light, 'light on a dark system');
    equal(await page.evaluate(() => localStorage.getItem('theme')), 'light', 'kept');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByLabel('Dark').check();
    equal(await background(), dark, 'dark on a light system');
    await page.getByLabel('As the system').check();
    equal(await background(), light, 'as the system again');
  }));
}
