import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { type Axis, chips, labelStep, MAX_SPAN, MIN_SPAN, pan, ticks, tickStep, timeAt, xOf, zoom, zoomStep } from './axis';
import { bytesOf, endAt, eventPiece, fileName, lengthOf, startAt, whole } from './export';
import { firstFrom, merge, Merged, neighbour, pieceMs } from './marks';
import { fineness, runOut, runs, speedOf } from './momentum';
import { ahead, evictBefore, pastGap, pictureClock, shuttle, speedStep, step, wantsMore } from './player';
import { pictureStep, Scrub } from './scrub';
import { gapAt, joined, snapped, spanAt } from './spans';
import { listedZone, namedZone, type Zone } from './zone';

declare const VECTORS: string;

type Pair = [number, number];
interface Vectors {
  zones: Record<string, Pair[]>;
  places: (Axis & { at: number; x: number })[];
  zooms: (Axis & { about: string; factor: number; x: number; to: { centre: number; span: number } })[];
  steps: { span: number; width: number; tick: number; label: number }[];
  labels: (Axis & { about: string; zone: string; labels: [string, number][] })[];
  local: { about: string; zone: string; local: string; moments: number[]; existed: boolean }[];
  days: { zone: string; of: number; from: number; hours: number }[];
  chips: (Axis & { about: string; zone: string; chip: number; chips: Pair[] })[];
  merge: { about: string; piece: number; marks: [number, number, number][]; groups: { from: number; to: number; count: number; peak: number }[] }[];
  pieces: { span: number; width: number; piece: number }[];
  fineness: Pair[];
  momentum: { about: string; samples: Pair[]; now: number; speed: number; way: number }[];
  neighbours: { marks: number[]; at: number; next: number | null; previous: number | null }[];
  spans: { about: string; files: Pair[]; joined: Pair[] }[];
  playing: { about: string; at: number; ranges: Pair[]; ended: boolean; step: unknown }[];
  loading: { at: number; ranges: Pair[]; more: boolean; evict: number | null }[];
}

const vectors = JSON.parse(readFileSync(path.join(VECTORS, 'timeline.json'), 'utf8')) as Vectors;
const zoneOf = (name: string): Zone => listedZone(vectors.zones[name] ?? []);
const ranges = (pairs: Pair[]): { start: number; end: number }[] => pairs.map(([start, end]) => ({ start, end }));

test('places, zoom and the steps of the axis are those of the vectors', () => {
  for (const v of vectors.places) {
    assert.equal(xOf(v, v.at), v.x);
    assert.equal(timeAt(v, v.x), v.at);
  }
  for (const v of vectors.zooms) {
    const { centre, span } = zoom(v, v.factor, v.x);
    assert.deepEqual({ centre, span }, v.to, v.about);
  }
  for (const v of vectors.steps) {
    const axis = { centre: 0, span: v.span, width: v.width };
    assert.deepEqual({ tick: tickStep(axis), label: labelStep(axis) }, { tick: v.tick, label: v.label }, `${v.span} on ${v.width}`);
  }
  assert.equal(pan({ centre: 0, span: 1000, width: 100 }, 10).centre, -100);
  assert.equal(zoomStep(3_600_000, 1), 600_000);
  assert.equal(zoomStep(3_600_000, -1), 6 * 3_600_000);
  assert.equal(zoomStep(MIN_SPAN, 1), MIN_SPAN);
  assert.equal(zoomStep(MAX_SPAN, -1), MAX_SPAN);
});

test('at every zoom labels stand 64 px apart and ticks 8', () => {
  for (let span = MIN_SPAN; span <= MAX_SPAN; span *= 1.07) {
    for (const width of [320, 390, 1280]) {
      const axis = { centre: 1_792_888_000_000, span, width };
      const all = ticks(axis, zoneOf('utc'));
      const labels = all.filter((t) => t.label);
      const gaps = (list: typeof all): number => Math.min(Infinity, ...list.slice(1).map((t, i) => t.x - (list[i]?.x ?? 0)));
      // The last step of the table is a week: on a narrow strip a month's labels stand a little closer than that.
      assert.ok(gaps(labels) >= 63.9, `labels at ${span} on ${width}`);
      assert.ok(gaps(all) >= 7.9, `ticks at ${span} on ${width}`);
      assert.ok(labels.length >= 1, `a label at ${span} on ${width}`);
    }
  }
});

const name = (local: number, says: string, which?: string): string => {
  const iso = new Date(local).toISOString();
  const text = says === 'day' ? iso.slice(0, 10) : iso.slice(11, says === 'minutes' ? 16 : 19);
  return which ? `${text} ${which}` : text;
};

