/** One thing that viewers are told. @internal */
export interface LoggedEvent {
  /** `<sampler>:<number>`, or `<sampler>:<replica>.<number>`; what is only of the moment has none, and cannot be resumed from. */
  readonly id: string | null;
  readonly event: string;
  /** JSON, made once for all viewers. */
  readonly data: string;
}

/** How many events a viewer may have missed and still go on where it was. */
const MOST_EVENTS = 512;
const MOST_CHARACTERS = 8_000_000;

/** The latest events that one replica has told, for viewers who come back after a break. @internal */
export class EventLog {
  /** The sampler that is relayed, if it is another than this one. */
  relays: string | undefined;
  private readonly events: LoggedEvent[] = [];
  private characters = 0;
  private last = 0;

  /** @param sampler the id that tells this replica's events from those of another, or of another life of this one. */
  constructor(readonly sampler: string) {}

  /** The id of the latest event; null before the first. */
  get latest(): string | null {
    return this.last === 0 ? null : this.idOf(this.last);
  }

  /** Keeps an event that viewers must not miss. */
  add(event: string, data: string): LoggedEvent {
    const logged = { id: this.idOf(++this.last), event, data };
    this.events.push(logged);
    this.characters += data.length;
    while (this.events.length > MOST_EVENTS || (this.characters > MOST_CHARACTERS && this.events.length > 1))
      this.characters -= this.events.shift()?.data.length ?? 0;
    return logged;
  }

  /** What came after an event; undefined where that cannot be told: the viewer needs to be shown everything anew. */
  after(id: string): readonly LoggedEvent[] | undefined {
    const [, sampler, replica = sampler, number] = /^([^:.]+):(?:([^:.]+)\.)?(\d{1,15})$/.exec(id) ?? [];
    const wanted = Number(number);
    if (replica !== this.sampler || wanted > this.last) return undefined;
    const oldest = this.last - this.events.length;
    return wanted < oldest ? undefined : this.events.slice(wanted - oldest);
  }

  private idOf(number: number): string {
    const { sampler, relays = sampler } = this;
    return relays === sampler ? `${sampler}:${number}` : `${relays}:${sampler}.${number}`;
  }
}
