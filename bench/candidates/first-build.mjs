import { firstBuild } from '../harness/first-build.mjs';
import { openBuild } from './library.mjs';

/** The first build of this library, opened and used as today's is. */
export const open = async (place) => openBuild(await import(firstBuild()), place);
