// The page's one controller: entry, pairing, the session and its retries, what a person asks for. Decisions are in
// `state/`; here are the wires between them, the browser and the session.
import { dropEarly, opened, takeEarly } from './early';
import { takeFragment } from './fragment';
import { type Crypto, random } from './pair/crypto';
import { enroll } from './pair/enroll';
import { fragmentOf, type Link } from './pair/link';
import { forgetPaired, forgetSound, homeCardSeen, keepHomeCardSeen, keepPaired, keepServer, keepSound, keepTheme, soundWas, wasPaired } from './pair/remembered';
import { nextCtr, type Pairing, Store } from './pair/store';
import { endedBy, Session } from './peer/session';
import { wallNow } from './player/slot';
import { Sound } from './player/sound';
import { b64, utf8 } from './protocol/bytes';
import { Signal } from './signal/socket';
import { Tabs } from './signal/tabs';
import { decide, deviceName, forgetsPages } from './state/entry';
import { slotCount } from './state/layout';
import { type Effect, type Ended, handle, type LinkEvent } from './state/link';
import type { CardAction, Model } from './state/model';
import { stepFrom } from './state/swipe';
import { showTheme, type Theme } from './state/theme';
import { finalCard, isLocalHost, linkLine } from './state/sentence';
import { WHOLE } from './state/zoom';
import { Watch } from './watch';
import type { Words } from './words';
import type { Looking } from './ui/past/load';

/** Ages are redrawn and deadlines looked at this often. */
const TICK_MS = 100;
/** A gap this long between two ticks means that the device slept. */
const SLEPT_MS = 5_000;
const MEASURE_MS = 1_000;
const THUMB_MS = 30_000;
const NOTICE_MS = 12_000;
/** Looking back waits for the first picture, at most this long. */
const PICTURE_MS = 1_500;

export class Viewer {
  watch: Watch | undefined;
  private store: Store | undefined;
  private crypto: Crypto | undefined;
  private pairing: Pairing | undefined;
  private code: Link | undefined;
  session: Session | undefined;
  private signal: Signal | undefined;
  private readonly sound: Sound;
  private readonly tabs: Tabs;
  private attempt = 0;
  private anyway = false;
  private heard: string | undefined;
  private lastTick = wallNow();
  private measured = 0;
  private thumbed = wallNow();
  private noticeUntil = 0;
  private awake = false;
  looking: Looking | undefined;
  private pictured = (): void => undefined;
  private readonly firstPicture = new Promise<void>((done) => { this.pictured = done; });
  /** A name on its way. */
  private renaming: { re: number; name: string } | undefined;
  private newlyPaired = false;
  /** The browser was told to keep pages from the local network (Chromium's permission; others have none). */
  private lanDenied = false;

  constructor(readonly model: Model, readonly words: Words, private fragment: string) {
    this.sound = new Sound((state) => {
      model.sound = state;
    });
    this.tabs = new Tabs(() => this.takenOver());
  }

  async start(): Promise<void> {
    // A phone on its side has no room for it; a button brings it.
    this.model.strip = innerHeight > 480;
    setInterval(() => this.tick(), TICK_MS);
    addEventListener('online', () => this.event({ type: 'retry' }));
    addEventListener('pagehide', () => {
      void this.watch?.keepThumbs();
      this.session?.close('left');
      this.session = undefined;
    });
    addEventListener('pageshow', (e) => {
      if (e.persisted) location.reload();
    });
    addEventListener('hashchange', () => {
      this.fragment = takeFragment();
      if (this.fragment !== '') void this.enter();
    });
    void this.askLan();
    document.addEventListener('visibilitychange', () => this.visibility());
    document.addEventListener('prerenderingchange', () => this.visibility());
    const [store, crypto] = await opened;
    this.store = store;
    this.crypto = crypto;
    this.watch = new Watch(this.model, store);
    await this.enter();
  }

  /** A link that someone pasted. */
  paste(link: string): void {
    this.fragment = fragmentOf(link);
    void this.enter();
  }

  async act(action: CardAction): Promise<void> {
    switch (action) {
      case 'copy_link':
        await copy(`${location.origin}${location.pathname}#${this.fragment}`);
        this.say('copied');
        return;
      case 'anyway':
        this.anyway = true;
        await this.enter();
        return;
      case 'watch_here':
        await this.go('take_over');
        return;
      case 'try_again':
        this.retry();
        return;
      case 'reload':
        location.reload();
        return;
      case 'forget':
        await this.forget();
        location.reload();
    }
  }

