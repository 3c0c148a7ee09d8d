// The browser's player of a stretch of recordings: a stream of fragments into a MediaSource, acknowledged as it is taken. What it
// decides is in player.ts.
import type { Bytes } from '../protocol/bytes';
import { evictBefore, type Range, rangeAt, type Speed, step, wantsMore } from './player';

/** A stream on its way. */
export interface Stream {
  /** So many bytes of it, in all, were taken. */
  ack(bytes: number): void;
  cancel(): void;
}

export interface StreamEvents {
  /** Its kind, and the wall time (ms) of its media time zero. */
  begin(mime: string, origin: number): void;
  part(bytes: Bytes): void;
  /** All was sent; there is more from `next` on. */
  end(ok: boolean, next: number | undefined): void;
}

export interface MediaEvents {
  /** The frame of this wall time is on the screen. */
  frame(at: number): void;
  /** Not recorded in between. */
  skipped(from: number, to: number): void;
  /** The last picture there is. */
  stopped(): void;
  failed(why: 'unsupported' | 'broken'): void;
}

/** Safari's own kind, the only one on an iPhone. */
interface Managed { ManagedMediaSource?: typeof MediaSource }

const Source = (): typeof MediaSource | undefined => (globalThis as Managed).ManagedMediaSource ?? globalThis.MediaSource;

/** This browser can play recordings at all. */
export const canPlay = (): boolean => Source() !== undefined;

const LOOK_MS = 100;
const SAME_FRAME_MS = 120;
/** A frame is shown for no longer than this. */
const NEAR_S = 1;
/** Files follow one another within this; their times are rounded. */
const SEAM_S = 0.02;

export class Media {
  private source: MediaSource | undefined;
  private buffer: SourceBuffer | undefined;
  private url = '';
  private stream: Stream | undefined;
  private mime = '';
  private origin = 0;
  /** What waits to be appended; a number is where, in seconds, the media time of what follows begins. */
  private queue: (Bytes | number)[] = [];
  private got = 0;
  private taken = 0;
  private acked = 0;
  private ended = false;
  private next: number | undefined;
  private target = 0;
  private wants: 'play' | 'pause' = 'pause';
  private rate = 1;
  private timer: ReturnType<typeof setInterval> | undefined;
  private handle = 0;
  private shown = 0;
  private arrived: number | undefined;
  private last = { at: -1, since: 0 };
  /** Counts restarts: what belongs to an older one is dropped. */
  private turn = 0;

  constructor(readonly video: HTMLVideoElement, private readonly open: (from: number, on: StreamEvents) => Stream, private readonly on: MediaEvents) {
    video.disableRemotePlayback = true;
    video.addEventListener('ended', () => this.look());
    video.addEventListener('error', () => this.source && this.fail('broken'));
    video.addEventListener('seeked', () => this.seeked());
  }

  /** Shows the frame of a wall time, from what is loaded or anew, and plays on from there. */
  show(at: number, play: boolean): void {
    this.wants = play ? 'play' : 'pause';
    this.target = at;
    const media = (at - this.origin) / 1000;
    if (this.buffer && rangeAt(this.ranges(), media)) {
      this.target = -1;
      this.video.currentTime = media;
      this.settle();
      return;
    }
    this.restart(at);
  }

  play(): void {
    this.wants = 'play';
    this.settle();
  }

  pause(): void {
    this.wants = 'pause';
    this.video.pause();
  }

  speed(speed: Speed): void {
    this.rate = speed;
    this.video.playbackRate = speed;
  }

  /** Nothing of it is loaded or asked for any more. */
  stop(): void {
    this.turn += 1;
    this.stream?.cancel();
    this.stream = undefined;
    clearInterval(this.timer);
    this.video.cancelVideoFrameCallback?.(this.handle);
    this.queue = [];
    this.buffer = undefined;
    this.mime = '';
    if (!this.source) return;
    this.source = undefined;
    this.video.pause();
    this.video.removeAttribute('src');
    this.video.load();
    URL.revokeObjectURL(this.url);
  }

