// Chromium and a small file server for the browser checks.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { chromium } from 'playwright-core';

/** Loopback candidates count, names are not hidden behind mDNS, and nothing is fetched that we did not ask for. */
const FLAGS = [
  '--no-sandbox', '--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns', '--disable-gpu', '--disable-quic',
  '--host-resolver-rules=MAP camera.test 127.0.0.1', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** `autoplay`: as a browser that lets pages play by themselves. */
export function launch({ autoplay = true } = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
    args: [...FLAGS, '--headless=new', ...(autoplay ? ['--autoplay-policy=no-user-gesture-required'] : ['--autoplay-policy=user-gesture-required'])],
  });
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.png': 'image/png' };

/** The policy that the signaling server sends with the page, out of the server's own source: two copies would drift apart. */
const SOURCE = await readFile(new URL('../../signaling/src/page.rs', import.meta.url), 'utf8');
const POLICY = /const POLICY: &str = "([^"]+)";/.exec(SOURCE)?.[1];
if (!POLICY) throw new Error('signaling/src/page.rs has no POLICY any more');
// A backslash at a line's end leaves out the line break and what the next line begins with.
const CSP = POLICY.replace(/\\\n\s*/g, '');

/** Serves a Map of name → bytes on a free loopback port, or files of a folder; WebSockets go on to a server's port. */
export async function serve(from, socketPort) {
  const server = createServer((request, response) => {
    const name = new URL(request.url, 'http://x').pathname.slice(1) || 'index.html';
    const found = from instanceof Map ? Promise.resolve(from.get(name)) : readFile(path.join(from, path.basename(name))).catch(() => undefined);
    void found.then((bytes) => {
      if (!bytes) {
        // Browsers ask for it by themselves beside a picture or a text.
        response.writeHead(name === 'favicon.ico' ? 204 : 404).end();
        return;
      }
      response.writeHead(200, { 'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream', 'content-security-policy': CSP });
      response.end(bytes);
    });
  });
  server.on('upgrade', (request, socket, head) => {
    const onward = connect(socketPort ?? 0, '127.0.0.1', () => {
      const headers = request.rawHeaders.reduce((text, part, i) => text + (i % 2 === 0 ? `${part}: ` : `${part}\r\n`), '');
      onward.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    for (const [one, other] of [[socket, onward], [onward, socket]]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }) };
}
