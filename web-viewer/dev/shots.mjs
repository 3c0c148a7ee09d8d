// Screenshots of every scene, on phone and desktop, dark, light and as a print without colours: `npm run shots -- FOLDER [scene…]`.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { launch, serve } from '../e2e/browser.mjs';
import { harness } from './bundle.mjs';

const [folder = 'shots.local', ...wanted] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const site = await serve(await harness());
const browser = await launch();
try {
  for (const [size, width, height] of [['phone', 390, 844], ['small', 320, 568], ['side', 844, 390], ['desk', 1280, 800]]) {
    for (const look of ['dark', 'light', 'grey']) {
      const colorScheme = look === 'light' ? 'light' : 'dark';
      const page = await browser.newPage({ viewport: { width, height }, colorScheme, locale: 'en-GB' });
      page.on('pageerror', (e) => console.error(String(e)));
      page.on('console', (m) => m.type() === 'error' && console.error(m.text()));
      await page.goto(`${site.origin}/?scene=live`);
      for (const scene of wanted.length > 0 ? wanted : await page.evaluate(() => window.scenes)) {
        await page.goto(`${site.origin}/?scene=${scene}`);
        if (look === 'grey') await page.evaluate(() => { document.documentElement.style.filter = 'grayscale(1)'; });
        await page.waitForTimeout(400);
        await page.screenshot({ path: path.join(folder, `${scene}-${size}-${look}.png`) });
      }
      await page.close();
    }
  }
} finally {
  await browser.close();
  await site.close();
}
