import type { JSX } from 'preact';
import { place } from '../place.js';
import { Copy } from '../parts/copy.js';
import { CheckIcon, InfoIcon, StopIcon, WarningIcon } from '../parts/icons.js';
import { Problem } from '../parts/problem.js';
import { useLook } from '../parts/use-look.js';
import { useStore } from '../store.js';
import { Ago } from '../time.js';
import type { Doctor } from '../wire.js';

const ICONS = { ok: CheckIcon, info: InfoIcon, warning: WarningIcon, problem: StopIcon } as const;
const ORDER = ['problem', 'warning', 'info', 'ok'];

/** What is wrong for locks on this server, and what to do about it: the worst first. */
export function DoctorView(): JSX.Element {
  const { query } = useStore(place);
  const { answer, error, again } = useLook<Doctor>('doctor', query['connection'], 30_000);
  const findings = [...(answer?.items ?? [])].sort(
    (one, other) => ORDER.indexOf(one.level) - ORDER.indexOf(other.level),
  );
  return (
    <section aria-labelledby="doctor-title">
      <div class="toolbar">
        <h2 id="doctor-title">Doctor</h2>
        {answer !== undefined && (
          <span class="dim">
            examined <Ago at={answer.at} />
          </span>
        )}
        <button type="button" onClick={again}>
          Examine again
        </button>
      </div>
      <Problem error={error} />
      <ul class="findings">
        {findings.map(({ level, check, text, remedy }, index) => {
          const Icon = ICONS[level];
          return (
            <li key={index} class={`finding finding-${level}`}>
              <span class="level">
                <Icon /> {level}
              </span>
              <div>
                <b>{check}</b>: {text}
                {remedy !== '' && (
                  <p class="remedy">
                    {remedy} <Copy text={remedy} what="remedy" />
                  </p>
                )}
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
