import type { TimelineItem } from '../wire.js';

/** An entry of the timeline without what is private: statements, and who asked for something. @internal */
export function shown(
  item: TimelineItem,
  { trusted, hideQueries }: { readonly trusted: boolean; readonly hideQueries: boolean },
): TimelineItem {
  if (item.type === 'marker') return trusted ? item : { ...item, by: null };
  if (trusted && !hideQueries) return item;
  return {
    ...item,
    query: null,
    blockers: item.blockers.map((blocker) => ({ ...blocker, query: null })),
  };
}
