// The stats panel's words and figures. Pure; no addresses and no names, because people paste it elsewhere.
import { type Hop, HOPS } from '../peer/stats';
import type { Stats } from '../state/model';
import type { Words } from '../words';

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
  if (!stats) return { sentence: words.t('no_picture'), hops: [], rows: [], text: words.t('no_picture') };
  const { hops, rates, rttMs } = stats;
  const path = words.t(`path_${stats.path}`);
  const age = words.t('unit_s', { n: words.number((hops?.total ?? 0) / 1000, 2) });
  const sentence = !rates || rates.fps === 0 ? words.t('no_picture')
    : words.t(!hops || hops.total < SLOW_MS ? 'good' : 'slow', { path, age: hops ? age : words.t('ms', { n: words.number(rttMs ?? 0, 0) }) });
  const ms = (n: number): string => words.t('ms', { n: words.number(n, 1) });
  const lines = hops ? [...HOPS, 'total' as const].map((hop) => ({ hop, name: words.t(`hop_${hop}`), value: ms(hops[hop]) })) : [];
  const rows: [string, string][] = [
    [words.t('st_size'), `${stats.width}×${stats.height}`],
    [words.t('st_fps'), words.number(rates?.fps ?? 0, 0)],
    [words.t('st_rate'), words.t('mbit', { n: words.number(rates?.mbit ?? 0, 2) })],
    [words.t('st_loss'), `${words.number(rates?.lossPercent ?? 0, 1)} %`],
    [words.t('st_freezes'), words.number(rates?.freezes ?? 0, 0)],
    [words.t('st_codec'), rates?.codec ?? ''],
    [words.t('st_path'), path],
    [words.t('st_round'), ms(rttMs ?? 0)],
  ];
  const text = [sentence, ...lines.map((l) => `${l.name} ${l.value}`), ...rows.map((r) => r.join(' '))].join('\n');
  return { sentence, hops: lines, rows, text };
}
