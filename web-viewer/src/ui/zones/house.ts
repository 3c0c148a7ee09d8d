// The house's mode in the header and its panel, and what moves: loaded once the streamer says that there is a house.
import type { Component } from 'svelte';
import { styled } from '../styled';
import Cells from './Cells.svelte';
import Mode from './Mode.svelte';
import Modes from './Modes.svelte';
import Ways from './Ways.svelte';
import type { Camera, HouseMode } from '../../protocol/control';
import type { Viewer } from '../../viewer';
import { houseTable, type HouseKey } from '../../words/house';
import type { Words } from '../../words';
import { Moves } from '../../zones/moves.svelte';

type Part = Component<{ viewer: Viewer }>;

export interface House {
  /** In the header, in its panel, in the settings. */
  Mode: Part; Modes: Part; Ways: Part;
  title(words: Words): string;
}

/** What moves, drawn over live pictures. */
export interface Moving { moves: Moves; Cells: Component<{ moves: Moves; camera: Camera }> }

const MODES: readonly HouseMode[] = ['home', 'away', 'privacy'];

/** The streamer said how the house is watched over: a mode that has no word here is none. */
export async function house(viewer: Viewer, mode: string): Promise<void> {
  const { model } = viewer;
  model.mode = MODES.find((m) => m === mode);
  if (model.house) return;
  await styled(import.meta.url);
  const title = (words: Words): string => words.more<HouseKey>(houseTable)('title');
  model.moves = { moves: new Moves(viewer), Cells };
  model.house = { Mode, Modes, Ways, title };
}
