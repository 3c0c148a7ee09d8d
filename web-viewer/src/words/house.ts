// Words of the house's mode, and of the ways to what moves and to zones.
import type { Table } from './index';

const en = {
  house: 'House: {mode}',
  mode_home: 'Home',
  mode_away: 'Away',
  mode_privacy: 'Privacy',
  title: 'How the house is watched over',
  about_home: 'Somebody is there: cameras show, and record only when asked.',
  about_away: 'Nobody is there: everything as it is set up.',
  about_privacy: 'Every camera and microphone is off.',
  ask_privacy: 'Every camera and microphone goes off, for everyone, until you choose another mode. Nothing is recorded.',
  yes_privacy: 'Switch them off',
  no: 'Cancel',
  failed_role: 'This device may not change that.',
  failed_other: 'Not changed: the camera does not answer. Try again.',
  zones: 'Zones of {cam}',
  moves: 'Show what moves',
};

export type HouseKey = keyof typeof en;

const fr: Record<HouseKey, string> = {
  house: 'Maison\u00a0: {mode}',
  mode_home: 'Présent',
  mode_away: 'Absent',
  mode_privacy: 'Vie privée',
  title: 'Surveillance de la maison',
  about_home: 'Quelqu’un est là\u00a0: les caméras montrent, et n’enregistrent que sur demande.',
  about_away: 'Personne n’est là\u00a0: tout fonctionne comme réglé.',
  about_privacy: 'Caméras et micros sont éteints.',
  ask_privacy: 'Caméras et micros s’éteignent, pour tous, jusqu’à un autre choix. Rien n’est enregistré.',
  yes_privacy: 'Les éteindre',
  no: 'Annuler',
  failed_role: 'Cet appareil ne peut pas changer cela.',
  failed_other: 'Non changé\u00a0: la caméra ne répond pas. Réessayez.',
  zones: 'Zones de {cam}',
  moves: 'Montrer ce qui bouge',
};

export const houseTable: Table<HouseKey> = { en, fr };
