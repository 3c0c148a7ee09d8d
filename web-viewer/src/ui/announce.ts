// The two live regions of index.html: changes of state only, at most one in five seconds; ages and figures never.
import { cameraLine } from '../state/sentence';
import type { Viewer } from '../viewer';

const APART_MS = 5_000;
/** A state that lasts less than this is not worth a word. */
const SETTLE_MS = 1_000;
/** A camera lost for this long is worth an alert. */
const LOST_MS = 10_000;

let last = -APART_MS;
let pending: ReturnType<typeof setTimeout> | undefined;
let lostTimer: ReturnType<typeof setTimeout> | undefined;
let before = '';

/** Called whenever the state changed. */
export function announce({ model, words }: Viewer): void {
  const { screen, line, reason, link } = model;
  const camera = model.cameras.find((c) => c.id === model.large) ?? model.cameras[0];
  // Without a connection nothing is known of the camera.
  const trouble = link.at === 'live' && camera ? cameraLine(camera, words, model.mode) : undefined;
  const sentence = screen.at === 'card' || screen.at === 'home' ? screen.sentence : line ?? trouble;
  // A try's number is no change of state.
  const name = sentence ? `${sentence.key} ${sentence === trouble ? camera?.id : ''}` : link.at;
  if (name === before) return;
  const first = before === '';
  before = name;
  clearTimeout(lostTimer);
  if (sentence?.key === 'tamper' || sentence?.key === 'removed') say('alert', words.t(sentence.key, sentence.params));
  else if (!first) later(sentence ? words.t(sentence.key, sentence.params) : '');
  // One that only starts, or was paused on purpose, is not lost.
  const lost = line ? reason ?? line : camera?.state === 'backoff' ? trouble : undefined;
  if (lost && !first) {
    const text = words.t(lost.key, lost.params);
    lostTimer = setTimeout(() => say('alert', text), LOST_MS);
  } else {
    say('alert', sentence?.key === 'tamper' || sentence?.key === 'removed' ? words.t(sentence.key, sentence.params) : '');
  }
}

function later(text: string): void {
  clearTimeout(pending);
  const wait = Math.max(SETTLE_MS, last + APART_MS - performance.now());
  pending = setTimeout(() => {
    last = performance.now();
    say('status', text);
  }, wait);
}

function say(region: 'status' | 'alert', text: string): void {
  const element = document.getElementById(region);
  if (element && element.textContent !== text) element.textContent = text;
}
