// The built page against the pretend streamer: pairing, coming back, and what goes wrong on the way.
import { assert, check, equal, until } from './check.mjs';
import { accessibleText, frameRtp, live, pictureAt } from './page.mjs';
import { devices, says } from './device.mjs';

const SENTENCES = {
  bad: { en: 'This link is incomplete.', fr: 'Ce lien est incomplet.' },
  used: { en: 'This code was already used, by Linux, Chrome.', fr: 'Ce code a déjà servi, pour Linux, Chrome.' },
  expired: { en: 'This code has expired.', fr: 'Ce code a expiré.' },
};
const IN_APP = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 350.0';

export async function protocolChecks(browser, origin, devOrigin, insecureOrigin) {
  const { fresh, paired } = devices(browser, origin, devOrigin);

  await check('a link gives a picture with zero clicks; the code is gone from address and history before any socket', async () => {
    const { cam, page, context, done } = await fresh();
    const origins = new Set();
    context.on('request', (r) => origins.add(new URL(r.url()).origin));
    const link = await cam.link();
    await page.goto(`${origin}/#${link}`);
    await until('a frame', 10_000, () => frameRtp(page));
    // Control: a picture that was not announced may be of another camera, and is not shown.
    assert(!await live(page) && await pictureAt(page) === undefined, 'a frame was shown that nobody announced');
    await cam.announce(page);
    const { sockets, shift, shifted } = await page.evaluate(() => window.notes);
    equal(sockets.map((s) => s.href), [`${origin}/`], 'address while the socket opened');
    equal(await page.evaluate(() => [location.hash, history.length]), ['', 2], 'fragment and history');
    equal(shift, 0, `layout shift of ${shifted.join(', ')}`);
    equal([...origins].filter((o) => o !== origin && !o.startsWith('ws')), [], 'other origins');
    await done();
  });

  await check('the second visit needs no code', async () => {
    const { cam, page, done } = await paired();
    await page.goto('about:blank');
    await page.goto(origin);
    await cam.announce(page);
    const { pairings, sessions } = await cam.seen();
    equal([pairings, sessions], [1, 2], 'pairings and sessions');
    await done();
  });

  await check('plain http pairs with the JavaScript primitives and says that its protection is reduced', async () => {
    const { cam, page, done } = await fresh();
    await page.goto(`${insecureOrigin}/#${await cam.link()}`);
    equal(await page.evaluate(() => [isSecureContext, typeof crypto.subtle]), [false, 'undefined'], 'context');
    await cam.announce(page);
    assert((await cam.seen()).hello.insecure, 'the camera was not told');
    await page.getByRole('button', { name: 'Protection' }).click();
    await says(page, 'Reduced protection: this page came over http');
    await page.goto('about:blank');
    await page.goto(insecureOrigin);
    await cam.announce(page);
    equal((await cam.seen()).pairings, 1, 'pairings');
    await done();
  });

  for (const locale of ['en', 'fr']) {
    await check(`a damaged, a used and an expired link each have their sentence (${locale})`, async () => {
      const first = await paired();
      const used = await fresh({ locale }, first.cam);
      await used.page.goto(`${origin}/#1AShzgK1N`);
      await says(used.page, SENTENCES.bad[locale]);
      await used.page.goto('about:blank');
      await used.page.goto(`${origin}/#${await first.cam.page.evaluate(() => window.pretend.sameLink())}`);
      await says(used.page, SENTENCES.used[locale]);
      await first.cam.set({ expired: true });
      await used.page.goto('about:blank');
      await used.page.goto(`${origin}/#${await first.cam.link()}`);
      await says(used.page, SENTENCES.expired[locale]);
      await used.done();
      await first.done();
    });
  }

  await check('frames stop: within 2.5 s grey, veil, hatch, "Not live", and "Live" nowhere; the first new frame clears it within 200 ms', async () => {
    const { cam, page, done } = await paired();
    // Control: while frames come, the claim stands for longer than it takes to call them stale.
    await page.waitForTimeout(2_500);
    assert(await live(page) && /\bLive ·/.test(await accessibleText(page)), 'it was not live before');
    await page.evaluate(() => {
      window.frames_ = [];
      const video = document.querySelector('video');
      const next = () => video.requestVideoFrameCallback(() => { window.frames_.push(performance.now()); next(); });
      next();
      window.marks = [];
      new MutationObserver(() => {
        const stale = video.classList.contains('stale');
        if (window.marks.at(-1)?.stale !== stale) window.marks.push({ stale, at: performance.now() });
      }).observe(video, { attributes: true, attributeFilter: ['class'] });
    });
    await until('a frame', 4_000, () => page.evaluate(() => window.frames_.length > 0));
    await cam.pause(false);
    await until('the stale mark', 4_000, () => page.evaluate(() => window.marks.at(-1)?.stale));
    await page.waitForTimeout(250);
    const seen = await page.evaluate(() => ({
      after: window.marks.at(-1).at - window.frames_.at(-1),
      filter: getComputedStyle(document.querySelector('video')).filter, veil: getComputedStyle(document.querySelector('.veil')).backgroundImage,
      text: document.querySelector('.badge').innerText,
    }));
    assert(seen.after <= 2_500, `stale after ${seen.after} ms`);
    assert(seen.filter === 'grayscale(1)' && seen.veil.includes('repeating-linear-gradient'), JSON.stringify(seen));
    assert(/Not live · picture from/.test(seen.text), seen.text);
    assert(!/\bLive\b/.test(await accessibleText(page)), 'the accessibility tree still says "Live"');
    await page.evaluate(() => { window.frames_.length = 0; });
    await cam.pause(true);
    await until('the mark to go', 4_000, () => page.evaluate(() => !window.marks.at(-1).stale));
    const back = await page.evaluate(() => window.marks.at(-1).at - window.frames_[0]);
    assert(back <= 200, `cleared ${back} ms after the first new frame`);
    await done();
    return `stale ${Math.round(seen.after)} ms after the last frame, cleared ${Math.round(back)} ms after the first`;
  });

  await check('the signaling server dies: the picture goes on', async () => {
    const { cam, page, done } = await paired();
    await cam.serverDown();
    for (let i = 0; i < 30; i += 1) {
      await page.waitForTimeout(100);
      assert(await live(page), 'it stopped being live');
    }
    await done();
  });

  await check('the streamer restarts: the page says so and comes back by itself', async () => {
    const { cam, page, done } = await paired();
    await cam.die();
    await cam.serverDown();
    await until('"Not live"', 12_000, async () => /Not live/.test(await page.evaluate(() => document.querySelector('.badge').innerText)));
    await says(page, 'Reconnecting by itself', 15_000);
    cam.serverUp();
    await cam.set({ online: true });
    await cam.announce(page);
    await done();
  });

  await check('an offline camera is watched for, and shown when it is back', async () => {
    const { cam, page, done } = await paired();
    await cam.set({ online: false });
    await page.reload();
    await says(page, "The camera's computer is off or has no internet.");
    await cam.set({ online: true });
    await cam.announce(page);
    await done();
  });

  await check('messages changed on the way: a sentence, and no picture', async () => {
    const { cam, page, done } = await fresh();
    await cam.set({ tamper: true });
    await page.goto(`${origin}/#${await cam.link()}`);
    await says(page, 'Messages were changed on the way.', 15_000);
    equal(await page.locator('video').count(), 0, 'videos');
    equal(await page.evaluate(() => document.getElementById('alert').textContent.slice(0, 8)), 'Messages', 'alert');
    await done();
  });

  await check('another app\'s browser shows where to open it and leaves the code unused; the code works elsewhere', async () => {
    const { cam, page, done } = await fresh({ userAgent: IN_APP });
    const link = await cam.link();
    await page.goto(`${origin}/#${link}`);
    await says(page, 'Open this in Safari: inside this app the pairing would be lost.');
    await page.waitForTimeout(500);
    equal([(await cam.seen()).pairings, (await page.evaluate(() => window.notes.sockets)).length], [0, 0], 'pairings and sockets');
    const other = await fresh({}, cam);
    await other.page.goto(`${origin}/#${link}`);
    await cam.announce(other.page);
    await other.done();
    await done();
  });

  await check('a hidden or prerendered page does not spend the code, and pairs once it is seen', async () => {
    for (const [property, value, then] of [['visibilityState', 'hidden', 'visible'], ['prerendering', true, false]]) {
      const { cam, page, context, done } = await fresh();
      await context.addInitScript(([name, v]) => {
        window.fake = v;
        Object.defineProperty(document, name, { configurable: true, get: () => window.fake });
      }, [property, value]);
      await page.goto(`${origin}/#${await cam.link()}`);
      await page.waitForTimeout(700);
      equal([(await cam.seen()).pairings, (await page.evaluate(() => window.notes.sockets)).length], [0, 0], 'pairings and sockets');
      await page.evaluate((v) => {
        window.fake = v;
        document.dispatchEvent(new Event(v === 'visible' ? 'visibilitychange' : 'prerenderingchange'));
      }, then);
      await cam.announce(page);
      await done();
    }
  });

  await check('two tabs: the second asks, and takes over when told to', async () => {
    const { cam, page, context, done } = await paired();
    const second = await context.newPage();
    await second.goto(origin);
    await says(second, 'AtHome is open in another tab. Watch here instead?');
    assert(await live(page), 'the first tab stopped');
    await second.getByRole('button', { name: 'Watch here' }).click();
    await cam.announce(second);
    await says(page, 'AtHome is open in another tab.');
    await done();
  });

  await check('autoplay refused: one large button, and one click starts picture and sound', async () => {
    const { cam, page, context, done, faults } = await fresh();
    await context.addInitScript(() => {
      // Headless Chromium counts every page as touched, so the tap is noted here.
      let tapped = false;
      addEventListener('pointerdown', () => { tapped = true; }, true);
      const { play } = HTMLMediaElement.prototype;
      HTMLMediaElement.prototype.play = function refused() {
        if (!tapped) return Promise.reject(new DOMException('no', 'NotAllowedError'));
        return play.call(this);
      };
      new MutationObserver(() => document.querySelectorAll('video[autoplay]').forEach((v) => v.removeAttribute('autoplay')))
        .observe(document, { subtree: true, childList: true });
    });
    await page.goto(`${origin}/#${await cam.link()}`);
    const button = page.getByRole('button', { name: /^Tap to see the camera/ });
    await button.waitFor({ timeout: 5_000 }).catch(async () => { throw new Error(`${await page.evaluate(() => document.querySelector('.frame')?.innerHTML)} ${faults}`); });
    const box = await button.boundingBox();
    assert(box.width >= 300 && box.height >= 150, `the button is ${box.width}×${box.height}`);
    await button.click();
    await cam.announce(page);
    equal(await page.getByRole('button', { name: 'Turn sound off' }).count(), 1, 'sound is on');
    await done();
  });

  await check('a camera that was unplugged has its sentence, and the stream stays', async () => {
    const { cam, page, done } = await paired();
    await cam.pause(false);
    await cam.tell({ t: 'cameras', cameras: [{ id: 'yard', name: 'Yard', state: 'backoff', reason: 'gone', width: 0, height: 0, fps: 0, audio: true, layers: ['full'] }] });
    await says(page, 'Yard was unplugged. It comes back by itself when plugged in.', 8_000);
    await cam.tell({ t: 'no_such_message_yet', x: 1 });
    await cam.pause(true);
    await until('live again', 4_000, () => live(page));
    await done();
  });

  await check('a control message that is no JSON ends the session, and a new one begins', async () => {
    const { cam, page, done } = await paired();
    await cam.page.evaluate(() => window.pretend.tellRaw('{"t":"hello","v":'));
    await until('a new session', 10_000, async () => (await cam.seen()).sessions === 2);
    await cam.announce(page);
    await done();
  });

  await check('the device sleeps for longer than the silence that ends a session: not live on return, then live by itself', async () => {
    const { cam, page, done } = await paired();
    await page.evaluate(() => {
      window.ticks = [];
      // What stands on the screen, many times a second.
      const look = () => {
        window.ticks.push({ at: performance.now(), text: document.querySelector('.badge')?.innerText ?? '' });
        if (window.ticks.length > 2_000) window.ticks.shift();
        setTimeout(look, 50);
      };
      look();
    });
    await cam.pause(false);
    // What is still on its way would be new on the return, and rightly live for two seconds.
    await page.waitForTimeout(500);
    // Chromium freezes no page with a peer connection, so its thread is held instead: no timer, no frame, no message is seen.
    await page.evaluate(() => {
      const end = performance.now() + 11_000;
      while (performance.now() < end);
    });
    const found = await until('the return', 8_000, () => page.evaluate(() => {
      const { ticks } = window;
      const at = ticks.findIndex((t, i) => i > 0 && t.at - ticks[i - 1].at > 8_000);
      // The look may come before the page's own tick, which is due every 100 ms.
      return at < 0 || ticks.length < at + 10 ? undefined : { gap: ticks[at].at - ticks[at - 1].at, before: ticks[at - 1].text, after: ticks.slice(at + 3, at + 10).map((t) => t.text) };
    }));
    assert(/Not live|Live ·/.test(found.before), `before: ${found.before}`);
    assert(found.after.every((text) => !/\bLive ·/.test(text)), `after ${Math.round(found.gap)} ms of sleep it said ${found.after}`);
    await cam.pause(true);
    await until('"Live"', 20_000, async () => await live(page) || (await cam.announce(page).catch(() => undefined), live(page)));
    await done();
    return `${Math.round(found.gap)} ms of sleep`;
  });
}
