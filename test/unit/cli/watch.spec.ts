import { plain } from '../../../lib/cli/render/paint.js';
import { textWidth } from '../../../lib/cli/render/width.js';
import { frame } from '../../../lib/cli/watch/frame.js';
import { keysOf } from '../../../lib/cli/watch/keys.js';
import { pressed } from '../../../lib/cli/watch/watch-keys.js';
import { INITIAL_WATCH_STATE, type WatchState } from '../../../lib/cli/watch/watch-state.js';
import type { BlockedPgLock } from '../../../lib/inspection/pg-lock.js';

const row = (pid: number) =>
  ({
    activityId: 100 + pid,
    activity: { pid: 100 + pid, query: 'waits' },
    blockingActivityId: pid,
    blockingActivity: { pid, backendStartText: String(pid), query: `blocks ${pid}` },
  }) as BlockedPgLock;
const withRows: WatchState = { ...INITIAL_WATCH_STATE, data: { rows: [row(1), row(2), row(3)], roots: [] } };

/** The state after some keys. */
const after = (state: WatchState, ...keys: string[]) =>
  keys.reduce((now, key) => pressed(now, key).state, state);

describe('keys', () => {
  it('are taken out of what a terminal sends', () => {
    expect(keysOf('a\u001b[A\u001bOBé\r\u007f\u0003\u001b[5~\u001b[99~q')).toEqual([
      'a',
      'up',
      'down',
      'é',
      'enter',
      'backspace',
      'interrupt',
      'pageUp',
      'q',
    ]);
    expect(keysOf('\u001b')).toEqual(['escape']);
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
    expect(typed.prompt).toEqual({ kind: 'filter', text: 'a=1' });
    expect(typed.ended).toBe(false);
    expect(after(typed, 'enter').filter).toBe('a=1');
    expect(after(typed, 'escape')).toMatchObject({ filter: '', prompt: undefined });
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
      message: 'There is nobody to signal.',
    });
    expect(after(withRows, ' ', ' ').marked.size).toBe(0);
  });
});

describe('the screen', () => {
  const attributes = ['activityId', 'blockingActivityId', 'blockingActivity.query'];
  const draw = (state: WatchState, columns = 60, lines = 8) =>
    frame(state, { paint: plain, columns, lines, title: 'db', attributes });

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
    const text = draw(after(withRows, ' ', 'down', 't')).join('\n');
    expect(text).toContain('blocked (3)   sorted by wait   1 marked');
    expect(text).toMatch(/\n\* 101 .*blocks 1/);
    expect(text).toMatch(/\n> 102 .*blocks 2/);
    expect(text).toContain('Terminate backend 1? (y/n)');
  });

  it('scrolls to what is chosen', () => {
    const rows = Array.from({ length: 100 }, (_, index) => row(index));
    const state = after({ ...withRows, data: { rows, roots: [] } }, 'end');
    expect(draw(state).join('\n')).toMatch(/\n> 199 /);
  });
});
