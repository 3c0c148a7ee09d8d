// The development page as a Map of file name → bytes.
import { readFile } from 'node:fs/promises';
import { bundle } from '../build.mjs';

export async function harness() {
  const { files } = await bundle({ entryPoints: { harness: 'dev/harness.ts', pretend: 'dev/pretend.ts' }, outdir: 'out', splitting: true, write: false, define: { DEV: 'true' } });
  files.set('index.html', await readFile(new URL('index.html', import.meta.url)));
  files.set('pretend.html', Buffer.from('<!doctype html><title>pretend</title><script type="module" src="pretend.js"></script>'));
  return files;
}
