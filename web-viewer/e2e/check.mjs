// One line for each check: `ok - …`, `not ok - …: why`, `SKIP - …: why`.

const counts = { passed: 0, failed: 0, skipped: 0 };

/** Runs a check; what it returns is printed beside its name. Each has a minute. */
export async function check(name, run) {
  let timer;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('a minute went by')), 60_000);
    });
    const note = await Promise.race([run(), late]);
    counts.passed += 1;
    console.log(`ok - ${name}${note === undefined ? '' : ` (${note})`}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`not ok - ${name}: ${String(error?.message ?? error).split('\n').slice(0, 6).join(' | ')}`);
  } finally {
    clearTimeout(timer);
  }
}

export function skip(name, why) {
  counts.skipped += 1;
  console.log(`SKIP - ${name}: ${why}`);
}

export function summary() {
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 ? 0 : 1;
}

export function assert(condition, why) {
  if (!condition) throw new Error(why);
}

export function equal(found, wanted, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  assert(a === b, `${what}: ${a}, not ${b}`);
}

/** Asks until it is true; says what it waited for. */
export async function until(what, ms, ask) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert(Date.now() < end, `waited ${ms} ms for ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}
