import type { JSX } from 'preact';
import { live } from '../live.js';
import { hrefTo } from '../place.js';
import { Copy } from '../parts/copy.js';
import { applicationOf, modeText, oneLine, plural, waitingSince, whereFrom } from '../parts/texts.js';
import { useStore } from '../store.js';
import { Ago, Since, span } from '../time.js';
import type { Lock, Wait } from '../wire.js';
import type { LockGroup } from './lock-groups.js';

interface Properties {
  readonly lockKey: string;
  readonly group: LockGroup | undefined;
  readonly loaded: boolean;
}

/** One lock: who holds it, who waits, and who was in the way of whom as far back as is remembered. */
export function LockPage({ lockKey, group, loaded }: Properties): JSX.Element {
  const { waits } = useStore(live);
  const past = [...waits.values()]
    .filter(({ lock }) => lock.key === lockKey)
    .sort((one, other) => other.from.localeCompare(one.from));
  const name = group?.name ?? past[0]?.lock.name ?? lockKey.replace(/^[^:]*:/, '');
  return (
    <section aria-labelledby="lock-title">
      <p>
        <a href={hrefTo('locks')}>All locks</a>
      </p>
      <h2 id="lock-title" class="lock-title">
        {name} <span class="kind">{group?.kind ?? lockKey.split(':')[0]}</span>
        <Copy text={name} what="name of the lock" />
      </h2>
      {group?.advisoryKey != null && (
        <p class="dim">
          In pg_locks: classid {group.advisoryKey.classId}, objid {group.advisoryKey.objId}, objsubid{' '}
          {group.advisoryKey.objSubId}
        </p>
      )}
      <h3>
        Held by{' '}
        {group === undefined || group.holders.length === 0
          ? 'nobody'
          : plural(group.holders.length, 'session')}
      </h3>
      {!loaded && <p class="dim">Looking…</p>}
      {group !== undefined && group.holders.length > 0 && <Sessions locks={group.holders} />}
      <h3>
        Awaited by{' '}
        {group === undefined || group.waiters.length === 0
          ? 'nobody'
          : plural(group.waiters.length, 'session')}
      </h3>
      {group !== undefined && group.waiters.length > 0 && <Sessions locks={group.waiters} />}
      <h3>Last holders, and who waited for them</h3>
      {past.length === 0 ? (
        <p class="dim">Nobody has been seen waiting for it.</p>
      ) : (
        <Past waits={past.slice(0, 100)} />
      )}
    </section>
  );
}

function Sessions({ locks }: { readonly locks: readonly Lock[] }): JSX.Element {
  return (
    <div class="table-frame">
      <table>
        <thead>
          <tr>
            <th scope="col">Session</th>
            <th scope="col">Mode</th>
            <th scope="col">State</th>
            <th scope="col">Since</th>
            <th scope="col">Statement</th>
          </tr>
        </thead>
        <tbody>
          {locks.map((lock, index) => (
            <tr key={`${lock.activityId} ${lock.mode} ${index}`}>
              <th scope="row" data-label="Session">
                <a class="pid" href={hrefTo('now', undefined, { session: String(lock.activityId) })}>
                  {lock.preparedTransaction ?? lock.activityId}
                </a>{' '}
                {applicationOf(lock.activity)} <span class="dim">{whereFrom(lock.activity)}</span>
              </th>
              <td data-label="Mode">{modeText(lock.mode)}</td>
              <td data-label="State">{lock.activity.state ?? 'hidden'}</td>
              <td data-label="Since">
                {lock.granted ? (
                  lock.activity.xactStart === null ? (
                    <span class="dim">no transaction</span>
                  ) : (
                    <>
                      transaction <Since at={lock.activity.xactStart} />
                    </>
                  )
                ) : (
                  <>
                    waits <Since at={waitingSince(lock.activity, lock)} />
                  </>
                )}
              </td>
              <td data-label="Statement">
                <code class="cell-query">
                  {lock.activity.query === null ? 'hidden' : oneLine(lock.activity.query)}
                </code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Past({ waits }: { readonly waits: readonly Wait[] }): JSX.Element {
  return (
    <ul class="past">
      {waits.map((wait) => (
        <li key={wait.id}>
          <Ago at={wait.from} />: <span class="pid">{wait.pid}</span> {wait.application ?? 'no name'} waited
          for {modeText(wait.mode)},{' '}
          {wait.to === null ? 'and still does' : span(Date.parse(wait.to) - Date.parse(wait.from))}, behind{' '}
          {wait.blockers.map(({ pid, application }) => `${application ?? 'no name'} (${pid})`).join(', ') ||
            'nobody that could be seen'}
        </li>
      ))}
    </ul>
  );
}
