// Words of looking back, in one language: the other is not loaded.
import type { Table } from './index';
import type { PastKey } from './past-en';

export type { PastKey } from './past-en';

export async function pastTable(lang: string): Promise<Table<PastKey>> {
  const table = lang === 'fr' ? (await import('./past-fr')).pastFr : (await import('./past-en')).pastEn;
  return { en: table, fr: table };
}