  retry(): void {
    if (this.model.link.at === 'connecting') this.event({ type: 'ended', ended: { kind: 'timeout', step: this.model.link.step } });
    if (this.model.link.at === 'stopped') void this.go('take_over');
    else this.event({ type: 'retry' });
  }

  /** From a tap: switches sound on or off and remembers it for the camera. */
  setSound(on: boolean): void {
    const camera = this.watch?.selected;
    if (camera && this.pairing) keepSound(this.pairing.id, camera.id, on);
    this.model.soundOffer = false;
    this.sound.set(on);
  }

  /** Live sound is silent while the past is heard. */
  hush(on: boolean): void {
    this.sound.hush(on);
  }

  setVolume(level: number): void {
    this.model.volume = level;
    this.sound.volume(level);
  }

  enlarge(camera: string | undefined): void {
    this.watch?.enlarge(camera);
    this.model.view = WHOLE;
    this.listen();
    this.looking?.back.follow();
  }

  /** The camera `by` places after the one that is large. */
  step(by: number): void {
    this.enlarge(stepFrom(this.model.cameras, this.model.large, by)?.id);
  }

  setTheme(theme: Theme): void {
    this.model.theme = theme;
    showTheme(theme);
    keepTheme(theme);
  }

  /** Tells the streamer this device's new name; its answer says whether it took it. */
  rename(name: string): void {
    const { session } = this;
    if (!session?.ready) {
      this.say('rename_failed');
      return;
    }
    const re = session.request();
    this.renaming = { re, name: nameOf(name) };
    session.send({ t: 'rename', ...this.renaming });
  }

  /** From a tap: what autoplay was refused. */
  playAll(): void {
    this.model.tapPicture = false;
    for (const player of this.session?.players ?? []) void player?.play();
    if (this.watch?.selected?.audio) this.setSound(true);
  }

