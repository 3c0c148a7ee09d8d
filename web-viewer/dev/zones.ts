// A made-up streamer that knows only of the house: its mode, one set of zones, and a thing that crosses the picture.
import type { Looking } from '../src/ui/past/load';
import type { Session } from '../src/peer/session';
import { b64 } from '../src/protocol/bytes';
import type { Asking, ToStreamer, ZoneRow } from '../src/protocol/control';
import { RefusedError } from '../src/past/requests';
import type { Viewer } from '../src/viewer';
import type { Watch } from '../src/watch';
import type { Editor } from '../src/zones/editor.svelte';

const [WIDTH, HEIGHT] = [160, 90];

export const ZONES: ZoneRow[] = [
  { name: 'Drive', kind: 'watch', points: [[0.08, 0.55], [0.5, 0.45], [0.62, 0.95], [0.05, 0.95]], min_duration: 0.5, sensitivity: 62 },
  { name: 'Tree', kind: 'ignore', points: [[0.66, 0.2], [0.8, 0.12], [0.95, 0.25], [0.9, 0.6], [0.7, 0.55]], min_duration: 0 },
  { name: 'Window', kind: 'privacy', points: [[0.2, 0.12], [0.4, 0.12], [0.4, 0.32], [0.2, 0.32]], min_duration: 0 },
];

/** A block of cells, as far across as the clock says, and some that shake in the tree. */
function cells(): string {
  const bytes = new Uint8Array(WIDTH * HEIGHT / 8);
  const set = (x: number, y: number): void => { bytes[(y * WIDTH + x) >> 3] = (bytes[(y * WIDTH + x) >> 3] ?? 0) | 1 << (x & 7); };
  const at = 20 + Math.floor(performance.now() / 80) % 100;
  for (let y = 50; y < 74; y += 1) for (let x = at; x < at + 14; x += 1) set(x, y);
  for (let y = 24; y < 36; y += 2) for (let x = 118; x < 140; x += 3) set(x, y);
  return b64(bytes);
}

export interface Told { asked: (Asking | ToStreamer)[]; refuse: 'invalid' | 'unavailable' | 'lost' | undefined; zones: readonly ZoneRow[]; still: boolean }

/** Gives the page what it would have from a streamer with a house. `told` on the window is what it was told. */
export async function withHouse(viewer: Viewer, mode: string, zones: readonly ZoneRow[] = ZONES): Promise<Told> {
  const told: Told = { asked: [], refuse: undefined, zones, still: false };
  let sensitivity = 50;
  const answer = (ask: Asking): void => {
    told.asked.push(JSON.parse(JSON.stringify(ask)) as Asking);
    if (told.refuse) throw new RefusedError(told.refuse);
    if (ask.t === 'set_looking') [told.zones, sensitivity] = [ask.zones, ask.sensitivity ?? sensitivity];
    if (ask.t === 'set_mode') viewer.model.mode = ask.mode;
  };
  const requests = {
    whole: async (ask: Asking) => {
      await Promise.resolve(answer(ask));
      return { bytes: new TextEncoder().encode(JSON.stringify({ camera: 'c0', active: true, sensitivity, zones: told.zones })) };
    },
    plain: async (ask: Asking) => { await Promise.resolve(answer(ask)); },
  };
  let re = 0;
  viewer.session = { ready: true, request: () => (re += 1), send: (ask: ToStreamer) => told.asked.push(ask) } as unknown as Session;
  viewer.looking ??= { back: { requests } } as unknown as Looking;
  viewer.watch ??= { selected: viewer.model.cameras[0], visible: () => undefined } as unknown as Watch;
  viewer.model.admin = true;
  // As the page does: each has a style of its own beside it.
  await import('../src/ui/zones/house').then((m) => m.house(viewer, mode));
  setInterval(() => {
    if (!told.still) viewer.model.moves?.moves.control({ t: 'cells', camera: 'c0', width: WIDTH, height: HEIGHT, bits: cells() });
  }, 100);
  Object.assign(window, { told });
  return told;
}

export async function editZones(viewer: Viewer, zones?: readonly ZoneRow[]): Promise<Editor> {
  await withHouse(viewer, 'away', zones);
  const [camera] = viewer.model.cameras;
  if (camera) await import('../src/ui/zones/load').then((m) => m.open(viewer, camera));
  const editor = viewer.model.zones?.editor;
  if (!editor) throw new Error('no editor');
  for (let i = 0; i < 50 && editor.at === 'loading'; i += 1) await new Promise((done) => { setTimeout(done, 10); });
  Object.assign(window, { editor });
  return editor;
}
