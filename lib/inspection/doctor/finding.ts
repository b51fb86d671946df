/** One thing that the doctor has looked at. @internal */
export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'info' | 'warning' | 'problem';
  readonly text: string;
  /** What to do about it; empty where there is nothing to do. */
  readonly remedy: string;
}

/** @internal */
export function finding(check: string, level: Finding['level'], text: string, remedy = ''): Finding {
  return { check, level, text, remedy };
}
