import { edited, filterLine } from './filter-line.js';
import type { Key } from './keys.js';
import {
  choices,
  sessionKey,
  WATCH_SORTS,
  WATCH_VIEWS,
  type WatchPrompt,
  type WatchState,
} from './watch-state.js';

/** What a key makes the watcher do, beside the new state. @internal */
export type WatchEffect =
  | { readonly do: 'refresh' }
  | { readonly do: 'signal'; readonly prompt: Extract<WatchPrompt, { kind: 'confirm' }> };

/** The state after a key, and what is to be done. @internal */
export interface KeyResult {
  readonly state: WatchState;
  readonly effect?: WatchEffect;
}

const REFRESH: WatchEffect = { do: 'refresh' };
const PAGE = 10;

/** What a key means. Pure. @internal */
export function pressed(state: WatchState, key: Key): KeyResult {
  if (key === 'interrupt') return { state: { ...state, ended: true } };
  if (state.prompt?.kind === 'filter') return typedFilter(state, state.prompt, key);
  if (state.prompt?.kind === 'confirm') return answered(state, state.prompt, key);
  if (state.help) return { state: { ...state, help: false } };
  const move = moved(state, key);
  if (move !== undefined) return { state: { ...state, selected: move } };
  return command({ ...state, message: '' }, key);
}

function moved(state: WatchState, key: Key): number | undefined {
  const { selected } = state;
  const last = Math.max(0, choices(state).length - 1);
  const targets: Readonly<Record<string, number>> = {
    up: selected - 1,
    k: selected - 1,
    down: selected + 1,
    j: selected + 1,
    pageUp: selected - PAGE,
    pageDown: selected + PAGE,
    home: 0,
    end: last,
  };
  const target = targets[key];
  return target === undefined ? undefined : Math.min(Math.max(target, 0), last);
}

function command(state: WatchState, key: Key): KeyResult {
  switch (key) {
    case 'q':
      return { state: { ...state, ended: true } };
    case '?':
      return { state: { ...state, help: true } };
    case 'v':
      return {
        state: { ...state, view: next(WATCH_VIEWS, state.view), selected: 0, marked: new Set() },
        effect: REFRESH,
      };
    case 's':
      return { state: { ...state, sort: (state.sort + 1) % WATCH_SORTS.length }, effect: REFRESH };
    case 'e':
      return { state: { ...state, expanded: !state.expanded } };
    case 'p':
      return { state: { ...state, paused: !state.paused } };
    case 'r':
      return { state, effect: REFRESH };
    case '/':
      return { state: { ...state, prompt: { kind: 'filter', line: filterLine(state.filter) } } };
    case ' ':
      return { state: toggled(state) };
    case 'c':
      return { state: asking(state, 'cancel') };
    case 't':
      return { state: asking(state, 'terminate') };
    default:
      return { state };
  }
}

function typedFilter(
  state: WatchState,
  { line }: Extract<WatchPrompt, { kind: 'filter' }>,
  key: Key,
): KeyResult {
  if (key === 'escape') return { state: { ...state, prompt: undefined } };
  if (key === 'enter')
    return {
      state: { ...state, prompt: undefined, filter: line.text.trim(), selected: 0 },
      effect: REFRESH,
    };
  return { state: { ...state, prompt: { kind: 'filter', line: edited(line, key) } } };
}

function answered(state: WatchState, prompt: Extract<WatchPrompt, { kind: 'confirm' }>, key: Key): KeyResult {
  const asked = { ...state, prompt: undefined };
  if (key !== 'y' && key !== 'Y') return { state: { ...asked, message: 'Nothing was done.' } };
  return { state: { ...asked, marked: new Set() }, effect: { do: 'signal', prompt } };
}

function toggled(state: WatchState): WatchState {
  const session = choices(state)[state.selected];
  if (session === undefined) return state;
  const marked = new Set(state.marked);
  const key = sessionKey(session);
  if (!marked.delete(key)) marked.add(key);
  return { ...state, marked };
}

function asking(state: WatchState, action: 'cancel' | 'terminate'): WatchState {
  const all = choices(state);
  const chosen =
    state.marked.size > 0
      ? all.filter((session) => state.marked.has(sessionKey(session)))
      : all.slice(state.selected, state.selected + 1);
  const sessions = [...new Map(chosen.map((session) => [sessionKey(session), session])).values()];
  if (sessions.length === 0) return { ...state, message: 'There is no session to signal.' };
  return { ...state, prompt: { kind: 'confirm', action, sessions } };
}

function next<T>(list: readonly T[], current: T): T {
  return list[(list.indexOf(current) + 1) % list.length] as T;
}