test('labels are in the house\'s zone, through the hour that comes twice and the one that is missing', () => {
  for (const v of vectors.labels) {
    const found = ticks(v, zoneOf(v.zone)).filter((t) => t.label && t.x >= 0 && t.x <= v.width)
      .map((t) => [name(t.label?.local ?? 0, t.label?.says ?? '', t.label?.which), t.at]);
    assert.deepEqual(found, v.labels, v.about);
  }
  for (const v of vectors.local) {
    assert.deepEqual(zoneOf(v.zone).moment(Date.parse(`${v.local}Z`)), { moments: v.moments, existed: v.existed }, v.about);
  }
  for (const v of vectors.days) {
    const zone = zoneOf(v.zone);
    assert.equal(zone.dayStart(v.of), v.from);
    assert.equal((zone.dayEnd(v.of) - v.from) / 3_600_000, v.hours);
  }
  for (const v of vectors.chips) assert.deepEqual(chips(v, zoneOf(v.zone), v.chip).map((c) => [c.day, c.x]), v.chips, v.about);
});

test('a zone by its name is the same as by its list', () => {
  const [named, listed] = [namedZone('Europe/Paris'), zoneOf('paris_2026')];
  assert.ok(named);
  for (let at = 1_774_000_000_000; at < 1_795_000_000_000; at += 7_777_777) assert.equal(named.at(at), listed.at(at), String(at));
  assert.deepEqual(named.jumps(1_774_000_000_000, 1_795_000_000_000).map((j) => j.at), [1_774_746_000_000, 1_792_890_000_000]);
  assert.equal(namedZone('Nowhere/Place'), undefined);
});

test('marks merge and never vanish', () => {
  for (const v of vectors.merge) {
    const groups = merge(v.marks.map(([from, to, peak]) => ({ from, to, peak })), v.piece);
    assert.deepEqual(groups.map(({ from, to, count, peak }) => ({ from, to, count, peak })), v.groups, v.about);
  }
  for (const v of vectors.pieces) assert.equal(pieceMs(v.span, v.width), v.piece);
  const many = Array.from({ length: 10_000 }, (_, i) => ({ from: i * 60_000, to: i * 60_000 + 5_000, peak: 0.1 }));
  const merged = new Merged();
  for (const span of [10_000, 3_600_000, MAX_SPAN]) {
    assert.equal(merged.at(many, span, 390).reduce((n, g) => n + g.count, 0), many.length, 'every mark is counted');
  }
  assert.equal(merged.at(many, MAX_SPAN, 390), merged.at(many, MAX_SPAN, 391), 'made once for a zoom');
  assert.equal(firstFrom(many, 61_000), 2);
});

test('next and previous event', () => {
  for (const v of vectors.neighbours) {
    const marks = v.marks.map((from) => ({ from, to: from + 1_000, peak: 0.1 }));
    assert.equal(neighbour(marks, v.at, 1)?.from ?? null, v.next);
    assert.equal(neighbour(marks, v.at, -1)?.from ?? null, v.previous);
  }
});

test('a drag is finer further up, and runs on when it was fast', () => {
  for (const [up, part] of vectors.fineness) assert.equal(fineness(up), part);
  for (const v of vectors.momentum) {
    const speed = speedOf(v.samples.map(([atMs, x]) => ({ atMs, x })), v.now);
    assert.equal(speed, v.speed, v.about);
    assert.equal(Math.round(runOut(speed, runs(speed))), v.way, v.about);
  }
});

test('stretches and gaps', () => {
  for (const v of vectors.spans) {
    assert.deepEqual(joined(v.files.map(([from, to]) => ({ from, to }))).map((s) => [s.from, s.to]), v.joined, v.about);
  }
  const spans = [{ from: 1_000, to: 5_000 }, { from: 9_000, to: 20_000 }];
  assert.deepEqual(spanAt(spans, 1_000), spans[0]);
  assert.equal(spanAt(spans, 5_000), undefined);
  assert.equal(spanAt(spans, 500), undefined);
  assert.deepEqual(gapAt(spans, 6_000), { from: 5_000, to: 9_000 });
  assert.deepEqual(gapAt(spans, 30_000), { from: 20_000, to: undefined });
  assert.equal(gapAt(spans, 2_000), undefined);
  assert.equal(snapped(spans, 6_000), 9_000);
  assert.equal(snapped(spans, 30_000), 19_000);
  assert.equal(snapped([], 1), undefined);
});

