// Receiving bulk transfers: messages `id:u32 offset:u64 payload` on the channel `bulk`, acknowledged on `ctl`. Pure.
import type { Bytes } from '../protocol/bytes';

const HEADER = 12;
/** Step between acknowledgements. */
const ACK_EVERY = 64 * 1024;
/** Larger transfers are cancelled: a still is far below, and nothing else is asked for yet. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Transfers at once; a further one is cancelled. */
const MAX_TRANSFERS = 4;

interface Transfer { re: number; mime: string; bytes: Bytes; got: number; acked: number }

export type BulkAction =
  | { do: 'ack'; id: number; bytes: number }
  | { do: 'cancel'; id: number; re?: number }
  | { do: 'complete'; re: number; mime: string; bytes: Bytes };

export class Bulk {
  private readonly transfers = new Map<number, Transfer>();

  begin(id: number, re: number, bytes: number, mime: string): BulkAction[] {
    if (bytes > MAX_BYTES || this.transfers.size >= MAX_TRANSFERS || this.transfers.has(id)) return [{ do: 'cancel', id, re }];
    this.transfers.set(id, { re, mime, bytes: new Uint8Array(bytes), got: 0, acked: 0 });
    return [];
  }

  message(message: ArrayBuffer): BulkAction[] {
    if (message.byteLength < HEADER) return [];
    const view = new DataView(message);
    const id = view.getUint32(0);
    const offset = view.getBigUint64(4);
    const payload = new Uint8Array(message, HEADER);
    const transfer = this.transfers.get(id);
    if (!transfer) return [];
    if (offset !== BigInt(transfer.got) || transfer.got + payload.length > transfer.bytes.length) {
      this.transfers.delete(id);
      return [{ do: 'cancel', id, re: transfer.re }];
    }
    transfer.bytes.set(payload, transfer.got);
    transfer.got += payload.length;
    if (transfer.got - transfer.acked < ACK_EVERY && transfer.got < transfer.bytes.length) return [];
    transfer.acked = transfer.got;
    return [{ do: 'ack', id, bytes: transfer.got }, ...this.finished(id, transfer)];
  }

  /** `bulk_end` travels on the other channel and may come before the last bytes; then `message` completes. */
  end(id: number, ok: boolean): BulkAction[] {
    const transfer = this.transfers.get(id);
    if (!transfer) return [];
    if (!ok) {
      this.transfers.delete(id);
      return [{ do: 'cancel', id, re: transfer.re }];
    }
    return this.finished(id, transfer);
  }

  private finished(id: number, { re, mime, bytes, got }: Transfer): BulkAction[] {
    if (got < bytes.length) return [];
    this.transfers.delete(id);
    return [{ do: 'complete', re, mime, bytes }];
  }
}
