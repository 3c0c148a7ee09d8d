// Looking back: joins what is known, the strip, pictures and the player of one camera. One for each page, across sessions;
// decisions are in the pure modules beside it.
import { type Axis, left, MAX_SPAN, right } from './axis';
import type { Piece } from './export';
import { type Event, type Gap, Known } from './known';
import { LEAD_MS, neighbour } from './marks';
import { canPlay, Media } from './media';
import { byPictures, pastGap, pictureClock, shuttle, type Speed, speedStep } from './player';
import { type Got, RefusedError, Requests } from './requests';
import { type Held, pictureStep, Scrub } from './scrub';
import { snapped, type Span, spanAt } from './spans';
import { Times } from './times';
import { MAX_LIST_BYTES, parsePast } from './wire';
import { listedZone, namedZone, type Zone } from './zone';
import type { Session } from '../peer/session';
import { wallNow } from '../player/slot';
import type { Camera, ToViewer } from '../protocol/control';
import { reactive } from '../ui/mount.svelte';
import type { Viewer } from '../viewer';
import type { Say } from '../words';
import type { PastKey } from '../words/past';

const HOUR = 3_600_000;
const MAX_PICTURE_BYTES = 4 * 1024 * 1024;
/** Pictures that follow the finger are no larger than this. */
const PICTURE_PX = 640;
/** The newest picture of a recording is about a second old. */
const NOW_MS = 4_000;
/** What is known of the last minutes is asked for again this often while it is in view. */
const FRESH_MS = 10_000;
const NOTE_MS = 2_500;
const BUSY_MS = 60;
/** An old streamer gives no answer at all. */
const SILENT_MS = 4_000;

/** What the strip, the picture and the lists show. */
export interface State {
  camera: string;
  /** In the past; else live. */
  on: boolean;
  /** Where the playhead is (ms), and how much time the strip shows. */
  at: number;
  span: number;
  width: number;
  playing: boolean;
  speed: Speed;
  dragging: boolean;
  /** How finely the finger moves it. */
  fine: number;
  shown: 'none' | 'still' | 'video';
  /** When what is on the screen was captured. */
  shownAt: number;
  /** Nothing was recorded where the playhead is. */
  gap: Gap | undefined;
  end: 'now' | 'last' | undefined;
  note: { key: PastKey; params?: Record<string, string | number> } | undefined;
  /** Grows when what is known has changed. */
  version: number;
  /** Grows with every picture that comes. */
  came: number;
  loaded: boolean;
  trouble: boolean;
  unplayable: boolean;
  open: 'none' | 'goto' | 'events' | 'take';
  piece: Partial<Piece>;
  taking: { got: number; total: number } | undefined;
  taken: { blob: Blob; name: string } | undefined;
  removing: { ids: number[]; ms: number } | undefined;
}

export class Back {
  readonly state: State = reactive<State>({
    camera: '', on: false, at: wallNow(), span: HOUR, width: 0, playing: false, speed: 1, dragging: false, fine: 1, shown: 'none', shownAt: 0,
    gap: undefined, end: undefined, note: undefined, version: 0, came: 0, loaded: false, trouble: false, unplayable: !canPlay(), open: 'none',
    piece: {}, taking: undefined, taken: undefined, removing: undefined,
  });
  readonly times: Times;
  /** Of the house, as soon as it is known; before that of this browser. */
  zone: Zone;
  /** The picture that follows the finger, and how it is drawn. */
  still: Held<Blob> | undefined;
  /** When the oldest recording of all began. */
  oldest: number | undefined;
  private zoneName: string | undefined;
  private offsets = new Map<number, number>();
  private readonly all = new Map<string, Known>();
  private readonly scrub = new Scrub<Blob>();
  private session: Session | undefined;
  requests: Requests | undefined;
  private media: Media | undefined;
  private stillChanged: (() => void) | undefined;
  private stillCanvas: HTMLCanvasElement | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private noteTimer: ReturnType<typeof setTimeout> | undefined;
  private pictures: { from: number; sinceMs: number } | undefined;
  private wasPlaying = false;

