/** How deep a place is looked for: frameworks put many frames around a handler. */
const DEPTH = 60;

/** Two places in the application's code, as far as they are known. @internal */
export interface CallPlaces {
  /** Where the lock is asked for. */
  readonly asked: string;
  /** Where the work began that holds it, or what that is called. */
  readonly held: string;
  /** What called all that, as far as the stack goes. */
  readonly outermost: string;
}

/** The stack at this moment; its text is made when {@link placesIn} reads it. @internal */
export function trace(): { readonly stack: string } {
  const former = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  const traced = { stack: '' };
  Error.captureStackTrace(traced, trace);
  Error.stackTraceLimit = former;
  return traced;
}

/** The places in a stack that was taken within the library: calls of the application lie between its own. @internal */
export function placesIn({ stack }: { readonly stack: string }): Partial<CallPlaces> {
  const frames = stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^at .*:\d+:\d+\)?$/.test(line) && !/\(?node:/.test(line))
    .filter((line) => isOurs(line) || !line.includes('node_modules'));
  const asked = frames.findIndex((frame) => !isOurs(frame));
  const inside = frames.findIndex((frame, index) => index > asked && isOurs(frame));
  const held = inside < 0 ? undefined : frames.slice(inside).find((frame) => !isOurs(frame));
  const outermost = frames.findLast((frame) => !isOurs(frame));
  return { ...place('asked', frames[asked]), ...place('held', held), ...place('outermost', outermost) };
}

/** This file, or the published one that it is a part of: they stand beside each other in one folder. */
const OWN_FILE =
  /\(?([^\s(]*[\\/])(?:locks[\\/]call-places\.[cm]?[jt]s|(?<=[\\/]dist[\\/](?:esm|commonjs)[\\/])[\w-]+\.js):\d+/;

/** The folder of the library, as stacks spell it. */
const OURS = OWN_FILE.exec(trace().stack)?.[1];

function isOurs(frame: string): boolean {
  return OURS !== undefined && frame.includes(OURS);
}

function place(name: keyof CallPlaces, frame: string | undefined): Partial<CallPlaces> {
  return frame === undefined ? {} : { [name]: frame.replace(/^at (async )?/, '').replaceAll('file://', '') };
}
