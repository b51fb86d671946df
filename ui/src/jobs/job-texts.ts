import cronstrue from 'cronstrue';
import { textOf } from '../parts/texts.js';

/** A schedule in words, with the expression that it is read from. */
export function scheduleText(
  schedule: unknown,
): { readonly text: string; readonly expression: string } | null {
  if (schedule === null || schedule === undefined) return null;
  const { expression, zone } = partsOf(schedule);
  const words = inWords(expression);
  return { text: zone === '' ? words : `${words} (${zone})`, expression };
}

function partsOf(schedule: unknown): { readonly expression: string; readonly zone: string } {
  if (typeof schedule !== 'object' || schedule === null) return { expression: textOf(schedule), zone: '' };
  const { cron, cronTime, expression, source, timeZone, timezone, utcOffset } = schedule as Record<
    string,
    unknown
  >;
  const zone =
    timeZone ??
    timezone ??
    (utcOffset === undefined || utcOffset === null ? undefined : `UTC${textOf(utcOffset)}`);
  return { expression: textOf(cron ?? cronTime ?? expression ?? source ?? schedule), zone: textOf(zone) };
}

function inWords(expression: string): string {
  try {
    return cronstrue.toString(expression, { use24HourTimeFormat: true });
  } catch {
    return expression;
  }
}

/** Who has a job, whatever shape it is told in. */
export function replicaText(replica: unknown): string | null {
  if (replica === null || replica === undefined) return null;
  if (typeof replica !== 'object') return textOf(replica);
  const { replica: name, application, applicationName, host, pid } = replica as Record<string, unknown>;
  const parts = [
    name ?? application ?? applicationName,
    host,
    pid === undefined || pid === null ? undefined : `pid ${textOf(pid)}`,
  ];
  const text = parts
    .filter((part) => part !== undefined && part !== null)
    .map((part) => replicaText(part))
    .join(', ');
  return text === '' ? null : text;
}
