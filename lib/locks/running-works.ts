import { setTimeout } from 'node:timers';

/** How many works run under locks of one module, so that its shutdown can wait for them. @internal */
export class RunningWorks {
  private count = 0;
  private onEnd: (() => void) | undefined;

  begin(): void {
    this.count++;
  }

  end(): void {
    this.count--;
    this.onEnd?.();
  }

  /**
   * Resolves when no work runs any more but so many, or when the time is over.
   *
   * @param spared the works within which this is called, which wait for it.
   */
  async untilOver(timeoutMs: number, spared: number): Promise<void> {
    if (this.count <= spared) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
      this.onEnd = () => {
        if (this.count <= spared) resolve();
      };
    });
    clearTimeout(timer);
    this.onEnd = undefined;
  }
}
