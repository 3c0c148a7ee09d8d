// Drawings of the editor of zones, as those in ../icons.ts.
export const zoneIcons = {
  undo: 'M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3',
  redo: 'M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3',
  remove: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13',
} as const;

/** Of the house's modes. */
export const modeIcons = {
  home: 'M4 11l8-7 8 7v9h-5v-6H9v6H4z',
  away: 'M10 4H5v16h5M9 12h11M16 8l4 4-4 4',
  privacy: 'M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3',
} as const;
