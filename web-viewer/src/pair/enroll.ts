// Pairing with a link: proves the code, gets what later visits need, keeps it.
import { b64, type Bytes, unb64 } from '../protocol/bytes';
import { openPairing } from '../protocol/frames';
import { parsePairReply } from '../protocol/parse';
import { type PairHello, type Refused, VERSION } from '../protocol/wire';
import type { Signal } from '../signal/socket';
import type { Crypto, KeyPair } from './crypto';
import { pairMailbox, pairPrologue, pairPsk } from './keys';
import type { Link } from './link';
import { Sealed } from './sealed';
import type { Pairing } from './store';

export interface Device { name: string; insecure: boolean; own: KeyPair }

export class ReplyError extends Error {}

/** Either a row that `keep` has stored, or the camera's refusal. */
export async function enroll(
  connecting: Promise<Signal>, crypto: Crypto, link: Link, device: Device, nowMs: number, keep: (pairing: Pairing) => Promise<void>,
): Promise<Pairing | Refused> {
  const mailbox = await pairMailbox(crypto, link.secret);
  const psk = await crypto.secret(await pairPsk(crypto, link.secret, link.streamer));
  const hello: PairHello = { v: VERSION, device: device.name, platform: 'web', insecure: device.insecure };
  const { channel, answer } = await Sealed.open(connecting, crypto, {
    pattern: 'IKpsk1', first: JSON.stringify(hello), open: (chan) => openPairing(chan, mailbox),
    parties: (chan) => ({ own: device.own, peer: link.streamer, psk, prologue: pairPrologue(mailbox, chan) }),
  });
  const reply = parsePairReply(answer);
  if (reply.t === 'refused') {
    channel.close();
    return reply;
  }
  const servers = reply.servers.filter((s) => /^wss?:\/\//.test(s));
  const pairing: Pairing = {
    id: b64(link.streamer), streamer: link.streamer, own: device.own, crypto: crypto.kind, psk: await crypto.secret(need(reply.psk, 32)),
    cap: need(reply.cap, 16), mailbox: need(reply.mailbox, 16), servers: servers.length > 0 ? servers : [link.server],
    place: reply.place, device: reply.device, roles: reply.roles, ctr: 0, cameras: [], used: nowMs,
  };
  // Stored before the camera is told so: a device that says ok must still be paired after a crash.
  await keep(pairing);
  channel.send({ t: 'pair_ok' });
  channel.close();
  return pairing;
}

function need(text: string, length: number): Bytes {
  const bytes = unb64(text, length);
  if (!bytes) throw new ReplyError(`not ${length} bytes of base64url`);
  return bytes;
}
