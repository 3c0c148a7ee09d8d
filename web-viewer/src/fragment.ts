// Imported before all else: the address's fragment holds the code, and leaves the address and the history before
// anything is requested or shown.

export function takeFragment(): string {
  const fragment = location.hash.slice(1);
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
  return fragment;
}

export const fragment = takeFragment();
