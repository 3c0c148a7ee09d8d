import { panelEn } from './panel-en';
import { panelFr } from './panel-fr';
import type { Table } from './index';

export type { PanelKey } from './panel-en';
export const panelTable: Table<keyof typeof panelEn> = { en: panelEn, fr: panelFr };