  constructor(readonly viewer: Viewer, readonly say: Say<PastKey>) {
    this.times = new Times(viewer.words, say);
    this.zone = namedZone(Intl.DateTimeFormat().resolvedOptions().timeZone) ?? listedZone([]);
  }

  /** A session began; resolves with whether its streamer knows of looking back. */
  async join(session: Session): Promise<boolean> {
    this.session = session;
    this.requests = new Requests(session);
    for (const known of this.all.values()) {
      known.failed();
      known.stale(this.now() - HOUR);
    }
    this.follow();
    const answered = await Promise.race([this.load(true), new Promise<false>((done) => { setTimeout(() => done(false), SILENT_MS); })]);
    clearTimeout(this.timer);
    if (answered) this.tick();
    if (answered && this.state.on) this.seek(this.state.at);
    return answered;
  }

  leave(): void {
    clearTimeout(this.timer);
    this.requests?.close();
    [this.session, this.requests] = [undefined, undefined];
    this.media?.stop();
    this.scrub.clear();
  }

  control(message: ToViewer): void {
    this.requests?.control(message);
    if (message.t === 'motion' && !message.moving && message.camera === this.state.camera) this.known.stale(this.now() - 60_000);
  }

  data(message: ArrayBuffer): void {
    this.requests?.data(message);
  }

  /** Which camera it is about: the one that is large, or the first. */
  follow(): void {
    const id = this.viewer.watch?.selected?.id ?? '';
    if (id === this.state.camera) return;
    this.state.camera = id;
    this.scrub.clear();
    this.still = undefined;
    this.state.shown = 'none';
    this.state.version += 1;
    this.media?.stop();
    if (this.state.on) this.seek(this.state.at, this.state.playing);
    void this.load();
  }

  get camera(): Camera | undefined {
    return this.viewer.model.cameras.find((c) => c.id === this.state.camera);
  }

  get known(): Known {
    const { camera } = this.state;
    let known = this.all.get(camera);
    if (!known) {
      known = new Known();
      this.all.set(camera, known);
    }
    return known;
  }

  get axis(): Axis {
    const { at, span, width } = this.state;
    return { centre: at, span, width: Math.max(1, width) };
  }

  /** The streamer's clock, in ms. */
  now(): number {
    return this.session?.clock.toTheirs(wallNow()) ?? wallNow();
  }

  /** The element that plays, and what is called when another picture is to be drawn. */
  mount(video: HTMLVideoElement, canvas: HTMLCanvasElement, stillChanged: () => void): () => void {
    this.stillChanged = stillChanged;
    this.stillCanvas = canvas;
    this.media = new Media(video, (from, on) => this.stream(from, on), {
      frame: (at) => this.frame(at),
      skipped: (from, to) => this.skipped(from, to),
      stopped: () => this.reachedEnd(),
      failed: (why) => {
        this.state.playing = false;
        if (why === 'unsupported') this.state.unplayable = true;
        else this.note('failed');
      },
    });
    this.sound();
    if (this.state.on) this.seek(this.state.at, this.state.playing);
    return () => {
      this.media?.stop();
      [this.media, this.stillChanged, this.stillCanvas] = [undefined, undefined, undefined];
    };
  }

  /** Sound as it is wanted, from the past while that is shown. */
  sound(): void {
    const { on, speed } = this.state;
    this.viewer.hush(on);
    if (!this.media) return;
    this.media.video.muted = this.viewer.model.sound !== 'on' || speed < 0.5;
    this.media.video.volume = this.viewer.model.volume;
  }

  /** Goes to a moment: shows its frame, and plays on if it is to. */
  seek(at: number, play = this.state.playing): void {
    const { state } = this;
    const to = Math.min(at, this.now());
    if (!state.on) this.enter();
    this.pictures = undefined;
    Object.assign(state, { at: to, end: undefined, playing: play });
    const within = spanAt(this.known.spans, to);
    state.gap = within ? undefined : this.gapOf(to);
    if (state.gap) {
      this.media?.stop();
      state.shown = 'none';
      this.still = undefined;
      this.stillChanged?.();
      if (play) {
        const next = snapped(this.known.spans, to);
        if (next !== undefined && next > to) this.playFrom(next, to);
        else this.reachedEnd();
      }
      return;
    }
    this.freeze();
    this.picture(to, 500);
    if (!play && !state.unplayable) this.media?.show(to, false);
    else if (play && this.slides(state.speed)) this.pictures = { from: to, sinceMs: performance.now() };
    else if (play) this.media?.show(to, true);
    this.frameLoop();
    void this.load();
  }

