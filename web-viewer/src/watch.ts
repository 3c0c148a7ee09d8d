// What of the session is on the screen: tiles, slots, stills, ages, figures. One for each page, across sessions.
import type { Entry, Sample } from './peer/stats';
import type { Session } from './peer/session';
import { Freshness } from './player/freshness';
import { type FrameTimes, type SlotPlayer, wallNow } from './player/slot';
import type { Store } from './pair/store';
import type { Camera, Layer, SlotStats, ToViewer } from './protocol/control';
import { layerFor, planSlots, type Wanted } from './state/layout';
import type { Model, Tile } from './state/model';

/** Frame times kept for the stats panel: about two seconds. */
const FRAMES_KEPT = 60;
/** The picture kept on the device. */
const THUMB_WIDTH = 320;
/** A tile that came on or left the screen is followed after this. */
const SETTLE_MS = 200;

interface Seen {
  fresh: Freshness;
  still: Tile['still'];
  frames: FrameTimes[];
  visible: boolean;
  width: number;
}

export class Watch {
  private readonly seen = new Map<string, Seen>();
  private session: Session | undefined;
  private asked = new Map<number, number>();
  private slotStats = new Map<number, SlotStats>();
  private before: { slot: number; sample: Sample } | undefined;
  private settling: ReturnType<typeof setTimeout> | undefined;
  /** Whose cameras these are. */
  private streamer = '';
  /** Layers that the streamer refused although it named them. */
  private readonly refused = new Set<string>();

  constructor(private readonly model: Model, private readonly store: Store) {}

  /** From now on it is about this streamer's cameras; another's may have the same ids. */
  house(streamer: string): void {
    if (streamer === this.streamer) return;
    this.streamer = streamer;
    this.seen.clear();
    this.refused.clear();
    this.cameras([]);
  }

  /** Cameras as they were at the last visit, with their last pictures. */
  async recall(cameras: readonly Camera[]): Promise<void> {
    const { streamer } = this;
    this.cameras([...cameras]);
    for (const { id } of cameras) {
      const thumb = await this.store.thumb(streamer, id).catch(() => undefined);
      if (this.streamer !== streamer) return;
      const seen = this.of(id);
      if (!thumb || seen.still || seen.fresh.at(wallNow()).kind !== 'none') continue;
      const bitmap = await createImageBitmap(thumb.jpeg).catch(() => undefined);
      if (!bitmap) continue;
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
      canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
      seen.still ??= { canvas, takenMs: thumb.takenMs, visit: 'earlier' };
      this.refresh();
    }
  }

  /** What to ask for with the first message: the cameras known, or the first one. */
  wishes(slots: number): { slot: number; camera?: string; layer: Layer }[] {
    const wanted = this.wanted().slice(0, slots);
    if (wanted.length === 0) return [{ slot: 0, layer: 'full' }];
    return wanted.map(({ camera, layer }, slot) => ({ slot, camera, layer }));
  }

  attach(session: Session, cameras: Camera[]): void {
    this.session = session;
    this.slotStats.clear();
    this.before = undefined;
    this.cameras(cameras);
  }

  /** Keeps the last picture of every camera; the session is about to let go of them. */
  detach(): void {
    for (const player of this.session?.players ?? []) if (player) this.freeze(player);
    this.session = undefined;
    this.model.moving = {};
    this.asked.clear();
    this.refresh();
  }

  cameras(cameras: Camera[]): void {
    this.model.cameras = cameras;
    if (!cameras.some((c) => c.id === this.model.large)) this.model.large = undefined;
    this.refresh();
  }

  control(message: ToViewer): void {
    switch (message.t) {
      case 'hello':
        this.model.place = message.place;
        this.cameras(message.cameras);
        this.slots();
        return;
      case 'cameras':
        this.cameras(message.cameras);
        this.slots();
        return;
      case 'attached':
      case 'detached':
        this.refresh();
        return;
      case 'slot_stats':
        this.slotStats.set(message.slot, message);
        return;
      case 'watching':
        this.model.watching = message.names;
        return;
      case 'motion':
        this.model.moving = { ...this.model.moving, [message.camera]: message.moving };
        return;
      case 'refused':
        this.wasRefused(message.re);
        return;
      case 'pong': case 'mode': case 'cells': case 'done': case 'bulk_begin': case 'bulk_end': case 'bye':
        return;
    }
  }

  frame(camera: string, times: FrameTimes): void {
    const seen = this.of(camera);
    const tile = this.model.tiles.find((t) => t.camera.id === camera);
    const first = !tile?.showing || tile.still !== undefined || tile.picture.kind !== 'live';
    seen.fresh.frame(wallNow(), times.captured);
    seen.still = undefined;
    seen.frames.push(times);
    if (seen.frames.length > FRAMES_KEPT) seen.frames.shift();
    if (first) this.refresh();
  }

