// The panels at the side, loaded when one is first opened.
import Panel from './Panel.svelte';
import { styled } from './styled';

export async function panel(): Promise<typeof Panel> {
  await styled(import.meta.url);
  return Panel;
}