  /** By so much, over what was not recorded in one step. */
  step(ms: number): void {
    const from = this.state.on ? this.state.at : this.now();
    let to = from + ms;
    if (!spanAt(this.known.spans, to) && this.known.spans.length > 0) {
      const edge = pastGap(this.known.spans, to, ms > 0);
      if (edge !== undefined) to = ms > 0 ? edge : Math.max(edge - 2_000, spanAt(this.known.spans, edge - 2_000)?.from ?? edge - 500);
    }
    this.seek(to, this.state.on ? this.state.playing : true);
  }

  /** One picture on or back, standing. */
  frameStep(by: 1 | -1): void {
    const fps = this.camera?.fps ?? 0;
    // Into the middle of the neighbour: frames are not evenly apart.
    this.seek((this.state.on ? this.state.shownAt || this.state.at : this.now()) + (by === 1 ? 1.5 : -0.5) * 1000 / (fps > 0 ? fps : 25), false);
  }

  event(by: 1 | -1): void {
    const at = this.state.on ? this.state.at : this.now();
    const found = neighbour(this.shownEvents(), at, by);
    if (found) {
      this.playEvent(found);
      return;
    }
    // What is loaded is about the time in view: before it there may be more.
    void this.reach(by < 0 ? at - MAX_SPAN : at, by < 0 ? at : Math.min(this.now(), at + MAX_SPAN)).then(() => {
      const further = neighbour(this.shownEvents(), at, by);
      if (further) this.playEvent(further);
    });
  }

  /** From a little before it, as far as that was recorded. */
  playEvent(event: Event): void {
    const first = this.known.spans.find((s) => s.to > event.from - LEAD_MS);
    this.seek(Math.max(event.from - LEAD_MS, Math.min(first?.from ?? 0, event.from)), true);
  }

  toggle(): void {
    const { state } = this;
    if (!state.on) {
      this.seek(this.now() - 1_500, false);
      return;
    }
    if (state.playing) this.pause();
    else this.seek(state.at, true);
  }

  pause(): void {
    this.state.playing = false;
    this.pictures = undefined;
    this.media?.pause();
    if (this.slides(this.state.speed)) this.seek(this.state.at, false);
  }

  /** Another speed; playing goes on from here. */
  setSpeed(speed: Speed, play = this.state.playing): void {
    const { state } = this;
    const before = state.speed;
    state.speed = speed;
    state.playing = play && state.on;
    this.sound();
    if (!state.on) return;
    if (state.gap || this.slides(speed) || this.slides(before) || !this.media) {
      if (this.slides(speed)) this.media?.stop();
      if (play) this.seek(state.at, true);
      return;
    }
    this.media.speed(speed);
    if (play) this.media.play();
    if (play && state.shown !== 'video') this.seek(state.at, true);
  }

  shuttle(by: 1 | -1): void {
    if (!this.state.on) {
      if (by === -1) this.step(-1_000);
      return;
    }
    this.state.end = undefined;
    this.setSpeed(shuttle(this.state.speed, this.state.playing, by), true);
  }

  faster(by: 1 | -1): void {
    this.setSpeed(speedStep(this.state.speed, by));
  }

  live(): void {
    const { state } = this;
    this.media?.stop();
    this.pictures = undefined;
    Object.assign(state, { on: false, playing: false, speed: 1, shown: 'none', gap: undefined, end: undefined, note: undefined, at: this.now(), dragging: false });
    this.sound();
  }

