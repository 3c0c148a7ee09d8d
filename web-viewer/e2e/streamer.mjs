// The real streamer as a child process with a data folder of its own.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** `cameras`: its cameras and sound as arguments. */
export async function streamer(program, cameras = ['--camera', 'test', '--mic', 'tone']) {
  const data = await mkdtemp(path.join(tmpdir(), 'athome-e2e-'));
  const [port, api] = [await freePort(), await freePort()];
  let child;
  const self = {
    port,
    /** Its local interface, and the token for that. */
    api: `http://127.0.0.1:${api}`,
    token: async () => (await readFile(path.join(data, 'api-token'), 'utf8')).trim(),
    /** Starts it; resolves with what its `ready` line says. */
    async start(...more) {
      child = spawn(program, ['--data', data, ...cameras, '--listen', `127.0.0.1:${port}`, '--api', `127.0.0.1:${api}`, '--json', ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
      let log = '';
      child.stderr.on('data', (text) => { log = (log + text).slice(-4_000); });
      const { pid } = child;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ready line within 20 s: ${log}`)), 20_000);
        createInterface({ input: child.stdout }).on('line', (line) => {
          const event = JSON.parse(line);
          if (event.event !== 'ready') return;
          clearTimeout(timer);
          resolve({ ...event, pid });
        });
        child.once('exit', (code) => reject(new Error(`ended with ${code}: ${log}`)));
      });
    },
    signal: (name) => child.kill(name),
    /** A new link, from the running program. */
    async invite() {
      const pair = spawn(program, ['--data', data, '--api', `127.0.0.1:${api}`, '--json', 'pair'], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      pair.stdout.on('data', (d) => { text += d; });
      await new Promise((done) => pair.once('exit', done));
      return JSON.parse(text.trim().split('\n').at(-1)).link;
    },
    async stop() {
      const gone = new Promise((done) => child.once('exit', done));
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGCONT');
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
        await gone;
        clearTimeout(timer);
      }
    },
    async close() {
      await self.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
  return self;
}
