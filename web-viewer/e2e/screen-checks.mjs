// Every screen of the development page: accessibility, sizes, keyboard, words. States are as the real page makes them.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { assert, check, equal } from './check.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [[320, 640], [375, 667], [414, 896], [768, 1024], [1280, 800], [1920, 1080], [844, 390]];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Content wider than the page, and text that its box cuts off. */
const OVERFLOW = () => {
  const wide = document.documentElement.scrollWidth > innerWidth ? [`page ${document.documentElement.scrollWidth}`] : [];
  const cut = [...document.querySelectorAll('p, button, h2, dt, dd, li, label, span')]
    .filter((e) => getComputedStyle(e).overflow !== 'visible' && e.scrollWidth > e.clientWidth + 1 && !e.classList.contains('sr') && getComputedStyle(e).clipPath === 'none')
    .map((e) => `${e.tagName} ${e.textContent.slice(0, 30)}`);
  const outside = [...document.querySelectorAll('button, p, input')].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && (box.left < -1 || box.right > innerWidth + 1) && getComputedStyle(e).clipPath === 'none';
  }).map((e) => `outside: ${e.tagName} ${e.getAttribute('aria-label') ?? e.textContent.slice(0, 30)}`);
  const offers = [...document.querySelectorAll('.offers > *')].map((e) => e.getBoundingClientRect());
  const over = offers.length > 1 && offers[0].bottom > offers[1].top ? ['one offer lies over another'] : [];
  return [...wide, ...cut, ...outside, ...over];
};

/** Controls that a finger would miss. */
const SMALL = () => [...document.querySelectorAll('button, input, a, summary, label.check')].flatMap((e) => {
  const { width, height } = e.getBoundingClientRect();
  const want = e.closest('footer') && e.tagName === 'BUTTON' ? 48 : 24;
  return width > 0 && (width < want || height < want) ? [`${e.getAttribute('aria-label') ?? e.textContent} ${width}×${height}`] : [];
});

/** What moves although less motion was asked for. */
const MOVING = () => [...document.querySelectorAll('*')].filter((e) => {
  const s = getComputedStyle(e);
  return s.transitionDuration.split(', ').some((d) => parseFloat(d) > 0) || s.animationName !== 'none' && parseFloat(s.animationDuration) > 0;
}).map((e) => e.className);