  /** What is on the screen, in full size, and when it was. */
  snapshot(): { canvas: HTMLCanvasElement; at: number } | undefined {
    const { state, media } = this;
    const canvas = document.createElement('canvas');
    const from = state.shown === 'video' ? media?.video : this.stillCanvas;
    if (!state.on || state.shown === 'none' || !from) return undefined;
    [canvas.width, canvas.height] = from instanceof HTMLVideoElement ? [from.videoWidth, from.videoHeight] : [from.width, from.height];
    canvas.getContext('2d')?.drawImage(from, 0, 0);
    return { canvas, at: state.shownAt };
  }

  // The strip under a finger.

  grab(): void {
    const { state } = this;
    if (state.dragging) return;
    this.wasPlaying = state.on ? state.playing : true;
    state.dragging = true;
    state.playing = false;
    this.pictures = undefined;
    if (!state.on) state.at = this.now();
    this.freeze();
    this.media?.stop();
  }

  /** The strip now stands at `at`; from live that is the past as soon as it is more than a moment ago. */
  drag(at: number): void {
    const { state } = this;
    state.at = Math.min(at, this.now());
    if (!state.on && state.at < this.now() - 1_000) this.enter();
    if (!state.on) return;
    state.end = undefined;
    const within = spanAt(this.known.spans, state.at);
    state.gap = within ? undefined : this.gapOf(state.at);
    if (within) this.picture(state.at, pictureStep(state.span));
    else if (state.shown !== 'none') {
      state.shown = 'none';
      this.still = undefined;
      this.stillChanged?.();
    }
    void this.load();
  }

  /** Let go: the exact frame, and on if it was playing. */
  release(): void {
    const { state } = this;
    if (!state.dragging) return;
    state.dragging = false;
    state.fine = 1;
    if (state.on) this.seek(state.at, this.wasPlaying);
    else state.at = this.now();
  }

  zoomTo(span: number, at = this.state.at): void {
    this.state.span = Math.min(MAX_SPAN, Math.max(10_000, span));
    if (at !== this.state.at) this.state.at = Math.min(at, this.now());
    void this.load();
  }

  /** The picture nearest to a moment under the pointer; asked for while nothing else is. */
  preview(at: number): Held<Blob> | undefined {
    const { state, scrub } = this;
    const within = spanAt(this.known.spans, at);
    if (!within) return undefined;
    if (!state.dragging && !this.pictures) {
      scrub.want(at, pictureStep(state.span), within);
      this.askPictures();
    }
    return scrub.nearest(at, within);
  }

  /** Events whose recording is still there. */
  shownEvents(): Event[] {
    const { known } = this;
    return known.events.filter((e) => known.filesOf(e.from - LEAD_MS, e.to ?? e.from + 1).length > 0);
  }

  async record(on: boolean): Promise<void> {
    const { camera } = this.state;
    try {
      await this.requests?.plain(on ? { t: 'record', camera } : { t: 'record_stop', camera });
    } catch {
      this.note('record_failed');
    }
  }

  // What happens by itself.

  /** Asks for what of the view is not known yet; resolves with whether an answer came. */
  async load(always = false): Promise<boolean> {
    const { known, state } = this;
    const now = this.now();
    const view = this.axis;
    const [from, to] = state.loaded ? [left(view) - view.span / 2, right(view) + view.span / 2] : [now - 25 * HOUR, now];
    const missing = known.missing(Math.max(0, Math.min(from, this.zone.dayStart(state.at))), Math.min(to, now - (state.loaded ? FRESH_MS : 0)))
      ?? (always ? { from: now - 2 * FRESH_MS, to: now } : undefined);
    return missing !== undefined && await this.learn(missing);
  }

  /** Asks for what is not known of a longer time, in as many answers as it takes. */
  private async reach(from: number, to: number): Promise<void> {
    for (let tries = 0; tries < 8; tries += 1) {
      const missing = this.known.missing(Math.max(0, from), to);
      if (!missing || !await this.learn(missing)) return;
    }
  }

