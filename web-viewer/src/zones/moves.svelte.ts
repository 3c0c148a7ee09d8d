// What moves now, for whoever draws it: asked for while at least one does.
import { decode, type Cells } from './cells';
import { requests } from './ask';
import { MAX_LOOKING_BYTES, parseLooking, type Rules } from './rules';
import type { ToViewer } from '../protocol/control';
import type { Viewer } from '../viewer';

export class Moves {
  /** Drawn over the live pictures. */
  on = $state(false);
  seen = $state.raw<Record<string, Cells>>({});
  /** Where it counts, as far as it is known: who may not manage sees all of it alike. */
  rules = $state.raw<Record<string, Rules>>({});
  // Nothing on the screen follows who wants what.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  private readonly wanted = new Map<string, number>();

  constructor(private readonly viewer: Viewer) {}

  /** Returns what ends it. */
  want(camera: string): () => void {
    const count = (by: number): void => {
      const before = this.wanted.get(camera) ?? 0;
      this.wanted.set(camera, before + by);
      if (before === 0 || before + by === 0) this.tell(camera, before === 0);
    };
    count(1);
    if (this.viewer.model.admin && !this.rules[camera]) void this.learn(camera);
    return () => {
      count(-1);
      if (this.wanted.get(camera) === 0) this.show(camera, undefined);
    };
  }

  /** A session began: what was known is of the one before. */
  private again(): void {
    this.seen = {};
    for (const [camera, n] of this.wanted) if (n > 0) this.tell(camera, true);
  }

  control(message: ToViewer): void {
    if (message.t === 'hello') this.again();
    if (message.t !== 'cells' || !this.wanted.get(message.camera)) return;
    this.show(message.camera, decode(message.width, message.height, message.bits));
  }

  setRules(camera: string, rules: Rules): void {
    this.rules = { ...this.rules, [camera]: rules };
  }

  private tell(camera: string, on: boolean): void {
    const { session } = this.viewer;
    if (session?.ready) session.send({ t: 'cells', re: session.request(), camera, on });
  }

  private show(camera: string, cells: Cells | undefined): void {
    const { [camera]: before, ...others } = this.seen;
    if (cells || before) this.seen = cells ? { ...others, [camera]: cells } : others;
  }

  private async learn(camera: string): Promise<void> {
    try {
      const { bytes } = await (await requests(this.viewer)).whole({ t: 'looking', camera }, MAX_LOOKING_BYTES);
      const looking = parseLooking(bytes);
      if (looking && !this.rules[camera]) this.setRules(camera, looking);
    } catch {
      // All cells are then drawn alike.
    }
  }
}

/** Shows what moves over the live pictures, or no more. */
export function toggleMoves({ model }: Viewer): void {
  if (model.moves) model.moves.moves.on = !model.moves.moves.on;
}
