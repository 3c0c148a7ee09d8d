// Shows the page's screens without a streamer: `?scene=NAME`, cameras drawn on canvases. Never part of dist/.
import '../src/ui/base.css';
import { PeerClock } from '../src/player/clock';
import type { Picture } from '../src/player/freshness';
import { SlotPlayer, wallNow } from '../src/player/slot';
import { lookBack as lookBackWith } from './past';
import { editZones, withHouse } from './zones';
import type { Camera } from '../src/protocol/control';
import { initialModel, type Model, type Tile } from '../src/state/model';
import { finalCard } from '../src/state/sentence';
import { mountApp, reactive } from '../src/ui/mount.svelte';
import { Viewer } from '../src/viewer';
import { chooseLanguage, words } from '../src/words';

const query = new URLSearchParams(location.search);
const table = words(chooseLanguage(query.get('lang'), navigator.languages));
document.documentElement.lang = table.lang;
const model = reactive(initialModel(query.get('http') === null));
const viewer = new Viewer(model, table, '');

const camera = (i: number, name: string): Camera => ({
  id: `c${i}`, name, state: 'live', width: 1280, height: 720, fps: 30, audio: true, layers: ['full', 'small'],
});

const lookBack = (v: Viewer, made: { marks?: number } = {}): ReturnType<typeof lookBackWith> => lookBackWith(v, { ...made, delayMs: Number(query.get('delay') ?? 0) });

function scenery(i: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [1280, 720];
  const g = canvas.getContext('2d');
  const draw = (): void => {
    if (!g) return;
    const sky = g.createLinearGradient(0, 0, 0, 720);
    sky.addColorStop(0, `hsl(${200 + i * 40} 60% 70%)`);
    sky.addColorStop(1, `hsl(${90 + i * 40} 40% 40%)`);
    g.fillStyle = sky;
    g.fillRect(0, 0, 1280, 720);
    g.fillStyle = '#a33';
    g.fillRect(200 + (performance.now() / 10) % 800, 380, 120, 240);
    g.fillStyle = '#fff';
    g.font = '64px sans-serif';
    g.fillText(new Date().toISOString().slice(11, 23), 60, 660);
  };
  draw();
  setInterval(draw, 40);
  return canvas;
}

function live(c: Camera, i: number, picture: Picture): Tile {
  const player = new SlotPlayer(i, new PeerClock(), { frame: () => undefined, refused: () => undefined });
  player.announce({ kind: 'video', slot: i, camera: c.id, layer: 'full', epoch: 1, rtp: 0 });
  const [track] = scenery(i).captureStream(25).getVideoTracks();
  if (track) player.track(track, { getSynchronizationSources: () => [] } as unknown as RTCRtpReceiver);
  return { camera: c, player, showing: true, still: undefined, picture };
}

const fresh: Picture = { kind: 'live', ageMs: 180 };
const NAMES = ['Front door', 'Yard', 'Garage', 'Kitchen', 'Attic', 'Gate', 'Boat', 'Cellar', 'Workshop'];

function cameras(n: number, picture: Picture = fresh): void {
  model.cameras = NAMES.slice(0, n).map((name, i) => camera(i, name));
  model.tiles = model.cameras.map((c, i) => live(c, i, picture));
  model.link = { at: 'live', since: wallNow(), strikes: 0 };
  const all = model.tiles;
  // Without a session there is nothing to ask for: the tiles alone change.
  viewer.enlarge = (id) => {
    model.large = id;
    model.tiles = all.filter((tile) => id === undefined || tile.camera.id === id);
  };
}

function viewing(m: Model): void {
  m.screen = { at: 'viewing' };
  m.place = 'Home';
  m.watching = ['Anna’s phone', 'Kitchen tablet'];
}

const stale = (ageMs: number, say: 'age' | 'reason' | 'clock'): Picture => ({ kind: 'stale', ageMs, takenMs: wallNow() - ageMs, say });

