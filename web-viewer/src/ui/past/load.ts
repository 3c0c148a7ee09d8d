// Looking back, loaded after the first live picture.
import type { Component } from 'svelte';
import { Back } from '../../past/back';
import type { Viewer } from '../../viewer';
import { pastTable } from '../../words/past';
import { styled } from '../styled';
import Deck from './Deck.svelte';
import Picture from './Picture.svelte';

export interface Looking {
  back: Back;
  /** The strip and what is under it. */
  Deck: Component<{ back: Back }>;
  /** Lies over a tile's live picture. */
  Picture: Component<{ back: Back; age: string }>;
}

export async function look(viewer: Viewer): Promise<Looking> {
  const [table] = await Promise.all([pastTable(viewer.words.lang), styled(import.meta.url)]);
  return { back: new Back(viewer, viewer.words.more(table)), Deck, Picture };
}
