import { mount } from 'svelte';
import type { Viewer } from '../viewer';
import App from './App.svelte';

/** The model as state that components follow. */
export function reactive<T extends object>(value: T): T {
  const state = $state(value);
  return state;
}

export function mountApp(viewer: Viewer): void {
  const target = document.getElementById('app');
  target?.replaceChildren();
  if (target) mount(App, { target, props: { viewer } });
}
