// Receiving bulk transfers: messages `id:u32 offset:u64 payload` on the channel `bulk`, acknowledged on `ctl`. Pure.
import type { Bytes } from '../protocol/bytes';

const HEADER = 12;
/** Step between acknowledgements. */
const ACK_EVERY = 64 * 1024;
/** Transfers at once; a further one is cancelled. */
const MAX_TRANSFERS = 8;

/** How the answer to a request is taken: held until it is whole, of at most so many bytes, or handed on part by part. */
export type Taking = { as: 'whole'; most: number } | { as: 'parts' };

/** What the camera says of a transfer when it begins; `bytes` where it is known, `at` the wall time (µs) that it is about. */
export interface Begun { id: number; re: number; mime: string; bytes?: number; at?: number }

interface Transfer { begun: Begun; taking: Taking; parts: Bytes[]; got: number; acked: number; ended: { bytes: number | undefined; ok: boolean; next: number | undefined } | undefined }

export type BulkAction =
  | { do: 'ack'; id: number; bytes: number }
  | { do: 'cancel'; id: number }
  | { do: 'begun'; begun: Begun }
  | { do: 'part'; re: number; bytes: Bytes }
  | { do: 'complete'; begun: Begun; bytes: Bytes; next: number | undefined }
  | { do: 'failed'; re: number };

export class Bulk {
  private readonly expected = new Map<number, Taking>();
  private readonly transfers = new Map<number, Transfer>();

  /** The request `re` is about to be sent; its answer is taken so. */
  expect(re: number, taking: Taking): void {
    this.expected.set(re, taking);
  }

  /** Nobody waits for the answer to `re` any more. */
  drop(re: number): BulkAction[] {
    this.expected.delete(re);
    for (const [id, { begun }] of this.transfers) {
      if (begun.re !== re) continue;
      this.transfers.delete(id);
      return [{ do: 'cancel', id }];
    }
    return [];
  }

  /** The request `re` was refused. */
  refused(re: number): BulkAction[] {
    return this.expected.delete(re) ? [{ do: 'failed', re }] : [];
  }

  begin(begun: Begun): BulkAction[] {
    const { id, re, bytes } = begun;
    const taking = this.expected.get(re);
    this.expected.delete(re);
    if (!taking) return [{ do: 'cancel', id }];
    const tooLarge = taking.as === 'whole' && (bytes ?? 0) > taking.most;
    if (tooLarge || this.transfers.size >= MAX_TRANSFERS || this.transfers.has(id)) return [{ do: 'cancel', id }, { do: 'failed', re }];
    this.transfers.set(id, { begun, taking, parts: [], got: 0, acked: 0, ended: undefined });
    return [{ do: 'begun', begun }];
  }

  message(message: ArrayBuffer): BulkAction[] {
    if (message.byteLength < HEADER) return [];
    const view = new DataView(message);
    const id = view.getUint32(0);
    const offset = view.getBigUint64(4);
    const payload = new Uint8Array(message, HEADER);
    const transfer = this.transfers.get(id);
    if (!transfer) return [];
    const { begun, taking } = transfer;
    const most = Math.min(begun.bytes ?? Infinity, taking.as === 'whole' ? taking.most : Infinity);
    if (offset !== BigInt(transfer.got) || transfer.got + payload.length > most) return this.give(id, begun.re);
    transfer.got += payload.length;
    if (taking.as === 'parts') return [{ do: 'part', re: begun.re, bytes: payload }, ...this.finished(id, transfer)];
    transfer.parts.push(payload);
    if (transfer.got - transfer.acked < ACK_EVERY && transfer.got !== begun.bytes) return this.finished(id, transfer);
    return [...this.ack(transfer, transfer.got), ...this.finished(id, transfer)];
  }

  /** Parts of the answer to `re` were used, `bytes` in all. */
  taken(re: number, bytes: number): BulkAction[] {
    const transfer = [...this.transfers.values()].find((t) => t.begun.re === re);
    return transfer ? this.ack(transfer, bytes) : [];
  }

  /** `bulk_end` travels on the other channel and may come before the last bytes; then `message` completes. */
  end(id: number, ok: boolean, next: number | undefined, bytes: number | undefined): BulkAction[] {
    const transfer = this.transfers.get(id);
    if (!transfer) return [];
    transfer.ended = { ok, next, bytes: bytes ?? transfer.begun.bytes };
    return this.finished(id, transfer);
  }

  private ack(transfer: Transfer, bytes: number): BulkAction[] {
    if (bytes <= transfer.acked || bytes > transfer.got) return [];
    transfer.acked = bytes;
    return [{ do: 'ack', id: transfer.begun.id, bytes }];
  }

  private give(id: number, re: number): BulkAction[] {
    this.transfers.delete(id);
    return [{ do: 'cancel', id }, { do: 'failed', re }];
  }

  private finished(id: number, { begun, parts, got, ended }: Transfer): BulkAction[] {
    if (ended && !ended.ok) return this.give(id, begun.re);
    const bytes = ended?.bytes ?? begun.bytes;
    if (!ended || bytes !== undefined && got < bytes) return [];
    this.transfers.delete(id);
    const whole = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return [{ do: 'complete', begun, bytes: whole, next: ended.next }];
  }
}
