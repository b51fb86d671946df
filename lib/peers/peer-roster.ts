import type { PeerInfo } from './peers.js';

/** More are not recorded: a flood of invented peers must not fill the memory. */
const MOST = 2_000;

interface Entry {
  readonly info: PeerInfo;
  readonly heardAt: number;
}

/** What is known of a peer beside what each of its messages says. */
type Age = Pick<PeerInfo, 'listensSince'>;

/** The peers that were heard of, the one heard last at the end. @internal */
export class PeerRoster {
  private readonly entries = new Map<string, Entry>();

  /** A peer has spoken. */
  note(said: PeerInfo, now: number, age: Age = this.ageOf(said.id)): void {
    const info = Object.freeze({ ...said, ...age });
    this.entries.delete(info.id);
    this.entries.set(info.id, { info, heardAt: now });
    if (this.entries.size <= MOST) return;
    const [oldest] = this.entries.keys();
    if (oldest !== undefined) this.entries.delete(oldest);
  }

  /** A peer has said goodbye. */
  drop(id: string): void {
    this.entries.delete(id);
  }

  /** Forgets peers whose backend is gone, unless they were heard since the server was asked. */
  dropBackends(gone: ReadonlySet<number>, askedAt: number): void {
    for (const [id, { info, heardAt }] of this.entries)
      if (gone.has(info.pid) && heardAt < askedAt) this.entries.delete(id);
  }

  private ageOf(id: string): Age {
    return { listensSince: this.entries.get(id)?.info.listensSince };
  }

  list(): PeerInfo[] {
    return Array.from(this.entries.values(), ({ info }) => info);
  }
}
