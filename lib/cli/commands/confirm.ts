import { createInterface } from 'node:readline';
import { say, type Io } from '../io.js';

/**
 * Asks whoever sits at the terminal; without one the answer is no.
 *
 * @internal
 */
export async function confirmed(io: Io, question: string): Promise<boolean> {
  if (!io.stdin.isTTY) {
    say(io, `${question} Nobody can answer here: give --yes to go ahead without asking.`);
    return false;
  }
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once('close', () => {
        resolve('');
      });
      lines.question(`${question} (y/[n]) `, resolve);
    });
    if (/^y(es)?$/i.test(answer.trim())) return true;
    say(io, 'Nothing was done.');
    return false;
  } finally {
    lines.close();
  }
}
