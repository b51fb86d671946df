import { figure } from './figures.mjs';

const MOST = 40;
/** What stands in a cell; why stands below the table. */
export const FAILS = 'fails';

/**
 * What failed, in a few words each.
 *
 * @param failed `{ label, tasks, reason }` of each cell that shows {@link FAILS}.
 * @returns a sentence, or nothing where nothing failed.
 */
export function whyFailed(failed) {
  const places = new Map();
  for (const { label, tasks, reason } of failed) {
    const what = `${label}: ${shortly(reason)}`;
    places.set(what, [...(places.get(what) ?? []), ...(tasks === undefined ? [] : [figure(tasks)])]);
  }
  const each = [...places].map(([what, tasks]) =>
    tasks.length === 0 ? what : `${what} (${tasks.join(', ')} at once)`,
  );
  return each.length === 0 ? '' : `Fails: ${each.join('; ')}.`;
}

/** The first line of an error, without colours. */
function shortly(reason) {
  const [line] = reason.replace(/\u001b\[\d+m/g, '').split('\n');
  return line.length <= MOST ? line : `${line.slice(0, MOST - 1)}…`;
}
