/** The floors of the house, from the ground up. Arrows point down, never up or sideways between rooms. */
const FLOORS = [
  ['vocabulary', 'errors'],
  ['sql', 'telemetry'],
  ['session', 'transaction'],
  ['locks', 'inspection'],
  ['prioritize'],
  ['root'],
  ['nest'],
  ['cli', 'testing'],
];

/** Ground-floor rooms are words only, so they may share them. */
const MAY_SHARE = new Set(['vocabulary', 'errors']);

/** They put the rooms together: what outsiders see, and what Nest is given. */
const WIRING = '^lib/(index|pg-lock\\.module)\\.ts$';
const pathOf = (room) => (room === 'root' ? '^lib/[^/]+\\.ts$' : `^lib/${room}/`);

/** A room may not reach for what stands above it, nor for its neighbours. */
function floorRule(room, floor) {
  const above = FLOORS.slice(floor + 1).flat();
  const neighbours = MAY_SHARE.has(room) ? [] : FLOORS[floor].filter((other) => other !== room);
  return {
    name: `${room}-looks-down`,
    severity: 'error',
    comment: `F${floor}: ${room} may only use what stands below it.`,
    from: { path: pathOf(room), ...(room === 'root' ? { pathNot: WIRING } : {}) },
    to: { path: [...above, ...neighbours].map(pathOf), ...(room === 'root' ? {} : {}) },
  };
}

const rules = FLOORS.flatMap((rooms, floor) => rooms.map((room) => floorRule(room, floor)));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...rules.filter(({ to }) => to.path.length > 0),
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'ESM: emitted decorator metadata of two classes that import each other crashes at import.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-barrels-inside',
      severity: 'error',
      comment: 'Index files are for outsiders; inside lib/ import the file itself.',
      from: { path: '^lib/' },
      to: { path: ['^lib/index\\.ts$', '^lib/[^/]+/index\\.ts$'] },
    },
    {
      name: 'plain-typescript-below',
      severity: 'error',
      comment: 'F0 to F3 do not know Nest.',
      from: { path: '^lib/(vocabulary|errors|sql|telemetry|session|transaction|locks|inspection)/' },
      to: { path: '@nestjs/' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'Everything that is imported exists.',
      from: { path: '^lib/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // It has no TypeScript 6 parser yet. Imports of types count as imports with either.
    parser: 'swc',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
