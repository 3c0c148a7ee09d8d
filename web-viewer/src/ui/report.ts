// The stats panel's words and figures. Pure; no addresses and no names, because people paste it elsewhere.
import { type Hop, HOPS } from '../peer/stats';
import type { Stats } from '../state/model';
import type { Words } from '../words';
import { panelTable } from '../words/panel';

/** Slower than this is worth the word. */
const SLOW_MS = 500;

export interface Report {
  sentence: string;
  hops: { hop: Hop | 'total'; name: string; value: string }[];
  rows: [string, string][];
  /** What Copy copies. */
  text: string;
}

export function report(stats: Stats | undefined, words: Words): Report {
  const say = words.more(panelTable);
  if (!stats) return { sentence: say('no_picture'), hops: [], rows: [], text: say('no_picture') };
  const { hops, rates, rttMs } = stats;
  const path = say(`path_${stats.path}`);
  const age = words.t('unit_s', { n: words.number((hops?.total ?? 0) / 1000, 2) });
  const sentence = !rates || rates.fps === 0 ? say('no_picture')
    : say(!hops || hops.total < SLOW_MS ? 'good' : 'slow', { path, age: hops ? age : say('ms', { n: words.number(rttMs ?? 0, 0) }) });
  const ms = (n: number): string => say('ms', { n: words.number(n, 1) });
  const lines = hops ? [...HOPS, 'total' as const].map((hop) => ({ hop, name: say(`hop_${hop}`), value: ms(hops[hop]) })) : [];
  const rows: [string, string][] = [
    [say('st_size'), `${stats.width}×${stats.height}`],
    [say('st_fps'), words.number(rates?.fps ?? 0, 0)],
    [say('st_rate'), say('mbit', { n: words.number(rates?.mbit ?? 0, 2) })],
    [say('st_loss'), `${words.number(rates?.lossPercent ?? 0, 1)} %`],
    [say('st_freezes'), words.number(rates?.freezes ?? 0, 0)],
    [say('st_codec'), rates?.codec ?? ''],
    [say('st_path'), path],
    [say('st_round'), ms(rttMs ?? 0)],
  ];
  const text = [sentence, ...lines.map((l) => `${l.name} ${l.value}`), ...rows.map((r) => r.join(' '))].join('\n');
  return { sentence, hops: lines, rows, text };
}
