import type { Key } from './keys.js';
import {
  sessionAt,
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
  if (state.prompt?.kind === 'filter') return typedFilter(state, state.prompt.text, key);
  if (state.prompt?.kind === 'confirm') return answered(state, state.prompt, key);
  const move = moved(state, key);
  if (move !== undefined) return { state: { ...state, selected: move } };
  return command({ ...state, message: '' }, key);
}

function moved({ selected, data }: WatchState, key: Key): number | undefined {
  const last = Math.max(0, data.rows.length - 1);
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
      return { state: { ...state, prompt: { kind: 'filter', text: state.filter } } };
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

function typedFilter(state: WatchState, text: string, key: Key): KeyResult {
  if (key === 'escape') return { state: { ...state, prompt: undefined } };
  if (key === 'enter')
    return { state: { ...state, prompt: undefined, filter: text.trim(), selected: 0 }, effect: REFRESH };
  const changed = key === 'backspace' ? text.slice(0, -1) : key.length === 1 ? text + key : text;
  return { state: { ...state, prompt: { kind: 'filter', text: changed } } };
}

function answered(state: WatchState, prompt: Extract<WatchPrompt, { kind: 'confirm' }>, key: Key): KeyResult {
  const asked = { ...state, prompt: undefined };
  if (key !== 'y' && key !== 'Y') return { state: { ...asked, message: 'Nothing was done.' } };
  return { state: { ...asked, marked: new Set() }, effect: { do: 'signal', prompt } };
}

function toggled(state: WatchState): WatchState {
  const row = state.data.rows[state.selected];
  if (row === undefined || state.view === 'tree') return state;
  const marked = new Set(state.marked);
  const key = sessionKey(sessionAt(row));
  if (!marked.delete(key)) marked.add(key);
  return { ...state, marked };
}

function asking(state: WatchState, action: 'cancel' | 'terminate'): WatchState {
  if (state.view === 'tree') return { ...state, message: 'Change the view (v) to choose whom to signal.' };
  const { rows } = state.data;
  const chosen =
    state.marked.size > 0
      ? rows.filter((row) => state.marked.has(sessionKey(sessionAt(row))))
      : rows.slice(state.selected, state.selected + 1);
  const sessions = [...new Map(chosen.map((row) => [sessionKey(sessionAt(row)), sessionAt(row)])).values()];
  if (sessions.length === 0) return { ...state, message: 'There is nobody to signal.' };
  return { ...state, prompt: { kind: 'confirm', action, sessions } };
}

function next<T>(list: readonly T[], current: T): T {
  return list[(list.indexOf(current) + 1) % list.length] as T;
}
