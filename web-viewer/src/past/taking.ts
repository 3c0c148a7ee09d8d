// A part to take along: measured, fetched, saved.
import { type Back, us } from './back';
import { bytesOf, eventPiece, fileName, lengthOf, type Piece, whole } from './export';
import { LEAD_MS } from './marks';
import type { Running } from './requests';

/** Parts of a download are handed to the browser's own keeping in pieces of this size. */
const FOLD_BYTES = 8 * 1024 * 1024;

export class Taking {
  private running: Running | undefined;

  constructor(private readonly back: Back) {}

  get piece(): Piece | undefined {
    return whole(this.back.state.piece);
  }

  pieceLength(piece: Piece): number {
    return lengthOf(piece, this.back.known.spans);
  }

  pieceBytes(piece: Piece): number {
    return bytesOf(piece, this.back.known.files);
  }

  /** The event under the playhead, or the last before it. */
  wholeEvent(): void {
    const { at } = this.back.state;
    const found = this.back.shownEvents().findLast((e) => e.from - LEAD_MS <= at + 500);
    if (found) this.back.state.piece = eventPiece(found, this.back.now());
  }

  take(): void {
    const { piece } = this;
    const { state, camera } = this.back;
    if (!piece || !this.back.requests) return;
    const name = fileName(camera?.name ?? 'AtHome', this.back.zone.local(piece.from), 'mp4');
    let parts: (Uint8Array<ArrayBuffer> | Blob)[] = [];
    let [got, unfolded] = [0, 0];
    state.taking = { got: 0, total: this.pieceBytes(piece) };
    state.taken = undefined;
    const { requests } = this.back;
    this.running = requests.parts({ t: 'export', camera: state.camera, from: us(piece.from), to: us(piece.to) }, {
      begun: ({ bytes }) => {
        if (bytes !== undefined) state.taking = { got: 0, total: bytes };
      },
      part: (bytes) => {
        parts.push(bytes);
        got += bytes.length;
        unfolded += bytes.length;
        if (unfolded > FOLD_BYTES) [parts, unfolded] = [[new Blob(parts)], 0];
        if (state.taking) state.taking = { ...state.taking, got };
        if (this.running) requests.taken(this.running.re, got);
      },
      done: () => {
        [state.taking, this.running] = [undefined, undefined];
        state.taken = { blob: new Blob(parts, { type: 'video/mp4' }), name };
        save(state.taken.blob, name);
      },
      failed: () => {
        [state.taking, this.running] = [undefined, undefined];
        this.back.note('get_failed');
      },
    });
  }

  cancelTake(): void {
    this.running?.cancel();
    [this.running, this.back.state.taking] = [undefined, undefined];
  }

  /** The phone's own sheet, on pages that came over https. */
  async share(): Promise<void> {
    const { taken } = this.back.state;
    if (!taken) return;
    await navigator.share({ files: [new File([taken.blob], taken.name, { type: 'video/mp4' })] }).catch(() => undefined);
  }
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
