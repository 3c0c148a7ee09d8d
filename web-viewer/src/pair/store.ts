// What this browser keeps: one row for each streamer it is paired with, and the last picture of each of its cameras. IndexedDB,
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
  /** False where the streamer was too old for looking back. */
  past?: boolean;
  /** The last `Join.ctr`. */
  ctr: number;
  /** Cameras as they were last, so that the next visit shows its tiles and asks for their pictures at once. */
  cameras: Camera[];
  /** Unix ms of the last visit. */
  used: number;
}

/** A camera's last picture, 320 pixels wide at most. Cameras of two streamers may have the same id (`test-card`). */
export interface Thumb { streamer: string; camera: string; jpeg: Blob; takenMs: number }

type Table = 'pairings' | 'thumbs';

export class Store {
  private constructor(private readonly db: IDBDatabase | undefined) {}
  private readonly memory = { pairings: new Map<string, Pairing>(), thumbs: new Map<string, Thumb>() };

  /** Falls back to memory where the browser refuses storage (some private windows): the pairing then lasts one visit. */
  static async open(): Promise<Store> {
    try {
      const request = indexedDB.open('athome', 2);
      request.onupgradeneeded = ({ oldVersion }) => {
        const db = request.result;
        if (oldVersion < 1) db.createObjectStore('pairings', { keyPath: 'id' });
        // Version 1 did not say whose camera a picture was of: nobody can tell now, so they go.
        else db.deleteObjectStore('thumbs');
        db.createObjectStore('thumbs', { keyPath: ['streamer', 'camera'] });
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

  /** And the pictures of its cameras. */
  async removePairing(id: string): Promise<void> {
    if (this.db) {
      await settled(this.table('pairings', 'readwrite').delete(id));
      // An array sorts after every string: all that begins with the streamer's id.
      await settled(this.table('thumbs', 'readwrite').delete(IDBKeyRange.bound([id], [id, []])));
      return;
    }
    this.memory.pairings.delete(id);
    for (const key of this.memory.thumbs.keys()) if (key.startsWith(`${id} `)) this.memory.thumbs.delete(key);
  }

  async thumb(streamer: string, camera: string): Promise<Thumb | undefined> {
    if (!this.db) return this.memory.thumbs.get(`${streamer} ${camera}`);
    return settled(this.table('thumbs', 'readonly').get([streamer, camera]) as IDBRequest<Thumb | undefined>);
  }

  async saveThumb(thumb: Thumb): Promise<void> {
    if (this.db) await settled(this.table('thumbs', 'readwrite').put(thumb));
    else this.memory.thumbs.set(`${thumb.streamer} ${thumb.camera}`, thumb);
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
