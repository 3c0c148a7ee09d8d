// What this browser keeps: one row for each streamer it is paired with, and the last picture of each camera. IndexedDB,
// because a WebCrypto key that can't be read out can be stored there and nowhere else.
import type { Bytes } from '../protocol/bytes';
import type { Camera, Role } from '../protocol/control';
import type { KeyPair, Secret } from './crypto';

export interface Pairing {
  /** Base64url of the streamer's static key; the row's key. */
  id: string;
  streamer: Bytes;
  own: KeyPair;
  psk: Secret;
  /** Which implementation made the keys. */
  crypto: 'webcrypto' | 'noble';
  cap: Bytes;
  mailbox: Bytes;
  /** WebSocket URLs, tried in order. */
  servers: string[];
  place: string;
  device: string;
  roles: Role[];
  /** The last `Join.ctr`. */
  ctr: number;
  /** Cameras as they were last, so that the next visit shows its tiles and asks for their pictures at once. */
  cameras: Camera[];
  /** Unix ms of the last visit. */
  used: number;
}

/** A camera's last picture, 320 pixels wide at most. */
export interface Thumb { id: string; jpeg: Blob; takenMs: number }

type Table = 'pairings' | 'thumbs';

export class Store {
  private constructor(private readonly db: IDBDatabase | undefined) {}
  private readonly memory = { pairings: new Map<string, Pairing>(), thumbs: new Map<string, Thumb>() };

  /** Falls back to memory where the browser refuses storage (some private windows): the pairing then lasts one visit. */
  static async open(): Promise<Store> {
    try {
      const request = indexedDB.open('athome', 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore('pairings', { keyPath: 'id' });
        request.result.createObjectStore('thumbs', { keyPath: 'id' });
      };
      return new Store(await settled(request));
    } catch {
      return new Store(undefined);
    }
  }

  get persistent(): boolean {
    return this.db !== undefined;
  }

  /** The most recently used first. */
  async pairings(): Promise<Pairing[]> {
    const all = this.db ? await settled(this.table('pairings', 'readonly').getAll() as IDBRequest<Pairing[]>) : [...this.memory.pairings.values()];
    return all.sort((a, b) => b.used - a.used);
  }

  async savePairing(pairing: Pairing): Promise<void> {
    if (this.db) await settled(this.table('pairings', 'readwrite').put(pairing));
    else this.memory.pairings.set(pairing.id, pairing);
  }

  async removePairing(id: string): Promise<void> {
    if (this.db) await settled(this.table('pairings', 'readwrite').delete(id));
    else this.memory.pairings.delete(id);
  }

  async thumb(id: string): Promise<Thumb | undefined> {
    return this.db ? await settled(this.table('thumbs', 'readonly').get(id) as IDBRequest<Thumb | undefined>) : this.memory.thumbs.get(id);
  }

  async saveThumb(thumb: Thumb): Promise<void> {
    if (this.db) await settled(this.table('thumbs', 'readwrite').put(thumb));
    else this.memory.thumbs.set(thumb.id, thumb);
  }

  private table(name: Table, mode: IDBTransactionMode): IDBObjectStore {
    if (!this.db) throw new Error('no database');
    return this.db.transaction(name, mode).objectStore(name);
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('storage refused'));
  });
}

/** `max(last + 1, unix_ms * 1024)`: larger than every earlier one, with room for several starts in a millisecond. */
export const nextCtr = (last: number, nowMs: number): number => Math.max(last + 1, Math.floor(nowMs) * 1024);
