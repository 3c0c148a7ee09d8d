// The editor of zones on the development page: by finger, by mouse, by keys, by presses alone.
import { assert, check, equal, until } from './check.mjs';

/** A finger by the browser's own touch events, several of them with `more`. */
async function finger(page) {
  const session = await page.context().newCDPSession(page);
  const send = (type, points) => session.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  return {
    send,
    async tap(at) {
      await send('touchStart', [at]);
      await send('touchEnd', []);
    },
    async drag(from, to, during = () => undefined) {
      await send('touchStart', [from]);
      for (let i = 1; i <= 8; i += 1) await send('touchMove', [[from[0] + (to[0] - from[0]) * i / 8, from[1] + (to[1] - from[1]) * i / 8]]);
      const found = await during();
      await send('touchEnd', []);
      return found;
    },
  };
}

const points = (page, zone = 0) => page.evaluate((z) => window.editor.rules.zones[z]?.points.map((p) => [...p]), zone);
/** Where a part of the picture is on the screen. */
const at = async (page, x, y) => {
  const box = await page.locator('.overlay').boundingBox();
  return [box.x + x * box.width, box.y + y * box.height];
};
const near = (a, b, what) => assert(Math.hypot(a[0] - b[0], a[1] - b[1]) < 0.02, `${what}: ${a}, not ${b}`);
const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent.trim());

