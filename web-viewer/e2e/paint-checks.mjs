// How soon something is on the screen, on a quick network and on a slow one.
import { assert, check } from './check.mjs';

/** Milliseconds from navigation to the first content, the median of some loads; `rtt` as the browser imitates it. */
async function firstPaint(browser, origin, rtt) {
  const times = [];
  for (let i = 0; i < 5; i += 1) {
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    if (rtt > 0) {
      const session = await context.newCDPSession(page);
      await session.send('Network.enable');
      await session.send('Network.emulateNetworkConditions', { offline: false, latency: rtt, downloadThroughput: -1, uploadThroughput: -1 });
    }
    await page.goto(origin);
    times.push(await page.evaluate(() => new Promise((resolve) => {
      new PerformanceObserver((list) => list.getEntriesByName('first-contentful-paint').forEach((e) => resolve(e.startTime))).observe({ type: 'paint', buffered: true });
    })));
    await context.close();
  }
  return times.sort((a, b) => a - b)[2];
}

export async function paintChecks(browser, origin) {
  let quick = 0;
  await check('the first paint comes within 300 ms', async () => {
    quick = await firstPaint(browser, origin, 0);
    assert(quick <= 300, `${Math.round(quick)} ms`);
    return `${Math.round(quick)} ms`;
  });
  await check('the first paint comes within a second at a round trip of 150 ms', async () => {
    const slow = await firstPaint(browser, origin, 150);
    // Control: the delay was really there (a busy machine's own delays are in both figures, and not always alike).
    assert(slow > quick + 75, `${Math.round(slow)} ms against ${Math.round(quick)} ms without a delay`);
    assert(slow <= 1_000, `${Math.round(slow)} ms`);
    return `${Math.round(slow)} ms`;
  });
}
