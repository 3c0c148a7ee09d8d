// One camera's zones while they are edited: every change is a step that goes back, and the streamer hears of them by Save alone.
import { requests, whyOf } from './ask';
import { begin, commit, type History, redo, undo } from './history';
import type { Moves } from './moves.svelte';
import { addCorner, area, contains, type Point, type Polygon, rectangle, removeCorner, type Scale, shift, snap, withCorner } from './polygon';
import { freeName, MAX_LOOKING_BYTES, MOST_ZONES, parseLooking, type Rules, same, sent, wrongs } from './rules';
import type { Camera, ZoneKind, ZoneRow } from '../protocol/control';
import type { Viewer } from '../viewer';
import type { Say } from '../words';
import type { ZonesKey } from '../words/zones';

/** What was saved can be taken back for this long. */
const UNDO_MS = 10_000;
const NOTHING: Rules = { sensitivity: 50, zones: [] };

/** `privacy` asks before a part of the picture becomes black, `leave` before changes are lost. */
export type Ask = { what: 'privacy'; yes(): void } | { what: 'leave' };

export class Editor {
  at = $state<'loading' | 'ready' | 'saving' | 'failed'>('loading');
  /** Whether the camera looks for motion at all. */
  active = $state(true);
  /** The zone and the corner that are selected; -1 for none. */
  zone = $state(-1);
  corner = $state(-1);
  snapping = $state(true);
  note = $state.raw<ZonesKey | undefined>();
  ask = $state.raw<Ask | undefined>();
  history = $state.raw<History<Rules>>(begin(NOTHING));
  /** What the camera goes by. */
  saved = $state.raw<Rules>(NOTHING);
  /** What was in force before the last Save, for a while. */
  before = $state.raw<Rules | undefined>();
  /** While something is dragged. */
  private draft = $state.raw<Rules | undefined>();
  readonly rules = $derived(this.draft ?? this.history.now);
  readonly wrongs = $derived(wrongs(this.rules));
  readonly dirty = $derived(!same(this.history.now, this.saved));
  readonly selected = $derived<ZoneRow | undefined>(this.rules.zones[this.zone]);
  /** Steps of the same name become one: letters of a word, pixels of a slider. */
  private step: string | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** What was large before. */
  private readonly large: string | undefined;

  constructor(readonly viewer: Viewer, readonly say: Say<ZonesKey>, readonly moves: Moves, readonly camera: Camera) {
    this.large = viewer.model.large;
    void this.load();
  }

  async load(): Promise<void> {
    this.at = 'loading';
    try {
      const { bytes } = await (await requests(this.viewer)).whole({ t: 'looking', camera: this.camera.id }, MAX_LOOKING_BYTES);
      const looking = parseLooking(bytes);
      if (!looking) throw new Error('not readable');
      const { active, sensitivity, zones } = looking;
      this.active = active;
      this.saved = { sensitivity, zones };
      this.history = begin(this.saved);
      this.at = 'ready';
      this.told();
    } catch {
      this.at = 'failed';
    }
  }

  /** Leaves, or asks first. */
  close(): void {
    if (this.dirty) this.ask = { what: 'leave' };
    else this.leave();
  }

  leave(): void {
    const { viewer } = this;
    clearTimeout(this.timer);
    this.moves.setRules(this.camera.id, this.saved);
    viewer.model.zones = undefined;
    viewer.enlarge(this.large);
  }

  async save(): Promise<boolean> {
    if (!this.dirty || this.wrongs.size > 0 || this.at !== 'ready') return false;
    return this.send(this.history.now, 'saved', 'not_saved');
  }

  /** Takes the last Save back: at the camera and here. */
  async unsave(): Promise<void> {
    const { before } = this;
    if (!before || this.at !== 'ready') return;
    this.commit(before);
    await this.send(before, 'unsaved', 'not_saved');
    this.before = undefined;
  }

  private async send(rules: Rules, done: ZonesKey, failed: ZonesKey): Promise<boolean> {
    const before = this.saved;
    this.at = 'saving';
    clearTimeout(this.timer);
    this.before = undefined;
    try {
      await (await requests(this.viewer)).plain({ t: 'set_looking', camera: this.camera.id, sensitivity: rules.sensitivity, zones: sent(rules) });
      this.saved = rules;
      this.note = done;
      this.before = before;
      this.timer = setTimeout(() => {
        this.before = undefined;
        if (this.note === done) this.note = undefined;
      }, UNDO_MS);
      return true;
    } catch (error) {
      const why = whyOf(error);
      this.note = why === 'invalid' ? 'refused_invalid' : why === 'role' ? 'refused_role' : why === 'unavailable' ? 'refused_file' : failed;
      return false;
    } finally {
      this.at = 'ready';
    }
  }

  get canUndo(): boolean {
    return this.history.past.length > 0;
  }

  get canRedo(): boolean {
    return this.history.future.length > 0;
  }

  undo(): void {
    this.become(undo(this.history));
  }

