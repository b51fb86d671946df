import { figure } from './figures.mjs';

/** Which numbers of tasks the short table shows, and where. */
const COLUMNS = [
  { place: 'near', tasks: 1, label: 'one after the other' },
  { place: 'near', tasks: 100, label: '100 at once' },
  { place: 'near', tasks: 1_000, label: '1 000 at once' },
  { place: 'far', tasks: 100, label: '100 at once, 2 ms away' },
];

/** What fits into a comparison: each candidate, times raw `pg`. */
export function summaryTable({ candidates, scenarios: { throughput } }) {
  const cell = (name, { place, tasks }) => {
    const all = throughput[place].measured.find((one) => one.tasks === tasks)?.candidates;
    if (all?.[name] === undefined) return '';
    return all[name].failed === undefined ? figure(all[name].ratio.median) : 'fails';
  };
  const row = ({ name, label, keeps, ours }) => [
    ours ? `**${label}**` : label,
    ...COLUMNS.map((column) => cell(name, column)),
    keeps,
  ];
  const raw = ['`pg`, one client, one after the other', ...COLUMNS.map(() => '1'), ''];
  return {
    title: 'Locks acquired and released a second',
    head: ['times raw `pg`', ...COLUMNS.map(({ label }) => label), 'connections'],
    rows: [raw, ...candidates.map(row)],
  };
}