  private async learn(missing: Span): Promise<boolean> {
    const { requests, known, state } = this;
    if (!requests) return false;
    try {
      const got = await requests.whole({ t: 'past', camera: state.camera, from: us(missing.from), to: us(missing.to) }, MAX_LIST_BYTES);
      const told = parsePast(got.bytes);
      this.setZone(told.zone);
      this.oldest = told.oldest;
      const lastRow = Math.min(told.files.at(-1)?.from ?? missing.to, told.events.at(-1)?.from ?? missing.to);
      known.add(missing, told, told.more ? Math.max(missing.from + 1, lastRow) : told.now);
      Object.assign(state, { loaded: true, trouble: false });
      state.version += 1;
      if (told.more) void this.load();
      return true;
    } catch (error) {
      known.failed();
      const lost = error instanceof RefusedError && error.why === 'lost';
      state.trouble = !lost;
      return false;
    }
  }

  private setZone(zone: { name?: string; offsets: [number, number][] }): void {
    for (const [from, seconds] of zone.offsets) this.offsets.set(from, seconds);
    if (zone.name !== undefined && zone.name === this.zoneName) return;
    const named = zone.name === undefined ? undefined : namedZone(zone.name);
    this.zoneName = zone.name;
    if (named) this.zone = named;
    else if (this.offsets.size > 0) this.zone = listedZone([...this.offsets].sort((a, b) => a[0] - b[0]));
  }

