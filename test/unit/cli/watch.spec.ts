import { PassThrough } from 'node:stream';
import { emitKeypressEvents, type Key } from 'node:readline';
import { plain } from '../../../lib/cli/render/paint.js';
import { textWidth } from '../../../lib/cli/render/width.js';
import { frame } from '../../../lib/cli/watch/frame.js';
import { keyOf } from '../../../lib/cli/watch/keys.js';
import { pressed } from '../../../lib/cli/watch/watch-keys.js';
import { INITIAL_WATCH_STATE, NO_DATA, type WatchState } from '../../../lib/cli/watch/watch-state.js';
import type { BlockingTreeNode } from '../../../lib/inspection/blocking-tree.js';

import { activity, blockedLock } from '../../support/lock-models.js';
import { eventually } from '../../support/waiting.js';

const row = (pid: number) =>
  blockedLock(
    activity(100 + pid, { query: 'waits' }),
    activity(pid, { query: `blocks ${pid}`, state: 'idle in transaction' }),
  );
const withRows: WatchState = { ...INITIAL_WATCH_STATE, data: { ...NO_DATA, rows: [row(1), row(2), row(3)] } };

/** The state after some keys. */
const after = (state: WatchState, ...keys: string[]) =>
  keys.reduce((now, key) => pressed(now, key).state, state);

describe('keys', () => {
  it('are what readline reads from a terminal', async () => {
    const stdin = new PassThrough();
    const keys: (string | undefined)[] = [];
    emitKeypressEvents(stdin);
    stdin.on('keypress', (character: string | undefined, key: Key) => keys.push(keyOf(character, key)));
    stdin.write('a\u001b[A\u001bOBé\r\u007f\u0003\u001b[5~\u001b[99~q\u0015?');
    await eventually(() => keys.at(-1) === '?');
    expect(keys).toEqual([
      'a',
      'up',
      'down',
      'é',
      'enter',
      'backspace',
      'interrupt',
      'pageUp',
      undefined,
      'q',
      'clear',
      '?',
    ]);
  });

  it('move within the rows', () => {
    expect(after(withRows, 'down', 'j').selected).toBe(2);
    expect(after(withRows, 'down', 'down', 'down', 'down').selected).toBe(2);
    expect(after(withRows, 'end', 'up', 'k', 'k').selected).toBe(0);
    expect(after(INITIAL_WATCH_STATE, 'end', 'down').selected).toBe(0);
  });

  it('change view, order, detail and pause', () => {
    expect(after(withRows, 'v').view).toBe('locks');
    expect(after(withRows, 'v', 'v', 'v').view).toBe('blocked');
    expect(after(withRows, 's').sort).toBe(1);
    expect(after(withRows, 'e').expanded).toBe(true);
    expect(after(withRows, 'p').paused).toBe(true);
    expect(pressed(withRows, 'v').effect).toEqual({ do: 'refresh' });
    expect(after(withRows, 'q').ended).toBe(true);
    expect(after(withRows, '/', 'interrupt').ended).toBe(true);
  });

  it('type a filter, and take it back', () => {
    const typed = after(withRows, '/', 'a', 'q', 'backspace', '=', '1');
    expect(typed.prompt).toMatchObject({ kind: 'filter', line: { text: 'a=1' } });
    expect(typed.ended).toBe(false);
    expect(after(typed, 'enter').filter).toBe('a=1');
    expect(after(typed, 'escape')).toMatchObject({ filter: '', prompt: undefined });
  });

  it('replace the former filter by what is typed, or edit it', () => {
    const before = { ...withRows, filter: 'relName=users' };
    const filterAfter = (...keys: string[]) => after(before, '/', ...keys, 'enter').filter;
    expect(filterAfter(...'pid=1'.split(''))).toBe('pid=1');
    expect(filterAfter('right', ...' and x=1'.split(''))).toBe('relName=users and x=1');
    expect(filterAfter('backspace')).toBe('relName=user');
    expect(filterAfter('home', 'delete', 'x')).toBe('xelName=users');
    expect(filterAfter('left', 'left', 'y')).toBe('relName=useyrs');
    expect(filterAfter('clear')).toBe('');
  });

  it('explain themselves, until any key', () => {
    const helped = after(withRows, '?');
    expect(helped.help).toBe(true);
    expect(after(helped, 't')).toMatchObject({ help: false, prompt: undefined });
  });

  it('choose and signal in the tree as well', () => {
    const node = (pid: number, ...blocked: object[]) =>
      ({
        activityId: pid,
        activity: { pid, backendStartText: String(pid) },
        lock: null,
        holdsUp: { count: 0, longestWait: null },
        blocked,
      }) as unknown as BlockingTreeNode;
    const tree: WatchState = {
      ...withRows,
      view: 'tree',
      data: { ...NO_DATA, roots: [node(1, node(2)), node(3)] },
    };
    expect(after(tree, 'down', 't').prompt).toMatchObject({ action: 'terminate', sessions: [{ pid: 2 }] });
    expect(after(tree, 'end', ' ', 'home', ' ', 'c').prompt).toMatchObject({
      sessions: [{ pid: 1 }, { pid: 3 }],
    });
  });

  it('mark sessions, ask, and signal only after a yes', () => {
    const asked = after(withRows, ' ', 'down', 'down', ' ', 't');
    expect(asked.prompt).toMatchObject({
      kind: 'confirm',
      action: 'terminate',
      sessions: [{ pid: 1 }, { pid: 3 }],
    });
    for (const key of ['n', 'enter', 'q', 'escape', ' ']) expect(pressed(asked, key).effect).toBeUndefined();
    expect(pressed(asked, 'y').effect).toMatchObject({ do: 'signal', prompt: { action: 'terminate' } });
    expect(after(withRows, 'down', 'c').prompt).toMatchObject({ action: 'cancel', sessions: [{ pid: 2 }] });
    expect(after(INITIAL_WATCH_STATE, 't')).toMatchObject({
      prompt: undefined,
      message: 'There is no session to signal.',
    });
    expect(after(withRows, ' ', ' ').marked.size).toBe(0);
  });
});

