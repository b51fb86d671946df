import type { Fleet } from './fleet.js';
import { bold, cell, cyan, dim, green, red, say, yellow } from './screen.js';
import type { Answer, Traffic } from './traffic.js';
import type { Run } from './verdict.js';

const TICK = 6;
const PLACE = 5;
const CLOSING = 26;
/** A wait shorter than this is what a request takes anyway. */
const AT_ONCE_MS = 15;

export function printLegend(): void {
  const signs = `${green('●')} ran the job   ${dim('·')} its timer ticked, another has the lock   ${red('✗')} killed`;
  say(
    `${signs}\n${green('201')} had the lock   ${yellow('423')} refused at once   ${cyan('waited')} for the lock\n`,
  );
}

export function printHead(fleet: Fleet): void {
  const places = fleet.places.map(({ name }) => cell(name, PLACE, bold)).join('');
  say(dim(cell('tick', TICK)) + places + dim(cell('POST closing', CLOSING) + 'POST orders/:id/payments'));
}

/** One line for one tick: who ran it, who was refused, who waited. */
export function printTick(
  number: number,
  fleet: Fleet,
  tick: number,
  runs: readonly Run[],
  traffic: Traffic,
): void {
  const ran = runs.filter((run) => run.tick === tick).map(({ replica }) => replica);
  const places = fleet.places.map((replica) => {
    if (ran.includes(replica.name)) return cell('●', PLACE, ran.length > 1 ? red : green);
    if (!replica.isAlive) return cell('✗', PLACE, red);
    return cell(replica.lastTick.tick >= tick ? '·' : '', PLACE, dim);
  });
  say(
    cell(String(number).padStart(3), TICK) + places.join('') + closing(traffic.closing) + payments(traffic),
  );
}

function closing(answers: readonly Answer[]): string {
  const text = answers.map(({ replica, status }) => `${replica} ${status}`).join('  ');
  const painted = answers.map(
    ({ replica, status }) => `${replica} ${(status < 300 ? green : yellow)(String(status))}`,
  );
  return painted.join('  ') + ' '.repeat(Math.max(0, CLOSING - text.length));
}

function payments({ payments: all }: Traffic): string {
  return all.map(({ order, answers }) => `#${order} ${answers.map(payment).join(', ')}`).join(dim('   '));
}

function payment({ replica, status, waitedMs }: Answer): string {
  if (status >= 300) return `${replica} ${yellow(String(status))}`;
  return waitedMs < AT_ONCE_MS ? `${replica} at once` : `${replica} ${cyan(`waited ${waitedMs} ms`)}`;
}
