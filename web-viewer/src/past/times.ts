// Moments as people of the house read them. Pure.
import type { Label } from './axis';
import { repeated } from './axis';
import type { Zone } from './zone';
import type { Say, Words } from '../words';
import type { PastKey } from '../words/past';

const MB = 1_000_000;

export class Times {
  private readonly clock: Record<'minutes' | 'seconds', Intl.DateTimeFormat>;
  private readonly days: Record<'short' | 'long' | 'tick', Intl.DateTimeFormat>;

  constructor(private readonly words: Words, private readonly say: Say<PastKey>) {
    const locale = words.lang === 'fr' ? 'fr' : 'en-GB';
    // Local times are written as if they were UTC.
    const format = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => new Intl.DateTimeFormat(locale, { timeZone: 'UTC', hourCycle: 'h23', ...options });
    this.clock = {
      minutes: format({ hour: '2-digit', minute: '2-digit' }),
      seconds: format({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    };
    this.days = {
      short: format({ weekday: 'short', day: 'numeric', month: 'short' }),
      long: format({ weekday: 'long', day: 'numeric', month: 'long' }),
      tick: format({ day: 'numeric', month: 'short' }),
    };
  }

  /** What a label of the axis says. */
  label(label: Label): string {
    if (label.says === 'day') return this.days.tick.format(label.local);
    return this.season(this.clock[label.says].format(label.local), label.which);
  }

  time(zone: Zone, at: number, precision: 'minutes' | 'seconds' = 'seconds'): string {
    return this.season(this.clock[precision].format(zone.local(at)), repeated(zone, at));
  }

  day(zone: Zone, at: number, how: 'short' | 'long' = 'short'): string {
    return this.days[how].format(zone.local(at));
  }

  /** "12 s", "1 min 30 s", "2 h 5 min". */
  length(ms: number): string {
    const s = Math.max(1, Math.round(ms / 1000));
    const unit = (key: 'unit_s' | 'unit_min' | 'unit_h', n: number): string => (n === 0 ? '' : this.words.t(key, { n: String(n) }));
    const parts = s < 3_600 ? [unit('unit_min', Math.floor(s / 60)), unit('unit_s', s % 60)] : [unit('unit_h', Math.floor(s / 3_600)), unit('unit_min', Math.floor(s / 60) % 60)];
    return parts.filter((p) => p !== '').join('\u00a0');
  }

  bytes(n: number): string {
    if (n < MB) return this.say('kb', { n: this.words.number(n / 1_000, 0) });
    if (n < 1_000 * MB) return this.say('mb', { n: this.words.number(n / MB, n < 10 * MB ? 1 : 0) });
    return this.say('gb', { n: this.words.number(n / 1_000 / MB, 1) });
  }

  private season(time: string, which: 'first' | 'second' | undefined): string {
    return which === undefined ? time : this.say(which === 'first' ? 'summer' : 'winter', { time });
  }
}
