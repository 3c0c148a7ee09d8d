// What can go wrong, provoked one by one, in both languages: the sentence, a next step, no raw code outside "Details".
import { assert, check, equal } from './check.mjs';
import { devices, says } from './device.mjs';

const LANGUAGES = ['en', 'fr'];
const RETRY = { en: 'Try again', fr: 'Réessayer' };
const RELOAD = { en: 'Reload', fr: 'Recharger' };
const FORGET = { en: 'Forget this camera', fr: 'Oublier cette caméra' };

/** Names of the protocol, and what an unfilled sentence would show. */
const RAW = /old_viewer|old_camera|revoked|guest_ended|replaced|stopping|unreachable|no_path|protocol|channel closed|undefined|\bnull\b|NaN|[{}]|\berror\b/i;

const refusal = (refuse) => async ({ cam, page }) => {
  await cam.set({ refuse });
  await page.reload();
};
/** Told while the picture is live. */
const bye = (why) => ({ cam }) => cam.tell({ t: 'bye', why });
const server = (change) => async ({ cam, page }) => {
  await cam.set(change);
  await page.reload();
};

/** `button`: the next step, where the sentence itself does not say it. */
const PAIRED = [
  { name: 'removed', provoke: refusal({ why: 'revoked', who: 'Anna' }), button: FORGET, en: 'Anna removed this device. Ask for a new code if that was a mistake.', fr: 'Anna a retiré cet appareil. Demandez un nouveau code si c’est une erreur.' },
  { name: 'removed while watching', provoke: bye('revoked'), button: FORGET, en: 'The owner removed this device.', fr: 'Le propriétaire a retiré cet appareil.' },
  { name: 'guest_end', provoke: refusal({ why: 'guest_ended' }), button: FORGET, en: 'Your guest access ended. Ask the owner for a new code.', fr: 'Votre accès invité a pris fin. Demandez un nouveau code au propriétaire.' },
  { name: 'old_page', provoke: refusal({ why: 'old_viewer' }), button: RELOAD, en: 'This page is older than the camera. Reload it.', fr: 'Cette page est plus ancienne que la caméra. Rechargez-la.' },
  { name: 'old_page, by the server', provoke: server({ serverError: 1 }), button: RELOAD, en: 'This page is older than the camera. Reload it.', fr: 'Cette page est plus ancienne que la caméra. Rechargez-la.' },
  { name: 'old_app', provoke: refusal({ why: 'old_camera' }), button: RETRY, en: 'This camera is older than the page. Update it.', fr: 'Cette caméra est plus ancienne que la page. Mettez-la à jour.' },
  { name: 'busy', provoke: refusal({ why: 'busy', count: 16, retry_s: 30 }), button: RETRY, en: '16 people are watching, the most this computer allows. Trying again in', fr: '16 personnes regardent, le maximum de cet ordinateur. Nouvel essai dans' },
  { name: 'server_busy', provoke: server({ serverError: 7 }), button: RETRY, en: 'The server has too many connections at the moment. Trying again in', fr: 'Le serveur a trop de connexions en ce moment. Nouvel essai dans' },
  { name: 'server_busy, too quick', provoke: server({ closeCode: 'rate' }), button: RETRY, en: 'The server has too many connections at the moment.', fr: 'Le serveur a trop de connexions en ce moment.' },
  { name: 'stopping', provoke: refusal({ why: 'stopping' }), button: RETRY, en: 'The camera program was stopped or is restarting. It will appear here when it is back.', fr: 'Le programme de la caméra a été arrêté ou redémarre. Elle réapparaîtra ici.' },
  { name: 'offline_srv', provoke: server({ online: false }), button: RETRY, en: "The camera's computer is off or has no internet. It will appear here when it is back.", fr: 'L’ordinateur de la caméra est éteint ou sans internet. Il réapparaîtra ici.' },
  { name: 'protocol', provoke: refusal({ why: 'protocol' }), button: RELOAD, final: true, en: "This page and the camera's program don't understand each other. Update the program, then reload this page.", fr: 'Cette page et le programme de la caméra ne se comprennent pas. Mettez le programme à jour, puis rechargez cette page.' },
  { name: 'fault', provoke: server({ closeCode: 'protocol' }), button: RELOAD, final: true, en: 'Something went wrong in this page. AtHome tries again by itself; reloading the page may help.', fr: 'Un problème est survenu dans cette page. AtHome réessaie\u202f; recharger la page peut aider.' },
  { name: 'offline_me', ms: 15_000, provoke: async ({ cam, context }) => { await cam.die(); await cam.serverDown(); await context.setOffline(true); }, button: RETRY, en: 'This device has no network. Check Wi-Fi or mobile data.', fr: 'Cet appareil n’a pas de réseau. Vérifiez le Wi-Fi ou les données mobiles.' },
  { name: 'lan_only', before: { servers: ['ws://192.168.77.1:8080/ws'] }, provoke: async ({ cam, page }) => { await cam.serverDown(); await page.reload(); }, button: RETRY, en: 'This camera works on its own network only. Join its Wi-Fi, or set up access from outside.', fr: 'Cette caméra ne marche que sur son réseau. Rejoignez son Wi-Fi ou configurez l’accès extérieur.' },
  { name: 'nat_fail', ms: 25_000, provoke: server({ deaf: true }), button: RETRY, en: 'No path could be found. A relay would fix this; the owner can switch one on.', fr: 'Aucun chemin trouvé. Un relais réglerait cela\u202f; le propriétaire peut en activer un.' },
  { name: 'lan_denied', ms: 25_000, provoke: async ({ cam, context, page }) => {
    await context.addInitScript(() => {
      const { permissions } = navigator;
      const query = permissions.query.bind(permissions);
      permissions.query = (what) => (what.name === 'local-network-access' ? Promise.resolve({ state: 'denied', onchange: null }) : query(what));
    });
    await cam.set({ deaf: true });
    await page.reload();
  }, button: RETRY, en: "The browser blocked the local network. Allow it in the browser's settings for a direct path.", fr: 'Le navigateur bloque le réseau local. Autorisez-le dans ses réglages pour un chemin direct.' },
  { name: 'forgotten', provoke: async ({ page }) => {
    await page.evaluate(() => new Promise((done) => { indexedDB.deleteDatabase('athome').onblocked = done; }));
    await page.reload();
  }, button: { en: 'Pair', fr: 'Associer' }, en: 'This browser no longer holds its key. Ask for a new code; your recordings are safe.', fr: 'Ce navigateur n’a plus sa clé. Demandez un nouveau code\u202f; vos enregistrements sont intacts.' },
];

