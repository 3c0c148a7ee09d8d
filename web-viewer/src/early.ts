// Imported right after the fragment and before all that takes time: a page that was here before opens its socket while the
// framework and the database still start. Never with a code in hand, which must not be spent by a page that nobody sees.
import { fragment } from './fragment';
import { serverWas } from './pair/remembered';
import { Signal } from './signal/socket';

const server = fragment === '' ? serverWas() : undefined;
let waiting = server === undefined ? undefined : { server, connecting: Signal.open(server) };
waiting?.connecting.catch(() => undefined);

/** The socket that was opened early, where it leads to this server; from now on it is the caller's. */
export function takeEarly(url: string): Promise<Signal> | undefined {
  const { server: to, connecting } = waiting ?? {};
  if (to === url) {
    waiting = undefined;
    return connecting;
  }
  dropEarly();
  return undefined;
}

/** Nobody needs it. */
export function dropEarly(): void {
  void waiting?.connecting.then((signal) => signal.close(), () => undefined);
  waiting = undefined;
}
