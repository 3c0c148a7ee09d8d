// The editor of zones, loaded when it is first opened.
import type { Component } from 'svelte';
import { styled } from '../styled';
import Zones from './Editor.svelte';
import type Tile from '../Tile.svelte';
import { Editor } from '../../zones/editor.svelte';
import type { Camera } from '../../protocol/control';
import type { Viewer } from '../../viewer';
import { zonesTable } from '../../words/zones';

/** How a picture is enlarged. */
export type Zoom = Pick<typeof import('../../state/zoom'), 'zoomAt' | 'panBy' | 'WHOLE'>;

/** `Tile` and `zoom` are the page's own, which are there anyway: importing them here would split what is loaded first. */
export interface EditingProps { editor: Editor; Tile: typeof Tile; zoom: Zoom }

/** In place of the live screen while it is open. */
export interface Editing { editor: Editor; Zones: Component<EditingProps> }

export async function open(viewer: Viewer, camera: Camera): Promise<void> {
  const [table] = await Promise.all([zonesTable(viewer.words.lang), styled(import.meta.url)]);
  const { moves } = viewer.model;
  // Whoever is here came by the house's own buttons.
  if (!moves) return;
  const editor = new Editor(viewer, viewer.words.more(table), moves.moves, camera);
  viewer.model.panel = 'none';
  viewer.enlarge(camera.id);
  viewer.model.zones = { editor, Zones };
}
