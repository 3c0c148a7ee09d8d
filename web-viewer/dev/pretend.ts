// A pretend streamer for the browser checks: a second page that speaks the camera's side of the protocol with one canvas
// as its camera. It is slower and simpler than the real one, and can be told to misbehave. Never part of dist/.
import { nobleCrypto as crypto } from '../src/pair/http-crypto';
import type { KeyPair } from '../src/pair/crypto';
import { random } from '../src/pair/crypto';
import { pairMailbox, pairPrologue, pairPsk, sessionPrologue } from '../src/pair/keys';
import { type Pattern, Symmetric, Transport } from '../src/pair/noise';
import { pad, unpad } from '../src/pair/seal';
import { fingerprintOf } from '../src/pair/sdp';
import { b64, type Bytes, concat, hex, unb64, utf8 } from '../src/protocol/bytes';
import type { Camera, ToStreamer, ToViewer } from '../src/protocol/control';
import * as frames from '../src/protocol/frames';
import type { FromCamera, FromViewer, Join, PairHello, PairReply, Refused } from '../src/protocol/wire';

declare global {
  interface Window { emit(frame: string): void; log(text: string): void; pretend: Pretend }
}

interface Viewer { key: Bytes; psk: Bytes; cap: Bytes; device: string }
interface Channel { transport?: Transport; pc?: RTCPeerConnection; kind: 'pair' | 'session'; chan: Bytes; mailbox: Bytes }

const send = (frame: Bytes): void => window.emit(b64(frame));

async function respond(pattern: Pattern, own: KeyPair, prologue: Bytes, m1: Bytes, pskOf: (viewer: Bytes) => Bytes | undefined) {
  const state = await Symmetric.of(crypto, `Noise_${pattern}_25519_AESGCM_SHA256`);
  await state.mixHash(prologue);
  await state.mixHash(own.public);
  const mixE = async (key: Bytes): Promise<void> => {
    await state.mixHash(key);
    await state.mixKey(key);
  };
  const re = m1.slice(0, 32);
  await mixE(re);
  await state.mixKey(await crypto.dh(own.private, re));
  const viewer = await state.open(m1.slice(32, 80));
  await state.mixKey(await crypto.dh(own.private, viewer));
  const psk = pskOf(viewer);
  if (!psk) return undefined;
  if (pattern === 'IKpsk1') await state.mixKeyAndHash(psk);
  const payload = unpad(await state.open(m1.slice(80)));
  return {
    viewer, payload,
    async answer(json: object): Promise<{ message: Bytes; transport: Transport }> {
      const e = await crypto.generate();
      await mixE(e.public);
      await state.mixKey(await crypto.dh(e.private, re));
      await state.mixKey(await crypto.dh(e.private, viewer));
      if (pattern === 'IKpsk2') await state.mixKeyAndHash(psk);
      const message = concat(e.public, await state.seal(pad(JSON.stringify(json))));
      const [receive, out] = await state.split();
      return { message, transport: new Transport(out, receive, state.h) };
    },
  };
}

class Pretend {
  private own!: KeyPair;
  private readonly mailbox = random(16);
  private secret = random(16);
  private usedBy: Viewer | undefined;
  private readonly viewers: Viewer[] = [];
  private readonly channels = new Map<string, Channel>();
  private canvas = document.createElement('canvas');
  private ctl: RTCDataChannel | undefined;
  private epoch = 0;
  private running = true;
  /** Numbers that checks look at. */
  readonly seen = { pairings: 0, sessions: 0, watch: [] as ToStreamer[], bye: 0, renamed: [] as string[], hello: undefined as PairHello | undefined };
  online = true;
  /** Changes one bit of every answer. */
  tamper = false;
  expired = false;
  /** Answers every session with this. */
  refuse: Refused | undefined;
  /** The server answers every OPEN with this ERROR code, or this CLOSE code. */
  serverError: number | undefined;
  closeCode: frames.CloseCode | undefined;
  /** Says no candidate of its own and hears none. */
  deaf = false;
  /** What a pairing tells as the server's addresses. */
  servers: string[] = [];
  cameras: Camera[] = [{ id: 'yard', name: 'Yard', state: 'live', width: 1280, height: 720, fps: 25, audio: true, layers: ['full'] }];

