import { figure } from './figures.mjs';

const REPLICAS = [10, 100, 1_000];
/** What each replica does in the table: so many locks a second. */
const LOCKS_A_SECOND = 100;

/** What so many replicas cost one server, computed from what this run has measured; undefined where it has not. */
export function scale({ scenarios: { idle, serverCpu } }) {
  if (idle === undefined || serverCpu?.today === undefined) return undefined;
  const connections = idle.connections / idle.replicas;
  const row = (label, value) => [label, ...REPLICAS.map((replicas) => value(replicas))];
  const cores = (replicas, micros) => (replicas * LOCKS_A_SECOND * micros) / 1_000_000;
  return {
    title: 'Scale on paper: what replicas cost one server',
    head: ['replicas', ...REPLICAS.map(figure)],
    rows: [
      row('connections, while each keeps or wants locks', (replicas) =>
        figure(Math.ceil(replicas * connections)),
      ),
      row('statements a second, where a quarter of them keep a job', (replicas) =>
        figure(replicas * idle.idle),
      ),
      row('cores at 100 locks a second and replica', (replicas) =>
        figure(cores(replicas, serverCpu.today.median)),
      ),
      row('the same by hand, with a pool', (replicas) => figure(cores(replicas, serverCpu.hand.median))),
    ],
    note:
      `Computed: connections and statements as ${idle.replicas} replicas had them in this run, the most that it started; CPU as ` +
      'measured with 100 locks at once in one process, which shares its statements. A replica that takes one lock at a time pays ' +
      'for two statements a lock, as by hand.',
  };
}
