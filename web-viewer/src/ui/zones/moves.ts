// What moves, drawn over live pictures: loaded when it is first wanted.
import type { Component } from 'svelte';
import { styled } from '../styled';
import Cells from './Cells.svelte';
import { Moves } from '../../zones/moves.svelte';
import type { Camera } from '../../protocol/control';
import type { Viewer } from '../../viewer';

export interface Moving { moves: Moves; Cells: Component<{ moves: Moves; camera: Camera }> }

export async function moves(viewer: Viewer): Promise<Moving> {
  await styled(import.meta.url);
  return (viewer.model.moves ??= { moves: new Moves(viewer), Cells });
}

export async function toggle(viewer: Viewer): Promise<void> {
  const { moves: all } = await moves(viewer);
  all.on = !all.on;
}