const scenes: Record<string, () => unknown> = {
  live: () => { viewing(model); cameras(1); model.soundOffer = true; },
  stale: () => { viewing(model); cameras(1, stale(3_000, 'age')); },
  lost: () => {
    viewing(model);
    cameras(1, stale(12_000, 'reason'));
    model.link = { at: 'connecting', step: 'finding', since: 0, tries: 2, seen: true, strikes: 0 };
    model.line = { key: 'lost', params: { n: 2 } };
    model.reason = { key: 'offline_srv' };
    model.slow = true;
  },
  connecting: () => { viewing(model); model.place = ''; model.watching = []; model.line = { key: 'c_finding' }; },
  slow: () => { viewing(model); model.line = { key: 'c_finding' }; model.reason = { key: 'offline_me' }; model.slow = true; },
  again: () => {
    viewing(model);
    cameras(1, { kind: 'none' });
    model.line = { key: 'c_proving' };
    model.link = { at: 'connecting', step: 'proving', since: 0, tries: 1, seen: false, strikes: 0 };
    model.tiles = model.tiles.map((t) => ({ ...t, player: undefined, showing: false, still: { canvas: scenery(0), takenMs: wallNow() - 3.6e6, visit: 'earlier' } }));
  },
  gone: () => {
    viewing(model);
    cameras(1, stale(80_000, 'clock'));
    model.tiles = model.tiles.map((t) => ({ ...t, camera: { ...t.camera, state: 'backoff', reason: 'gone' } }));
  },
  paired: () => { viewing(model); cameras(1); model.soundOffer = true; model.notice = { key: 'paired', params: { place: 'Home' } }; model.canRename = true; model.device = 'iPhone, Safari'; },
  home_screen: () => { viewing(model); cameras(1); model.soundOffer = true; model.homeCard = true; },
  tap: () => { viewing(model); cameras(1, { kind: 'none' }); model.tiles = model.tiles.map((t) => ({ ...t, showing: false })); model.tapPicture = true; },
  grid: () => { viewing(model); cameras(Number(query.get('n') ?? 4)); },
  zoomed: () => { viewing(model); cameras(1); model.view = { scale: 2.5, x: 0.75, y: 0.75 }; },
  zoomed_stale: () => { viewing(model); cameras(1, stale(12_000, 'age')); model.view = { scale: 8, x: 3, y: 3 }; },
  grid_stale: () => { viewing(model); cameras(4, stale(12_000, 'age')); },
  sound: () => { viewing(model); cameras(1); model.sound = 'on'; },
  stats: () => {
    viewing(model);
    cameras(1);
    model.stats = {
      path: 'host', rttMs: 1.2, width: 1280, height: 720, rates: { fps: 30, mbit: 2.41, lossPercent: 0.2, freezes: 0, codec: 'H264' },
      hops: { capture: 4.1, encode: 3.6, send: 0.4, network: 0.6, buffer: 1.6, show: 24.2, total: 34.5 },
    };
    model.panel = 'stats';
  },
  settings: () => { viewing(model); cameras(1); model.panel = 'settings'; },
  one_of_many: () => { viewing(model); cameras(4); viewer.enlarge('c1'); },
  one_of_many_gone: () => {
    viewing(model);
    cameras(4, stale(80_000, 'clock'));
    viewer.enlarge('c1');
    model.tiles = model.tiles.map((t) => ({ ...t, camera: { ...t.camera, state: 'backoff', reason: 'gone' } }));
  },
  badges: () => { viewing(model); cameras(Number(query.get('n') ?? 4)); model.moving = { c0: true, c2: true }; model.cameras.forEach((c, i) => { if (i < 2) c.recording = 'motion'; }); model.tiles = model.tiles.map((t) => ({ ...t, camera: model.cameras.find((c) => c.id === t.camera.id) ?? t.camera })); },
  past_live: () => { viewing(model); cameras(1); return lookBack(viewer); },
  past: async () => { viewing(model); cameras(1); (await lookBack(viewer)).seek(wallNow() - 3_600_000 * 2, false); },
  past_gap: async () => { viewing(model); cameras(1); (await lookBack(viewer)).seek(wallNow() - 60_000 * 43, false); },
  past_many: async () => { viewing(model); cameras(1); (await lookBack(viewer, { marks: 10_000 })).zoomTo(31 * 86_400_000); },
  past_events: async () => { viewing(model); cameras(1); model.admin = true; const back = await lookBack(viewer); back.seek(wallNow() - 3_600_000 * 2, false); back.state.open = 'events'; },
  past_take: async () => { viewing(model); cameras(1); const back = await lookBack(viewer); const at = wallNow() - 3_600_000 * 2; back.seek(at, false); back.state.open = 'take'; back.state.piece = { from: at - 60_000, to: at + 30_000 }; },
  past_goto: async () => { viewing(model); cameras(1); model.admin = true; (await lookBack(viewer)).state.open = 'goto'; },
  past_end: async () => { viewing(model); cameras(1); const back = await lookBack(viewer); back.seek(wallNow() - 10_000, false); setTimeout(() => { back.state.end = 'now'; }, 100); },
  house: async () => { viewing(model); cameras(4); await withHouse(viewer, 'away'); model.panel = 'house'; },
  house_seen: async () => { viewing(model); cameras(1); await withHouse(viewer, 'home'); model.admin = false; model.panel = 'house'; },
  house_settings: async () => { viewing(model); cameras(2); await withHouse(viewer, 'away'); model.panel = 'settings'; },
  house_private: async () => {
    viewing(model);
    cameras(2, stale(80_000, 'clock'));
    await withHouse(viewer, 'privacy');
    model.tiles = model.tiles.map((t) => ({ ...t, camera: { ...t.camera, state: 'stopped' } }));
  },
  moves: async () => { viewing(model); cameras(1); await withHouse(viewer, 'away'); if (model.moves) model.moves.moves.on = true; },
  zones: async () => { viewing(model); cameras(1); (await editZones(viewer)).select(0); },
  zones_corner: async () => { viewing(model); cameras(1); (await editZones(viewer)).select(1, 2); },
  zones_none: async () => { viewing(model); cameras(1); await editZones(viewer, []); },
  zones_crossed: async () => { viewing(model); cameras(1); const e = await editZones(viewer); e.select(0); e.drag([[0.1, 0.5], [0.6, 0.9], [0.6, 0.5], [0.1, 0.9]]); e.drop(true); },
  zones_private: async () => { viewing(model); cameras(1); const e = await editZones(viewer); e.select(0); e.setKind('privacy'); },
  zones_leave: async () => { viewing(model); cameras(1); const e = await editZones(viewer); e.setSensitivity(70); e.close(); },
  zones_saved: async () => { viewing(model); cameras(1); const e = await editZones(viewer); e.setSensitivity(70); await e.save(); },
  zones_zoomed: async () => { viewing(model); cameras(1); const e = await editZones(viewer); e.select(1, 0); model.view = { scale: 2, x: 1, y: 0 }; },
  protection: () => { viewing(model); cameras(1); model.panel = 'protection'; },
  watching: () => { viewing(model); cameras(1); model.panel = 'watching'; },
  full: () => { viewing(model); cameras(1, stale(3_000, 'age')); model.fullScreen = true; },
  inapp: () => { model.screen = { at: 'card', sentence: { key: 'inapp', params: { browser: 'Safari' } }, actions: ['copy_link', 'anyway'] }; },
  used: () => { model.screen = { at: 'card', ...finalCard({ kind: 'refused', refused: { why: 'used', who: 'Anna’s phone' } }, table) }; },
  tamper: () => { model.screen = { at: 'card', ...finalCard({ kind: 'tampered', detail: 'message does not open' }, table) }; },
  tabs: () => { model.screen = { at: 'card', sentence: { key: 'two_tabs' }, actions: ['watch_here'] }; },
  home: () => { model.screen = { at: 'home', sentence: { key: 'home_new' } }; },
  bad: () => { model.screen = { at: 'home', sentence: { key: 'code_bad' } }; },
};

mountApp(viewer);
void scenes[query.get('scene') ?? 'live']?.();
Object.assign(window, { viewer, scenes: Object.keys(scenes), model });
