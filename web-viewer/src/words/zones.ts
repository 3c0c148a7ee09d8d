// Words of zones and of what moves, in one language: the other is not loaded.
import type { Table } from './index';
import type { ZonesKey } from './zones-en';

export type { ZonesKey } from './zones-en';

export async function zonesTable(lang: string): Promise<Table<ZonesKey>> {
  const table = lang === 'fr' ? (await import('./zones-fr')).zonesFr : (await import('./zones-en')).zonesEn;
  return { en: table, fr: table };
}
