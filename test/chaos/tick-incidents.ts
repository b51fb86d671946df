import { eventually } from '../support/waiting.js';
import { MAJOR } from './cluster.js';
import type { JobReplica, TickFleet } from './ticks.js';

/** Something that happens to a fleet around one tick. */
export interface TickIncident {
  readonly name: string;
  /** Whether PostgreSQL 13, which has no lease, is asked for it. */
  readonly needsLease?: boolean;
  /** Does it; `tick` is still to come. Resolves when the fleet is complete again. */
  readonly happen: (fleet: TickFleet, tick: number) => Promise<void>;
  /** How long a run takes while it happens. */
  readonly workMs?: number;
}

const LEAD_MS = 300;

/** Of the incidents of one fleet, the holder is the one that ran the tick before. */
async function holderBefore(fleet: TickFleet, tick: number, leadMs = LEAD_MS): Promise<JobReplica> {
  const holder = await fleet.holder();
  await fleet.until(tick + holder.behindMs - leadMs);
  return holder;
}

/** Resolves when a replica says that it runs a tick. */
async function runOf(fleet: TickFleet, tick: number): Promise<JobReplica> {
  const find = () => fleet.replicas.find(({ ran }) => ran.has(tick));
  return eventually(find);
}

async function replace(fleet: TickFleet, replica: JobReplica): Promise<void> {
  fleet.remove(replica);
  await fleet.spawn(replica.behindMs);
}

export const TICK_INCIDENTS: readonly TickIncident[] = [
  {
    name: 'nothing',
    happen: (fleet, tick) => fleet.until(tick + 1_000),
  },
  {
    name: 'holder stopped over the tick',
    needsLease: true,
    async happen(fleet, tick) {
      const holder = await holderBefore(fleet, tick);
      holder.stop();
      await fleet.until(tick + 2 * fleet.periodMs);
      holder.goOn();
    },
  },
  {
    name: 'holder stopped between runs, past its lease',
    needsLease: true,
    async happen(fleet, tick) {
      const holder = await fleet.holder();
      await fleet.until(tick - fleet.periodMs + 1_000);
      holder.stop();
      await fleet.until(tick + fleet.periodMs - 500);
      holder.goOn();
    },
  },
  {
    name: 'holder killed before the announcement',
    async happen(fleet, tick) {
      const holder = await holderBefore(fleet, tick, 50);
      await holder.child.kill();
      await replace(fleet, holder);
    },
  },
  {
    name: 'holder killed right after the run began',
    async happen(fleet, tick) {
      const holder = await runOf(fleet, tick);
      await holder.child.kill();
      await replace(fleet, holder);
    },
  },
  {
    name: 'holder shut down right after',
    async happen(fleet, tick) {
      const holder = await runOf(fleet, tick);
      holder.child.signal('SIGTERM');
      await replace(fleet, holder);
      await holder.child.exit;
    },
  },
  {
    name: 'lock session terminated right after',
    async happen(fleet, tick) {
      const holder = await runOf(fleet, tick);
      await fleet.terminateLockSessions(holder);
      await fleet.until(tick + 2_000);
    },
  },
  {
    name: 'network cut off over the tick',
    needsLease: true,
    async happen(fleet, tick) {
      const holder = await holderBefore(fleet, tick);
      holder.proxy.freeze();
      await fleet.until(tick + 2 * fleet.periodMs);
      holder.proxy.thaw();
    },
  },
  {
    name: 'server restarted over the tick',
    async happen(fleet, tick) {
      await fleet.until(tick - 200);
      await fleet.server.restart('fast');
    },
  },
  {
    name: 'all replicas rolled one after the other across a tick',
    async happen(fleet, tick) {
      await fleet.until(tick - fleet.periodMs / 2);
      for (const old of [...fleet.replicas]) {
        await fleet.spawn(old.behindMs);
        fleet.remove(old);
        old.child.signal('SIGTERM');
      }
    },
  },
  {
    name: 'all replaced at once right after a run',
    async happen(fleet) {
      const old = [...fleet.replicas];
      // Loaded before, so that there is a fleet again before the next tick, however slow the machine is.
      const fresh = await Promise.all(old.map(({ behindMs }) => fleet.load(behindMs)));
      await runOf(fleet, fleet.tickAfter(0));
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (const replica of old) {
        fleet.remove(replica);
        replica.child.signal('SIGTERM');
      }
      await Promise.all(fresh.map((replica) => fleet.boot(replica)));
      await Promise.all(old.map(({ child }) => child.exit));
    },
  },
  {
    name: 'new replica booted in the second of a tick',
    async happen(fleet, tick) {
      await fleet.until(tick - 600);
      const added = await fleet.spawn(600);
      await fleet.until(tick + 2_000);
      fleet.remove(added);
      added.child.signal('SIGTERM');
      await added.child.exit;
    },
  },
  {
    name: 'event loop of the holder blocked over the tick',
    async happen(fleet, tick) {
      const holder = await holderBefore(fleet, tick);
      // Without a lease it keeps the lock meanwhile, and of two ticks would run the later one only.
      holder.block(MAJOR >= 14 ? fleet.periodMs + 1_000 : 0.6 * fleet.periodMs);
      await fleet.until(tick + 2 * fleet.periodMs);
    },
  },
];

/** The incident of that name. */
export function tickIncident(name: string): TickIncident {
  const found = TICK_INCIDENTS.find((incident) => incident.name === name);
  if (found === undefined) throw new Error(`There is no incident "${name}".`);
  return found;
}
