import type { BlockingTreeNode } from '../../inspection/blocking-tree.js';
import { EXIT } from '../exit.js';
import { print, printJson, say, type Io } from '../io.js';
import { readSettings, withInspection, type WhereToLook } from '../open-inspection.js';
import { paintFor } from '../render/paint.js';
import { learnIds } from './held-since.js';
import { treeLines } from '../render/tree.js';

/** The options of `pglock tree` as they are typed. @internal */
export interface TreeFlags extends WhereToLook {
  readonly json?: boolean;
  readonly allDatabases?: boolean;
}

/** `pglock tree`: who blocks whom, roots first. @returns the exit code. @internal */
export async function tree(io: Io, flags: TreeFlags): Promise<number> {
  const settings = await readSettings(io, flags);
  return withInspection(settings, [], async (inspection) => {
    const look = () => inspection.blocked.tree({ allDatabases: flags.allDatabases ?? false });
    let roots = await look();
    if (roots.some(hasUnnamed)) {
      await learnIds(inspection);
      roots = await look();
    }
    if (flags.json) printJson(io, roots);
    else if (roots.length === 0) say(io, 'No session is blocked.');
    else
      print(
        io,
        treeLines(roots, { paint: paintFor(io), columns: io.stdout.isTTY ? io.stdout.columns : undefined }),
      );
    return EXIT.done;
  });
}

/** Whether it waits, or another one does behind it, for an advisory lock whose id is not known. */
function hasUnnamed({ lock, blocked }: BlockingTreeNode): boolean {
  return (lock !== null && lock.advisoryKey !== null && lock.advisoryId === null) || blocked.some(hasUnnamed);
}
