// The editor of zones, loaded when it is first opened.
import type { Component } from 'svelte';
import { styled } from '../styled';
import Zones from './Editor.svelte';
import { moves } from './moves';
import { Editor } from '../../zones/editor.svelte';
import type { Camera } from '../../protocol/control';
import type { Viewer } from '../../viewer';
import { zonesTable } from '../../words/zones';

/** In place of the live screen while it is open. */
export interface Editing { editor: Editor; Zones: Component<{ editor: Editor }> }

export async function open(viewer: Viewer, camera: Camera): Promise<void> {
  const [table, moving] = await Promise.all([zonesTable(viewer.words.lang), moves(viewer), styled(import.meta.url)]);
  const editor = new Editor(viewer, viewer.words.more(table), moving.moves, camera);
  viewer.model.panel = 'none';
  viewer.enlarge(camera.id);
  viewer.model.zones = { editor, Zones };
}
