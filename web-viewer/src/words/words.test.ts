import assert from 'node:assert/strict';
import { test } from 'node:test';
import { en, enOne } from './en';
import { fr, frOne } from './fr';
import { chooseLanguage, words } from './index';

const marks = (s: string): string[] => (s.match(/\{\w+\}/g) ?? []).sort();

test('both languages have the same keys with the same marks', () => {
  assert.deepEqual(Object.keys(fr).sort(), Object.keys(en).sort());
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    assert.deepEqual(marks(fr[key]), marks(en[key]), key);
    assert.notEqual(fr[key].trim(), '', key);
  }
  for (const [table, one] of [[en, enOne], [fr, frOne]] as const) {
    for (const [key, text] of Object.entries(one)) assert.deepEqual(marks(text), marks(table[key as keyof typeof en]), key);
  }
});

test('French has its own spaces and apostrophe', () => {
  for (const [key, text] of [...Object.entries(fr), ...Object.entries(frOne)]) {
    assert.doesNotMatch(text, /'/, key);
    assert.doesNotMatch(text, /[^\u202f][;?!]/, key);
    assert.doesNotMatch(text, /[^\u00a0]:/, key);
  }
});

test('sentences have at most 25 words', () => {
  for (const [key, text] of Object.entries(en)) assert.ok(text.split(/\s+/).length <= 25, key);
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