/** States of the camera; `more` is what the streamer says with the reason. */
const CAMERA = [
  { reason: 'gone', en: 'Yard was unplugged. It comes back by itself when plugged in.', fr: 'Yard est débranchée. Elle revient d’elle-même une fois rebranchée.' },
  { reason: 'busy', en: 'Another program uses Yard. Close it there; AtHome keeps trying.', fr: 'Un autre programme utilise Yard. Fermez-le\u202f; AtHome réessaie.' },
  { reason: 'stalled', en: 'Yard stopped sending pictures. AtHome restarts it by itself.', fr: 'Yard n’envoie plus d’images. AtHome la redémarre tout seul.' },
  { reason: 'format', en: 'Yard offers no picture format that AtHome can use.', fr: 'Yard ne propose aucun format d’image utilisable par AtHome.' },
  { reason: 'file', en: "The file of Yard can't be read, or holds no video that AtHome knows.", fr: 'Le fichier de Yard est illisible, ou sa vidéo est inconnue d’AtHome.' },
  { reason: 'auth', en: 'Yard refused the user name or password. Change them in its settings.', fr: 'Yard refuse le nom ou le mot de passe. Changez-les dans ses réglages.' },
  { reason: 'unreachable', more: { retry_s: 5 }, en: 'Yard does not answer. Next try in 5 s.', fr: 'Yard ne répond pas. Prochain essai dans 5 s.' },
];

/** What stands on the screen with "Details" closed. */
const shown = (page) => page.evaluate(() => {
  const details = [...document.querySelectorAll('details')];
  for (const d of details) d.hidden = true;
  const text = document.body.innerText;
  for (const d of details) d.hidden = false;
  return text;
});

export async function sentenceChecks(browser, origin, devOrigin) {
  const { fresh, paired } = devices(browser, origin, devOrigin);

  const noRawCode = async (page) => {
    const raw = RAW.exec(await shown(page));
    assert(!raw, `the page shows "${raw}"`);
  };

  await check('control: a raw code on the screen is noticed', async () => {
    const { page, done } = await fresh();
    await page.goto(origin);
    await noRawCode(page);
    await page.evaluate(() => document.body.append('old_viewer'));
    equal(await noRawCode(page).then(() => 'passed', () => 'failed'), 'failed', 'the check');
    await done();
  });

  for (const row of PAIRED) {
    await check(`says ${row.name} in both languages, with a next step and no raw code`, async () => {
      await Promise.all(LANGUAGES.map(async (locale) => {
        const device = await fresh({ locale });
        const { cam, page, done } = device;
        if (row.before) await cam.set(row.before);
        await page.goto(`${origin}/#${await cam.link()}`);
        await cam.announce(page);
        await row.provoke(device);
        await says(page, row[locale], row.ms ?? 12_000);
        await page.getByRole('button', { name: row.button[locale], exact: true }).first().waitFor({ timeout: 20_000 });
        await noRawCode(page);
        // It is not tried for ever: the code stands under "Details" and nothing is sent any more.
        if (row.final) {
          equal(await page.locator('details').count(), 1, 'details');
          const opened = (await page.evaluate(() => window.notes.sockets)).length;
          await page.waitForTimeout(1_500);
          equal((await page.evaluate(() => window.notes.sockets)).length, opened, 'sockets opened since');
        }
        await done();
      }));
    });
  }

  await check('says code_unknown in both languages, with a next step and no raw code', async () => {
    for (const [locale, text] of [['en', 'No camera waits for this code. Check that its computer is on, or ask for a new code.'], ['fr', 'Aucune caméra n’attend ce code. Vérifiez que son ordinateur est allumé, ou demandez un nouveau code.']]) {
      const { cam, page, done } = await fresh({ locale });
      const link = await cam.link();
      await cam.set({ online: false });
      await page.goto(`${origin}/#${link}`);
      await says(page, text);
      await noRawCode(page);
      await done();
    }
  });

  for (const locale of LANGUAGES) {
    await check(`says why a camera gives no picture, and what next, for each reason (${locale})`, async () => {
      const { cam, page, done } = await paired({ locale });
      await cam.pause(false);
      for (const row of CAMERA) {
        await cam.tell({ t: 'cameras', cameras: [{ id: 'yard', name: 'Yard', state: 'backoff', reason: row.reason, ...row.more, width: 0, height: 0, fps: 0, audio: true, layers: ['full'] }] });
        await says(page, row[locale], 9_000);
        await noRawCode(page);
      }
      await done();
    });
  }
}