test('while scrubbing two requests are out at most, the newest wanted is next, and no picture comes from across a gap', () => {
  const scrub = new Scrub<string>(300);
  const within = { from: 0, to: 100_000 };
  assert.equal(scrub.next(0), undefined);
  const asked: number[] = [];
  for (let at = 10_000; at <= 60_000; at += 1_000) {
    scrub.want(at, 500, within);
    const ask = scrub.next(0);
    if (ask) asked.push(ask.at);
    assert.ok(scrub.inFlight <= 2);
  }
  assert.deepEqual(asked, [10_000, 11_000]);
  scrub.answer(1, { at: 9_600, bytes: 100, picture: 'a' });
  assert.deepEqual(scrub.next(10), { id: 3, at: 60_000 }, 'the newest, not the ones in between');
  assert.equal(scrub.nearest(60_000, within)?.picture, 'a');
  assert.equal(scrub.nearest(60_000, { from: 50_000, to: 100_000 }), undefined, 'from before a gap');
  scrub.answer(3, { at: 59_000, bytes: 100, picture: 'b' });
  scrub.answer(2, { at: 9_600, bytes: 100, picture: 'a' });
  assert.equal(scrub.next(20), undefined, 'the key frame before is all there is');
  assert.equal(scrub.size, 200);
  scrub.want(80_000, 500, within);
  const third = scrub.next(30);
  scrub.answer(third?.id ?? 0, { at: 79_000, bytes: 100, picture: 'c' });
  scrub.want(90_000, 500, within);
  scrub.answer(scrub.next(40)?.id ?? 0, { at: 89_000, bytes: 100, picture: 'd' });
  assert.equal(scrub.size, 300, 'held to its limit');
  assert.equal(scrub.nearest(9_600, within)?.picture, 'b', 'what was furthest went');
  // One without an answer does not block for ever.
  scrub.want(20_000, 500, within);
  assert.ok(scrub.next(50));
  scrub.want(30_000, 500, within);
  assert.ok(scrub.next(50));
  scrub.want(40_000, 500, within);
  assert.equal(scrub.next(60), undefined);
  assert.ok(scrub.next(6_000));
  assert.deepEqual([pictureStep(86_400_000), pictureStep(7_200_000), pictureStep(60_000)], [60_000, 10_000, 500]);
});

test('playing passes gaps and says so, and stops at the end', () => {
  for (const v of vectors.playing) {
    const found = step({ at: v.at, ranges: ranges(v.ranges), ended: v.ended });
    assert.deepEqual(found.do === 'hop' ? { ...found, ms: Math.round(found.ms), to: Math.round(found.to * 1000) / 1000 } : found, v.step, v.about);
  }
  for (const v of vectors.loading) {
    assert.equal(wantsMore(ranges(v.ranges), v.at), v.more);
    assert.equal(evictBefore(ranges(v.ranges), v.at) ?? null, v.evict);
  }
  const near = { at: 59.5, ranges: ranges([[0, 60], [960, 970]]), ended: false };
  assert.equal(step(near).do, 'play');
  assert.equal(step({ ...near, stalledMs: 400 }).do, 'hop', 'a browser that stopped just before the end');
  assert.equal(step({ ...near, at: 30, stalledMs: 4_000 }).do, 'play', 'one that only waits');
  assert.equal(wantsMore(ranges([[0, 10]]), 5, false), false, 'standing still, less is loaded');
  assert.equal(ahead(ranges([[0, 10], [900, 914]]), 5), 19);
  assert.equal(speedStep(1, 1), 2);
  assert.equal(speedStep(16, 1), 16);
  assert.equal(speedStep(0.25, -1), -1);
  assert.equal(shuttle(2, true, 1), 4);
  assert.equal(shuttle(2, true, -1), -1);
  assert.equal(shuttle(4, false, 1), 1);
  assert.deepEqual(pictureClock(10_000, -4, 1_000, 0, 60_000), { at: 6_000, over: false });
  assert.deepEqual(pictureClock(59_000, 4, 1_000, 0, 60_000), { at: 60_000, over: true });
  const spans = [{ from: 0, to: 10 }, { from: 50, to: 60 }];
  assert.deepEqual([pastGap(spans, 20, true), pastGap(spans, 20, false), pastGap(spans, 55, true), pastGap(spans, 70, true)], [50, 10, 55, undefined]);
});

test('a piece to take along', () => {
  const piece = whole(endAt(startAt({}, 10_000), 100_000));
  assert.deepEqual(piece, { from: 10_000, to: 100_000 });
  assert.equal(whole(endAt({ from: 10_000 }, 5_000)), undefined, 'its end lies before its start');
  assert.equal(whole(startAt({ to: 10_000 }, 20_000)), undefined);
  assert.deepEqual(eventPiece({ from: 50_000, to: undefined }, 60_000), { from: 45_000, to: 60_000 });
  assert.equal(lengthOf({ from: 0, to: 100 }, [{ from: 10, to: 20 }, { from: 90, to: 200 }]), 20);
  assert.equal(bytesOf({ from: 0, to: 50 }, [{ from: 0, to: 100, bytes: 1000 }]), 500);
  assert.equal(fileName('Front: door/1', Date.UTC(2026, 10, 18, 14, 5, 12), 'mp4'), 'Front door 1 2026-11-18 14.05.12.mp4');
});
