import { Store } from './store.js';

/** Where the viewer is: the view, what is chosen in it, and how it is filtered. All of it stands in the address. */
export interface Place {
  readonly view: string;
  /** What follows the view, such as the key of a lock. */
  readonly item: string | undefined;
  readonly query: Readonly<Record<string, string>>;
}

export const place = new Store<Place>(read());

addEventListener('hashchange', () => place.set(read()));

function read(): Place {
  const [path = '', search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [view = '', item = ''] = path.split('/');
  return {
    view: view === '' ? 'now' : decode(view),
    item: item === '' ? undefined : decode(item),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a place; what is undefined or empty is left out. The connection stays. */
export function hrefTo(
  view: string,
  item?: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const search = new URLSearchParams();
  const { connection } = place.value.query;
  const all: Readonly<Record<string, string | undefined>> = { connection, ...query };
  for (const [name, value] of Object.entries(all))
    if (value !== undefined && value !== '') search.set(name, value);
  const text = search.toString();
  return `#/${view}${item === undefined ? '' : `/${encodeURIComponent(item)}`}${text === '' ? '' : `?${text}`}`;
}

/** Changes what is chosen or filtered, without a step in the history. */
export function refine(query: Readonly<Record<string, string | undefined>>): void {
  const { view, item, query: before } = place.value;
  history.replaceState(null, '', hrefTo(view, item, { ...before, ...query }));
  place.set(read());
}