  private restart(at: number): void {
    this.stop();
    const Kind = Source();
    if (!Kind) {
      this.on.failed('unsupported');
      return;
    }
    const { turn } = this;
    this.target = at;
    const source = new Kind();
    this.source = source;
    this.url = URL.createObjectURL(source);
    // The source opens while the stream is being asked for.
    const opened = new Promise<void>((done) => source.addEventListener('sourceopen', () => done(), { once: true }));
    this.video.src = this.url;
    this.fetch(at, opened, turn);
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.frames();
  }

  /** Asks for a stream: the first, or the one that follows. */
  private fetch(from: number, opened: Promise<void> | undefined, turn: number): void {
    [this.got, this.taken, this.acked, this.ended, this.next] = [0, 0, 0, false, undefined];
    const current = (): boolean => this.turn === turn;
    this.stream = this.open(from, {
      begin: (mime, origin) => {
        // At once where it can be: what comes next belongs behind it.
        if (!current()) return;
        if (!opened) this.begin(mime, origin);
        else void opened.then(() => current() && this.begin(mime, origin));
      },
      part: (bytes) => {
        if (!current()) return;
        this.queue.push(bytes);
        this.got += bytes.length;
        this.pump();
      },
      end: (ok, next) => {
        if (!current()) return;
        this.ended = true;
        this.next = next;
        if (!ok && this.got === 0) this.fail('broken');
        else this.pump();
      },
    });
  }

  private begin(mime: string, origin: number): void {
    const { source } = this;
    if (!source) return;
    if (this.buffer) {
      // One buffer holds one kind of stream: another kind begins anew once this one has been played.
      if (mime !== this.mime) {
        this.stream?.cancel();
        this.stream = undefined;
        [this.ended, this.next, this.queue] = [true, origin, []];
        return;
      }
      this.queue.push((origin - this.origin) / 1000);
      this.pump();
      return;
    }
    if (!(Source()?.isTypeSupported(mime) ?? false)) {
      this.fail('unsupported');
      return;
    }
    this.mime = mime;
    this.origin = origin;
    this.buffer = source.addSourceBuffer(mime);
    this.buffer.addEventListener('updateend', () => this.pump());
    this.buffer.addEventListener('error', () => this.fail('broken'));
    this.pump();
  }

  private pump(): void {
    const { buffer, source } = this;
    if (!buffer || !source || buffer.updating) return;
    // On the way to a moment it is that moment which counts.
    const at = this.target < 0 ? this.video.currentTime : (this.target - this.origin) / 1000;
    const ranges = this.ranges();
    const until = evictBefore(ranges, at);
    if (until !== undefined) {
      buffer.remove(0, until);
      return;
    }
    let [first] = this.queue;
    if (typeof first === 'number') {
      // What came last may be a box that is still open.
      buffer.abort();
      buffer.timestampOffset = first;
      this.queue.shift();
      [first] = this.queue;
    }
    if (first !== undefined && typeof first !== 'number') {
      try {
        buffer.appendBuffer(first);
      } catch (error) {
        // Full: what is behind goes as it is played, and the next look tries again.
        if (!(error instanceof DOMException) || error.name !== 'QuotaExceededError') this.fail('broken');
        return;
      }
      this.queue.shift();
      this.taken += first.length;
      return;
    }
    this.land();
    if (this.ended && this.next === undefined && source.readyState === 'open') source.endOfStream();
    this.feed(ranges, at);
  }

  /** Acknowledges what was taken once more is wanted, and asks for what follows. */
  private feed(ranges: Range[], at: number): void {
    if (!wantsMore(ranges, at, this.wants === 'play')) return;
    if (this.taken > this.acked) {
      this.acked = this.taken;
      this.stream?.ack(this.taken);
    }
    if (this.ended && this.next !== undefined && this.stream && this.queue.length === 0) {
      this.stream = undefined;
      this.fetch(this.next, undefined, this.turn);
    }
  }

