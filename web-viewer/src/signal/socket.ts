// One WebSocket to a signaling server, with channels to mailboxes on it.
import { type Bytes, equal } from '../protocol/bytes';
import { type Chan, type CloseCode, decode, type ErrorCode, FrameError, type FromServer } from '../protocol/frames';
import * as frames from '../protocol/frames';

/** A server that has not answered for this long is unreachable. */
const CONNECT_MS = 8_000;

export interface ChannelEvents {
  /** A sealed message; they come in order. */
  data(body: Bytes): void;
  /** The channel is gone; `lost` where the connection went with it, and `error` is what the server said of that. */
  closed(code: CloseCode | 'lost', error?: ErrorCode): void;
}

export class UnreachableError extends Error {}

export class Signal {
  private readonly channels: { chan: Chan; events: ChannelEvents }[] = [];
  private readonly watches: { chan: Chan; online: (online: boolean) => void }[] = [];

  /** What the server said before it ended the connection. */
  private error: ErrorCode | undefined;

  private constructor(private readonly socket: WebSocket) {
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => this.lost();
  }

  /** Resolves once frames can be sent. Rejects with `UnreachableError`. */
  static open(url: string): Promise<Signal> {
    return new Promise((resolve, reject) => {
      let socket: WebSocket;
      try {
        socket = new WebSocket(url);
      } catch (error) {
        reject(new UnreachableError(String(error)));
        return;
      }
      socket.binaryType = 'arraybuffer';
      const timer = setTimeout(() => {
        socket.close();
        reject(new UnreachableError('no answer'));
      }, CONNECT_MS);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(new Signal(socket));
      };
      socket.onclose = () => {
        clearTimeout(timer);
        reject(new UnreachableError('closed'));
      };
    });
  }

  /** Takes part in a channel whose `open` frame was or will be sent. */
  join(chan: Chan, events: ChannelEvents): void {
    if (this.socket.readyState > WebSocket.OPEN) events.closed('lost', this.error);
    else this.channels.push({ chan, events });
  }

  leave(chan: Chan, code: CloseCode): void {
    if (this.take(chan)) this.send(frames.close(chan, code));
  }

  /** Says at once, and on each change, whether the mailbox's camera is connected. */
  watch(chan: Chan, mailbox: Bytes, cap: Bytes, online: (online: boolean) => void): void {
    this.watches.push({ chan, online });
    this.send(frames.watch(chan, mailbox, cap));
  }

  send(frame: Bytes): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  close(): void {
    this.channels.length = 0;
    this.watches.length = 0;
    this.socket.close(1000);
  }

  private receive(message: unknown): void {
    let frame: FromServer | undefined;
    try {
      if (!(message instanceof ArrayBuffer)) throw new FrameError('text');
      frame = decode(new Uint8Array(message));
    } catch {
      this.socket.close(1002);
      return;
    }
    switch (frame?.type) {
      case 'data': {
        const { chan, body } = frame;
        this.channels.find((c) => equal(c.chan, chan))?.events.data(body);
        return;
      }
      case 'close':
        this.take(frame.chan)?.events.closed(frame.code);
        return;
      case 'presence': {
        const { chan, online } = frame;
        this.watches.find((w) => equal(w.chan, chan))?.online(online);
        return;
      }
      case 'error':
        // The server closes the connection next; media does not need it.
        this.error = frame.code;
        this.lost();
        return;
      case 'drain':
        // Likewise; the next connection finds the server that comes after it.
        return;
      case undefined:
        return;
    }
  }

  private take(chan: Chan): { events: ChannelEvents } | undefined {
    const at = this.channels.findIndex((c) => equal(c.chan, chan));
    return at < 0 ? undefined : this.channels.splice(at, 1)[0];
  }

  private lost(): void {
    this.watches.length = 0;
    for (const { events } of this.channels.splice(0)) events.closed('lost', this.error);
  }
}
