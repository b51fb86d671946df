import * as handOver from './hand-over.mjs';
import * as dashboard from './dashboard.mjs';
import * as explain from './explain.mjs';
import * as fairness from './fairness.mjs';
import * as firstBuild from './first-build.mjs';
import * as firstLock from './first-lock.mjs';
import * as held from './held.mjs';
import * as http from './http.mjs';
import * as idle from './idle.mjs';
import * as inspection from './inspection.mjs';
import * as jobFleet from './job-fleet.mjs';
import * as jobTick from './job-tick.mjs';
import * as oneId from './one-id.mjs';
import * as pool from './pool.mjs';
import * as replicas from './replicas.mjs';
import * as serverCpu from './server-cpu.mjs';
import * as startUp from './start-up.mjs';
import * as throughput from './throughput.mjs';
import * as xact from './xact.mjs';

/** In this order they run and are reported. */
export const SCENARIOS = {
  throughput,
  serverCpu,
  firstBuild,
  xact,
  handOver,
  http,
  jobTick,
  jobFleet,
  oneId,
  replicas,
  fairness,
  held,
  idle,
  firstLock,
  pool,
  inspection,
  dashboard,
  explain,
  startUp,
};
