// Dark or light: the system's choice, or this browser's own. Said to the style sheet by an attribute of the page.

export const THEMES = ['system', 'dark', 'light'] as const;
export type Theme = typeof THEMES[number];

/** What was kept, or the system's choice where that says nothing known. */
export const themeOf = (kept: string | null | undefined): Theme => THEMES.find((theme) => theme === kept) ?? 'system';

export function showTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}
