import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../api.js';
import { applicationOf, oneLine, plural, whereFrom } from '../parts/texts.js';
import { place } from '../place.js';
import { useStore } from '../store.js';
import { Since } from '../time.js';
import type { Outcome, TreeNode } from '../wire.js';
import { clearing, type Clearing } from './clearing.js';

type How = 'cancel' | 'terminate' | 'escalate';
/** What became of each, or why that is not known. */
interface Result {
  readonly node: TreeNode;
  readonly outcome: Outcome | null;
  readonly error: string | null;
}

const WORDS: Readonly<Record<How, string>> = {
  cancel: 'Cancel',
  terminate: 'Terminate',
  escalate: 'Cancel, then terminate',
};
const OUTCOMES: Readonly<Record<string, string>> = {
  terminated: 'terminated: its locks are free',
  cancelled: 'its statement was cancelled, and it blocks nothing any more',
  stillBlocking: 'still blocking: the signal was sent, and it keeps its locks',
  gone: 'gone: it had ended before, or another session has its process id now',
  notPermitted: 'not permitted',
  waitsForReplication: 'left alone: it has committed and waits for a standby',
  refused: 'refused',
};

export function ClearDialog(): JSX.Element | null {
  const asked = useStore(clearing);
  return asked === null ? null : <Dialog key={asked.title} asked={asked} />;
}

/** Shows exactly whom it would end, asks, and tells what happened. The browser keeps the keyboard inside. */
function Dialog({ asked }: { readonly asked: Clearing }): JSX.Element {
  const { targets, title } = asked;
  const dialog = useRef<HTMLDialogElement>(null);
  const [how, setHow] = useState<How>(asked.action);
  const [after, setAfter] = useState('10s');
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [results, setResults] = useState<readonly Result[]>();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const pids = targets.map(({ activityId }) => activityId);
  const agreed = how === 'cancel' || sameNumbers(typed, pids);
  const carryOut = async () => {
    setBusy(true);
    setResults(await Promise.all(targets.map((node) => send(node, how, after))));
    setBusy(false);
  };
  return (
    <dialog ref={dialog} class="clear" aria-labelledby="clear-title" onClose={() => clearing.set(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (agreed && !busy && results === undefined) void carryOut();
        }}
      >
        <h2 id="clear-title">{title}</h2>
        <ul class="targets">
          {targets.map((node) => (
            <Target
              key={node.activityId}
              node={node}
              result={results?.find((result) => result.node === node)}
            />
          ))}
        </ul>
        {results === undefined ? (
          <>
            <Ways how={how} setHow={setHow} after={after} setAfter={setAfter} />
            <p class="consequence">{consequence(how, targets)}</p>
            {how !== 'cancel' && (
              <label class="typed">
                Type {pids.join(' ')} to confirm
                <input
                  value={typed}
                  inputMode="numeric"
                  autocomplete="off"
                  onInput={(event) => setTyped(event.currentTarget.value)}
                />
              </label>
            )}
            <div class="actions">
              <button type="button" onClick={() => dialog.current?.close()}>
                Leave {targets.length === 1 ? 'it' : 'them'} alone
              </button>
              <button
                type="submit"
                class={how === 'cancel' ? 'primary' : 'danger'}
                disabled={!agreed || busy}
              >
                {busy ? 'Waiting for the outcome…' : `${WORDS[how]} ${plural(targets.length, 'session')}`}
              </button>
            </div>
          </>
        ) : (
          <div class="actions">
            <button
              type="button"
              class="primary"
              ref={(button) => button?.focus()}
              onClick={() => dialog.current?.close()}
            >
              Done
            </button>
          </div>
        )}
        <p role="status" class="visually-hidden">
          {results
            ?.map(
              ({ node, outcome, error }) => `Session ${node.activityId}: ${outcome?.outcome ?? error ?? ''}`,
            )
            .join('. ')}
        </p>
      </form>
    </dialog>
  );
}

interface WaysProperties {
  readonly how: How;
  readonly setHow: (how: How) => void;
  readonly after: string;
  readonly setAfter: (after: string) => void;
}

function Ways({ how, setHow, after, setAfter }: WaysProperties): JSX.Element {
  return (
    <fieldset class="ways">
      <legend>How</legend>
      {(['cancel', 'escalate', 'terminate'] as const).map((each) => (
        <label key={each}>
          <input type="radio" name="how" checked={how === each} onChange={() => setHow(each)} />
          {WORDS[each]}
          {each === 'escalate' && (
            <>
              {' after '}
              <select
                aria-label="After how long"
                value={after}
                onChange={(event) => setAfter(event.currentTarget.value)}
              >
                {['2s', '10s', '30s', '60s'].map((time) => (
                  <option key={time} value={time}>
                    {time.replace('s', ' s')}
                  </option>
                ))}
              </select>
            </>
          )}
        </label>
      ))}
    </fieldset>
  );
}

function Target({
  node,
  result,
}: {
  readonly node: TreeNode;
  readonly result: Result | undefined;
}): JSX.Element {
  const { activity } = node;
  return (
    <li>
      <div>
        <span class="pid">{activity.pid}</span> <b>{applicationOf(activity)}</b>{' '}
        <span class="dim">{whereFrom(activity)}</span>
      </div>
      <div class="dim">
        {activity.state ?? 'state hidden'}
        {activity.xactStart !== null && (
          <>
            , transaction <Since at={activity.xactStart} />
          </>
        )}
        , holds up {plural(node.holdsUp.count, 'session')}; connected{' '}
        {activity.backendStartText ?? 'at a time that is hidden'}
      </div>
      {activity.query !== null && <code class="card-query">{oneLine(activity.query)}</code>}
      {result !== undefined && (
        <p class={`outcome outcome-${result.outcome?.outcome ?? 'failed'}`}>
          {result.outcome === null
            ? `Nothing is known of it: ${result.error ?? ''}`
            : `${result.outcome.outcome} — ${OUTCOMES[result.outcome.outcome] ?? ''}${result.outcome.reason === null ? '' : ` (${result.outcome.reason})`}`}
        </p>
      )}
    </li>
  );
}

async function send(node: TreeNode, how: How, after: string): Promise<Result> {
  const { pid, backendStartText, backendStart } = node.activity;
  const body = {
    pid,
    backendStart: backendStartText ?? backendStart,
    action: how === 'terminate' ? 'terminate' : 'cancel',
    ...(how === 'escalate' ? { escalateAfter: after } : {}),
  };
  try {
    return {
      node,
      outcome: await post<Outcome>('signal', place.value.query['connection'], body),
      error: null,
    };
  } catch (error) {
    return { node, outcome: null, error: error instanceof Error ? error.message : String(error) };
  }
}

function consequence(how: How, targets: readonly TreeNode[]): string {
  const idle = targets.some(({ activity }) => activity.state?.startsWith('idle') === true);
  if (how === 'cancel')
    return `Its running statement fails with an error; the session and its transaction stay.${idle ? ' An idle session runs no statement: cancelling frees nothing.' : ''}`;
  const end = 'The session ends; its open transaction is rolled back, and all its locks are released.';
  return how === 'terminate'
    ? end
    : `First the running statement is cancelled. What still blocks then is terminated: ${end.toLowerCase()}`;
}

function sameNumbers(typed: string, pids: readonly number[]): boolean {
  const numbers = typed.split(/[\s,]+/).filter(Boolean);
  return numbers.length === pids.length && pids.every((pid) => numbers.includes(String(pid)));
}