  redo(): void {
    this.become(redo(this.history));
  }

  select(zone: number, corner = -1): void {
    [this.zone, this.corner] = [zone, corner];
    this.step = undefined;
  }

  /** The zone at a place: of several the smallest. */
  zoneAt(at: Point): number {
    const found = this.rules.zones.map(({ points }, i) => ({ points, i })).filter(({ points }) => contains(points, at));
    return found.sort((a, b) => area(a.points) - area(b.points))[0]?.i ?? -1;
  }

  /** A new zone of this kind; a private one is asked about first. */
  add(kind: ZoneKind): void {
    const { zones } = this.rules;
    if (zones.length >= MOST_ZONES) return;
    const run = (): void => {
      const zone: ZoneRow = { name: freeName(this.say(`kind_${kind}`), zones), kind, points: rectangle(zones.length), min_duration: 0 };
      this.commit({ ...this.rules, zones: [...zones, zone] });
      this.select(zones.length);
    };
    this.asked(kind, run);
  }

  setKind(kind: ZoneKind): void {
    if (this.selected && this.selected.kind !== kind) this.asked(kind, () => this.change({ kind }));
  }

  private asked(kind: ZoneKind, yes: () => void): void {
    if (kind === 'privacy') this.ask = { what: 'privacy', yes };
    else yes();
  }

  remove(): void {
    if (!this.selected) return;
    this.commit({ ...this.rules, zones: this.rules.zones.filter((_, i) => i !== this.zone) });
    this.select(-1);
  }

  /** `step` names changes that belong together. An undefined value takes the field away. */
  change(values: { [K in keyof ZoneRow]?: ZoneRow[K] | undefined }, step?: string): void {
    const { selected } = this;
    if (!selected) return;
    const next = Object.fromEntries(Object.entries({ ...selected, ...values }).filter(([, v]) => v !== undefined)) as unknown as ZoneRow;
    this.commit(this.withZone(next), step && `${step} ${this.zone}`);
  }

  setSensitivity(sensitivity: number): void {
    this.commit({ ...this.rules, sensitivity }, 'sensitivity');
  }

  /** One step of the corners; undefined where it can't be done. */
  private shape(points: Polygon | undefined, step?: string): boolean {
    if (!points || !this.selected) return false;
    this.commit(this.withZone({ ...this.selected, points }), step);
    return true;
  }

  addCorner(after: number): void {
    if (this.selected && this.shape(addCorner(this.selected.points, after))) this.corner = after + 1;
  }

  removeCorner(i: number): void {
    if (this.selected && this.shape(removeCorner(this.selected.points, i))) this.corner = -1;
  }

  moveCorner(i: number, to: Point, scale: Scale, free: boolean): void {
    if (this.selected) this.shape(withCorner(this.selected.points, i, this.snapped(to, scale, free)));
  }

  /** The selected corner, or with none the whole zone, by parts of the picture. */
  nudge(dx: number, dy: number): void {
    const points = this.selected?.points;
    const corner = points?.[this.corner];
    if (!points) return;
    const moved = corner ? withCorner(points, this.corner, [corner[0] + dx, corner[1] + dy]) : shift(points, dx, dy);
    this.shape(moved, `nudge ${this.zone} ${this.corner}`);
  }

  /** While it is dragged: shown, and no step yet. */
  drag(points: Polygon | undefined): void {
    const zone = this.history.now.zones[this.zone];
    if (!zone || !points) return;
    this.draft = this.withZone({ ...zone, points }, this.history.now);
    this.told();
  }

  dragCorner(points: Polygon, i: number, to: Point, scale: Scale, free: boolean): void {
    this.drag(withCorner(points, i, this.snapped(to, scale, free)));
  }

  drop(keep: boolean): void {
    const { draft } = this;
    this.draft = undefined;
    if (draft && keep) this.commit(draft);
    else this.told();
  }

  private snapped(to: Point, scale: Scale, free: boolean): Point {
    const others = this.rules.zones.filter((_, i) => i !== this.zone).map((z) => z.points);
    return this.snapping && !free ? snap(to, others, scale) : to;
  }

  private withZone(zone: ZoneRow, rules = this.rules): Rules {
    return { ...rules, zones: rules.zones.map((z, i) => (i === this.zone ? zone : z)) };
  }

  private commit(rules: Rules, step?: string): void {
    const { history } = this;
    const joins = step !== undefined && step === this.step && history.past.length > 0;
    this.step = step;
    this.note = this.before ? this.note : undefined;
    this.history = joins ? { ...history, now: rules, future: [] } : commit(history, rules);
    this.told();
  }

  private become(history: History<Rules>): void {
    this.step = undefined;
    this.history = history;
    const zone = history.now.zones[this.zone];
    if (!zone) this.select(-1);
    else if (this.corner >= zone.points.length) this.corner = -1;
    this.told();
  }

  /** Cells are drawn by what is on the screen, saved or not. */
  private told(): void {
    this.moves.setRules(this.camera.id, this.rules);
  }
}
