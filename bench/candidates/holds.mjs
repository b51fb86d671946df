/** The clock that all processes of the machine share, in milliseconds. */
export function sharedNow() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Locks that are held from one call to a later one, of any candidate, with the moments at which it happened. */
export class Holds {
  #locks;
  #held = new Map();

  constructor(locks) {
    this.#locks = locks;
  }

  /** Asks for the lock and does not wait for it. */
  ask(id) {
    let acquired;
    const had = new Promise((resolve) => (acquired = resolve));
    let release;
    const ended = new Promise((resolve) => (release = resolve));
    const done = this.#locks.run(id, () => {
      acquired(sharedNow());
      return ended;
    });
    done.catch(() => undefined);
    this.#held.set(id, { had: Promise.race([had, done]), release, done });
  }

  /** When it was acquired. */
  acquired(id) {
    return this.#held.get(id).had;
  }

  async acquire(id) {
    this.ask(id);
    return this.acquired(id);
  }

  /** When it was released: the moment at which the work ended. */
  async release(id) {
    const { release, done } = this.#held.get(id);
    const at = sharedNow();
    release();
    await done;
    this.#held.delete(id);
    return at;
  }
}