  /** A tile is on the screen, `width` CSS pixels wide, or left it. */
  visible(camera: string, visible: boolean, width: number): void {
    const seen = this.of(camera);
    if (seen.visible === visible && Math.abs(seen.width - width) < 8) return;
    Object.assign(seen, { visible, width });
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.slots(), SETTLE_MS);
  }

  enlarge(camera: string | undefined): void {
    this.model.large = camera;
    this.refresh();
    this.slots();
  }

  /** The one that is heard, photographed and measured. */
  get selected(): Camera | undefined {
    return this.model.cameras.find((c) => c.id === this.model.large) ?? this.model.cameras[0];
  }

  player(camera: string): SlotPlayer | undefined {
    return this.session?.players.find((p) => p?.gate.camera === camera);
  }

  /** Ages, many times a second. */
  tick(): void {
    const now = wallNow();
    for (const tile of this.model.tiles) {
      const next = this.of(tile.camera.id).fresh.at(now);
      if (JSON.stringify(next) !== JSON.stringify(tile.picture)) tile.picture = next;
    }
  }

  async keepThumbs(): Promise<void> {
    const { streamer } = this;
    for (const player of this.session?.players ?? []) {
      const camera = player?.gate.camera;
      if (!camera) continue;
      const now = wallNow();
      const picture = this.of(camera).fresh.at(now);
      const canvas = picture.kind === 'none' ? undefined : player?.still(THUMB_WIDTH);
      if (!canvas || picture.kind === 'none') continue;
      // When it was taken, not when it was kept: a picture that stood still for an hour is an hour old.
      const takenMs = Date.now() - picture.ageMs;
      const jpeg = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.7));
      if (jpeg) await this.store.saveThumb({ streamer, camera, jpeg, takenMs }).catch(() => undefined);
    }
  }

  async measure(): Promise<void> {
    const { session } = this;
    const player = this.selected && this.player(this.selected.id);
    if (!session) return;
    const [report, { pathOf, ratesOf, sampleOf, hopsOf }] = await Promise.all([session.stats().catch(() => undefined), import('./peer/stats')]);
    if (!report || this.session !== session) return;
    const entries: Entry[] = [];
    report.forEach((entry: Entry) => entries.push(entry));
    const { path, rttMs } = pathOf(entries);
    const rtt = session.clock.rtt ?? rttMs;
    const sample = player && sampleOf(entries, session.mid(player.slot));
    const before = this.before?.slot === player?.slot ? this.before?.sample : undefined;
    const frames = this.selected ? this.of(this.selected.id).frames : [];
    this.model.stats = {
      path, rttMs: rttMs ?? rtt, rates: sample && ratesOf(before, sample), ...(player?.size ?? { width: 0, height: 0 }),
      hops: player && hopsOf(frames, this.slotStats.get(player.slot), rttMs ?? rtt),
    };
    this.before = player && sample && { slot: player.slot, sample };
  }

  private wanted(): Wanted[] {
    const { cameras, large } = this.model;
    const shown = large === undefined ? cameras.filter((c) => this.of(c.id).visible) : cameras.filter((c) => c.id === large);
    return shown.map((c) => {
      const layer = layerFor(c, this.of(c.id).width, window.devicePixelRatio);
      return { camera: c.id, layer: this.refused.has(`${c.id} ${layer}`) ? 'full' : layer };
    });
  }

  private slots(): void {
    const { session } = this;
    if (!session?.ready) return;
    const have = session.players.map((p) => (p?.gate.camera === undefined || !p.gate.layer ? undefined : { camera: p.gate.camera, layer: p.gate.layer }));
    for (const { slot, to } of planSlots(have, this.wanted())) {
      const player = session.players[slot];
      if (!player) continue;
      this.freeze(player);
      const re = session.request();
      if (to) {
        player.gate.ask(to.camera, to.layer);
        this.asked.set(re, slot);
        session.send({ t: 'watch', re, slot, ...to });
      } else {
        player.gate.clear();
        session.send({ t: 'unwatch', re, slot });
      }
    }
    this.refresh();
  }

  private wasRefused(re: number): void {
    const slot = this.asked.get(re);
    const gate = slot === undefined ? undefined : this.session?.players[slot]?.gate;
    if (gate?.state.at !== 'asked') return;
    const { camera, layer } = gate.state;
    gate.clear();
    if (layer !== 'small') return;
    this.refused.add(`${camera} ${layer}`);
    this.slots();
  }

  private freeze(player: SlotPlayer): void {
    const camera = player.gate.camera;
    const canvas = player.still();
    if (camera === undefined || !canvas) return;
    const picture = this.of(camera).fresh.at(wallNow());
    const takenMs = picture.kind === 'none' ? wallNow() : wallNow() - picture.ageMs;
    this.of(camera).still = { canvas, takenMs, visit: 'this' };
  }

  private of(id: string): Seen {
    let seen = this.seen.get(id);
    if (!seen) {
      seen = { fresh: new Freshness(), still: undefined, frames: [], visible: true, width: 0 };
      this.seen.set(id, seen);
    }
    return seen;
  }

  private refresh(): void {
    const { large, cameras } = this.model;
    const shown = large === undefined ? cameras : cameras.filter((c) => c.id === large);
    this.model.tiles = shown.map((camera) => {
      const player = this.player(camera.id);
      const seen = this.of(camera.id);
      return { camera, player, showing: player?.gate.state.at === 'open', still: seen.still, picture: seen.fresh.at(wallNow()) };
    });
  }
}
