// A channel to a camera through the signaling server: handshake, then sealed messages in both directions, in order.
import type { Bytes } from '../protocol/bytes';
import { type Chan, type CloseCode, data, type ErrorCode } from '../protocol/frames';
import type { Signal } from '../signal/socket';
import { type Crypto, random } from './crypto';
import { Handshake, type Parties, type Pattern, type Transport } from './noise';
import { pad, unpad } from './seal';

/** A camera that has not answered the first message for this long is not there. */
const ANSWER_MS = 10_000;
/** Messages waiting to be opened; a peer that sends more than this at once loses the channel. */
const MAX_WAITING = 128;

/** The channel ended before its time. */
export class ClosedError extends Error {
  /** `error`: why the server ended the whole connection, where it said so. */
  constructor(readonly code: CloseCode | 'lost' | 'timeout', readonly error?: ErrorCode) {
    super(`channel closed: ${error ?? code}`);
  }
}

export interface Opening {
  pattern: Pattern;
  parties: (chan: Chan) => Parties;
  /** The OPEN frame. */
  open: (chan: Chan) => Bytes;
  /** JSON of the first message. */
  first: string;
}

export class Sealed {
  private transport: Transport | undefined;
  private receive: ((json: string) => void) | undefined;
  private ended: ((error: Error) => void) | undefined;
  private readonly inbox: string[] = [];
  private incoming = Promise.resolve();
  private outgoing = Promise.resolve();
  private waiting = 0;
  private over: Error | undefined;

  private constructor(private readonly signal: Signal, private readonly chan: Chan) {}

  get handshakeHash(): Bytes {
    if (!this.transport) throw new Error('before the handshake ended');
    return this.transport.handshakeHash;
  }

  /** Rings, and gives the camera's answer. The first message is made while the socket still connects. */
  static async open(connecting: Promise<Signal>, crypto: Crypto, opening: Opening): Promise<{ channel: Sealed; answer: string }> {
    const chan = random(8);
    const making = Handshake.start(crypto, opening.pattern, opening.parties(chan))
      .then(async (handshake) => ({ handshake, message: await handshake.writeFirst(pad(opening.first)) }));
    making.catch(() => undefined);
    const signal = await connecting;
    const { handshake, message } = await making;
    const channel = new Sealed(signal, chan);
    const answer = new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => channel.fail(new ClosedError('timeout')), ANSWER_MS);
      channel.ended = reject;
      channel.receive = (json) => {
        clearTimeout(timer);
        resolve(json);
      };
    });
    signal.join(chan, {
      data: (body) => channel.queue(body, handshake),
      closed: (code, error) => channel.fail(new ClosedError(code, error)),
    });
    signal.send(opening.open(chan));
    signal.send(data(chan, message));
    const json = await answer;
    channel.receive = undefined;
    channel.ended = undefined;
    return { channel, answer: json };
  }

  /** From now on `receive` gets each message, those that came meanwhile first, and `ended` is told once. */
  listen(receive: (json: string) => void, ended: (error: Error) => void): void {
    this.receive = receive;
    this.ended = ended;
    for (const json of this.inbox.splice(0)) receive(json);
    if (this.over) ended(this.over);
  }

  send(message: object): void {
    const { transport } = this;
    if (!transport || this.over) return;
    const plain = pad(JSON.stringify(message));
    this.outgoing = this.outgoing
      .then(async () => this.signal.send(data(this.chan, await transport.seal(plain))))
      .catch((error: unknown) => this.fail(error));
  }

  /** Sends what is queued, then leaves. */
  close(): void {
    void this.outgoing.then(() => {
      this.over ??= new ClosedError('done');
      this.signal.leave(this.chan, 'done');
    });
  }

  private queue(body: Bytes, handshake: Handshake): void {
    if (this.over || ++this.waiting > MAX_WAITING) {
      this.fail(new ClosedError('too_slow'));
      return;
    }
    this.incoming = this.incoming.then(async () => {
      if (this.over) return;
      const json = unpad(this.transport ? await this.transport.open(body) : await this.second(body, handshake));
      this.waiting -= 1;
      if (this.receive) this.receive(json);
      else this.inbox.push(json);
    }).catch((error: unknown) => this.fail(error));
  }

  private async second(body: Bytes, handshake: Handshake): Promise<Bytes> {
    const { payload, transport } = await handshake.readSecond(body);
    this.transport = transport;
    return payload;
  }

  private fail(error: unknown): void {
    if (this.over) return;
    this.over = error instanceof Error ? error : new Error(String(error));
    this.signal.leave(this.chan, 'protocol');
    this.ended?.(this.over);
  }
}
