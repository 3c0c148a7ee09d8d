// Our own drawings on a 24-pixel grid with 2-pixel strokes; `fill:` ones are solid.
export const icons = {
  live: 'fill:M12 6a6 6 0 1 0 0 12 6 6 0 0 0 0-12',
  trouble: 'fill:M12 4 22 20H2z',
  waiting: 'M20 12a8 8 0 1 1-3-6.2M20 3v5h-5',
  paused: 'M8 5v14M16 5v14',
  eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6',
  shield: 'M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6zM9 12l2 2 4-4',
  shield_gap: 'M14 4 12 3 5 6v5c0 5 3 8 7 10 3-1.500 5.500-3.500 6.500-7M19 6v4',
  sound: 'M4 10v4h4l5 4V6L8 10zM16 9a4 4 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11',
  muted: 'M4 10v4h4l5 4V6L8 10zM17 10l4 4M21 10l-4 4',
  snapshot: 'M4 8h4l2-3h4l2 3h4v11H4zM12 10.500a3 3 0 1 0 0 6 3 3 0 0 0 0-6',
  full: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  full_off: 'M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5',
  grid: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  stats: 'M5 20v-6M12 20V5M19 20v-9',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  close: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  share: 'M8 8H5v12h14V8h-3M12 15V3M8 7l4-4 4 4',
  add: 'M4 4h16v16H4zM12 8v8M8 12h8',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  up: 'M5 15l7-7 7 7',
  down: 'M5 9l7 7 7-7',
  play: 'fill:M8 5v14l11-7z',
  history: 'M4 12a8 8 0 1 0 2.500-5.800M4 4v4h4M12 8v4l3 2',
  motion: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
  recording: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M10 10h4v4h-4z',
  home: 'M4 11l8-7 8 7v9h-5v-6H9v6H4z',
  away: 'M10 4H5v16h5M9 12h11M16 8l4 4-4 4',
  lock: 'M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3',
} as const;

/** Of the house's modes. */
export const MODE_ICONS = { home: 'home', away: 'away', privacy: 'lock' } as const;

export type IconName = keyof typeof icons;
