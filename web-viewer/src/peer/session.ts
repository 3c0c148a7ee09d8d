// One session with a streamer: join, offer, answer, then media, `ctl` and `bulk` until it ends, once.
import { PeerClock } from '../player/clock';
import { type SlotEvents, SlotPlayer, wallNow } from '../player/slot';
import { type Crypto, random } from '../pair/crypto';
import { sessionPrologue } from '../pair/keys';
import { TamperError } from '../pair/noise';
import { ClosedError, Sealed } from '../pair/sealed';
import { checkCandidate, checkOffer, fingerprintOf, SdpError } from '../pair/sdp';
import type { Pairing } from '../pair/store';
import { b64, type Bytes, equal, unb64 } from '../protocol/bytes';
import type { ToStreamer, ToViewer } from '../protocol/control';
import { openSession } from '../protocol/frames';
import { parseFromCamera, parseToViewer } from '../protocol/parse';
import { type FromViewer, type Join, type Offer, VERSION, type WatchWish, type Why } from '../protocol/wire';
import { type Signal, UnreachableError } from '../signal/socket';
import type { Ended, Step } from '../state/link';
import { relayOnly } from './relay';
import type { Entry } from './stats';

/** ICE and DTLS together; a relay over TCP is the slowest that still works. */
const PATH_MS = 15_000;
/** While no path is found, it is looked at this often which are left. */
const PATHS_LEFT_MS = 1_000;
/** Chromium says `disconnected` about 5 s after the last answer, and may come back; after this longer it is lost. */
const DISCONNECTED_MS = 3_000;
const PING_MS = 1_000;
/** The first pings come close together: an offset is wanted before the first age is shown. */
const FIRST_PINGS = 5;
/** A streamer that answers no ping for this long is gone, whatever ICE says. */
export const SILENT_MS = 8_000;

export interface Wish { slots: number; watch: WatchWish[]; ctr: number }

export interface SessionEvents extends SlotEvents {
  step(step: Step): void;
  offer(offer: Offer): void;
  /** `ctl` is open. */
  connected(): void;
  control(message: ToViewer): void;
  sound(track: MediaStreamTrack): void;
  /** A message of `bulk`. */
  bulk(message: ArrayBuffer): void;
  ended(ended: Ended): void;
}

/** Header extension methods that the DOM library does not list yet (WebRTC extensions, section 5). */
interface ExtensionControl {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: RTCRtpTransceiverDirection }[];
  setHeaderExtensionsToNegotiate?(extensions: { uri: string; direction: RTCRtpTransceiverDirection }[]): void;
}

const ABS_CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';

export class Session {
  readonly clock = new PeerClock();
  readonly players: SlotPlayer[] = [];
  /** Wall time of the last answer to a ping. */
  heard = wallNow();
  private readonly pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  private readonly slots = new Map<string, { kind: 'video' | 'audio'; slot: number }>();
  private ctl: RTCDataChannel | undefined;
  private sealed: Sealed | undefined;
  private over = false;
  /** The sealed fingerprint of the streamer's certificate. */
  private fp: Bytes = new Uint8Array();
  private opened = false;
  private re = 0;
  private pingId = 0;
  private readonly pings = new Map<number, number>();
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(private readonly crypto: Crypto, private readonly pairing: Pairing, private readonly on: SessionEvents) {}

  /** Resolves once the answer is on its way; everything after, and every failure, is an event. */
  async open(connecting: Promise<Signal>, wish: Wish): Promise<void> {
    try {
      const { pairing } = this;
      const join: Join = { v: VERSION, sid: b64(random(16)), ctr: wish.ctr, slots: wish.slots, watch: wish.watch, audio: true };
      void connecting.then(() => this.over || this.on.step('proving'), () => undefined);
      const { channel, answer } = await Sealed.open(connecting, this.crypto, {
        pattern: 'IKpsk2', first: JSON.stringify(join), open: (chan) => openSession(chan, pairing.mailbox, pairing.cap),
        parties: (chan) => ({ own: pairing.own, peer: pairing.streamer, psk: pairing.psk, prologue: sessionPrologue(pairing.mailbox, chan) }),
      });
      this.sealed = channel;
      if (this.over) return;
      const message = parseFromCamera(answer);
      if (message?.t === 'refused') {
        this.end({ kind: 'refused', refused: message });
        return;
      }
      if (message?.t !== 'offer') throw new SdpError('no offer');
      this.on.step('path');
      await this.accept(message, channel);
    } catch (error) {
      this.end(endedBy(error));
    }
  }

  /** `ctl` is open. */
  get ready(): boolean {
    return this.opened && !this.over;
  }

  /** The m-line of a video slot. */
  mid(slot: number): string | null {
    for (const [mid, at] of this.slots) if (at.kind === 'video' && at.slot === slot) return mid;
    return null;
  }