export async function zoneChecks(browser, origin) {
  const open = async (options, run, scene = 'zones', extra = '') => {
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 390, height: 844 }, ...options });
    const page = await context.newPage();
    const faults = [];
    page.on('pageerror', (e) => faults.push(String(e)));
    try {
      await page.goto(`${origin}/?scene=${scene}${extra}`);
      if (scene.startsWith('zones')) await page.waitForFunction(() => window.editor?.at === 'ready');
      await page.waitForTimeout(150);
      const found = await run(page);
      equal(faults, [], 'errors in the page');
      return found;
    } finally {
      await context.close();
    }
  };

  await check('zones: a finger drags a corner under a loupe, a dot adds one, a tap moves it, Delete takes it away, undo restores all', () => open({ hasTouch: true }, async (page) => {
    const hand = await finger(page);
    const before = await points(page);
    const loupe = await hand.drag(await at(page, ...before[1]), await at(page, 0.45, 0.3), () => page.locator('.loupe').boundingBox());
    const y = (await at(page, 0.45, 0.3))[1];
    assert(loupe && (Math.abs(loupe.y + loupe.height / 2 - y) > 80 || loupe.y < y), 'no loupe while dragging');
    equal(await page.locator('.loupe').count(), 0, 'loupes afterwards');
    near((await points(page))[1], [0.45, 0.3], 'dragged');
    const [a, b] = await points(page);
    await hand.tap(await at(page, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2));
    equal((await points(page)).length, 5, 'corners after a tap on the dot');
    // The new corner is chosen: a tap says where it goes.
    await hand.tap(await at(page, 0.27, 0.7));
    near((await points(page))[1], [0.27, 0.7], 'tapped');
    await press(page, 'Delete corner');
    equal((await points(page)).length, 4, 'corners after Delete');
    for (let i = 0; i < 4; i += 1) await press(page, 'Undo');
    equal(await points(page), before, 'undone');
    for (let i = 0; i < 4; i += 1) await press(page, 'Redo');
    equal((await points(page)).length, 4, 'done again');
    near((await points(page))[1], [0.45, 0.3], 'dragged again');
  }));

  await check('zones: two fingers enlarge and move the picture and change no corner; the page itself stays', () => open({ hasTouch: true }, async (page) => {
    const hand = await finger(page);
    const before = await points(page);
    const middle = await at(page, ...before[1]);
    await hand.send('touchStart', [middle]);
    await hand.send('touchMove', [[middle[0] + 10, middle[1]]]);
    for (let i = 1; i <= 6; i += 1) await hand.send(i === 1 ? 'touchStart' : 'touchMove', [[middle[0] - 10 * i, middle[1]], [middle[0] + 40 + 10 * i, middle[1]]]);
    await hand.send('touchEnd', []);
    const { scale } = await page.evaluate(() => ({ ...window.model.view }));
    assert(scale > 1.5, `zoomed ${scale}`);
    equal(await points(page), before, 'corners');
    equal(await page.evaluate(() => [visualViewport.scale, scrollY]), [1, 0], 'the page');
    // A corner of the enlarged picture is where it is seen.
    const corner = await page.locator('[data-corner="1"]').boundingBox();
    await hand.drag([corner.x + 12, corner.y + 12], [corner.x + 12, corner.y + 42]);
    const box = await page.locator('.overlay').boundingBox();
    near((await points(page))[1], [before[1][0], before[1][1] + 30 / box.height / scale], 'dragged in the enlarged picture');
  }));

  await check('zones: by keys alone: Tab through corners, arrows, Shift, Insert, Delete, undo and redo; focus is never lost', () => open({ viewport: { width: 1280, height: 800 } }, async (page) => {
    await page.locator('.row[aria-expanded="true"]').waitFor();
    const before = await points(page);
    for (let i = 0; i < 20 && !/^Corner 2 of 4/.test(await focused(page) ?? ''); i += 1) await page.keyboard.press('Tab');
    equal(await focused(page), 'Corner 2 of 4, 50 % across, 45 % down', 'reached by Tab');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowUp');
    near((await points(page))[1], [0.51, 0.4], 'by arrows');
    equal(await page.evaluate(() => document.getElementById('status').textContent), 'Corner 2 of 4, 51 % across, 40 % down', 'said');
    await page.keyboard.press('Insert');
    await until('the focus on the new corner', 1_000, async () => /^Corner 3 of 5/.test(await focused(page) ?? ''));
    await page.keyboard.press('Delete');
    await until('a corner less', 1_000, async () => (await points(page)).length === 4);
    await until('a focus', 1_000, async () => /^Corner \d of 4/.test(await focused(page) ?? ''));
    await page.keyboard.press('Delete');
    await page.waitForTimeout(50);
    await page.keyboard.press('Delete');
    await page.waitForTimeout(50);
    equal((await points(page)).length, 3, 'never under three');
    for (let i = 0; i < 6; i += 1) await page.keyboard.press('Control+z');
    equal(await points(page), before, 'undone');
    await page.keyboard.press('Control+Shift+Z');
    near((await points(page))[1], [0.51, 0.4], 'done again: steps of the arrows are one');
    await page.waitForTimeout(50);
    assert(await page.evaluate(() => document.activeElement !== document.body), 'the focus is lost');
  }));

  await check('zones: by presses alone: add, choose, move, add a corner, delete it, kind, save', () => open({}, async (page) => {
    await page.getByRole('group', { name: 'Add a zone' }).getByRole('button', { name: 'Ignore' }).click();
    equal(await page.evaluate(() => window.editor.rules.zones.map((z) => z.name)), ['Drive', 'Tree', 'Window', 'Ignore'], 'zones');
    const before = await points(page, 3);
    await page.locator('[data-corner="0"]').click();
    await press(page, 'Left a little');
    await press(page, 'Up a little');
    near((await points(page, 3))[0], [before[0][0] - 0.01, before[0][1] - 0.01], 'by the pad');
    await press(page, 'Add corner');
    equal((await points(page, 3)).length, 5, 'added');
    await press(page, 'Delete corner');
    equal((await points(page, 3)).length, 4, 'deleted');
    await press(page, 'Right a little');
    await page.getByLabel('Name', { exact: true }).fill('Bush');
    await press(page, 'Save');
    await until('"Saved"', 2_000, async () => (await page.locator('.note').innerText()).includes('Saved.'));
    const told = await page.evaluate(() => window.told.asked.findLast((a) => a.t === 'set_looking'));
    equal([told.zones.length, told.zones[3].name, told.zones[3].kind, told.sensitivity], [4, 'Bush', 'ignore', 50], 'what the camera was told');
    await press(page, 'Undo saving');
    await until('what was before', 2_000, () => page.evaluate(() => window.told.zones.length === 3));
    equal(await page.evaluate(() => window.editor.rules.zones.length), 3, 'zones here');
  }));

  await check('zones: edges that cross are dashed, said, and can not be saved; a refusal keeps the changes', () => open({}, async (page) => {
    equal(await page.locator('line.bad').count(), 2, 'crossing edges');
    assert((await page.locator('.hint').innerText()).startsWith('The edges of Drive cross.'), 'the sentence');
    await page.getByRole('button', { name: 'Save', exact: true }).click({ force: true });
    equal(await page.evaluate(() => window.told.asked.filter((a) => a.t === 'set_looking').length), 0, 'sent');
    await press(page, 'Undo');
    equal(await page.locator('line.bad').count(), 0, 'after undo');
    // Control: without them it is sent; the camera says no.
    await page.evaluate(() => { window.told.refuse = 'invalid'; });
    await press(page, 'Left a little');
    await press(page, 'Save');
    await until('the refusal', 2_000, async () => (await page.locator('.note').innerText()).startsWith('The camera did not take'));
    assert(await page.evaluate(() => window.editor.dirty), 'the changes are gone');
  }, 'zones_crossed'));

  await check('zones: privacy and leaving with changes ask first; Escape says no and the focus comes back', () => open({ viewport: { width: 1280, height: 800 } }, async (page) => {
    const add = page.getByRole('group', { name: 'Add a zone' }).getByRole('button', { name: 'Privacy' });
    await add.focus();
    await page.keyboard.press('Enter');
    equal(await page.locator('dialog p').innerText(), 'Black in live and in recordings from now on. Recordings already made do not change.', 'the question');
    await page.keyboard.press('Escape');
    equal(await page.evaluate(() => window.editor.rules.zones.length), 3, 'zones after no');
    equal(await focused(page), 'Privacy', 'focus after no');
    await page.keyboard.press('Enter');
    await press(page, 'Make it black');
    equal(await page.evaluate(() => window.editor.rules.zones.map((z) => z.kind)), ['watch', 'ignore', 'privacy', 'privacy'], 'after yes');
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor();
    await press(page, 'Keep editing');
    equal(await page.locator('.overlay').count(), 1, 'still editing');
    await press(page, 'Leave zones');
    await press(page, 'Leave without saving');
    await page.locator('footer').waitFor();
    await page.waitForTimeout(50);
    equal(await focused(page), 'Settings', 'focus in the live screen');
    equal(await page.evaluate(() => window.told.asked.filter((a) => a.t === 'set_looking').length), 0, 'sent');
  }));

  await check('zones: cells are full where they count and hollow where they are ignored, and more of them would count', () => open({ viewport: { width: 1280, height: 800 } }, async (page) => {
    const inside = (x, y) => page.evaluate(([px, py]) => {
      const canvas = document.querySelector('canvas.cells');
      const [w, h] = [canvas.width / 160, canvas.height / 90];
      const { data } = canvas.getContext('2d').getImageData(Math.round((px + 0.5) * w), Math.round((py + 0.5) * h), 1, 1);
      return data[3] > 0;
    }, [x, y]);
    // The block passes cells 40 to 60 within a few seconds.
    await until('a full cell', 15_000, () => inside(50, 60));
    equal(await inside(118, 24), false, 'the middle of a cell in the tree');
    // Control: without that zone, it counts nowhere but in what is watched; with no zones at all it is full.
    await page.evaluate(() => { window.editor.select(1); window.editor.remove(); window.editor.select(0); window.editor.remove(); });
    await until('a full cell in the tree', 2_000, () => inside(118, 24));
    await until('"Would count now"', 15_000, async () => (await page.locator('.now').innerText()).includes('Would count now'));
    equal(await page.evaluate(() => window.told.asked.filter((a) => a.t === 'cells').map((a) => a.on)), [true], 'asked for');
    await page.evaluate(() => window.editor.leave());
    await until('no more of them', 2_000, () => page.evaluate(() => window.told.asked.findLast((a) => a.t === 'cells').on === false));
  }));

  await check('the house: its mode is in view, changes by keys, privacy asks once, and a refusal is said', () => open({ viewport: { width: 320, height: 640 } }, async (page) => {
    await press(page, 'Close');
    const mode = page.getByRole('button', { name: 'House: Away' });
    assert(await mode.isVisible() && (await mode.innerText()).includes('Away'), 'the word');
    await mode.focus();
    await page.keyboard.press('Enter');
    for (let i = 0; i < 6 && !(await focused(page))?.startsWith('Home'); i += 1) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'House: Home' }).waitFor({ timeout: 2_000 });
    await page.getByRole('button', { name: /^Privacy/ }).click();
    equal(await page.evaluate(() => window.told.asked.filter((a) => a.t === 'set_mode').map((a) => a.mode)), ['home'], 'before yes');
    equal(await focused(page), 'Switch them off', 'focus on the question');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'House: Privacy' }).waitFor({ timeout: 2_000 });
    await page.evaluate(() => { window.told.refuse = 'lost'; });
    await page.getByRole('button', { name: /^Away/ }).click();
    await until('the refusal', 2_000, async () => (await page.locator('aside').innerText()).includes('Not changed'));
  }, 'house'));

  await check('the house: who may not manage sees the mode and no way to change it; private tiles say why they are dark', async () => {
    await open({}, async (page) => {
      await page.getByRole('button', { name: 'House: Home' }).waitFor();
      equal(await page.locator('aside button').count(), 1, 'buttons in the panel (close)');
    }, 'house_seen');
    await open({}, async (page) => {
      equal(await page.getByText('Privacy is on: this camera is really off, not just hidden.').count(), 2, 'sentences');
    }, 'house_private');
    // Control: a streamer that knows of no house.
    await open({}, async (page) => equal(await page.getByRole('button', { name: /^House/ }).count(), 0, 'modes'), 'live');
  });
}
