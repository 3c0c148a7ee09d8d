// The pretend streamer (dev/pretend.ts) in a page of its own, joined to viewers' pages at their WebSockets.
import { until } from './check.mjs';
import { frameRtp, live, NOTES } from './page.mjs';

export async function pretend(browser, devOrigin) {
  const context = await browser.newContext();
  const page = await context.newPage();
  /** Open sockets; a frame from the camera goes to all, and those that don't know its channel ignore it. */
  const sockets = new Set();
  let reachable = true;
  await page.exposeFunction('emit', (frame) => {
    for (const socket of sockets) socket.send(Buffer.from(frame, 'base64url'));
  });
  await page.goto(`${devOrigin}/pretend.html`);
  await page.waitForFunction(() => window.pretend);
  await page.evaluate(() => window.pretend.start());
  return {
    page,
    link: () => page.evaluate(() => window.pretend.link()),
    seen: () => page.evaluate(() => window.pretend.seen),
    set: (change) => page.evaluate((c) => Object.assign(window.pretend, c), change),
    pause: (running) => page.evaluate((r) => window.pretend.pause(r), running),
    die: () => page.evaluate(() => window.pretend.die()),
    tell: (message) => page.evaluate((m) => window.pretend.tell(m), message),
    /** Cuts every viewer off the signaling server; nobody gets through until `serverUp`. */
    serverDown: async () => {
      reachable = false;
      for (const socket of sockets) await socket.close();
      sockets.clear();
    },
    serverUp: () => {
      reachable = true;
    },
    async join(context) {
      await context.routeWebSocket(/\/ws$/, (socket) => {
        if (!reachable) {
          void socket.close();
          return;
        }
        sockets.add(socket);
        socket.onClose(() => sockets.delete(socket));
        socket.onMessage((message) => {
          page.evaluate((t) => window.pretend.receive(t), Buffer.from(message).toString('base64url')).catch(() => undefined);
        });
      });
      // After the route, which puts a WebSocket of its own in place.
      await context.addInitScript(NOTES);
    },
    /** Announces what the slot carries, once a frame has told where; true once the page claims to be live. */
    async announce(viewer) {
      await until('a frame', 15_000, async () => {
        const rtp = await frameRtp(viewer);
        if (rtp === undefined) return false;
        await page.evaluate((r) => window.pretend.attach(r), rtp);
        return true;
      });
      await until('"Live"', 5_000, () => live(viewer));
    },
    close: () => context.close(),
  };
}
