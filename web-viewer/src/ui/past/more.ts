// What is opened from under the strip, loaded when the first of it is: events, a time to go to, a part to take along.
import type { Back } from '../../past/back';
import { Shelf } from '../../past/shelf';
import { Taking } from '../../past/taking';
import { styled } from '../styled';
import Events from './Events.svelte';
import GoTo from './GoTo.svelte';
import Take from './Take.svelte';

export interface More { Events: typeof Events; GoTo: typeof GoTo; Take: typeof Take; shelf: Shelf; taking: Taking }

export async function more(back: Back): Promise<More> {
  await styled(import.meta.url);
  return { Events, GoTo, Take, shelf: new Shelf(back), taking: new Taking(back) };
}
