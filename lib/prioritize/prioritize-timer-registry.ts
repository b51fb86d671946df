/** Where the timer of the loop is shown while anything is prioritized: `SchedulerRegistry`, behind a plain face. @internal */
export interface PrioritizeTimerRegistry {
  add(name: string, timer: NodeJS.Timeout): void;
  remove(name: string): void;
}
