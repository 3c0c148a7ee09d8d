// One video slot of the session: its track, the element it is shown on, and what is known of its frames.
import type { Attached } from '../protocol/control';
import { CaptureClock, type PeerClock } from './clock';
import { Gate } from './gate';

/** Wall clock of this page in ms, from the steady clock: a corrected system clock moves no age. */
export const wallNow = (): number => performance.timeOrigin + performance.now();

/** Times of the newest frame, in ms; all by our clock. */
export interface FrameTimes {
  presented: number;
  expected: number;
  received: number | undefined;
  decode: number | undefined;
  captured: number | undefined;
}

export interface SlotEvents {
  /** A new frame of `camera` is on the screen. */
  frame(camera: string, times: FrameTimes): void;
  /** The browser wants a tap before it plays. */
  refused(): void;
}

/** Field of RTCRtpSynchronizationSource that the DOM library does not list yet. */
interface Source extends RTCRtpSynchronizationSource { captureTimestamp?: number }

export class SlotPlayer {
  readonly gate = new Gate();
  private readonly capture = new CaptureClock();
  private stream: MediaStream | undefined;
  private receiver: RTCRtpReceiver | undefined;
  private video: HTMLVideoElement | undefined;
  private handle = 0;
  private closed = false;

  constructor(readonly slot: number, private readonly clock: PeerClock, private readonly on: SlotEvents) {}

  track(track: MediaStreamTrack, receiver: RTCRtpReceiver): void {
    this.receiver = receiver;
    this.stream = new MediaStream([track]);
    if (this.video) this.attach(this.video);
  }

  get rtpReceiver(): RTCRtpReceiver | undefined {
    return this.receiver;
  }

  announce(attached: Attached): void {
    this.gate.announce(attached);
  }

  /** Shows the slot on an element, one at a time. */
  mount(video: HTMLVideoElement): void {
    this.unmount();
    this.video = video;
    this.attach(video);
  }

  /** Takes the slot off its element, or off this one if it is still there. */
  unmount(video = this.video): void {
    if (!this.video || this.video !== video) return;
    this.video.cancelVideoFrameCallback?.(this.handle);
    clearInterval(this.poll);
    this.video.srcObject = null;
    this.video = undefined;
  }

  /** Plays what the browser refused to play by itself; call it from a tap. */
  async play(): Promise<void> {
    await this.video?.play();
  }

  /** The frame on the screen, at most `width` wide; undefined while none may be seen. */
  still(width = Infinity): HTMLCanvasElement | undefined {
    const { video } = this;
    if (this.gate.state.at !== 'open' || !video?.videoWidth) return undefined;
    const scale = Math.min(1, width / video.videoWidth);
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  get size(): { width: number; height: number } {
    return { width: this.video?.videoWidth ?? 0, height: this.video?.videoHeight ?? 0 };
  }

  close(): void {
    this.closed = true;
    this.unmount();
  }

  private attach(video: HTMLVideoElement): void {
    if (!this.stream) return;
    video.srcObject = this.stream;
    video.play().catch((error: unknown) => {
      // AbortError only says that another stream took the element.
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.on.refused();
    });
    this.next(video);
  }

  private poll: ReturnType<typeof setInterval> | undefined;

  private next(video: HTMLVideoElement): void {
    if (!('requestVideoFrameCallback' in video)) {
      this.pollFrames(video);
      return;
    }
    this.handle = video.requestVideoFrameCallback((_, meta) => {
      if (this.closed || this.video !== video) return;
      this.next(video);
      this.frame(meta);
    });
  }

  private frame(meta: VideoFrameCallbackMetadata): void {
    const rtp = meta.rtpTimestamp;
    if (!this.gate.frame(rtp) || this.gate.camera === undefined) return;
    const source = this.receiver?.getSynchronizationSources()[0] as Source | undefined;
    if (source?.captureTimestamp !== undefined) this.capture.anchorAt(source.rtpTimestamp, source.captureTimestamp);
    const theirs = rtp === undefined ? undefined : this.capture.captured(rtp);
    this.on.frame(this.gate.camera, {
      presented: performance.timeOrigin + meta.presentationTime,
      expected: performance.timeOrigin + meta.expectedDisplayTime,
      received: meta.receiveTime === undefined ? undefined : performance.timeOrigin + meta.receiveTime,
      decode: meta.processingDuration === undefined ? undefined : meta.processingDuration * 1000,
      captured: theirs === undefined ? undefined : this.clock.toOurs(theirs),
    });
  }

  /** Browsers without frame callbacks (Firefox before 132) count the frames shown. */
  private pollFrames(video: HTMLVideoElement): void {
    let last = 0;
    clearInterval(this.poll);
    this.poll = setInterval(() => {
      const count = video.getVideoPlaybackQuality().totalVideoFrames;
      if (count === last) return;
      last = count;
      if (!this.gate.frame(undefined) || this.gate.camera === undefined) return;
      const now = wallNow();
      this.on.frame(this.gate.camera, { presented: now, expected: now, received: undefined, decode: undefined, captured: undefined });
    }, 100);
  }
}