  /** A fresh number for a request's `re`. */
  request(): number {
    this.re += 1;
    return this.re;
  }

  send(message: ToStreamer): void {
    if (this.ctl?.readyState === 'open') this.ctl.send(JSON.stringify(message));
  }

  stats(): Promise<RTCStatsReport> {
    return this.pc.getStats();
  }

  /** Ends it from this side; no event follows. */
  close(why: Why = 'left'): void {
    if (this.over) return;
    this.send({ t: 'bye', why });
    this.sealed?.send({ t: 'bye', why } satisfies FromViewer);
    this.stop();
  }

  private async accept(offer: Offer, channel: Sealed): Promise<void> {
    const { pc } = this;
    const fp = unb64(offer.fp, 32);
    if (!fp) throw new SdpError('fp is not 32 bytes');
    checkOffer(offer.sdp, fp);
    this.fp = fp;
    for (const { kind, slot, mid } of offer.slots) {
      this.slots.set(mid, { kind, slot });
      if (kind === 'video') this.players[slot] ??= new SlotPlayer(slot, this.clock, this.on);
    }
    for (const attached of offer.attached) this.announce(attached);
    this.on.offer(offer);

    if (offer.ice_servers.length > 0) pc.setConfiguration({ ...pc.getConfiguration(), iceServers: offer.ice_servers });
    pc.ontrack = ({ track, transceiver }) => this.track(track, transceiver);
    pc.ondatachannel = ({ channel: c }) => this.channel(c);
    pc.onconnectionstatechange = () => this.stateChanged();
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate) channel.send({ t: 'cand_end' } satisfies FromViewer);
      else if (candidate.candidate !== '') {
        channel.send({ t: 'cand', cand: candidate.candidate, mid: candidate.sdpMid ?? '0' } satisfies FromViewer);
      }
    };
    await pc.setRemoteDescription({ type: 'offer', sdp: offer.sdp });
    for (const transceiver of pc.getTransceivers()) wantCaptureTime(transceiver);
    await pc.setLocalDescription(await pc.createAnswer());
    const sdp = pc.localDescription?.sdp ?? '';
    const ours = fingerprintOf(sdp);
    channel.send({ t: 'answer', sdp, fp: b64(ours), kb: b64(random(32)) } satisfies FromViewer);
    // Only now: a candidate before the remote description would be refused.
    channel.listen((json) => this.trickled(json), (error) => this.channelEnded(error));
    this.after(PATHS_LEFT_MS, () => void this.pathsLeft());
    this.after(PATH_MS, () => {
      if (!this.opened) this.end({ kind: 'no_path' });
    });
  }

  private async pathsLeft(): Promise<void> {
    const entries: Entry[] = [];
    (await this.pc.getStats().catch(() => undefined))?.forEach((entry: Entry) => entries.push(entry));
    if (this.opened || this.over) return;
    if (relayOnly(entries)) this.on.step('relay');
    this.after(PATHS_LEFT_MS, () => void this.pathsLeft());
  }

  private trickled(json: string): void {
    try {
      const message = parseFromCamera(json);
      if (message?.t === 'cand') {
        checkCandidate(message.cand);
        this.pc.addIceCandidate({ candidate: message.cand, sdpMid: message.mid }).catch(() => undefined);
      } else if (message?.t === 'bye') {
        this.end({ kind: 'bye', why: message.why });
      }
    } catch (error) {
      this.end(endedBy(error));
    }
  }

  /** Without its server a session that stands goes on; one that does not can't get further. */
  private channelEnded(error: Error): void {
    if (error instanceof TamperError || !this.opened && !(error instanceof ClosedError)) this.end(endedBy(error));
  }

  private track(track: MediaStreamTrack, transceiver: RTCRtpTransceiver): void {
    const found = this.slots.get(transceiver.mid ?? '');
    if (found?.kind === 'video') this.players[found.slot]?.track(track, transceiver.receiver);
    else if (found?.slot === 0) this.on.sound(track);
  }

  private channel(channel: RTCDataChannel): void {
    channel.binaryType = 'arraybuffer';
    if (channel.label === 'bulk') {
      channel.onmessage = ({ data }) => {
        if (data instanceof ArrayBuffer) this.on.bulk(data);
      };
    } else if (channel.label === 'ctl') {
      this.ctl = channel;
      channel.onmessage = ({ data }) => this.control(data);
      channel.onclose = () => this.end({ kind: 'lost' });
      const open = (): void => {
        if (this.opened) return;
        this.opened = true;
        this.heard = wallNow();
        this.on.connected();
        this.ping(FIRST_PINGS);
        void this.checkCertificate();
      };
      if (channel.readyState === 'open') open();
      else channel.onopen = open;
    }
  }

  private control(data: unknown): void {
    if (this.over) return;
    try {
      if (typeof data !== 'string') return;
      const message = parseToViewer(data);
      if (!message) return;
      switch (message.t) {
        case 'pong': {
          const sent = this.pings.get(message.id);
          this.pings.delete(message.id);
          this.heard = wallNow();
          if (sent !== undefined) this.clock.pong(sent, message.received / 1000, message.sent / 1000, this.heard);
          return;
        }
        case 'attached':
          this.announce(message);
          break;
        case 'detached':
          if (message.kind === 'video' && this.players[message.slot]?.gate.state.at !== 'asked') this.players[message.slot]?.gate.clear();
          break;
        case 'bye':
          this.end({ kind: 'bye', why: message.why });
          return;
        case 'hello': case 'cameras': case 'slot_stats': case 'watching': case 'motion': case 'mode': case 'cells': case 'done': case 'refused': case 'bulk_begin': case 'bulk_end':
          break;
      }
      this.on.control(message);
    } catch {
      this.send({ t: 'bye', why: 'protocol' });
      this.end({ kind: 'bye', why: 'protocol' });
    }
  }

  private announce(attached: Offer['attached'][number]): void {
    if (attached.kind === 'video') this.players[attached.slot]?.announce(attached);
  }

  private ping(quick: number): void {
    if (this.over) return;
    this.pingId += 1;
    const sent = wallNow();
    this.pings.set(this.pingId, sent);
    // Pings without an answer must not pile up.
    for (const [id, at] of this.pings) if (sent - at > SILENT_MS) this.pings.delete(id);
    this.send({ t: 'ping', id: this.pingId, sent: Math.round(sent * 1000) });
    if (sent - this.heard > SILENT_MS) {
      this.end({ kind: 'lost' });
      return;
    }
    this.after(quick > 0 ? 50 : PING_MS, () => this.ping(quick - 1));
  }

  /** The certificate that was really seen against the sealed fingerprint: a second look beside the stack's own. */
  private async checkCertificate(): Promise<void> {
    const transport = this.pc.getReceivers()[0]?.transport as (RTCDtlsTransport & { getRemoteCertificates?(): ArrayBuffer[] }) | null | undefined;
    const der = transport?.getRemoteCertificates?.()[0];
    if (!der) return;
    const seen = await this.crypto.sha256(new Uint8Array(der));
    if (!equal(seen, this.fp)) this.end({ kind: 'tampered', detail: 'certificate' });
  }

  private stateChanged(): void {
    const state = this.pc.connectionState;
    if (state === 'failed') this.end(this.opened ? { kind: 'lost' } : { kind: 'no_path' });
    if (state === 'disconnected') {
      this.after(DISCONNECTED_MS, () => {
        if (this.pc.connectionState !== 'connected') this.end({ kind: 'lost' });
      });
    }
  }

  private after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!this.over) run();
    }, ms);
    this.timers.add(timer);
  }

  private end(ended: Ended): void {
    if (this.over) return;
    // The event first, so that pictures can be kept before their elements let go of them.
    this.on.ended(ended);
    this.stop();
  }

  private stop(): void {
    this.over = true;
    for (const timer of this.timers) clearTimeout(timer);
    for (const player of this.players) player?.close();
    this.sealed?.close();
    // A moment for the `bye` to leave.
    setTimeout(() => this.pc.close(), 100);
  }
}

function wantCaptureTime(transceiver: RTCRtpTransceiver & ExtensionControl): void {
  const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
  const capture = extensions?.find((e) => e.uri === ABS_CAPTURE_TIME);
  if (!extensions || !capture) return;
  capture.direction = 'sendrecv';
  try {
    transceiver.setHeaderExtensionsToNegotiate?.(extensions);
  } catch {
    // The age is then counted from when frames arrive.
  }
}

/** What an error on the way means. */
export function endedBy(error: unknown): Ended {
  if (error instanceof UnreachableError) return { kind: 'unreachable' };
  if (error instanceof TamperError || error instanceof SdpError) return { kind: 'tampered', detail: error.message };
  if (error instanceof ClosedError) {
    if (error.error !== undefined) return { kind: 'server', code: error.error };
    if (error.code === 'rate') return { kind: 'server', code: 'rate' };
    // The camera's own connection to the server went while this one stood.
    if (error.code === 'offline' || error.code === 'peer_gone') return { kind: 'offline' };
    if (error.code === 'timeout') return { kind: 'timeout', step: 'proving' };
    if (error.code === 'lost') return { kind: 'unreachable' };
  }
  return { kind: 'fault', detail: error instanceof Error ? error.message : String(error) };
}
