import type { TreeNode } from '../wire.js';

/** Every session of the trees by its process id. Prepared transactions have none, and are told apart by their names. */
export function sessionsOf(roots: readonly TreeNode[]): ReadonlyMap<string, TreeNode> {
  const sessions = new Map<string, TreeNode>();
  const walk = [...roots];
  for (let node = walk.pop(); node !== undefined; node = walk.pop()) {
    sessions.set(idOf(node), node);
    walk.push(...node.blocked);
  }
  return sessions;
}

export function idOf({ activityId, preparedTransaction }: TreeNode): string {
  return preparedTransaction === null ? String(activityId) : `prepared ${preparedTransaction}`;
}

/** All on the ways from a session to its roots, the session itself included. */
export function wayFrom(id: string, sessions: ReadonlyMap<string, TreeNode>): ReadonlySet<string> {
  const way = new Set<string>();
  const walk = [id];
  for (let current = walk.pop(); current !== undefined; current = walk.pop()) {
    const node = sessions.get(current);
    if (node === undefined || way.has(current)) continue;
    way.add(current);
    walk.push(...node.blockedBy.map(String));
  }
  return way;
}

/** Those at the end of the ways: ending them clears the way. In a cycle all in it. */
export function rootsOf(id: string, sessions: ReadonlyMap<string, TreeNode>): readonly TreeNode[] {
  const way = [...wayFrom(id, sessions)].filter((each) => each !== id);
  const nodes = way.flatMap((each) => sessions.get(each) ?? []);
  const roots = nodes.filter(({ blockedBy }) => blockedBy.length === 0);
  return roots.length > 0 ? roots : nodes;
}
