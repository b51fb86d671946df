import { prose } from './render/prose.js';

/** What the command line reads from and writes to: the process's own, or a test's. @internal */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  /** Data. */
  readonly stdout: NodeJS.WriteStream;
  /** Talk. */
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** One line of talk; in a terminal, as many as it takes. @internal */
export function say(io: Io, line: string): void {
  const { stderr } = io;
  stderr.write(`${prose(line, stderr.isTTY ? stderr.columns : undefined).join('\n')}\n`);
}

/** Lines of data. @internal */
export function print(io: Io, lines: readonly string[]): void {
  if (lines.length > 0) io.stdout.write(`${lines.join('\n')}\n`);
}

/** A value as JSON: bigints as text, moments as ISO 8601, one document on stdout. @internal */
export function printJson(io: Io, value: unknown): void {
  const text = JSON.stringify(
    value,
    (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner),
    2,
  );
  io.stdout.write(`${text}\n`);
}
