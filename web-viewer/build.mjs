// Builds the page into dist/. `--check` builds into a temporary folder instead and compares it with dist/ byte by byte.
// `bundle()` is also what the tests and the development page are built with.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { compile, compileModule } from 'svelte/compiler';

const root = path.dirname(fileURLToPath(import.meta.url));

/** The first load, gzipped: in all, and of that what stands before the first paint (HTML and style). */
const BUDGET = { all: 60_000, paint: 14_000 };
/** What is loaded on demand, by its module and in this order: script and style, gzipped, without what was loaded before it. */
const LATER = { 'src/ui/past/load.ts': 23_500, 'src/ui/past/more.ts': 7_100, 'src/ui/panel.ts': 6_000, 'src/ui/zones/house.ts': 7_500, 'src/ui/zones/load.ts': 15_000 };

const TARGET = ['es2022', 'safari15.4'];

/** Compiles components and rune modules; their styles, and whole style sheets, are put aside by file name. */
const svelte = (styles) => ({
  name: 'svelte',
  setup(build) {
    build.onLoad({ filter: /\.svelte$/, namespace: 'file' }, async ({ path: file }) => {
      const filename = path.relative(root, file);
      const { js, css, warnings } = compile(await readFile(file, 'utf8'), {
        filename, css: 'external', generate: 'client', dev: false, modernAst: true, discloseVersion: false,
        // Class names must not depend on where the project lies on the disk.
        cssHash: ({ hash, css: text }) => `s${hash(text).slice(0, 5)}`,
      });
      if (css?.code) styles.set(filename, css.code);
      return { contents: js.code, loader: 'ts', warnings: warnings.map((w) => ({ text: `${filename}: ${w.message}` })) };
    });
    build.onLoad({ filter: /\.css$/, namespace: 'file' }, async ({ path: file }) => {
      styles.set(path.relative(root, file), await readFile(file, 'utf8'));
      return { contents: '', loader: 'js' };
    });
    build.onLoad({ filter: /\.svelte\.ts$/, namespace: 'file' }, async ({ path: file }) => {
      const { code } = await esbuild.transform(await readFile(file, 'utf8'), {
        loader: 'ts', target: 'es2022', tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
      });
      return { contents: compileModule(code, { filename: path.relative(root, file), dev: false }).js.code, loader: 'js' };
    });
    // Svelte's package does not say that its modules may be left out where nothing of them is used; all but its flags may.
    build.onResolve({ filter: /^(\.|#|svelte)/ }, async ({ path: id, importer, kind, resolveDir, pluginData }) => {
      if (pluginData === 'again' || !/node_modules\/svelte\//.test(importer) && !id.startsWith('svelte')) return undefined;
      const found = await build.resolve(id, { importer, kind, resolveDir, pluginData: 'again' });
      return { ...found, sideEffects: /flags|disclose/.test(found.path) };
    });
    // As constants, so that what Svelte does in development only falls away.
    build.onResolve({ filter: /^esm-env$/ }, () => ({ path: 'esm-env', namespace: 'env', sideEffects: false }));
    build.onLoad({ filter: /.*/, namespace: 'env' }, () => ({ contents: 'export const DEV = false, BROWSER = true, NODE = false;' }));
  },
});

/** Scripts that come with an output, itself included, without what is only loaded on demand. */
function reached({ outputs }, output, found = new Set()) {
  if (found.has(output)) return found;
  found.add(output);
  for (const { path: to, kind } of outputs[output].imports) if (kind === 'import-statement') reached({ outputs }, to, found);
  return found;
}

/**
 * The style of each entry, and of each part that is loaded on demand without what its page has already: esbuild would put all of it into
 * the first. A part's style has its script's name, which is how the script finds it (`src/ui/styled.ts`).
 */
async function stylesOf(metafile, entries, styles, minify) {
  const found = new Map();
  // A style sheet leaves nothing behind in a script: who imports it says where it belongs.
  const of = (output) => [...reached(metafile, output)].flatMap((name) => Object.keys(metafile.outputs[name].inputs))
    .flatMap((file) => [file, ...(metafile.inputs[file]?.imports ?? []).map((i) => i.path)]).filter((file) => styles.has(file));
  const starts = Object.keys(metafile.outputs).filter((name) => metafile.outputs[name].entryPoint);
  const first = new Set(starts.filter((name) => entries.includes(metafile.outputs[name].entryPoint)).flatMap(of));
  for (const name of starts) {
    const own = entries.includes(metafile.outputs[name].entryPoint);
    const files = [...new Set(of(name))].filter((file) => own || !first.has(file));
    if (files.length === 0) continue;
    // Whole sheets before components, which may say otherwise.
    const text = files.sort((a, b) => Number(b.endsWith('.css')) - Number(a.endsWith('.css')) || (a < b ? -1 : 1)).map((file) => styles.get(file)).join('\n');
    const { code } = await esbuild.transform(text, { loader: 'css', minify, target: TARGET, charset: 'utf8', legalComments: 'none' });
    found.set(path.basename(name).replace(/\.js$/, '.css'), Buffer.from(code));
  }
  return found;
}

/** esbuild with the settings that page, tests and development page share: files by name, where they are not written, and what is in them. */
export async function bundle(options) {
  const styles = new Map();
  const { outputFiles, metafile } = await esbuild.build({
    absWorkingDir: root, bundle: true, format: 'esm', target: TARGET, charset: 'utf8', legalComments: 'none', metafile: true,
    logLevel: 'warning', conditions: ['svelte', 'browser', 'production'], plugins: [svelte(styles)], tsconfig: 'tsconfig.json', ...options,
  });
  const entries = Object.values(options.entryPoints);
  const files = new Map((outputFiles ?? []).map((f) => [path.basename(f.path), Buffer.from(f.contents)]));
  for (const [name, bytes] of outputFiles ? await stylesOf(metafile, entries, styles, options.minify ?? false) : []) files.set(name, bytes);
  return { files, metafile, entries };
}

/** As esbuild names files: eight letters and digits of a hash. */
const hashed = (bytes) => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return [...createHash('sha256').update(bytes).digest().subarray(0, 8)].map((b) => letters[b % 32]).join('');
};

/** The notices of the packages whose code is in the page. */
async function licences() {
  const { dependencies } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const texts = await Promise.all(Object.entries(dependencies).map(async ([name, version]) => {
    const dir = path.join(root, 'node_modules', name);
    const file = (await readdir(dir)).find((f) => /^licen[cs]e/i.test(f));
    return `${name} ${version}

${(await readFile(path.join(dir, file), 'utf8')).trim()}
`;
  }));
  return Buffer.from(texts.join(`
${'-'.repeat(72)}

`));
}

/** All files of the page: name → bytes. The same sources give the same bytes. */
async function page() {
  const { files, metafile, entries } = await bundle({
    entryPoints: { main: 'src/main.ts', early: 'src/early.ts' }, outdir: 'out', splitting: true, minify: true, write: false,
    entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', define: { DEV: 'false' },
  });
  // Constants from other modules are known only once all is joined: a second pass drops what they make unreachable.
  for (const [name, bytes] of files) {
    if (!name.endsWith('.js')) continue;
    const { code } = await esbuild.transform(bytes.toString(), { minify: true, pure: ['console.warn'], format: 'esm', target: TARGET, charset: 'utf8', legalComments: 'none' });
    files.set(name, Buffer.from(code));
  }
  // The style that comes first is asked for by the page itself and named by what is in it, not after a script.
  for (const [name, bytes] of [...files]) {
    if (!/^main-.*\.css$/.test(name)) continue;
    files.delete(name);
    files.set(`main-${hashed(bytes)}.css`, bytes);
  }
  const entry = (start, ext) => [...files.keys()].find((name) => name.startsWith(`${start}-`) && name.endsWith(ext));
  const [css, early, js] = [entry('main', '.css'), entry('early', '.js'), entry('main', '.js')];
  const all = Object.entries(metafile.outputs);
  const at = all.filter(([, o]) => entries.includes(o.entryPoint)).flatMap(([name]) => [...reached(metafile, name)]);
  const chunks = [...new Set(at.map((name) => path.basename(name)))].filter((name) => name !== early && name !== js);
  const before = new Set(at);
  const later = Object.entries(LATER).map(([module, most]) => {
    const [script] = all.find(([, o]) => o.entryPoint === module);
    // Words are loaded beside it, in one language.
    const found = [...reached(metafile, script)].filter((name) => !before.has(name));
    for (const name of found) before.add(name);
    const parts = found.map((name) => path.basename(name));
    return { module, most, parts: [...parts, ...parts.map((name) => name.replace(/\.js$/, '.css')).filter((name) => files.has(name))] };
  });

  for (const name of ['manifest.webmanifest', 'icon.svg', 'icon-180.png']) {
    files.set(name, await readFile(path.join(root, 'static', name)));
  }
  files.set('licences.txt', await licences());
  const html = (await readFile(path.join(root, 'static', 'index.html'), 'utf8'))
    .replace('%CSS%', css)
    .replace('%EARLY%', early)
    .replace('%JS%', js)
    .replace('%PRELOAD%', chunks.map((c) => `<link rel="modulepreload" href="${c}">`).join(''));
  files.set('index.html', Buffer.from(html));
  return { files, load: ['index.html', css, early, js, ...chunks], later };
}

async function write(dir, files) {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  for (const [name, bytes] of files) await writeFile(path.join(dir, name), bytes);
}

async function compare(dir, files) {
  const wrong = [];
  const there = await readdir(dir).catch(() => []);
  for (const name of new Set([...there, ...files.keys()])) {
    const old = there.includes(name) ? await readFile(path.join(dir, name)) : undefined;
    const fresh = files.get(name);
    if (!old || !fresh || !old.equals(fresh)) wrong.push(name);
  }
  return wrong;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { files, load, later } = await page();
  const dist = path.join(root, 'dist');
  if (process.argv.includes('--check')) {
    const dir = await mkdtemp(path.join(tmpdir(), 'athome-page-'));
    await write(dir, files);
    await rm(dir, { recursive: true });
    const wrong = await compare(dist, files);
    if (wrong.length > 0) {
      console.error(`web-viewer/dist is not what the sources build (${wrong.join(', ')}). Run: npm run build`);
      process.exit(1);
    }
    console.log('dist is current');
  } else {
    await write(dist, files);
  }
  let [total, paint] = [0, 0];
  const sizes = new Map();
  for (const [name, bytes] of [...files].sort()) {
    const size = gzipSync(bytes, { level: 9 }).length;
    sizes.set(name, size);
    if (load.includes(name)) {
      total += size;
      if (/\.(html|css)$/.test(name)) paint += size;
    }
    console.log(`${String(size).padStart(7)} B gzip  ${name}${load.includes(name) ? '  (first load)' : ''}`);
  }
  console.log(`${String(total).padStart(7)} B gzip  first load in all, ${paint} B of it HTML and style`);
  if (total > BUDGET.all || paint > BUDGET.paint) {
    console.error(`The first load is larger than ${BUDGET.all} B in all or ${BUDGET.paint} B of HTML and style, gzipped.`);
    process.exitCode = 1;
  }
  for (const { module, most, parts } of later) {
    const size = parts.reduce((sum, name) => sum + sizes.get(name), 0);
    console.log(`${String(size).padStart(7)} B gzip  ${module}, loaded on demand`);
    if (size <= most) continue;
    console.error(`${module} is larger than ${most} B, gzipped.`);
    process.exitCode = 1;
  }
}
