// One tab holds the session: by a Web Lock, or over BroadcastChannel where the page is not secure and has no locks.

const NAME = 'athome-session';
/** A tab of the same browser answers within a few milliseconds; this much is waited for it. */
const ANSWER_MS = 60;
/** A page that is being left may hold its lock for a moment after the next one started. */
const AGAIN_MS = 150;

export class Tabs {
  private channel: BroadcastChannel | undefined;
  private holding = false;

  /** `taken`: another tab took the session over. */
  constructor(private readonly taken: () => void) {}

  /** False where another tab holds it; `take_over` takes it from there. */
  async hold(how: 'ask' | 'take_over'): Promise<boolean> {
    const locks = navigator.locks as LockManager | undefined;
    if (!locks) return this.holdByMessages(how);
    if (await this.lock(locks, how)) return true;
    await new Promise((done) => setTimeout(done, AGAIN_MS));
    return this.lock(locks, how);
  }

  private lock(locks: LockManager, how: 'ask' | 'take_over'): Promise<boolean> {
    return new Promise((resolve) => {
      const options = how === 'take_over' ? { steal: true } : { ifAvailable: true };
      locks.request(NAME, options, (lock) => {
        resolve(lock !== null);
        // Held until the page goes, or another tab steals it.
        return lock ? new Promise<never>(() => undefined) : undefined;
      }).catch(() => this.taken());
    });
  }

  private holdByMessages(how: 'ask' | 'take_over'): Promise<boolean> {
    if (typeof BroadcastChannel === 'undefined') return Promise.resolve(true);
    this.channel ??= new BroadcastChannel(NAME);
    const { channel } = this;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.holding = true;
        resolve(true);
      }, how === 'take_over' ? 0 : ANSWER_MS);
      channel.onmessage = ({ data }) => {
        if (data === 'mine') {
          clearTimeout(timer);
          resolve(false);
        } else if (this.holding && data === 'ask') {
          channel.postMessage('mine');
        } else if (this.holding && data === 'take_over') {
          this.holding = false;
          this.taken();
        }
      };
      channel.postMessage(how);
    });
  }
}
