// Browser checks: `npm run e2e`. With ATHOME_STREAMER=path also against the real streamer. ONLY=word runs part of them.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { harness } from '../dev/bundle.mjs';
import { launch, serve } from './browser.mjs';
import { skip, summary } from './check.mjs';
import { cameraChecks } from './camera-checks.mjs';
import { clipChecks } from './clip-checks.mjs';
import { keptChecks } from './kept-checks.mjs';
import { pastChecks } from './past-checks.mjs';
import { pastRealChecks } from './past-real-checks.mjs';
import { paintChecks } from './paint-checks.mjs';
import { protocolChecks } from './protocol-checks.mjs';
import { realChecks } from './real-checks.mjs';
import { screenChecks } from './screen-checks.mjs';
import { zoneChecks } from './zone-checks.mjs';
import { zoneRealChecks } from './zone-real-checks.mjs';
import { sentenceChecks } from './sentence-checks.mjs';

const only = process.env.ONLY;
const part = (name) => only === undefined || only === name;

const site = await serve(path.join(path.dirname(fileURLToPath(import.meta.url)), '../dist'));
const dev = await serve(await harness());
// A name that is not loopback: to the browser this is plain http as on any home network.
const insecure = site.origin.replace('127.0.0.1', 'camera.test');
const browser = await launch();
try {
  if (part('protocol')) await protocolChecks(browser, site.origin, dev.origin, insecure);
  if (part('paint')) await paintChecks(browser, site.origin);
  if (part('kept')) await keptChecks(browser, site.origin, dev.origin);
  if (part('sentences')) await sentenceChecks(browser, site.origin, dev.origin);
  if (part('screens')) await screenChecks(browser, dev.origin);
  if (part('zones')) await zoneChecks(browser, dev.origin);
  if (part('cameras')) await cameraChecks(browser, dev.origin);
  if (part('past')) await pastChecks(browser, dev.origin);
  const streamer = process.env.ATHOME_STREAMER;
  if (streamer === undefined) skip('the page with the real streamer', 'ATHOME_STREAMER does not name its program');
  else {
    if (part('real')) await realChecks(browser, streamer);
    if (part('past_real')) await pastRealChecks(browser, streamer);
    if (part('zones_real')) await zoneRealChecks(browser, streamer);
    if (part('clips')) await clipChecks(browser, streamer);
  }
} finally {
  await browser.close();
  await site.close();
  await dev.close();
}
process.exitCode = summary();
