/** In which order things have changed. @internal */
export class Revisions {
  /** The latest change of each, in order: a Map keeps the order in which its keys came. */
  private readonly changes = new Map<string, number>();
  private last = 0;

  get latest(): number {
    return this.last;
  }

  touch(id: string): void {
    this.changes.delete(id);
    this.changes.set(id, ++this.last);
  }

  drop(id: string): void {
    this.changes.delete(id);
  }

  /** What changed after a revision, the earliest change first. */
  after(revision: number): readonly { readonly id: string; readonly revision: number }[] {
    return Array.from(this.changes, ([id, at]) => ({ id, revision: at })).filter(
      (one) => one.revision > revision,
    );
  }
}
