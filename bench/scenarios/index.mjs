import * as handOver from './hand-over.mjs';
import * as dashboard from './dashboard.mjs';
import * as explain from './explain.mjs';
import * as firstBuild from './first-build.mjs';
import * as held from './held.mjs';
import * as http from './http.mjs';
import * as inspection from './inspection.mjs';
import * as jobTick from './job-tick.mjs';
import * as oneId from './one-id.mjs';
import * as replicas from './replicas.mjs';
import * as startUp from './start-up.mjs';
import * as throughput from './throughput.mjs';

/** In this order they run and are reported. */
export const SCENARIOS = {
  throughput,
  firstBuild,
  handOver,
  http,
  jobTick,
  oneId,
  replicas,
  held,
  inspection,
  dashboard,
  explain,
  startUp,
};
