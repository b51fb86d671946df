import { VIEWS } from '../dashboard-source.js';

/** A route of the dashboard, in the words of a router. @internal */
export interface DashboardPath {
  readonly method: 'GET' | 'POST';
  readonly url: string;
}

const GET = [
  '/',
  '/app.js',
  '/app.css',
  '/icon.svg',
  ...[...VIEWS, 'meta', 'events'].map((view) => `/api/${view}`),
];
/** Parameters of a router are bounded in length; names of jobs are not. */
const POST = ['/api/signal', '/api/jobs/*'];

/** Every route that the dashboard has below its path. @internal */
export function dashboardPaths(base: string, allowSignals: boolean): readonly DashboardPath[] {
  const bare = base === '' ? [] : [base];
  const get = [...bare, ...GET.map((path) => `${base}${path}`)];
  const post = allowSignals ? POST.map((path) => `${base}${path}`) : [];
  return [
    ...get.map((url) => ({ method: 'GET' as const, url })),
    ...post.map((url) => ({ method: 'POST' as const, url })),
  ];
}