  /** The first frame wanted is loaded: to it. */
  private land(): void {
    if (this.video.seeking) return;
    const media = (this.target - this.origin) / 1000;
    const ranges = this.ranges();
    const there = rangeAt(ranges, media);
    // What was asked for may lie just before the first frame, or in a gap.
    const first = there ? undefined : ranges.find((r) => r.start > media);
    if (this.target < 0 || !there && !first) return;
    this.video.currentTime = there ? Math.max(media, there.start) : (first?.start ?? media) + 0.001;
    this.target = -1;
    this.settle();
  }

  private settle(): void {
    this.video.playbackRate = this.rate;
    if (this.wants === 'pause') {
      this.video.pause();
      return;
    }
    this.video.play().catch((error: unknown) => {
      // Refused with its sound: better seen than not at all.
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
      this.video.muted = true;
      void this.video.play().catch(() => undefined);
    });
  }

  private look(): void {
    this.pump();
    const { video } = this;
    if (!this.buffer || video.seeking || this.target >= 0) return;
    const at = video.currentTime;
    const now = performance.now();
    if (at !== this.last.at || this.wants === 'pause') this.last = { at, since: now };
    if (this.wants === 'pause') return;
    const ended = this.ended && this.next === undefined && this.queue.length === 0;
    const found = step({ at, ranges: this.ranges(), ended, stalledMs: now - this.last.since });
    if (found.do === 'hop') {
      const here = rangeAt(this.ranges(), at);
      if (found.say) this.on.skipped(this.wall(here?.end ?? at), this.wall(found.to));
      video.currentTime = found.to;
    } else if (found.do === 'stop' || video.ended && ended) {
      this.pause();
      this.on.stopped();
    } else if (this.ended && this.next !== undefined && !this.stream && !this.ranges().some((r) => r.end > at + SEAM_S * 3)) {
      // The other kind of stream that was waiting.
      this.restart(this.next);
    }
  }

  /** A seek within the frame that is on the screen brings no new one: then it is said here. */
  private seeked(): void {
    const { turn, shown, arrived } = this;
    this.arrived = undefined;
    if (arrived !== undefined) {
      this.on.frame(this.wall(arrived));
      return;
    }
    setTimeout(() => {
      if (this.turn === turn && this.shown === shown && this.target < 0) this.on.frame(this.wall(this.video.currentTime));
    }, SAME_FRAME_MS);
  }

  private frames(): void {
    const { video, turn } = this;
    if (!('requestVideoFrameCallback' in video)) {
      (video as HTMLVideoElement).ontimeupdate = () => this.target < 0 && this.on.frame(this.wall((video as HTMLVideoElement).currentTime));
      return;
    }
    this.handle = video.requestVideoFrameCallback((_, meta) => {
      if (this.turn !== turn) return;
      this.frames();
      this.shown += 1;
      if (this.target >= 0) return;
      // The frame of a seek may be there before the seek is over; one from before it is not meant.
      const late = video.currentTime - meta.mediaTime;
      if (!video.seeking) this.on.frame(this.wall(meta.mediaTime));
      else if (late > -0.01 && late < NEAR_S) this.arrived = meta.mediaTime;
    });
  }

  private ranges(): Range[] {
    // A buffer whose source was closed by the browser throws.
    try {
      const buffered = this.buffer?.buffered;
      return Array.from({ length: buffered?.length ?? 0 }, (_, i) => ({ start: buffered?.start(i) ?? 0, end: buffered?.end(i) ?? 0 }));
    } catch {
      return [];
    }
  }

  private wall(media: number): number {
    return this.origin + media * 1000;
  }

  private fail(why: 'unsupported' | 'broken'): void {
    this.stop();
    this.on.failed(why);
  }
}
