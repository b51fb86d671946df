import { Replica, type ReplicaInit } from './replica.js';

/** How far each replica's clock is behind, in milliseconds: timers up to 200 ms apart. */
const CLOCK_OFFSETS_MS = [0, -100, -200];

/** Three places for replicas; a new one in the place of a dead one has another name. */
export class Fleet {
  readonly places: Replica[] = [];
  private born = 0;

  constructor(private readonly init: Omit<ReplicaInit, 'name' | 'offsetMs'>) {}

  get living(): readonly Replica[] {
    return this.places.filter((replica) => replica.isReady);
  }

  get complete(): boolean {
    return this.living.length === CLOCK_OFFSETS_MS.length;
  }

  async start(): Promise<void> {
    for (const place of CLOCK_OFFSETS_MS.keys()) this.startIn(place);
    await Promise.all(this.places.map((replica) => replica.ready()));
  }

  startIn(place: number): Replica {
    const replica = new Replica({
      ...this.init,
      name: nameOf(this.born++),
      offsetMs: CLOCK_OFFSETS_MS[place]!,
    });
    this.places[place] = replica;
    return replica;
  }

  async stop(): Promise<void> {
    await Promise.all(this.places.map((replica) => replica.stop()));
  }
}

/** A to Z, then A2 and so on. */
function nameOf(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : `${letter}${Math.floor(index / 26) + 1}`;
}
