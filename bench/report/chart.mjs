import { figure } from './figures.mjs';

const BARS = [
  { place: 'near', tasks: 100, label: '100 locks at once, next to the server', kind: 'near' },
  { place: 'far', tasks: 100, label: '100 locks at once, 2 ms away', kind: 'far' },
];
const WIDTH = 760;
const LEFT = 250;
const RIGHT = 70;
const BAR = 14;
const GROUP = BARS.length * (BAR + 2) + 12;
const TOP = 64;

/** Locks a second as multiples of raw `pg`, on a logarithmic scale: one group of bars a candidate. */
export function chart({ candidates, scenarios: { throughput } }) {
  const groups = candidates.map(({ name, label, ours }) => ({
    label: label.replaceAll('`', ''),
    ours: ours === true,
    values: BARS.map(({ place, tasks }) => {
      const all = throughput[place].measured.find((one) => one.tasks === tasks)?.candidates;
      return all?.[name]?.ratio?.median;
    }),
  }));
  const values = groups.flatMap((group) => group.values).filter((value) => value !== undefined);
  const scale = logScale(Math.min(0.1, ...values), Math.max(100, ...values));
  const height = TOP + groups.length * GROUP + 24;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    '<title>Locks acquired and released a second, as multiples of pg on one client</title>',
    STYLE,
    '<text class="strong" x="12" y="20">Locks acquired and released a second, times raw pg (logarithmic)</text>',
    ...BARS.map(
      ({ label, kind }, index) =>
        `<rect class="${kind}" x="${LEFT + index * 250}" y="32" width="12" height="12"/><text x="${LEFT + 18 + index * 250}" y="42">${label}</text>`,
    ),
    ...grid(scale, height),
    ...groups.flatMap((group, index) => drawGroup(group, TOP + index * GROUP, scale)),
    '</svg>',
    '',
  ].join('\n');
}

const STYLE = `<style>
text { fill: #24292f } .strong { font-weight: 600 } .grid { stroke: #d0d7de } .one { stroke: #57606a; stroke-dasharray: 4 3 }
.near { fill: #8c959f } .far { fill: #d0d7de } .ours .near { fill: #e0234e } .ours .far { fill: #336791 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .grid { stroke: #30363d } .one { stroke: #8b949e } .far { fill: #484f58 } }
</style>`;

function drawGroup({ label, ours, values }, y, scale) {
  const bars = values.map((value, index) => {
    const top = y + index * (BAR + 2);
    if (value === undefined) return `<text x="${LEFT + 6}" y="${top + 11}">fails</text>`;
    const width = Math.max(1, scale(value) - LEFT);
    return (
      `<rect class="${BARS[index].kind}" x="${LEFT}" y="${top}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>` +
      `<text x="${(LEFT + width + 6).toFixed(1)}" y="${top + 11}">${figure(value)}</text>`
    );
  });
  return [
    `<g class="${ours ? 'ours' : 'peer'}">`,
    `<text class="${ours ? 'strong' : ''}" x="${LEFT - 10}" y="${y + 19}" text-anchor="end">${label}</text>`,
    ...bars,
    '</g>',
  ];
}

function grid(scale, height) {
  const lines = [];
  for (let value = scale.least; value <= scale.most; value *= 10) {
    const x = scale(value).toFixed(1);
    const kind = Math.abs(value - 1) < 1e-9 ? 'one' : 'grid';
    lines.push(
      `<line class="${kind}" x1="${x}" x2="${x}" y1="${TOP - 8}" y2="${height - 20}"/>`,
      `<text x="${x}" y="${height - 6}" text-anchor="middle">${figure(value)}</text>`,
    );
  }
  return lines;
}

function logScale(low, high) {
  const least = 10 ** Math.floor(Math.log10(low));
  const most = 10 ** Math.ceil(Math.log10(high));
  const span = Math.log10(most / least);
  const scale = (value) => LEFT + (Math.log10(value / least) / span) * (WIDTH - LEFT - RIGHT);
  return Object.assign(scale, { least, most });
}
