import { createInterface } from 'node:readline';
import { say, type Io } from '../io.js';

/** A pipe without a writer may stay open indefinitely. */
const PATIENCE_WITH_PIPES_MS = 2_000;

/**
 * Asks at the terminal. Without one an answer may come through a pipe (`yes | pglock …`), soon; no answer
 * means no.
 *
 * @internal
 */
export async function confirmed(io: Io, question: string): Promise<boolean> {
  const answer = await answerTo(`${question} (y/[n]) `, io);
  if (/^y(es)?$/i.test(answer?.trim() ?? '')) return true;
  const isUnanswerable = answer === undefined && !io.stdin.isTTY;
  say(
    io,
    isUnanswerable
      ? 'No answer is possible here: give --yes to go ahead without asking.'
      : 'Nothing was done.',
  );
  return false;
}

function answerTo(question: string, { stdin, stderr }: Io): Promise<string | undefined> {
  const lines = createInterface({ input: stdin, output: stderr });
  const giveUp = stdin.isTTY ? undefined : setTimeout(() => lines.close(), PATIENCE_WITH_PIPES_MS);
  return new Promise<string | undefined>((resolve) => {
    lines.once('close', () => resolve(undefined));
    lines.question(question, resolve);
  }).finally(() => {
    clearTimeout(giveUp);
    lines.close();
  });
}
