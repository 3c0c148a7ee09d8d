// Questions to the streamer whose answers are bytes. One for each session.
import type { Bytes } from '../protocol/bytes';
import type { Asking, ToStreamer, ToViewer } from '../protocol/control';
import { type Begun, Bulk, type BulkAction, type Taking } from './bulk';

/** The session, as far as it is needed here. */
export interface Link { request(): number; send(message: ToStreamer): void }

/** A whole answer. `at` is the wall time in ms that it is about. */
export interface Got { mime: string; bytes: Bytes; at: number | undefined; next: number | undefined }

interface Waiting {
  begun?(begun: Begun): void;
  part?(bytes: Bytes): void;
  done(got: Got): void;
  failed(why: Refusal): void;
}

export type Refusal = Extract<ToViewer, { t: 'refused' }>['why'] | 'lost';

/** The streamer said no, or the connection went. */
export class RefusedError extends Error {
  constructor(readonly why: Refusal) {
    super(why);
  }
}

export interface Running { re: number; cancel(): void }

const ms = (us: number | undefined): number | undefined => (us === undefined ? undefined : us / 1000);

export class Requests {
  private readonly bulk = new Bulk();
  private readonly waiting = new Map<number, Waiting>();
  private closed = false;

  constructor(private readonly link: Link) {}

  /** Asks for something that is small enough to be held; `started` is given what ends it early. */
  whole(ask: Asking, most: number, started?: (running: Running) => void): Promise<Got> {
    return new Promise((done, failed) => {
      const running = this.start(ask, { as: 'whole', most }, { done, failed: (why) => failed(new RefusedError(why)) });
      started?.(running);
    });
  }

  /** Asks for something that is used as it comes; each part is held back until `taken`. */
  parts(ask: Asking, waiting: Waiting): Running {
    return this.start(ask, { as: 'parts' }, waiting);
  }

  /** Asks for something that is only done or refused. */
  plain(ask: Asking): Promise<void> {
    return new Promise((done, failed) => {
      this.start(ask, undefined, { done: () => done(), failed: (why) => failed(new RefusedError(why)) });
    });
  }

  taken(re: number, bytes: number): void {
    this.act(this.bulk.taken(re, bytes));
  }

  control(message: ToViewer): void {
    switch (message.t) {
      case 'bulk_begin':
        this.act(this.bulk.begin(message));
        return;
      case 'bulk_end':
        this.act(this.bulk.end(message.id, message.ok, ms(message.next), message.bytes));
        return;
      case 'done':
        this.settle(message.re)?.done({ mime: '', bytes: new Uint8Array(), at: undefined, next: undefined });
        return;
      case 'refused':
        this.bulk.refused(message.re);
        this.settle(message.re)?.failed(message.why);
        return;
      case 'hello': case 'cameras': case 'attached': case 'detached': case 'pong': case 'slot_stats': case 'watching': case 'motion': case 'mode': case 'cells': case 'bye':
        return;
    }
  }

  data(message: ArrayBuffer): void {
    this.act(this.bulk.message(message));
  }

  /** The session is over. */
  close(): void {
    this.closed = true;
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const one of all) one.failed('lost');
  }

  private start(ask: Asking, taking: Taking | undefined, waiting: Waiting): Running {
    const re = this.link.request();
    if (this.closed) {
      queueMicrotask(() => waiting.failed('lost'));
      return { re, cancel: () => undefined };
    }
    if (taking) this.bulk.expect(re, taking);
    this.waiting.set(re, waiting);
    this.link.send({ ...ask, re });
    return {
      re,
      cancel: () => {
        this.waiting.delete(re);
        this.act(this.bulk.drop(re));
      },
    };
  }

  private settle(re: number): Waiting | undefined {
    const found = this.waiting.get(re);
    this.waiting.delete(re);
    return found;
  }

  private act(actions: BulkAction[]): void {
    for (const action of actions) {
      switch (action.do) {
        case 'ack': this.link.send({ t: 'bulk_ack', id: action.id, bytes: action.bytes }); break;
        case 'cancel': this.link.send({ t: 'bulk_cancel', id: action.id }); break;
        case 'begun': this.waiting.get(action.begun.re)?.begun?.(action.begun); break;
        case 'part': this.waiting.get(action.re)?.part?.(action.bytes); break;
        case 'failed': this.settle(action.re)?.failed('unavailable'); break;
        case 'complete': {
          const { begun, bytes, next } = action;
          this.settle(begun.re)?.done({ mime: begun.mime, bytes, at: ms(begun.at), next });
        }
      }
    }
  }
}
