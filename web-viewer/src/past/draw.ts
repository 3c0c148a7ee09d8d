// The strip on its canvas: what was recorded, what moved, the time. Draws what it is given, in one pass; nothing here decides.
import { type Axis, type Chip, chips, labelStep, left, midnights, right, type Tick, ticks, xOf } from './axis';
import type { Piece } from './export';
import type { Gap } from './known';
import { firstFrom, type Group } from './marks';
import type { Span } from './spans';
import type { Zone } from './zone';

export interface Colours { surface: string; raised: string; text: string; muted: string; border: string; recorded: string; motion: string; past: string; live: string; warning: string }

export interface Scene {
  axis: Axis;
  height: number;
  zone: Zone;
  spans: readonly Span[];
  gaps: readonly Gap[];
  groups: readonly Group[];
  now: number;
  piece: Partial<Piece>;
  /** In the past: the playhead has its colour. */
  past: boolean;
  label(tick: Tick): string;
  day(chip: Chip): string;
  /** What stands on a stretch that should have been recorded and was not. */
  off: string;
}

const FONT = '12px system-ui, sans-serif';
const CHIP = 92;

/** Rows of the strip, from the top. */
function rows(height: number): { bar: [number, number]; marks: [number, number]; base: number } {
  const bar = height >= 80 ? 16 : 12;
  return { bar: [4, bar], marks: [bar + 8, height - bar - 30], base: height - 7 };
}

let hatching: { colour: string; pattern: CanvasPattern | null } | undefined;

function hatch(g: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  if (hatching?.colour !== colour) {
    const tile = document.createElement('canvas');
    [tile.width, tile.height] = [8, 8];
    const t = tile.getContext('2d');
    if (t) {
      t.strokeStyle = colour;
      t.lineWidth = 2;
      t.beginPath();
      for (const x of [-8, 0, 8]) {
        t.moveTo(x - 2, 10);
        t.lineTo(x + 10, -2);
      }
      t.stroke();
    }
    hatching = { colour, pattern: g.createPattern(tile, 'repeat') };
  }
  return hatching.pattern ?? colour;
}

