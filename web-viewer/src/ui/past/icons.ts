// Drawings of looking back, as those in ../icons.ts.
export const pastIcons = {
  back10: 'M11 5 7 9l4 4M7 9h7a5 5 0 0 1 0 10h-4',
  on10: 'M13 5l4 4-4 4M17 9h-7a5 5 0 0 0 0 10h4',
  event_prev: 'M6 6v12M18 6l-8 6 8 6z',
  event_next: 'M18 6v12M6 6l8 6-8 6z',
  pause: 'M9 5v14M15 5v14',
  calendar: 'M4 6h16v14H4zM4 10h16M8 3v4M16 3v4',
  list: 'M4 6h4v4H4zM4 14h4v4H4zM12 8h8M12 16h8',
  download: 'M12 4v11M7 10l5 5 5-5M5 20h14',
  keep: 'M12 4l2.500 5.200 5.500.700-4 4 1 5.600-5-2.700-5 2.700 1-5.600-4-4 5.500-.700z',
  kept: 'fill:M12 4l2.500 5.200 5.500.700-4 4 1 5.600-5-2.700-5 2.700 1-5.600-4-4 5.500-.700z',
  remove: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13',
  record: 'fill:M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10',
  stop: 'fill:M7 7h10v10H7z',
} as const;