/** Words on the screen and in names, in the pseudo-language: Latin letters beside these are from outside the table. */
const SAID = () => [document.body.innerText, ...[...document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')]
  .flatMap((e) => ['aria-label', 'title', 'placeholder', 'alt'].map((a) => e.getAttribute(a) ?? ''))].join('\n');
const NAMES = /(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b|(Jan|Febr)uary|March|April|May|June|July|August|(Septem|Octo|Novem|Decem)ber|\b(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)\b|MP4|Path|Drive|Tree|Window|AtHome|Home|Front door|Yard|Garage|Kitchen( tablet)?|Attic|Gate|Boat|Cellar|Workshop|Anna’s phone|Safari|H264|Esc|[×·%…]|kB|MB|\b[GFMSI]\b|message does not open/g;
const foreign = async (page) => (await page.evaluate(SAID)).replace(NAMES, '').match(/[a-z]{2,}/gi) ?? [];

export async function screenChecks(browser, origin) {
  const open = async (options, run) => {
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 390, height: 844 }, ...options });
    const page = await context.newPage();
    const show = (scene, extra = '') => page.goto(`${origin}/?scene=${scene}${extra}`).then(() => page.waitForTimeout(150));
    await show('live');
    // SCENES=words: only those whose names have one of them.
    const only = process.env.SCENES?.split(',');
    const scenes = (await page.evaluate(() => window.scenes)).filter((s) => !only || only.some((word) => s.includes(word)));
    try {
      return await run(page, show, scenes);
    } finally {
      await context.close();
    }
  };

  // In parts, as each check has a minute.
  const PARTS = [0, 1, 2];
  for (const colorScheme of ['dark', 'light']) for (const part of PARTS) {
    await check(`axe-core finds nothing on any screen (${colorScheme}, part ${part + 1} of ${PARTS.length})`, () => open({ colorScheme, bypassCSP: true }, async (page, show, all) => {
      const scenes = all.filter((_, i) => i % PARTS.length === part);
      const found = [];
      for (const scene of scenes) {
        await show(scene);
        await page.evaluate(axe);
        const { violations } = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), RULES);
        found.push(...violations.map((v) => `${scene}: ${v.id} ${v.nodes[0].html.slice(0, 100)} ${v.nodes[0].failureSummary.slice(0, 200)}`));
      }
      equal(found, [], 'violations');
      return `${scenes.length} screens`;
    }));
  }
  await check('control: axe-core does see a button without a name', () => open({ bypassCSP: true }, async (page) => {
    await page.evaluate(() => document.body.append(document.createElement('button')));
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    assert(violations.some((v) => v.id === 'button-name'), 'it did not');
  }));

  for (const lang of ['en', 'fr']) for (const part of PARTS) {
    await check(`no screen scrolls sideways or cuts its words at 320 to 1920 px and 844×390 (${lang}, part ${part + 1} of ${PARTS.length})`, () => open({}, async (page, show, all) => {
      const scenes = all.filter((_, i) => i % PARTS.length === part);
      const found = [];
      for (const scene of scenes) {
        await show(scene, `&lang=${lang}`);
        for (const [width, height] of WIDTHS) {
          await page.setViewportSize({ width, height });
          await page.waitForTimeout(30);
          found.push(...(await page.evaluate(OVERFLOW)).map((f) => `${scene} at ${width}: ${f}`));
        }
      }
      equal(found, [], 'overflow');
    }));
  }

  await check('200 % text: nothing scrolls sideways, all buttons stay', () => open({}, async (page, show) => {
    for (const scene of ['live', 'lost', 'stats', 'used', 'home']) {
      await show(scene, '&lang=fr');
      const before = await page.locator('button:visible').count();
      await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
      equal(await page.evaluate(OVERFLOW), [], scene);
      equal(await page.locator('button:visible').count(), before, `${scene}: buttons`);
    }
  }));

  await check('targets: 24 px everywhere, 48 px for sound, snapshot and full screen on a phone', () => open({}, async (page, show, scenes) => {
    const small = [];
    for (const scene of scenes) {
      await show(scene);
      small.push(...(await page.evaluate(SMALL)).map((found) => `${scene}: ${found}`));
    }
    equal(small, [], 'too small');
  }));

  await check('the grid of 1, 2, 3, 4, 6 and 9 cameras at three widths is as designed', () => open({}, async (page, show) => {
    const WANTED = { 1: [1, 1, 1], 2: [1, 2, 2], 3: [2, 3, 3], 4: [2, 2, 2], 6: [2, 3, 3], 9: [2, 3, 3] };
    for (const [n, columns] of Object.entries(WANTED)) {
      await show('grid', `&n=${n}`);
      for (const [i, [width, height]] of [[390, 844], [768, 1024], [1280, 800]].entries()) {
        await page.setViewportSize({ width, height });
        await page.waitForTimeout(50);
        const found = await page.evaluate(() => getComputedStyle(document.querySelector('.grid')).gridTemplateColumns.split(' ').length);
        equal(found, columns[i], `${n} cameras at ${width}: columns`);
        const cropped = await page.evaluate(() => [...document.querySelectorAll('.frame')].filter((f) => Math.abs(f.clientWidth / f.clientHeight - 16 / 9) > 0.05 || f.clientHeight < 60).length);
        equal(cropped, 0, `${n} cameras at ${width}: misshapen tiles`);
      }
    }
  }));

  await check('all of live by keyboard: the order is that of the screen, focus is seen, never trapped, panels give it back', () => open({ viewport: { width: 1280, height: 800 } }, async (page, show) => {
    await show('live');
    const names = [];
    for (let i = 0; i < 14; i += 1) {
      await page.keyboard.press('Tab');
      const now = await page.evaluate(() => {
        const e = document.activeElement;
        const style = getComputedStyle(e);
        return e === document.body ? undefined : { name: e.getAttribute('aria-label') ?? e.textContent, outline: parseFloat(style.outlineWidth) };
      });
      if (!now) break;
      assert(now.outline >= 2, `${now.name} shows no focus`);
      names.push(now.name);
    }
    for (const wanted of ['Protection', 'Zoom in', 'Tap for sound', 'Turn sound on', 'Save picture', 'Connection', 'Settings', 'Full screen']) {
      assert(names.some((n) => n.includes(wanted)), `${wanted} can't be reached: ${names.join(', ')}`);
    }
    await page.getByRole('button', { name: 'Connection' }).focus();
    await page.keyboard.press('Enter');
    // The first one is loaded only now.
    await page.locator('aside').waitFor();
    equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Close', 'focus in the panel');
    await page.keyboard.press('Escape');
    equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Connection', 'focus after it');
    await page.keyboard.press('?');
    equal(await page.locator('aside h2').innerText(), 'Settings', 'help');
    await page.getByRole('checkbox', { name: 'Single keys' }).uncheck();
    await page.keyboard.press('i');
    equal(await page.locator('aside h2').innerText(), 'Settings', 'single keys switched off');
  }));

  await check('reduced motion: no transition or animation lasts', () => open({ reducedMotion: 'reduce' }, async (page, show, scenes) => {
    for (const scene of scenes) {
      await show(scene);
      equal(await page.evaluate(MOVING), [], scene);
    }
  }));

  await check('forced colours: every control and sentence is there', () => open({ forcedColors: 'active' }, async (page, show) => {
    for (const [scene, names] of [
      ['lost', ['Try again', 'Protection', 'Turn sound on', 'Full screen']], ['zoomed', ['Zoom in', 'Move left', 'Save picture']], ['stats', ['Copy', 'Close']],
      ['used', []], ['tamper', ['Try again']], ['home', ['Pair']], ['home_screen', ['Close', 'Tap for sound']],
    ]) {
      await show(scene);
      assert((await page.evaluate(() => document.body.innerText)).length > 10, `${scene}: no words`);
      for (const name of names) assert(await page.getByRole('button', { name, exact: true }).isVisible(), `${scene}: ${name}`);
    }
  }));

  await check('control: a planted fault of each kind is noticed', () => open({ reducedMotion: 'reduce' }, async (page, show) => {
    await show('live', '&lang=xx-pseudo');
    equal([await page.evaluate(OVERFLOW), await page.evaluate(SMALL), await page.evaluate(MOVING), await foreign(page)], [[], [], [], []], 'before');
    await page.evaluate(() => {
      const plant = (tag, style, text = '') => {
        const e = document.createElement(tag);
        Object.assign(e.style, style);
        e.textContent = text;
        document.querySelector('header').append(e);
      };
      plant('p', { position: 'absolute', left: '0', width: '3000px' });
      plant('button', { width: '10px', height: '10px', minWidth: '0', padding: '0' });
      plant('i', { transition: 'opacity 1s' });
      plant('b', {}, 'Untranslated');
    });
    const found = [await page.evaluate(OVERFLOW), await page.evaluate(SMALL), await page.evaluate(MOVING), await foreign(page)];
    for (const [i, kind] of ['too wide', 'too small', 'moving', 'from outside the table'].entries()) assert(found[i].length > 0, `${kind} was not noticed`);
  }));

  await check('no word on any screen comes from outside the table', () => open({}, async (page, show, scenes) => {
    for (const scene of scenes) {
      await show(scene, '&lang=xx-pseudo');
      equal(await foreign(page), [], scene);
    }
  }));

  await check('a camera that is lost while the connection stands is said, and after ten seconds is an alert', () => open({}, async (page) => {
    await page.clock.install();
    await page.goto(`${origin}/?scene=live`);
    await page.clock.runFor(2_000);
    const regions = () => page.evaluate(() => ['status', 'alert'].map((id) => document.getElementById(id).textContent));
    const become = (change) => page.evaluate((c) => { window.model.cameras = [{ ...window.model.cameras[0], ...c }]; }, change);
    const gone = 'Front door was unplugged. It comes back by itself when plugged in.';
    // Control: while all is well nothing is said.
    await page.clock.runFor(12_000);
    equal(await regions(), ['', ''], 'while it is live');
    await become({ state: 'backoff', reason: 'gone' });
    await page.clock.runFor(8_000);
    equal(await regions(), [gone, ''], 'after 8 s');
    await page.clock.runFor(3_000);
    equal(await regions(), [gone, gone], 'after 11 s');
    await become({ state: 'live', reason: undefined });
    await page.clock.runFor(6_000);
    equal(await regions(), ['', ''], 'when it is back');
    // One that is paused on purpose is said and is no alarm.
    await become({ state: 'stopped' });
    await page.clock.runFor(14_000);
    equal(await regions(), ['Front door is paused at the computer.', ''], 'paused');
  }));

  await check('the stats panel adds up within 5 ms and copies no address and no name', () => open({ permissions: ['clipboard-read', 'clipboard-write'], viewport: { width: 1280, height: 800 } }, async (page, show) => {
    await show('stats');
    const parts = await page.evaluate(() => Object.fromEntries([...document.querySelectorAll('[data-hop]')].map((e) => [e.dataset.hop, parseFloat(e.textContent)])));
    const sum = Object.entries(parts).reduce((n, [hop, ms]) => (hop === 'total' ? n : n + ms), 0);
    assert(Math.abs(sum - parts.total) <= 5, `${sum} against ${parts.total}`);
    await page.getByRole('button', { name: 'Copy' }).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert(copied.includes('H264') && !/\d+\.\d+\.\d+\.\d+|Home|Anna|Front/.test(copied), copied);
  }));

  await check('zoom: double tap at a point, buttons, and the badge does not scale', () => open({}, async (page, show) => {
    await show('live');
    const before = await page.locator('.badge').boundingBox();
    const box = await page.locator('.frame').boundingBox();
    await page.mouse.dblclick(box.x + box.width / 4, box.y + box.height / 2);
    const moved = await page.evaluate(() => new DOMMatrix(getComputedStyle(document.querySelector('.picture')).transform));
    const at = (moved.e + 0.25 * box.width * 2.5) / box.width;
    assert(Math.abs(moved.a - 2.5) < 0.01 && Math.abs(at - 0.25) * box.width <= 8, JSON.stringify({ a: moved.a, at }));
    const after = await page.locator('.badge').boundingBox();
    equal([after.height, after.x], [before.height, before.x], 'badge');
    await page.getByRole('button', { name: /^Zoom 2.5×/ }).click();
    equal(await page.evaluate(() => getComputedStyle(document.querySelector('.picture')).transform), 'none', 'after the reset');
  }));

  await check('an enlarged picture is moved by buttons alone and by arrow keys, to each edge and no further', () => open({}, async (page, show) => {
    await show('live');
    const at = () => page.evaluate(() => {
      const m = new DOMMatrix(getComputedStyle(document.querySelector('.picture')).transform);
      const { width, height } = document.querySelector('.frame').getBoundingClientRect();
      return [m.a, -m.e / width, -m.f / height].map((v) => Math.round(v * 1000) / 1000);
    });
    const is = async (wanted, what) => {
      const found = await at();
      assert(found.every((v, i) => Math.abs(v - wanted[i]) < 0.02), `${what}: ${found}, not ${wanted}`);
    };
    const press = (name) => page.getByRole('button', { name, exact: true }).click();
    equal(await page.getByRole('button', { name: 'Move left' }).count(), 0, 'buttons while the whole picture is seen');
    await press('Zoom in');
    await press('Zoom in');
    await is([2.25, 0.625, 0.625], 'in the middle');
    await press('Move right');
    await press('Move down');
    await is([2.25, 0.825, 0.825], 'right and down');
    for (let i = 0; i < 8; i += 1) await press('Move left');
    for (let i = 0; i < 8; i += 1) await press('Move up');
    await is([2.25, 0, 0], 'at the corner');
    for (let i = 0; i < 3; i += 1) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await is([2.25, 0.6, 0.2], 'by keys');
  }));

  await check('a stale picture says its age alone, in the grid, zoomed in eight times and in full screen', () => open({}, async (page, show) => {
    for (const [scene, n] of [['stale', 1], ['grid_stale', 4], ['zoomed_stale', 1], ['full', 1]]) {
      await show(scene);
      const badges = () => page.evaluate(() => [...document.querySelectorAll('.badge')].map((b) => {
        const { left, top, right, bottom, height } = b.getBoundingClientRect();
        const seen = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && height >= 16;
        return seen && /Not live · picture from \d+(\.\d)? (s|min) ago/.test(b.innerText);
      }));
      equal(await badges(), Array(n).fill(true), scene);
      equal(await page.locator('.veil').count(), n, `${scene}: veils`);
      // Control: a badge that is pushed off the screen is noticed.
      await page.evaluate(() => { document.querySelector('.badge').style.transform = 'translateY(-200vh)'; });
      assert((await badges()).includes(false), `${scene}: the check saw a badge that is not there`);
    }
  }));
}
