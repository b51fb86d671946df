import type { Replica } from './replica.js';

/** How one replica answered. */
export interface Answer {
  readonly replica: string;
  readonly status: number;
  /** For how long the request waited for its lock. */
  readonly waitedMs: number;
}

/** What was asked of all replicas at one moment. */
export interface Traffic {
  readonly closing: readonly Answer[];
  readonly payments: readonly { readonly order: number; readonly answers: readonly Answer[] }[];
}

export const NO_TRAFFIC: Traffic = { closing: [], payments: [] };

/** Everybody closes the month at once; two replicas get a payment for one order, and a third one for another. */
export async function sendTraffic(replicas: readonly Replica[], tick: number): Promise<Traffic> {
  const rotated = replicas.map((_, index) => replicas[(index + tick) % replicas.length]!);
  const [order, other] = [100 + (tick % 900), 101 + (tick % 900)];
  const [closing, same, different] = await Promise.all([
    ask(replicas, 'closing'),
    ask(rotated.slice(0, 2), `orders/${order}/payments`),
    ask(rotated.slice(2), `orders/${other}/payments`),
  ]);
  const payments = [
    { order, answers: inTurn(same) },
    { order: other, answers: inTurn(different) },
  ];
  return { closing, payments: payments.filter(({ answers }) => answers.length > 0) };
}

function ask(replicas: readonly Replica[], path: string): Promise<Answer[]> {
  return Promise.all(replicas.map((replica) => askOne(replica, path)));
}

function inTurn(answers: readonly Answer[]): Answer[] {
  return answers.toSorted((a, b) => a.waitedMs - b.waitedMs);
}

async function askOne(replica: Replica, path: string): Promise<Answer> {
  const response = await replica.post(`/${path}`);
  const body = (await response.text()) || '{}';
  const { waitedMs = 0 } = JSON.parse(body) as { waitedMs?: number };
  return { replica: replica.name, status: response.status, waitedMs };
}
