// Bundles every src/**/*.test.ts and runs them with Node's own test runner (Node 18 or newer).
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './build.mjs';

const root = path.dirname(fileURLToPath(import.meta.url));

async function find(dir) {
  const all = await Promise.all((await readdir(dir, { withFileTypes: true })).map((entry) => {
    const file = path.join(dir, entry.name);
    if (entry.isDirectory()) return find(file);
    return entry.name.endsWith('.test.ts') ? [file] : [];
  }));
  return all.flat().sort();
}

const out = await mkdtemp(path.join(tmpdir(), 'athome-test-'));
try {
  const entryPoints = await find(path.join(root, 'src'));
  await bundle({
    entryPoints, outdir: out, outExtension: { '.js': '.mjs' }, platform: 'node', target: 'node18', outbase: root,
    sourcemap: 'inline', external: ['node:*'], define: { DEV: 'true', VECTORS: JSON.stringify(path.join(root, '../shared/tests/vectors')), SOURCES: JSON.stringify(path.join(root, 'src')) },
  });
  const tests = (await find(path.join(root, 'src'))).map((f) => path.join(out, path.relative(root, f)).replace(/\.ts$/, '.mjs'));
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...tests], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  await rm(out, { recursive: true });
}