describe('the screen', () => {
  const draw = (state: WatchState, columns = 60, lines = 8) =>
    frame(state, { paint: plain, columns, lines, title: 'db.example:5432/shop' });

  it.each([
    [60, 8],
    [20, 4],
    [200, 50],
    [10, 3],
  ])('has exactly the size of the terminal: %d by %d', (columns, lines) => {
    for (const state of [
      withRows,
      after(withRows, 'e'),
      after(withRows, 't'),
      after(withRows, '/', 'x'.repeat(9)),
    ]) {
      const drawn = draw(state, columns, lines);
      expect(drawn).toHaveLength(lines);
      if (columns >= 60) for (const line of drawn) expect(textWidth(line)).toBeLessThanOrEqual(columns);
    }
  });

  it('shows what is chosen, marked and asked', () => {
    const text = draw(after(withRows, ' ', 'down', 't'), 60, 14).join('\n');
    expect(text).toContain('blocked (3)   sorted by culprit   1 marked');
    expect(text).toMatch(/\n \*1 .* 101 .*\n {4}1 last ran: blocks 1\n/);
    expect(text).toMatch(/\n> 2 .* 102 /);
    expect(text).toContain('\n1 (orders-api, app) idle in transaction for 5.0s\n    blocks 1\n');
    expect(text).toContain('Terminate backend 1? (y/n)');
  });

  it('scrolls to what is chosen', () => {
    const rows = Array.from({ length: 100 }, (_, index) => row(index));
    const state = after({ ...withRows, data: { ...NO_DATA, rows } }, 'end');
    expect(draw(state).join('\n')).toMatch(/\n> 99 .* 199 /);
  });
});