  async start(): Promise<void> {
    this.own = await crypto.generate();
    [this.canvas.width, this.canvas.height] = [1280, 720];
    const g = this.canvas.getContext('2d');
    setInterval(() => {
      if (!g || !this.running) return;
      g.fillStyle = `hsl(${performance.now() / 20 % 360} 50% 50%)`;
      g.fillRect(0, 0, 1280, 720);
      g.fillStyle = '#fff';
      g.font = '96px sans-serif';
      g.fillText(String(Date.now()), 80, 400);
    }, 40);
  }

  link(): string {
    this.secret = random(16);
    this.usedBy = undefined;
    return this.sameLink();
  }

  /** The link given out last. */
  sameLink(): string {
    return `1${b64(concat(Uint8Array.of(1), this.own.public, this.secret, Uint8Array.of(0)))}`;
  }

  pause(running: boolean): void {
    this.running = running;
  }

  /** The streamer's process is gone: its sockets, sessions and all. */
  die(): void {
    for (const { pc } of this.channels.values()) pc?.close();
    this.channels.clear();
    this.online = false;
  }

  tell(message: ToViewer): void {
    if (this.ctl?.readyState === 'open') this.ctl.send(JSON.stringify(message));
  }

  tellRaw(text: string): void {
    this.ctl?.send(text);
  }

  attach(rtp: number): void {
    this.epoch += 1;
    this.tell({ t: 'attached', kind: 'video', slot: 0, camera: this.cameras[0]?.id ?? '', layer: 'full', epoch: this.epoch, rtp });
  }

  async receive(text: string): Promise<void> {
    const frame = unb64(text) ?? new Uint8Array();
    const chan = frame.slice(2, 10);
    const body = frame.slice(10);
    const channel = this.channels.get(hex(chan));
    switch (frame[1] ?? 0) {
      case 0x10: {
        if (this.serverError !== undefined) {
          // As a newer server would: its own version in the head.
          send(concat(Uint8Array.of(2, 0x17), new Uint8Array(8), Uint8Array.of(this.serverError), utf8('a sentence')));
          return;
        }
        if (this.closeCode) {
          send(frames.close(chan, this.closeCode));
          return;
        }
        if (!this.online || body[0] === 1 && !this.viewers.some((v) => hex(v.cap) === hex(body.slice(17)))) {
          send(frames.close(chan, 'offline'));
          return;
        }
        this.channels.set(hex(chan), { kind: body[0] === 2 ? 'pair' : 'session', chan, mailbox: body.slice(1, 17) });
        return;
      }
      case 0x12:
        if (!channel) send(frames.close(chan, 'peer_gone'));
        else if (channel.transport) await this.message(channel, JSON.parse(unpad(await channel.transport.open(body))) as FromViewer);
        else if (channel.kind === 'pair') await this.pair(channel, body);
        else await this.session(channel, body);
        return;
      case 0x14:
        send(concat(Uint8Array.of(1, 0x15), chan, Uint8Array.of(this.online ? 1 : 0)));
        return;
    }
  }

  private reply(channel: Channel, message: Bytes): void {
    if (this.tamper) message[40] = (message[40] ?? 0) ^ 1;
    send(frames.data(channel.chan, message));
  }

  private async pair(channel: Channel, m1: Bytes): Promise<void> {
    this.seen.pairings += 1;
    if (hex(channel.mailbox) !== hex(await pairMailbox(crypto, this.secret))) return;
    const psk = await pairPsk(crypto, this.secret, this.own.public);
    const found = await respond('IKpsk1', this.own, pairPrologue(channel.mailbox, channel.chan), m1, () => psk);
    if (!found) return;
    const hello = JSON.parse(found.payload) as PairHello;
    this.seen.hello = hello;
    let json: PairReply;
    if (this.expired) json = { t: 'refused', why: 'expired' };
    else if (this.usedBy && hex(this.usedBy.key) !== hex(found.viewer)) json = { t: 'refused', why: 'used', who: this.usedBy.device };
    else {
      const viewer = this.usedBy ?? { key: found.viewer, psk: random(32), cap: random(16), device: hello.device };
      this.usedBy = viewer;
      if (!this.viewers.includes(viewer)) this.viewers.push(viewer);
      json = {
        t: 'welcome', v: 1, roles: ['view'], cap: b64(viewer.cap), psk: b64(viewer.psk), mailbox: b64(this.mailbox), servers: this.servers,
        place: 'Home', device: hello.device, roster_epoch: 1,
      };
    }
    const { message, transport } = await found.answer(json);
    channel.transport = transport;
    this.reply(channel, message);
  }

