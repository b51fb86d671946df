import { EXIT } from '../exit.js';
import { print, printJson, type Io } from '../io.js';
import { examine } from '../../inspection/doctor/examine.js';
import type { Finding } from '../../inspection/doctor/finding.js';
import { readSettings, withInspection, type WhereToLook } from '../open-inspection.js';
import { paintFor, type Style } from '../render/paint.js';
import { prose } from '../render/prose.js';

/** The options of `pglock doctor` as they are typed. @internal */
export interface DoctorFlags extends WhereToLook {
  readonly json?: boolean;
}

const MARKS: Readonly<Record<Finding['level'], readonly [mark: string, style: Style]>> = {
  ok: ['ok', 'green'],
  info: ['info', 'cyan'],
  warning: ['warning', 'yellow'],
  problem: ['problem', 'red'],
};

/** `pglock doctor`: what this role and server can do for locks, and what is wrong. @returns the exit code. @internal */
export async function doctor(io: Io, flags: DoctorFlags): Promise<number> {
  const settings = await readSettings(io, flags);
  return withInspection(settings, [], async (inspection) => {
    const findings = await examine(inspection);
    if (flags.json) printJson(io, findings);
    else draw(io, findings);
    return EXIT.done;
  });
}

function draw(io: Io, findings: readonly Finding[]): void {
  const paint = paintFor(io);
  const width = Math.max(...findings.map(({ check }) => check.length));
  print(
    io,
    findings.flatMap(({ check, level, text, remedy }) => {
      const [mark, style] = MARKS[level];
      const indent = ' '.repeat(width + 11);
      const room = io.stdout.isTTY ? io.stdout.columns - indent.length : undefined;
      const [first = '', ...others] = prose(text, room);
      return [
        `${paint(style, mark.padEnd(8))} ${check.padEnd(width)}  ${first}`,
        ...others.map((line) => `${indent}${line}`),
        ...(remedy === '' ? [] : prose(remedy, room).map((line) => `${indent}${paint('dim', line)}`)),
      ];
    }),
  );
}
