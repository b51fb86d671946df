import { EXIT } from '../exit.js';
import { print, printJson, say, type Io } from '../io.js';
import { readSettings, withInspection, type WhereToLook } from '../open-inspection.js';
import { paintFor } from '../render/paint.js';
import { treeLines } from '../render/tree.js';

/** The options of `pglock tree` as they are typed. @internal */
export interface TreeFlags extends WhereToLook {
  readonly json?: boolean;
  readonly allDatabases?: boolean;
}

/** `pglock tree`: who blocks whom, roots first. @returns the exit code. @internal */
export async function tree(io: Io, flags: TreeFlags): Promise<number> {
  const settings = await readSettings(io, flags);
  return withInspection(settings, [], async ({ blocked }) => {
    const roots = await blocked.tree({ allDatabases: flags.allDatabases ?? false });
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
