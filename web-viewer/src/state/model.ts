// All that the screen shows, as plain data. The viewer writes it, components read it.
import type { Hops, Path, Rates } from '../peer/stats';
import type { Picture } from '../player/freshness';
import type { SlotPlayer } from '../player/slot';
import type { SoundState } from '../player/sound';
import type { Camera, HouseMode } from '../protocol/control';
import type { Theme } from './theme';
import { type View, WHOLE } from './zoom';
import type { Sentence } from '../words';
import type { Looking } from '../ui/past/load';
import type { House, Moving } from '../ui/zones/house';
import type { Editing } from '../ui/zones/load';
import type { LinkState } from './link';

export type CardAction = 'copy_link' | 'anyway' | 'watch_here' | 'try_again' | 'reload' | 'forget';

export type Screen =
  | { at: 'starting' }
  /** A sentence and what one can do. */
  | { at: 'card'; sentence: Sentence; actions: CardAction[]; details?: string }
  /** Nothing is paired: scan or paste. */
  | { at: 'home'; sentence: Sentence }
  | { at: 'viewing' };

export interface Tile {
  camera: Camera;
  player: SlotPlayer | undefined;
  /** The slot's frames are known to be of this camera. */
  showing: boolean;
  /** The last picture, while none is showing. */
  still: { canvas: HTMLCanvasElement; takenMs: number; visit: 'this' | 'earlier' } | undefined;
  picture: Picture;
}

export interface Stats { rates: Rates | undefined; hops: Hops | undefined; path: Path; rttMs: number | undefined; width: number; height: number }

export interface Model {
  screen: Screen;
  place: string;
  /** False where the page came over plain http. */
  secure: boolean;
  link: LinkState;
  /** What is being done about the connection, and after a while why. */
  line: Sentence | undefined;
  reason: Sentence | undefined;
  /** It takes long: offer "Try again". */
  slow: boolean;
  cameras: Camera[];
  tiles: Tile[];
  /** Cameras in front of which something moves. */
  moving: Record<string, boolean>;
  /** There is, or is about to be, a strip of time under the picture; and it is to be seen. */
  deck: boolean;
  strip: boolean;
  /** Looking back, once it is loaded and the streamer knows of it. */
  looking: Looking | undefined;
  /** This device may manage. */
  admin: boolean;
  /** How the house is watched over; undefined where the streamer knows of no house. */
  mode?: HouseMode | undefined;
  /** What is shown of that; what moves, once it was wanted; and the editor of zones while it is open. */
  house?: House | undefined;
  moves?: Moving | undefined;
  zones?: Editing | undefined;
  /** The camera shown alone. */
  large: string | undefined;
  /** What is seen of the picture that is alone on the screen. */
  view: View;
  watching: string[];
  sound: SoundState;
  /** Sound was never switched on or off for this camera: offer it over the picture. */
  soundOffer: boolean;
  volume: number;
  /** Autoplay was refused. */
  tapPicture: boolean;
  notice: Sentence | undefined;
  /** The notice says that this device was paired: its name can be changed there. */
  canRename: boolean;
  /** What this device is called. */
  device: string;
  /** Explain the Home Screen. */
  homeCard: boolean;
  stats: Stats | undefined;
  panel: 'none' | 'stats' | 'settings' | 'protection' | 'watching' | 'house';
  singleKeys: boolean;
  fullScreen: boolean;
  theme: Theme;
}

export function initialModel(secure: boolean): Model {
  return {
    screen: { at: 'starting' }, place: '', secure, link: { at: 'idle' }, line: undefined, reason: undefined, slow: false,
    cameras: [], tiles: [], moving: {}, deck: false, strip: true, looking: undefined, admin: false, large: undefined, view: WHOLE, watching: [], sound: 'off', soundOffer: false, volume: 1, tapPicture: false,
    notice: undefined, canRename: false, device: '', homeCard: false, stats: undefined, panel: 'none', singleKeys: true, fullScreen: false, theme: 'system',
  };
}
