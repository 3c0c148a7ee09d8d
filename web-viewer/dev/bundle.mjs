// The development page as a Map of file name → bytes.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { bundle } from '../build.mjs';

export async function harness() {
  const { outputFiles } = await bundle({ entryPoints: { harness: 'dev/harness.ts', pretend: 'dev/pretend.ts' }, outdir: 'out', splitting: true, write: false, define: { DEV: 'true' } });
  const files = new Map(outputFiles.map((f) => [path.basename(f.path), Buffer.from(f.contents)]));
  files.set('index.html', await readFile(new URL('index.html', import.meta.url)));
  files.set('pretend.html', Buffer.from('<!doctype html><title>pretend</title><script type="module" src="pretend.js"></script>'));
  return files;
}
