import { readdirSync } from 'node:fs';

/** Relative imports name the compiled file; where only the source exists, take the source. */
const SOURCES = { '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'] };

/** Vanilla TypeScript as `tsc` would emit it: legacy decorators, their metadata, and `using` for Node 20. */
const SWC = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    target: 'es2022',
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

const base = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['js', 'mjs', 'cjs', 'ts', 'json', 'node'],
  transform: { '\\.ts$': ['@swc/jest', SWC] },
  moduleNameMapper: SOURCES,
  modulePathIgnorePatterns: [
    '<rootDir>/build/',
    '<rootDir>/dist/',
    '<rootDir>/sample/',
    '<rootDir>/bench/.first-build/',
  ],
};

/** Suites that meet a real server: one is started for the whole run, see test/support/postgres. */
const withPostgres = {
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
};

const project = (displayName, testMatch, extra = {}) => ({ ...base, ...extra, displayName, testMatch });

/** The same end-to-end suites on another Nest: every `@nestjs/*` it holds, also when imported from `lib/`. */
function onNest(fixture) {
  const nest = `test/${fixture}/node_modules/@nestjs`;
  const packages = readdirSync(new URL(nest, import.meta.url)).join('|');
  return project(fixture, ['<rootDir>/test/e2e/**/*.matrix.spec.ts'], {
    ...withPostgres,
    moduleNameMapper: { ...SOURCES, [`^@nestjs/(${packages})(/.*)?$`]: `<rootDir>/${nest}/$1$2` },
  });
}

export default {
  maxWorkers: 2,
  passWithNoTests: true,
  testTimeout: 300_000,
  projects: [
    project('unit', ['<rootDir>/test/unit/**/*.spec.ts']),
    project('integration', ['<rootDir>/test/integration/**/*.spec.ts'], withPostgres),
    project('e2e', ['<rootDir>/test/e2e/**/*.spec.ts'], withPostgres),
    project('chaos', ['<rootDir>/test/chaos/**/*.spec.ts'], withPostgres),
    project('docs', ['<rootDir>/test/docs/**/*.spec.ts'], withPostgres),
    onNest('nest-11'),
    onNest('nest-11.0'),
  ],
};
