/** The layers of the library, lowest first. Imports point down, never up or sideways between the modules of one layer. */
const LAYERS = [
  ['vocabulary', 'errors'],
  ['sql', 'telemetry'],
  ['session', 'transaction', 'peers'],
  ['locks', 'inspection'],
  ['jobs', 'leadership'],
  ['prioritize'],
  ['options'],
  ['core', 'root'],
  ['nest'],
  ['testing', 'dashboard', 'explain'],
  ['cli'],
];

/** Modules of words only, and the service with the wiring of what it delegates to, may use their neighbours. */
const MAY_SHARE = new Set(['vocabulary', 'errors', 'core', 'root']);

/** They put the modules together: what outsiders see, and what Nest is given. */
const WIRING = '^lib/(index|pg-lock\\.module)\\.ts$';
const pathOf = (module) => (module === 'root' ? '^lib/[^/]+\\.ts$' : `^lib/${module}/`);

/** A module may not import from the layers above it, nor from its neighbours. */
function layerRule(module, layer) {
  const above = LAYERS.slice(layer + 1).flat();
  const neighbours = MAY_SHARE.has(module) ? [] : LAYERS[layer].filter((other) => other !== module);
  return {
    name: `${module}-imports-downwards`,
    severity: 'error',
    comment: `Layer ${layer}: ${module} may only import from the layers below it.`,
    from: { path: pathOf(module), ...(module === 'root' ? { pathNot: WIRING } : {}) },
    to: { path: [...above, ...neighbours].map(pathOf) },
  };
}

const rules = LAYERS.flatMap((modules, layer) => modules.map((module) => layerRule(module, layer)));

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
      comment: 'The layers up to jobs and leadership do not know Nest.',
      from: {
        path: '^lib/(vocabulary|errors|sql|telemetry|session|transaction|peers|locks|inspection|jobs|leadership)/',
      },
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