  private async session(channel: Channel, m1: Bytes): Promise<void> {
    this.seen.sessions += 1;
    const found = await respond('IKpsk2', this.own, sessionPrologue(channel.mailbox, channel.chan), m1,
      (viewer) => this.viewers.find((v) => hex(v.key) === hex(viewer))?.psk);
    if (!found) return;
    if (this.refuse) {
      this.reply(channel, (await found.answer({ t: 'refused', ...this.refuse })).message);
      return;
    }
    const join = JSON.parse(found.payload) as Join;
    this.seen.watch.push(...join.watch.map((w) => ({ t: 'watch' as const, re: 0, slot: w.slot, camera: w.camera ?? '', layer: w.layer })));
    const pc = new RTCPeerConnection();
    channel.pc = pc;
    const [track] = this.canvas.captureStream(25).getVideoTracks();
    if (!track) return;
    const video = pc.addTransceiver(track, { direction: 'sendonly' });
    const vp8 = RTCRtpSender.getCapabilities('video')?.codecs.filter((c) => /VP8|rtx/.test(c.mimeType)) ?? [];
    video.setCodecPreferences(vp8);
    const sound = new AudioContext();
    const tone = sound.createOscillator();
    const out = sound.createMediaStreamDestination();
    tone.connect(out);
    tone.start();
    const [audioTrack] = out.stream.getAudioTracks();
    const audio = audioTrack && pc.addTransceiver(audioTrack, { direction: 'sendonly' });
    const ctl = pc.createDataChannel('ctl');
    pc.createDataChannel('bulk');
    this.ctl = ctl;
    const { cameras } = this;
    ctl.onopen = () => {
      this.tell({ t: 'hello', v: 1, place: 'Home', device: this.viewers.find((v) => hex(v.key) === hex(found.viewer))?.device ?? '', roles: ['view'], cameras });
      this.tell({ t: 'watching', names: ['This device'] });
    };
    ctl.onmessage = ({ data }) => this.control(JSON.parse(data as string) as ToStreamer);
    await pc.setLocalDescription(await pc.createOffer());
    const sdp = pc.localDescription?.sdp ?? '';
    pc.onicecandidate = ({ candidate }) => {
      const message: FromCamera = candidate ? { t: 'cand', cand: candidate.candidate, mid: candidate.sdpMid ?? '0' } : { t: 'cand_end' };
      const { transport } = channel;
      if (candidate?.candidate !== '' && !this.deaf) void transport?.seal(pad(JSON.stringify(message))).then((m) => send(frames.data(channel.chan, m)));
    };
    this.epoch += 1;
    const offer: FromCamera = {
      t: 'offer', v: 1, sdp, fp: b64(fingerprintOf(sdp)), kb: b64(random(32)), ice_servers: [], cameras,
      slots: [{ kind: 'video', slot: 0, mid: video.mid ?? '0' }, ...(audio ? [{ kind: 'audio' as const, slot: 0, mid: audio.mid ?? '1' }] : [])],
      // Where its frames begin is not known here: the check tells it by `attach` once it has seen one.
      attached: [],
    };
    const { message, transport } = await found.answer(offer);
    channel.transport = transport;
    this.reply(channel, message);
  }

  private async message(channel: Channel, message: FromViewer): Promise<void> {
    if (message.t === 'answer') await channel.pc?.setRemoteDescription({ type: 'answer', sdp: message.sdp });
    else if (message.t === 'cand' && !this.deaf) await channel.pc?.addIceCandidate({ candidate: message.cand, sdpMid: message.mid });
    else if (message.t === 'bye') this.seen.bye += 1;
  }

  private control(message: ToStreamer): void {
    const now = Date.now() * 1000;
    if (message.t === 'ping') this.tell({ t: 'pong', id: message.id, received: now, sent: now });
    else if (message.t === 'watch') this.seen.watch.push(message);
    else if (message.t === 'rename') {
      this.seen.renamed.push(message.name);
      this.tell(message.name === 'Nobody' ? { t: 'refused', re: message.re, why: 'invalid' } : { t: 'done', re: message.re });
    }
  }
}

window.pretend = new Pretend();
