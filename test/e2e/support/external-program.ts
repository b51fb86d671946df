import { existsSync } from 'node:fs';

/** A program that tests need and that is not from npm. */
export interface ExternalProgram {
  /** Where it is; undefined where it is missing. */
  readonly path: string | undefined;
  /** `describe`, or the reason why there is nothing to describe. */
  readonly describe: (title: string, tests: () => void) => void;
}

/** Finds a program where the environment says, or where distributions put it. */
export function externalProgram(name: string, variable: string, places: readonly string[]): ExternalProgram {
  const path = [process.env[variable] ?? '', ...places].find((place) => place !== '' && existsSync(place));
  const missing = `skipped: there is no ${name} at ${places.join(', ')}; install it, or set ${variable}`;
  return {
    path,
    describe: (title, tests) =>
      path === undefined ? describe.skip(`${title} (${missing})`, tests) : describe(title, tests),
  };
}