  /** Once a second: the clock moves on while it is live, and what is new is asked for. */
  private tick(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tick(), 1_000);
    const { state } = this;
    this.follow();
    if (!state.on && !state.dragging) state.at = this.now();
    if (document.visibilityState === 'visible') void this.load();
  }

  private enter(): void {
    this.state.on = true;
    const { viewer } = this;
    if (viewer.model.cameras.length > 1 && viewer.model.large !== this.state.camera) viewer.enlarge(this.state.camera);
    viewer.model.view = { scale: 1, x: 0, y: 0 };
    this.sound();
  }

  /** Shown as pictures one after the other: where the player would not keep up, and where there is none. */
  private slides(speed: Speed): boolean {
    return this.state.unplayable || byPictures(speed);
  }

  private gapOf(at: number): Gap {
    const found = this.known.gapAt(at);
    if (found) return found;
    const { spans } = this.known;
    const [before, after] = [spans.findLast((s) => s.to <= at)?.to, spans.find((s) => s.from > at)?.from];
    return { from: before ?? at, to: after ?? this.now(), why: 'none' };
  }

  private playFrom(next: number, from: number): void {
    this.skipped(from, next);
    this.seek(next, true);
  }

  private stream(from: number, on: { begin(mime: string, origin: number): void; part(bytes: Uint8Array<ArrayBuffer>): void; end(ok: boolean, next: number | undefined): void }): { ack(bytes: number): void; cancel(): void } {
    const { requests, state } = this;
    if (!requests) {
      queueMicrotask(() => on.end(false, undefined));
      return { ack: () => undefined, cancel: () => undefined };
    }
    const running = requests.parts({ t: 'play', camera: state.camera, from: us(from), follow: true }, {
      begun: ({ mime, at }) => on.begin(mime, (at ?? us(from)) / 1000),
      part: (bytes) => on.part(bytes),
      done: (got) => on.end(true, got.next),
      failed: (why) => on.end(why === 'unavailable', undefined),
    });
    return { ack: (bytes) => requests.taken(running.re, bytes), cancel: () => running.cancel() };
  }

  private frame(at: number): void {
    const { state } = this;
    if (!state.on || state.dragging || this.pictures) return;
    Object.assign(state, { shown: 'video', shownAt: at, gap: undefined });
    if (state.playing) state.at = at;
    if (state.playing && at > this.now() - 2_000) this.reachedEnd();
  }

  /** The nearest picture held, at once, and the right one asked for. */
  private picture(at: number, step: number): void {
    const { state, scrub } = this;
    const within = spanAt(this.known.spans, at);
    scrub.want(at, step, within);
    if (within) this.showHeld(scrub.nearest(at, within));
    this.askPictures();
    if (state.shown === 'video' && state.dragging) this.freeze();
  }

  private showHeld(held: Held<Blob> | undefined): void {
    if (!held || this.still === held && this.state.shown === 'still') return;
    this.still = held;
    Object.assign(this.state, { shown: 'still', shownAt: held.at });
    this.stillChanged?.();
  }

  private askPictures(): void {
    const { scrub, requests } = this;
    if (!requests) return;
    for (;;) {
      const ask = scrub.next(performance.now());
      if (!ask) return;
      this.ask(ask.at, PICTURE_PX).then((got) => {
        const blob = jpeg(got);
        scrub.answer(ask.id, { at: got.at ?? ask.at, bytes: blob.size, picture: blob });
        this.pictureCame();
      }, (error: unknown) => {
        scrub.failed(ask.id, !(error instanceof RefusedError) || error.why === 'unavailable');
        // Busy with another's: a moment later, with what is wanted then.
        setTimeout(() => this.askPictures(), BUSY_MS);
      });
    }
  }

  private pictureCame(): void {
    const { state } = this;
    state.came += 1;
    const within = spanAt(this.known.spans, state.at);
    // A frame of the player is better than any of these.
    if (state.on && within && (state.dragging || this.pictures || state.shown !== 'video')) this.showHeld(this.scrub.nearest(state.at, within));
    this.askPictures();
  }

  ask(at: number, width: number, camera = this.state.camera): Promise<Got> {
    return this.requests?.whole({ t: 'picture', camera, at: us(at), width }, MAX_PICTURE_BYTES) ?? Promise.reject(new RefusedError('lost'));
  }

  /** Keeps the player's frame on the screen while there is nothing newer. */
  private freeze(): void {
    const { media, state, stillCanvas } = this;
    if (state.shown !== 'video' || !media?.video.videoWidth || !stillCanvas) return;
    [stillCanvas.width, stillCanvas.height] = [media.video.videoWidth, media.video.videoHeight];
    stillCanvas.getContext('2d')?.drawImage(media.video, 0, 0);
    this.still = undefined;
    state.shown = 'still';
  }

  /** Faster than twice and backwards: pictures, by a clock of its own. */
  private frameLoop(): void {
    if (!this.pictures) return;
    requestAnimationFrame((nowMs) => {
      const { pictures, state, known } = this;
      if (!pictures || !state.on || state.dragging) return;
      const { spans } = known;
      const [first, last] = [spans[0]?.from ?? 0, Math.max(spans[0]?.from ?? 0, (known.last ?? 0) - 500)];
      const { at, over } = pictureClock(pictures.from, state.speed, Math.max(0, nowMs - pictures.sinceMs), first, last);
      const to = pastGap(spans, at, state.speed > 0);
      if (over || to === undefined) {
        state.at = Math.min(last, Math.max(first, at));
        this.reachedEnd();
        return;
      }
      if (to !== at) {
        this.skipped(Math.min(at, to), Math.max(at, to));
        this.pictures = { from: state.speed > 0 ? to : to - 1, sinceMs: nowMs };
      }
      state.at = state.speed > 0 ? to : Math.min(to, at);
      state.gap = undefined;
      this.picture(state.at, Math.max(500, Math.abs(state.speed) * 250));
      this.frameLoop();
    });
  }

  private skipped(from: number, to: number): void {
    const why = this.known.gapAt((from + to) / 2)?.why ?? 'none';
    this.note(`skipped_${why}`, { time: this.times.length(to - from) });
  }

  private reachedEnd(): void {
    const { state } = this;
    const forwards = state.speed > 0;
    this.pictures = undefined;
    this.media?.pause();
    state.playing = false;
    if (forwards) state.end = (this.known.last ?? state.at) > this.now() - 3 * FRESH_MS && state.at > this.now() - FRESH_MS - NOW_MS ? 'now' : 'last';
  }

  note(key: PastKey, params?: Record<string, string | number>): void {
    clearTimeout(this.noteTimer);
    this.state.note = params ? { key, params } : { key };
    this.noteTimer = setTimeout(() => { this.state.note = undefined; }, NOTE_MS);
  }

}

export const us = (ms: number): number => Math.round(ms * 1000);
export const jpeg = (got: Got): Blob => new Blob([got.bytes], { type: 'image/jpeg' });


