// Small things that this browser remembers apart from the database, none of them secret: whether a camera was heard, and that
// the page was paired once. Browsers that refuse storage remember nothing.

const soundKey = (streamer: string, camera: string): string => `sound ${streamer} ${camera}`;

/** Undefined where sound was never switched on or off for this camera. */
export function soundWas(streamer: string, camera: string): boolean | undefined {
  const kept = read(soundKey(streamer, camera));
  return kept === null ? undefined : kept === 'on';
}

export function keepSound(streamer: string, camera: string, on: boolean): void {
  write(soundKey(streamer, camera), on ? 'on' : 'off');
}

/** Of all cameras of a streamer. */
export function forgetSound(streamer: string): void {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(soundKey(streamer, ''))) localStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}

/** In the page's address, because Safari drops its storage as a whole; the Home Screen and bookmarks keep it. */
const MARK = 'home';

/** This page was paired here, or at an address that it has no more, or never. */
export function wasPaired(search: string, host: string): 'here' | 'elsewhere' | 'never' {
  const mark = new URLSearchParams(search).get(MARK);
  if (mark !== null && mark !== '' && mark !== host) return 'elsewhere';
  return mark !== null || read('paired') !== null ? 'here' : 'never';
}

/** The page's query with the mark, or without. */
export function marked(search: string, host: string | undefined): string {
  const query = new URLSearchParams(search);
  if (host === undefined) query.delete(MARK);
  else query.set(MARK, host);
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

export function keepPaired(): void {
  write('paired', 'yes');
  history.replaceState(null, '', location.pathname + marked(location.search, location.host));
}

export function forgetPaired(): void {
  write('paired', undefined);
  write('server', undefined);
  history.replaceState(null, '', location.pathname + marked(location.search, undefined));
}

/** The signaling server of the last session, so that its socket can open before the database answers. */
export const serverWas = (): string | undefined => read('server') ?? undefined;
export const keepServer = (url: string): void => write('server', url);

/** Dark, light or as the system has it. */
export const themeWas = (): string | null => read('theme');
export const keepTheme = (theme: string): void => write('theme', theme);

/** The card about the Home Screen was closed. */
export const homeCardSeen = (): boolean => read('home card') !== null;
export const keepHomeCardSeen = (): void => write('home card', 'seen');

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Then it is asked or said again.
  }
}