export function draw(g: CanvasRenderingContext2D, scene: Scene, colours: Colours): void {
  const { axis, height, zone, spans, now } = scene;
  const { width } = axis;
  const { bar, marks, base } = rows(height);
  const [from, to] = [left(axis), right(axis)];
  g.fillStyle = colours.surface;
  g.fillRect(0, 0, width, height);
  g.font = FONT;
  g.textBaseline = 'alphabetic';

  // What has not happened yet.
  const ahead = xOf(axis, now);
  if (ahead < width) {
    g.fillStyle = colours.raised;
    g.fillRect(Math.max(0, ahead), 0, width, height);
  }

  g.fillStyle = colours.raised;
  g.fillRect(0, bar[0], Math.min(width, ahead), bar[1]);
  g.fillStyle = colours.recorded;
  for (let i = Math.max(0, firstFrom(spans, from) - 1); i < spans.length; i += 1) {
    const span = spans[i];
    if (!span || span.from >= to) break;
    if (span.to <= from) continue;
    const x = Math.max(0, xOf(axis, span.from));
    // However short, it is there.
    g.fillRect(x, bar[0], Math.max(1.5, Math.min(width, xOf(axis, span.to)) - x), bar[1]);
  }

  for (const off of scene.gaps) {
    if (off.why !== 'off' || off.to <= from || off.from >= to) continue;
    const x = Math.max(0, xOf(axis, off.from));
    const wide = Math.max(2, Math.min(width, xOf(axis, off.to)) - x);
    g.fillStyle = hatch(g, colours.border);
    g.fillRect(x, bar[0], wide, bar[1] + marks[1] + 4);
    const text = scene.off;
    const needs = g.measureText(text).width + 12;
    if (wide < needs) continue;
    g.fillStyle = colours.surface;
    g.fillRect(x + (wide - needs) / 2, marks[0] + marks[1] / 2 - 9, needs, 18);
    g.fillStyle = colours.muted;
    g.textAlign = 'center';
    g.fillText(text, x + wide / 2, marks[0] + marks[1] / 2 + 4);
  }

  const { groups } = scene;
  const bottom = marks[0] + marks[1];
  g.textAlign = 'center';
  const counts: { text: string; middle: number; half: number }[] = [];
  for (let i = Math.max(0, firstFrom(groups, from - (to - from)) - 1); i < groups.length; i += 1) {
    const group = groups[i];
    if (!group || group.from >= to) break;
    const x = xOf(axis, group.from);
    const end = xOf(axis, group.to);
    if (end < -30) continue;
    const high = 4 + Math.sqrt(Math.min(1, Math.max(0, group.peak))) * (marks[1] - 4);
    const wide = Math.max(3, end - x);
    g.fillStyle = colours.motion;
    g.fillRect(x, bottom - high, wide, high);
    if (group.count === 1) continue;
    const text = `${group.count} ◐`;
    const half = g.measureText(text).width / 2 + 2;
    const middle = x + wide / 2;
    const before = counts.at(-1);
    if (!before || middle - half > before.middle + before.half) counts.push({ text, middle, half });
  }
  for (const { text, middle, half } of counts) {
    g.fillStyle = colours.surface;
    g.fillRect(middle - half, marks[0] + 2, half * 2, 14);
    g.fillStyle = colours.text;
    g.fillText(text, middle, marks[0] + 13);
  }

  g.fillStyle = colours.muted;
  for (const tick of ticks(axis, zone)) {
    g.fillRect(Math.round(tick.x), base - 17, 1, tick.label ? 6 : 3);
    if (tick.label) g.fillText(scene.label(tick), tick.x, base);
  }

  for (const jump of zone.jumps(from, to)) {
    g.strokeStyle = colours.warning;
    g.setLineDash([3, 3]);
    g.beginPath();
    g.moveTo(xOf(axis, jump.at), 0);
    g.lineTo(xOf(axis, jump.at), height);
    g.stroke();
    g.setLineDash([]);
  }
  if (labelStep(axis) < 86_400_000) {
    g.fillStyle = colours.border;
    for (const at of midnights(axis, zone)) g.fillRect(Math.round(xOf(axis, at)), 0, 1, height);
    g.textAlign = 'left';
    for (const chip of chips(axis, zone, CHIP)) {
      const text = scene.day(chip);
      const wide = g.measureText(text).width + 12;
      g.fillStyle = colours.surface;
      g.globalAlpha = 0.9;
      g.fillRect(chip.x + 3, marks[0], wide, 18);
      g.globalAlpha = 1;
      g.strokeStyle = colours.border;
      g.strokeRect(chip.x + 3.5, marks[0] + 0.5, wide - 1, 17);
      g.fillStyle = colours.text;
      g.fillText(text, chip.x + 9, marks[0] + 13);
    }
  }

  const { piece } = scene;
  if (piece.from !== undefined || piece.to !== undefined) {
    const [a, b] = [xOf(axis, piece.from ?? piece.to ?? 0), xOf(axis, piece.to ?? piece.from ?? 0)];
    g.fillStyle = colours.past;
    g.globalAlpha = 0.25;
    g.fillRect(a, 0, b - a, height);
    g.globalAlpha = 1;
    if (piece.from !== undefined) g.fillRect(a - 1, 0, 3, height);
    if (piece.to !== undefined) g.fillRect(b - 2, 0, 3, height);
  }

  if (ahead >= 0 && ahead <= width) {
    g.fillStyle = colours.live;
    g.fillRect(Math.round(ahead) - 1, 0, 2, height);
  }
  const middle = Math.round(width / 2);
  g.fillStyle = scene.past ? colours.past : colours.text;
  g.fillRect(middle - 1, 0, 2, height);
  g.beginPath();
  g.moveTo(middle - 6, 0);
  g.lineTo(middle + 6, 0);
  g.lineTo(middle, 8);
  g.fill();
}

/** One whole day, as high as the canvas. */
export function drawDay(g: CanvasRenderingContext2D, size: { width: number; height: number }, day: Span, scene: Pick<Scene, 'spans' | 'groups' | 'now'> & { view: Span }, colours: Colours): void {
  const { width, height } = size;
  const x = (at: number): number => (at - day.from) / (day.to - day.from) * width;
  g.fillStyle = colours.raised;
  g.fillRect(0, 0, width, height);
  g.fillStyle = colours.recorded;
  for (const span of scene.spans) {
    if (span.to <= day.from || span.from >= day.to) continue;
    g.fillRect(x(span.from), height - 5, Math.max(1.5, x(span.to) - x(span.from)), 5);
  }
  g.fillStyle = colours.motion;
  for (let i = firstFrom(scene.groups, day.from); i < scene.groups.length; i += 1) {
    const group = scene.groups[i];
    if (!group || group.from >= day.to) break;
    const high = 3 + Math.sqrt(Math.min(1, group.peak)) * (height - 10);
    g.fillRect(x(group.from), height - 6 - high, Math.max(2, x(group.to) - x(group.from)), high);
  }
  g.fillStyle = colours.surface;
  g.fillRect(Math.max(0, x(scene.now)), 0, width, height);
  g.strokeStyle = colours.past;
  g.lineWidth = 2;
  const from = Math.max(1, x(scene.view.from));
  g.strokeRect(from, 1, Math.max(4, Math.min(width - 1, x(scene.view.to)) - from), height - 2);
  g.lineWidth = 1;
}
