// What the page does first, from what it finds. Pure.
import { type Link, type Origin, parseLink } from '../pair/link';

export interface Facts {
  /** The address's fragment without `#`, taken before anything else ran. */
  fragment: string;
  origin: Origin;
  userAgent: string;
  /** iPhone page opened from the Home Screen. */
  standalone: boolean;
  /** `visible`, and not a prerendering. */
  visible: boolean;
  /** Base64url keys of the streamers that this browser is paired with. */
  paired: readonly string[];
  /** "Use it here anyway" was pressed. */
  anyway: boolean;
}

export type Entry =
  /** Another app's built-in browser: the code stays unused. */
  | { go: 'inapp'; browser: string }
  /** A preview or a hidden tab: wait, the code stays unused. */
  | { go: 'wait' }
  | { go: 'bad_link' }
  | { go: 'pair'; link: Link }
  | { go: 'view' }
  /** Nothing paired and no link. */
  | { go: 'home' };

export function decide(facts: Facts): Entry {
  if (facts.fragment === '') return facts.paired.length > 0 ? { go: 'view' } : { go: 'home' };
  const link = parseLink(facts.fragment, facts.origin);
  if (!link) return { go: 'bad_link' };
  const inapp = inAppBrowser(facts.userAgent, facts.standalone);
  if (inapp && !facts.anyway) return { go: 'inapp', browser: properBrowser(facts.userAgent) };
  return facts.visible ? { go: 'pair', link } : { go: 'wait' };
}

/** A web view inside another app, whose storage is lost with it. */
export function inAppBrowser(userAgent: string, standalone: boolean): boolean {
  if (/FBAN|FBAV|Instagram|\bLine\/|; wv\)/.test(userAgent)) return true;
  return /iPhone|iPod/.test(userAgent) && !/Safari\//.test(userAgent) && !standalone;
}

/** Safari on an iPhone drops what a page keeps after seven days without a visit, unless it is on the Home Screen. */
export const forgetsPages = (userAgent: string, standalone: boolean): boolean => /iPhone|iPod/.test(userAgent) && !standalone;

const properBrowser = (userAgent: string): string => (/iPhone|iPad|iPod/.test(userAgent) ? 'Safari' : 'Chrome');

/** What this device is called until someone renames it. */
export function deviceName(userAgent: string): string {
  const device = /iPhone/.test(userAgent) ? 'iPhone' : /iPad/.test(userAgent) ? 'iPad' : /Android/.test(userAgent) ? 'Android'
    : /Windows/.test(userAgent) ? 'Windows' : /Mac OS X/.test(userAgent) ? 'Mac' : /CrOS/.test(userAgent) ? 'Chromebook' : 'Linux';
  const browser = /Edg\//.test(userAgent) ? 'Edge' : /Firefox\/|FxiOS/.test(userAgent) ? 'Firefox'
    : /Chrom(e|ium)\/|CriOS/.test(userAgent) ? 'Chrome' : /Safari\//.test(userAgent) ? 'Safari' : 'Web';
  return `${device}, ${browser}`;
}
