import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { post } from '../api.js';
import { place } from '../place.js';
import { Empty } from '../parts/empty.js';
import { Problem } from '../parts/problem.js';
import { plural } from '../parts/texts.js';
import { useLook } from '../parts/use-look.js';
import { useStore } from '../store.js';
import { Ago, exactly, span, Until } from '../time.js';
import type { Job, Jobs, Meta } from '../wire.js';
import { holderText, scheduleText } from './job-texts.js';
import { TickStrip } from './tick-strip.js';

/** Every scheduled job under a lock: when it runs next, who has it, how it went. */
export function JobsView({ meta }: { readonly meta: Meta }): JSX.Element {
  const { query } = useStore(place);
  const { answer, error, again } = useLook<Jobs>('jobs', query['connection'], 2_000);
  return (
    <section aria-labelledby="jobs-title">
      <h2 id="jobs-title">Jobs</h2>
      <Problem error={error} />
      {answer?.items.length === 0 && (
        <Empty title="No jobs">
          <p>No scheduled method of this application runs under a lock of this database.</p>
        </Empty>
      )}
      <ul class="jobs">
        {answer?.items.map((job) => (
          <JobPanel
            key={job.name}
            job={job}
            mayAct={meta.allowSignals && meta.mode === 'live'}
            changed={again}
          />
        ))}
      </ul>
    </section>
  );
}

interface Properties {
  readonly job: Job;
  readonly mayAct: boolean;
  readonly changed: () => void;
}

function JobPanel({ job, mayAct, changed }: Properties): JSX.Element {
  const { name, schedule, nextTick, lastRun, running, missed, ticks } = job;
  return (
    <li class="panel job">
      <div class="job-head">
        <h3>{name}</h3>
        {running && <span class="tag tag-running">running</span>}
        {schedule !== null && (
          <span class="schedule" title={schedule}>
            {scheduleText(schedule)}
          </span>
        )}
      </div>
      <dl class="facts">
        <div>
          <dt>Next tick</dt>
          <dd>{nextTick === null ? 'none' : <Until at={nextTick} />}</dd>
        </div>
        <div>
          <dt>Held by</dt>
          <dd>{holderText(job)}</dd>
        </div>
        <div>
          <dt>Last run</dt>
          <dd>{lastRun === null ? 'not seen yet' : <LastRun run={lastRun} />}</dd>
        </div>
        {missed > 0 && (
          <div>
            <dt>Missed</dt>
            <dd>{plural(missed, 'tick')}</dd>
          </div>
        )}
      </dl>
      <TickStrip ticks={ticks} />
      {mayAct && <Buttons name={name} changed={changed} />}
    </li>
  );
}

function LastRun({ run }: { readonly run: NonNullable<Job['lastRun']> }): JSX.Element {
  const { startedAt, duration, outcome, error, replica, late } = run;
  return (
    <>
      <Ago at={startedAt} />
      {duration !== null && `, took ${span(duration)}`}
      {outcome !== null && (
        <>
          , <b class={`outcome-${outcome}`}>{outcome}</b>
        </>
      )}
      {late >= 1_000 && `, ${span(late)} late`}
      <span class="dim"> on {replica}</span>
      {error !== null && <code class="cell-query">{error}</code>}
    </>
  );
}

function Buttons({ name, changed }: { readonly name: string; readonly changed: () => void }): JSX.Element {
  const [told, setTold] = useState('');
  const ask = async (verb: 'run' | 'release', done: string) => {
    try {
      await post(`jobs/${encodeURIComponent(name)}/${verb}`, place.value.query['connection']);
      setTold(`${done} ${exactly(Date.now()).slice(11, 19)}`);
      changed();
    } catch (error) {
      setTold(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <div class="actions">
      <button type="button" onClick={() => void ask('run', 'Asked to run at')}>
        Run now<span class="visually-hidden">: {name}</span>
      </button>
      <button type="button" onClick={() => void ask('release', 'Given back at')}>
        Give back<span class="visually-hidden">: {name}</span>
      </button>
      <span role="status" class="dim">
        {told}
      </span>
    </div>
  );
}
