// node scripts/bundle.mjs: from `build/`, what the compiler makes of lib/, to `dist/`, what is published. Why: CONTRIBUTING.md.
import { rmSync } from 'node:fs';
import { writeCommonJs } from './bundle/commonjs.mjs';
import { writeDeclarations } from './bundle/declarations.mjs';
import { writeEsModules } from './bundle/es-modules.mjs';
import { DIST } from './bundle/places.mjs';

rmSync(DIST, { recursive: true, force: true });
writeCommonJs(await writeEsModules());
writeDeclarations();
