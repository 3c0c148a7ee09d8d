// The table of words in the language of the page, and numbers and times as that language writes them.
import { en, enOne, type Key } from './en';
import { fr, frOne } from './fr';

export type { Key } from './en';
export type Params = Record<string, string | number>;

/** A sentence of the table with what fills its marks. */
export interface Sentence { key: Key; params?: Params }

/** A table in both languages; `one` has the forms for 0 and 1 where they differ. */
export interface Table<K extends string> {
  en: Record<K, string>;
  fr: Record<K, string>;
  enOne?: Partial<Record<K, string>>;
  frOne?: Partial<Record<K, string>>;
}

export type Say<K extends string> = (key: K, params?: Params) => string;

export interface Words {
  lang: string;
  t(key: Key, params?: Params): string;
  /** As `t`, for the words of a part that is loaded on demand. */
  more<K extends string>(table: Table<K>): Say<K>;
  /** "0.2 s", "12 s", "3 min", "2 h". */
  age(ms: number): string;
  /** "14:03", or with seconds. */
  time(unixMs: number, precision?: 'minutes' | 'seconds'): string;
  number(n: number, digits: number): string;
}

/** A test's language, not in the page that is built for use: letters that no English sentence has, so that words from outside the table stand out. */
const PSEUDO = 'xx-pseudo';

export function chooseLanguage(asked: string | null, preferred: readonly string[]): string {
  if (DEV && asked === PSEUDO) return PSEUDO;
  return [asked ?? '', ...preferred].map((l) => l.slice(0, 2).toLowerCase()).find((l) => l === 'en' || l === 'fr') ?? 'en';
}

export function words(lang: string): Words {
  const french = lang === 'fr';
  const locale = french ? 'fr' : 'en-GB';
  const numbers = [0, 1, 2].map((digits) => new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  const minutes = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const seconds = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  const number = (n: number, digits: number): string => numbers[digits]?.format(n) ?? String(n);
  const more = <K extends string>(table: Table<K>): Say<K> => (key, params = {}) => {
    const few = typeof params.n === 'number' && Math.abs(params.n) < 2 ? table[french ? 'frOne' : 'enOne']?.[key] : undefined;
    const template = few ?? table[french ? 'fr' : 'en'][key];
    return (DEV && lang === PSEUDO ? pseudo(template) : template).replace(/\{(\w+)\}/g, (mark, name: string) => String(params[name] ?? mark));
  };
  const t = more({ en, fr, enOne, frOne });
  return {
    lang: french ? 'fr' : 'en',
    t,
    more,
    number,
    age(ms) {
      const s = ms / 1000;
      if (s < 9.95) return t('unit_s', { n: number(s, 1) });
      if (s < 90) return t('unit_s', { n: number(s, 0) });
      return s < 5400 ? t('unit_min', { n: number(s / 60, 0) }) : t('unit_h', { n: number(s / 3600, 0) });
    },
    time: (unixMs, precision = 'minutes') => (precision === 'seconds' ? seconds : minutes).format(unixMs),
  };
}

/** Latin letters outside `{marks}` become Greek ones. */
const pseudo = (template: string): string =>
  template.split(/(\{\w+\})/).map((part, i) => (i % 2 === 1 ? part : part.replace(/[a-z]/gi, (c) => (c.charCodeAt(0) % 2 ? 'α' : 'λ')))).join('');
