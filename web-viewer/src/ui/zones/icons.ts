// Drawings of the editor of zones, as those in ../icons.ts.
export const zoneIcons = {
  undo: 'M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3',
  redo: 'M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3',
  remove: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13',
} as const;
