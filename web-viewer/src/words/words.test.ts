import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { en, enOne } from './en';
import { fr, frOne } from './fr';
import { chooseLanguage, type Table, words } from './index';
import { panelTable } from './panel';
import { pastEn } from './past-en';
import { pastFr } from './past-fr';
import { zonesEn } from './zones-en';
import { zonesFr } from './zones-fr';

/** Every table, as one with plain keys. */
const TABLES: Table<string>[] = [{ en, fr, enOne, frOne }, panelTable, { en: pastEn, fr: pastFr }, { en: zonesEn, fr: zonesFr }];

const marks = (s: string): string[] => (s.match(/\{\w+\}/g) ?? []).sort();

test('both languages have the same keys with the same marks', () => {
  for (const table of TABLES) {
    assert.deepEqual(Object.keys(table.fr).sort(), Object.keys(table.en).sort());
    for (const [key, text] of Object.entries(table.en)) {
      assert.deepEqual(marks(table.fr[key] ?? ''), marks(text), key);
      assert.notEqual(table.fr[key]?.trim(), '', key);
    }
    for (const [all, one] of [[table.en, table.enOne ?? {}], [table.fr, table.frOne ?? {}]] as const) {
      for (const [key, text] of Object.entries(one)) assert.deepEqual(marks(text ?? ''), marks(all[key] ?? ''), key);
    }
  }
});

test('French has its own spaces and apostrophe', () => {
  for (const [key, text] of TABLES.flatMap((t) => [...Object.entries(t.fr), ...Object.entries(t.frOne ?? {})])) {
    assert.ok(text, key);
    assert.doesNotMatch(text, /'/, key);
    assert.doesNotMatch(text, /[^\u202f][;?!]/, key);
    assert.doesNotMatch(text, /[^\u00a0]:/, key);
  }
});

test('sentences have at most 25 words', () => {
  for (const [key, text] of TABLES.flatMap((t) => Object.entries(t.en))) assert.ok(text.split(/\s+/).length <= 25, key);
});

test('numbers are written as the language writes them', () => {
  assert.equal(words('en').age(180), '0.2 s');
  assert.equal(words('fr').age(180), '0,2 s');
  assert.equal(words('en').age(12_300), '12 s');
  assert.equal(words('en').age(200_000), '3 min');
  assert.match(words('fr').t('busy', { n: 1, s: 3 }), /^1 personne regarde/);
  assert.match(words('fr').t('busy', { n: 0, s: 3 }), /^0 personne regarde/);
  assert.match(words('en').t('busy', { n: 16, s: 3 }), /^16 people/);
});

test('the language is the first that we have', () => {
  assert.equal(chooseLanguage(null, ['de-DE', 'fr-CA', 'en']), 'fr');
  assert.equal(chooseLanguage(null, ['ja']), 'en');
  assert.equal(chooseLanguage('fr', ['en']), 'fr');
  assert.equal(chooseLanguage('xx-pseudo', ['en']), 'xx-pseudo');
});

test('the pseudo-language shows no English word and keeps what is filled in', () => {
  const w = words('xx-pseudo');
  assert.match(w.t('cam_gone', { cam: 'Yard' }), /Yard/);
  assert.doesNotMatch(w.t('cam_gone', { cam: '' }), /[a-z]/i);
});

/** The page's own sources as one text, without the table and the tests. */
function sources(): string {
  const files = readdirSync(SOURCES, { withFileTypes: true, recursive: true })
    .filter((f) => f.isFile() && /\.(ts|svelte)$/.test(f.name) && !f.name.endsWith('.test.ts'))
    .map((f) => path.join(f.parentPath ?? f.path, f.name))
    .filter((f) => !/words.(\w+-)?(en|fr)\.ts$/.test(f));
  return files.map((f) => readFileSync(f, 'utf8')).join('\n');
}

/** A key is used where it stands in quotes, or where a template makes keys of its beginning. */
function unused(keys: readonly string[], text: string): string[] {
  const beginnings = [...text.matchAll(/`(\w+_)\$\{\w+(\.\w+)*\}`/g)].map((m) => m[1] ?? '');
  return keys.filter((key) => !text.includes(`'${key}'`) && !beginnings.some((b) => key.startsWith(b)));
}

test('every word of the table is said somewhere', () => {
  const text = sources();
  for (const table of TABLES) assert.deepEqual(unused(Object.keys(table.en), text), []);
  // Control: a word that nothing says is noticed.
  assert.deepEqual(unused(['live', 'never_said'], text), ['never_said']);
});
