import { useEffect, useState } from 'preact/hooks';
import { get } from '../api.js';
import { replayed } from '../replay.js';
import { useStore } from '../store.js';

/** An answer of the server, or why there is none. The last good one stays while a newer one fails. */
export interface Look<T> {
  readonly answer: T | undefined;
  readonly error: string | undefined;
  readonly again: () => void;
}

/** Asks for a view now, and again and again while it is looked at; of a recording, as of the instant that is shown. */
export function useLook<T>(view: string, connection: string | undefined, everyMs: number): Look<T> {
  const [answer, setAnswer] = useState<T>();
  const [error, setError] = useState<string>();
  const [round, setRound] = useState(0);
  const at = useStore(replayed);
  useEffect(() => {
    let current = true;
    let timer: number | undefined;
    const ask = async () => {
      try {
        const found = await get<T>(view, {
          connection,
          at: at === null ? undefined : new Date(at).toISOString(),
        });
        if (!current) return;
        setAnswer(found);
        setError(undefined);
      } catch (failure) {
        if (current) setError(failure instanceof Error ? failure.message : String(failure));
      }
      if (current && at === null)
        timer = window.setTimeout(() => void ask(), document.hidden ? everyMs * 5 : everyMs);
    };
    void ask();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [view, connection, everyMs, round, at]);
  return { answer, error, again: () => setRound(round + 1) };
}
