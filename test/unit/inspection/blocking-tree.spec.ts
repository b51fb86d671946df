import {
  blockingTree,
  type BlockingTreeNode,
  type TreeMember,
} from '../../../lib/inspection/blocking-tree.js';
import type { PgActivity } from '../../../lib/inspection/pg-activity.js';
import type { PgLock } from '../../../lib/inspection/pg-lock.js';

/** `1: 2 3` says that 1 waits for 2 and 3; the wait of a session is its pid in milliseconds. */
function members(text: string): TreeMember[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(':').map((part) => part.trim()))
    .map(([key = '', blockers = '']) => ({
      key,
      activity: { pid: Number(key) } as PgActivity,
      preparedTransaction: null,
      lock: blockers === '' ? null : ({ waitDuration: Number(key) } as PgLock),
      blockers: blockers === '' ? [] : blockers.split(' '),
    }));
}

/** `1(2 3(4))`: whoever stands in brackets waits for whoever stands before them. */
function drawn(nodes: readonly BlockingTreeNode[]): string {
  return nodes
    .map(({ activityId, blocked }) => `${activityId}${blocked.length === 0 ? '' : `(${drawn(blocked)})`}`)
    .join(' ');
}

describe('the blocking tree', () => {
  it.each([
    ['a chain', '1:\n2: 1\n3: 2', '1(2(3))'],
    ['a queue, at the shortest way', '1:\n2: 1\n3: 1 2\n4: 1 2 3', '1(2 3 4)'],
    ['two roots, the greater first', '1:\n2: 1\n7:\n8: 7\n9: 7', '7(8 9) 1(2)'],
    ['a session behind two roots under each', '1:\n2:\n3: 1 2', '1(3) 2(3)'],
    ['a cycle', '1: 2\n2: 1', '1(2)'],
    ['a cycle with a tail', '1: 2\n2: 1\n3: 2', '1(2(3))'],
    ['nobody', '', ''],
  ])('draws %s', (_, text, expected) => {
    expect(drawn(blockingTree(text === '' ? [] : members(text)))).toBe(expected);
  });

  it('sums up what each holds up', () => {
    const [root] = blockingTree(members('1:\n2: 1\n30: 2\n4: 1'));
    expect(root?.holdsUp).toEqual({ count: 3, longestWait: 30 });
    expect(root?.blocked[0]?.holdsUp).toEqual({ count: 1, longestWait: 30 });
    expect(root?.blocked[1]?.holdsUp).toEqual({ count: 0, longestWait: null });
  });

  it('says who starts a cycle, and who all is in the way', () => {
    const [root] = blockingTree(members('1: 2\n2: 1 3\n3: 1'));
    expect(root).toMatchObject({ activityId: 1, cycle: true });
    expect(root?.blocked.map(({ cycle }) => cycle)).not.toContain(true);
    const [two] = root?.blocked.filter(({ activityId }) => activityId === 2) ?? [];
    expect(two?.blockedBy).toEqual([1, 3]);
  });

  it('takes time by sessions and edges, not by the ways through them', () => {
    const queue = Array.from(
      { length: 400 },
      (_, i) => `${i + 1}: ${Array.from({ length: i }, (_, j) => j + 1).join(' ')}`,
    );
    const [root, ...others] = blockingTree(members(queue.join('\n')));
    expect(others).toEqual([]);
    expect(root?.holdsUp.count).toBe(399);
    expect(root?.blocked).toHaveLength(399);
  });

  it('shows no more than it is told to, and counts all the same', () => {
    const [root] = blockingTree(members('1:\n2: 1\n3: 1\n4: 1'), 3);
    expect(root?.blocked).toHaveLength(2);
    expect(root?.holdsUp.count).toBe(3);
  });

  it('is frozen', () => {
    const [root] = blockingTree(members('1:\n2: 1'));
    expect([root, root?.blocked, root?.holdsUp, root?.blockedBy].map(Object.isFrozen)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });
});