  /** Saves the picture on the screen. */
  async snapshot(): Promise<void> {
    const camera = this.watch?.selected;
    const tile = this.model.tiles.find((t) => t.camera.id === camera?.id);
    const past = this.looking?.back.snapshot();
    const canvas = past?.canvas ?? tile?.player?.still() ?? tile?.still?.canvas;
    if (!camera || !tile || !canvas) return;
    const age = tile.picture.kind === 'none' ? 0 : tile.picture.ageMs;
    const takenMs = past?.at ?? tile.still?.takenMs ?? Date.now() - age;
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.92));
    if (!blob) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = `${camera.name} ${stamp(takenMs)}.jpg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    this.say('saved');
  }

  dismiss(): void {
    this.model.notice = undefined;
    this.model.canRename = false;
    this.offerHome();
  }

  dismissHomeCard(): void {
    this.model.homeCard = false;
    keepHomeCardSeen();
  }

  private async enter(): Promise<void> {
    const { store, model } = this;
    if (!store) return;
    const pairings = await store.pairings().catch(() => []);
    const entry = decide({
      fragment: this.fragment, origin: location, userAgent: navigator.userAgent, anyway: this.anyway,
      standalone: 'standalone' in navigator && navigator.standalone === true,
      visible: document.visibilityState === 'visible' && !('prerendering' in document && document.prerendering === true),
      paired: pairings.map((p) => p.id),
    });
    if (entry.go !== 'view') dropEarly();
    switch (entry.go) {
      case 'inapp':
        model.screen = { at: 'card', sentence: { key: 'inapp', params: { browser: entry.browser } }, actions: ['copy_link', 'anyway'] };
        return;
      case 'wait':
        model.screen = { at: 'card', sentence: { key: 'waking' }, actions: [] };
        return;
      case 'bad_link':
        model.screen = { at: 'home', sentence: { key: 'code_bad' } };
        return;
      case 'home':
        model.screen = { at: 'home', sentence: { key: BEFORE[wasPaired(location.search, location.host)] } };
        return;
      case 'pair':
        this.code = entry.link;
        this.fragment = '';
        // A streamer that this browser knows is asked first as a known device: the code may stay unused.
        this.pairing = pairings.find((p) => p.id === b64(entry.link.streamer));
        await this.go('take_over');
        return;
      case 'view':
        this.pairing = pairings[0];
        await this.go('ask');
    }
  }

  private async go(how: 'ask' | 'take_over'): Promise<void> {
    const { model, pairing } = this;
    if (!await this.tabs.hold(how)) {
      dropEarly();
      model.screen = { at: 'card', sentence: { key: 'two_tabs' }, actions: ['watch_here'] };
      return;
    }
    model.screen = { at: 'viewing' };
    const house = pairing?.id ?? (this.code && b64(this.code.streamer));
    if (house !== undefined) this.watch?.house(house);
    if (pairing) {
      model.place = pairing.place;
      // Its place is kept, so that nothing moves when it comes.
      model.deck = mayLookBack(pairing);
      void this.watch?.recall(pairing.cameras);
    }
    this.event({ type: 'start' });
  }

  private event(event: LinkEvent): void {
    const before = this.model.link;
    const { state, effects } = handle(before, wallNow(), event, Math.random());
    if (state === before) return;
    this.model.link = state;
    if (state.at === 'stopped') {
      this.model.screen = { at: 'card', ...finalCard(state.why, this.words) };
      this.signal?.close();
    }
    this.lines();
    for (const effect of effects) this.effect(effect);
  }

  private effect(effect: Effect): void {
    if (effect === 'connect') void this.connect();
    else this.watchPresence();
  }

  private async connect(): Promise<void> {
    const { crypto, store } = this;
    if (!crypto || !store) return;
    this.attempt += 1;
    const { attempt } = this;
    const current = (): boolean => this.attempt === attempt;
    this.signal?.close();
    this.signal = undefined;
    const tries = this.model.link.at === 'connecting' ? this.model.link.tries : 1;
    const servers = this.pairing?.servers ?? (this.code ? [this.code.server] : []);
    const server = servers[(tries - 1) % Math.max(1, servers.length)];
    if (server === undefined) return;
    const connecting = takeEarly(server) ?? Signal.open(server);
    connecting.then((signal) => {
      if (current()) this.signal = signal;
      else signal.close();
    }, () => undefined);
    try {
      if (!this.pairing && this.code) {
        void connecting.then(() => current() && this.event({ type: 'step', step: 'proving' }), () => undefined);
        const reply = await enroll(connecting, crypto, this.code, {
          name: deviceName(navigator.userAgent), insecure: !this.model.secure, own: await crypto.generate(),
        }, Date.now(), (pairing) => store.savePairing(pairing));
        if (!current()) return;
        if ('why' in reply) {
          this.event({ type: 'ended', ended: { kind: 'refused', refused: reply } });
          return;
        }
        this.paired(reply);
      }
      const { pairing } = this;
      if (!pairing) return;
      pairing.ctr = nextCtr(pairing.ctr, Date.now());
      pairing.used = Date.now();
      void store.savePairing(pairing).catch(() => undefined);
      const slots = slotCount(pairing.cameras.length);
      const session = this.makeSession(crypto, pairing, server, current);
      this.session = session;
      await session.open(connecting, { slots, watch: this.watch?.wishes(slots) ?? [], ctr: pairing.ctr });
    } catch (error) {
      const ended = endedBy(error);
      // Before pairing it is the code that the server does not know, whether its camera is away or it was never one.
      const unknown = ended.kind === 'offline' && !this.pairing;
      if (current()) this.event({ type: 'ended', ended: unknown ? { kind: 'code_unknown' } : ended });
    }
  }

  private makeSession(crypto: Crypto, pairing: Pairing, server: string, current: () => boolean): Session {
    const session: Session = new Session(crypto, pairing, {
      step: (step) => current() && this.event({ type: 'step', step }),
      offer: (offer) => {
        this.watch?.attach(session, offer.cameras);
        this.heard = offer.attached.find((a) => a.kind === 'audio' && a.slot === 0)?.camera;
        this.offerSound();
      },
      connected: () => {
        this.code = undefined;
        keepServer(server);
        if (current()) this.event({ type: 'connected' });
      },
      control: (message) => {
        this.watch?.control(message);
        this.looking?.back.control(message);
        if (message.t === 'done' || message.t === 'refused') this.renamed(pairing, message.re, message.t === 'done');
        this.model.moves?.moves.control(message);
        if (message.t === 'mode') void import('./ui/zones/house').then((m) => m.house(this, message.mode));
        if (message.t === 'attached' && message.kind === 'audio') this.heard = message.camera;
        if (message.t === 'hello' || message.t === 'cameras') {
          if (message.t === 'hello') {
            pairing.place = message.place;
            pairing.device = message.device;
            this.model.device = message.device;
            pairing.roles = message.roles;
            this.model.admin = message.roles.includes('admin');
            this.lookBack(session, pairing).catch(() => { this.model.deck = false; });
          }
          this.remember(pairing, message.cameras);
          this.listen();
        }
      },
      sound: (track) => this.sound.track(track),
      bulk: (message) => this.looking?.back.data(message),
      frame: (camera, times) => {
        this.watch?.frame(camera, times);
        if (!firstPicture) {
          firstPicture = true;
          performance.mark('first-picture');
          this.pictured();
        }
      },
      refused: () => {
        this.model.tapPicture = true;
      },
      ended: (ended) => this.sessionEnded(session, ended),
    });
    return session;
  }

  /** Looking back comes after the first picture, for those who may and whose streamer can. */
  private async lookBack(session: Session, pairing: Pairing): Promise<void> {
    const { model } = this;
    model.deck = mayLookBack(pairing);
    if (!pairing.roles.some((r) => r === 'playback' || r === 'admin')) return;
    await Promise.race([this.firstPicture, new Promise((done) => { setTimeout(done, PICTURE_MS); })]);
    const looking: Looking = this.looking ?? await import('./ui/past/load').then((m) => m.look(this));
    if (this.session !== session) return;
    this.looking = looking;
    const there = await looking.back.join(session);
    if (this.session !== session) return;
    model.deck = there;
    model.looking = there ? looking : undefined;
    if (pairing.past === there) return;
    pairing.past = there;
    void this.store?.savePairing(pairing).catch(() => undefined);
  }

  private sessionEnded(session: Session, ended: Ended): void {
    if (this.session !== session) return;
    this.looking?.back.leave();
    this.watch?.detach();
    this.session = undefined;
    // The camera does not know this device any more, and a code was given: pair anew.
    const unknown = ended.kind === 'offline' || ended.kind === 'timeout' || ended.kind === 'refused' && ended.refused.why === 'revoked';
    if (this.code && this.pairing && unknown) this.pairing = undefined;
    this.event({ type: 'ended', ended });
  }

  private paired(pairing: Pairing): void {
    this.pairing = pairing;
    this.model.place = pairing.place;
    this.model.deck = mayLookBack(pairing);
    keepPaired();
    this.newlyPaired = true;
    const phone = /iPhone|Android.*Mobile/.test(navigator.userAgent);
    this.model.notice = { key: phone ? 'paired' : 'paired_here', params: { place: pairing.place } };
    this.model.canRename = true;
    this.model.device = pairing.device;
    this.noticeUntil = wallNow() + NOTICE_MS;
    void navigator.storage?.persist?.();
  }

  private renamed(pairing: Pairing, re: number, done: boolean): void {
    const { renaming } = this;
    if (renaming?.re !== re) return;
    this.renaming = undefined;
    if (done) {
      pairing.device = renaming.name;
      this.model.device = renaming.name;
      void this.store?.savePairing(pairing).catch(() => undefined);
    }
    this.say(done ? 'renamed' : 'rename_failed');
  }

  /** Once, after the bar that says it is paired: Safari on an iPhone forgets pages that are not on the Home Screen. */
  private offerHome(): void {
    if (!this.newlyPaired) return;
    this.newlyPaired = false;
    const standalone = 'standalone' in navigator && navigator.standalone === true;
    this.model.homeCard = forgetsPages(navigator.userAgent, standalone) && !homeCardSeen();
  }

  /** The pairing, its pictures and what was remembered with it. */
  private async forget(): Promise<void> {
    const { pairing, store } = this;
    if (!pairing || !store) return;
    await store.removePairing(pairing.id);
    forgetSound(pairing.id);
    if ((await store.pairings()).length === 0) forgetPaired();
  }

  private remember(pairing: Pairing, cameras: Pairing['cameras']): void {
    const more = cameras.length > slotCount(pairing.cameras.length);
    pairing.cameras = [...cameras];
    void this.store?.savePairing(pairing).catch(() => undefined);
    // More cameras than places were asked for: a new session has room for them.
    if (more && this.session && slotCount(cameras.length) > this.session.players.length) {
      const old = this.session;
      this.sessionEnded(old, { kind: 'lost' });
      old.close('replaced');
    }
  }

  private takenOver(): void {
    this.attempt += 1;
    this.looking?.back.leave();
    this.watch?.detach();
    this.session?.close('left');
    this.session = undefined;
    this.signal?.close();
    this.model.link = { at: 'idle' };
    this.sound.set(false);
    this.model.screen = { at: 'card', sentence: { key: 'two_tabs' }, actions: ['watch_here'] };
  }

  /** Asks the server to say when the camera is back. */
  private watchPresence(): void {
    const { pairing, signal } = this;
    if (!pairing || !signal) return;
    signal.watch(random(8), pairing.mailbox, pairing.cap, (online) => {
      if (online) this.event({ type: 'retry' });
    });
  }

  /** Offers sound for a camera that has it, or switches it on where it was on before. */
  private offerSound(): void {
    const camera = this.watch?.selected;
    if (!camera?.audio) {
      this.model.soundOffer = false;
      return;
    }
    const before = this.pairing && soundWas(this.pairing.id, camera.id);
    this.model.soundOffer = before === undefined && this.model.sound === 'off';
    if (before !== undefined) this.sound.set(before);
  }

  private listen(): void {
    const camera = this.watch?.selected;
    const { session } = this;
    if (!session?.ready || !camera) return;
    this.offerSound();
    const wanted = camera.audio ? camera.id : undefined;
    if (wanted === this.heard) return;
    this.heard = wanted;
    session.send({ t: 'listen', re: session.request(), slot: 0, camera: wanted ?? null });
  }

  private visibility(): void {
    if (document.visibilityState !== 'visible') {
      void this.watch?.keepThumbs();
      return;
    }
    if (this.model.screen.at === 'card' && this.model.screen.sentence.key === 'waking') void this.enter();
    this.event({ type: 'retry' });
    void this.keepAwake();
  }

  private async askLan(): Promise<void> {
    try {
      const status = await navigator.permissions.query({ name: 'local-network-access' as PermissionName });
      const look = (): void => { this.lanDenied = status.state === 'denied'; };
      status.onchange = look;
      look();
    } catch {
      // Not known here: nothing is kept from us.
    }
  }

  private async keepAwake(): Promise<void> {
    // The browser lets go of it whenever the page is hidden; without it (plain http) the screen just goes dark.
    if (!('wakeLock' in navigator) || this.model.link.at !== 'live') return;
    this.awake = true;
    await navigator.wakeLock.request('screen').catch(() => undefined);
  }

  private tick(): void {
    const now = wallNow();
    const slept = now - this.lastTick > SLEPT_MS && document.visibilityState === 'visible';
    this.lastTick = now;
    if (slept) this.event({ type: 'retry' });
    this.event({ type: 'tick' });
    this.watch?.tick();
    this.lines();
    if (this.model.notice && now > this.noticeUntil) this.dismiss();
    if (this.model.link.at !== 'live') return;
    if (!this.awake && document.visibilityState === 'visible') void this.keepAwake();
    if (now - this.measured > (this.model.panel === 'stats' ? MEASURE_MS : 5 * MEASURE_MS)) {
      this.measured = now;
      void this.watch?.measure().catch(() => undefined);
    }
    if (now - this.thumbed > THUMB_MS) {
      this.thumbed = now;
      void this.watch?.keepThumbs();
    }
  }

  private lines(): void {
    const { model } = this;
    const server = this.pairing?.servers[0] ?? this.code?.server ?? '';
    const host = server.replace(/^wss?:\/\//, '').split('/')[0] ?? '';
    const found = linkLine(model.link, wallNow(), {
      online: navigator.onLine, localServer: isLocalHost(host) && host !== location.host, lanDenied: this.lanDenied,
    });
    if (JSON.stringify([model.line, model.reason, model.slow]) === JSON.stringify([found?.line, found?.reason, found?.slow ?? false])) return;
    model.line = found?.line;
    model.reason = found?.reason;
    model.slow = found?.slow ?? false;
  }

  private say(key: 'copied' | 'saved' | 'renamed' | 'rename_failed'): void {
    this.model.notice = { key };
    this.model.canRename = false;
    this.noticeUntil = wallNow() + 3_000;
  }
}

let firstPicture = false;

/** What an older page stored may lack them. */
const mayLookBack = ({ past, roles }: Partial<Pairing>): boolean => past !== false && (roles ?? []).some((r) => r === 'playback' || r === 'admin');

const BEFORE = { here: 'forgotten', elsewhere: 'moved', never: 'home_new' } as const;

/** "2026-11-20 14.03.12" in local time, for file names. */
function stamp(unixMs: number): string {
  const local = new Date(unixMs - new Date(unixMs).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '.');
}

/** At most the 64 bytes that a device's name may have (shared/src/protocol/control.rs). */
function nameOf(text: string): string {
  const letters = [...text.trim()];
  while (utf8(letters.join('')).length > 64) letters.pop();
  return letters.join('').trim();
}

/** Plain http has no clipboard: a hidden field and the old command do there. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
}
