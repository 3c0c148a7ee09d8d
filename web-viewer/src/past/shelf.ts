// The list of events: their pictures, and what is kept and deleted.
import { type Back, jpeg } from './back';
import type { Clip, Event } from './known';
import { RefusedError } from './requests';

const ROW_PX = 192;
/** Pictures of rows that are kept. */
const MAX_THUMBS = 1_000;
/** The streamer makes another picture: asked again after this. */
const BUSY_MS = 150;
/** A deletion is sent only after this, so that it can be undone. */
const UNDO_MS = 8_000;

export class Shelf {
  private readonly thumbs = new Map<string, Promise<string | undefined>>();
  private readonly wishes: (() => Promise<void>)[] = [];
  private serving = false;
  private removeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly back: Back) {}

  /** The address of an event's picture; asked for one after the other, the newest wish first. */
  thumb(event: Event): Promise<string | undefined> {
    const { camera } = this.back.state;
    const key = `${camera} ${event.id}`;
    let found = this.thumbs.get(key);
    if (!found) {
      if (this.thumbs.size >= MAX_THUMBS) this.forgetThumbs();
      // A little into it there is more to be seen than at its first moment.
      const at = event.from + Math.min(2_000, ((event.to ?? event.from) - event.from) / 2);
      found = new Promise((done) => {
        this.wishes.push(async () => {
          const url = await this.fetch(at, camera);
          if (url === undefined) this.thumbs.delete(key);
          done(url);
        });
      });
      this.thumbs.set(key, found);
      void this.serve();
    }
    return found;
  }

  private async serve(): Promise<void> {
    if (this.serving) return;
    this.serving = true;
    for (let wish = this.wishes.pop(); wish; wish = this.wishes.pop()) await wish();
    this.serving = false;
  }

  private async fetch(at: number, camera: string): Promise<string | undefined> {
    for (let tries = 0; tries < 5; tries += 1) {
      try {
        return URL.createObjectURL(jpeg(await this.back.ask(at, ROW_PX, camera)));
      } catch (error) {
        if (!(error instanceof RefusedError) || error.why !== 'busy') return undefined;
        await new Promise((done) => { setTimeout(done, BUSY_MS); });
      }
    }
    return undefined;
  }

  async keep(files: readonly Clip[], kept: boolean): Promise<void> {
    if (files.every((f) => f.id === undefined)) {
      // What is still being recorded has no number yet.
      this.back.note('keep_failed');
      return;
    }
    try {
      for (const { id } of files) if (id !== undefined) await this.back.requests?.plain({ t: 'keep', id, kept });
      for (const file of files) file.kept = kept;
      this.back.state.version += 1;
    } catch {
      this.back.note('keep_failed');
    }
    this.back.known.stale(Math.min(...files.map((f) => f.from)));
    void this.back.load();
  }

  /** Takes files off the screen at once, and deletes them unless that is undone. */
  remove(files: readonly Clip[]): void {
    this.removeNow();
    const ids = files.flatMap((f) => f.id ?? []);
    if (ids.length === 0) {
      this.back.note('remove_failed');
      return;
    }
    this.back.state.removing = { ids, ms: files.reduce((sum, f) => sum + f.to - f.from, 0) };
    this.back.known.hide(new Set(ids));
    this.back.state.version += 1;
    if (this.back.state.on) this.back.seek(this.back.state.at);
    this.removeTimer = setTimeout(() => this.removeNow(), UNDO_MS);
  }

  undo(): void {
    clearTimeout(this.removeTimer);
    this.back.state.removing = undefined;
    this.back.known.hide(new Set());
    this.back.state.version += 1;
    if (this.back.state.on) this.back.seek(this.back.state.at);
  }

  /** The time to undo is over. */
  private removeNow(): void {
    clearTimeout(this.removeTimer);
    const { removing } = this.back.state;
    if (!removing) return;
    this.back.state.removing = undefined;
    const { known, requests } = this.back;
    const all = removing.ids.map((id) => requests?.plain({ t: 'delete', id }) ?? Promise.resolve());
    void Promise.allSettled(all).then((done) => {
      if (done.some((d) => d.status === 'rejected')) this.back.note('remove_failed');
      known.stale(0);
      void this.back.load(true).then(() => {
        known.hide(new Set());
        this.back.state.version += 1;
      });
    });
  }

  private forgetThumbs(): void {
    for (const url of this.thumbs.values()) void url.then((u) => u !== undefined && URL.revokeObjectURL(u));
    this.thumbs.clear();
  }
}
