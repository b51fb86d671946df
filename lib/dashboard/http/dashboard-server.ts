import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { readSignalRequest } from '../actions/signal-request.js';
import {
  VIEWS,
  type DashboardActions,
  type DashboardSource,
  type DashboardView,
} from '../dashboard-source.js';
import type { ViewerName } from '../dashboard-source.js';
import { toJson } from '../json.js';
import type { DashboardMeta } from '../wire.js';
import type { Access } from './access.js';
import { EventStream } from './event-stream.js';
import { jsonBody, type Exchange } from './exchange.js';
import { answerJson, answerText } from './headers.js';
import { PageFiles } from './page-files.js';
import { Refusal } from './refusal.js';
import { assertOwnRequest } from './same-origin.js';

/** What is served, and to whom. @internal */
export interface DashboardServerInit {
  /** At least one. */
  readonly sources: readonly DashboardSource[];
  readonly access: Access;
  readonly files: PageFiles;
  readonly allowSignals: boolean;
  readonly hideQueries: boolean;
  /** The last part of the path that the page stands under, for the redirection to where its relative addresses work. */
  readonly lastSegment: string;
  /** Told of what was not expected. */
  readonly failed: (error: unknown) => void;
}

const TOLD_EVERY_MS = 60_000;

type Handler = (exchange: Exchange, viewer: ViewerName) => Promise<void>;

/** The routes of the dashboard, whatever platform they stand on. @internal */
export class DashboardServer {
  private readonly streams = new Set<EventStream>();
  private closed = false;
  private told: { readonly text: string; readonly at: number } | undefined;

  constructor(private readonly init: DashboardServerInit) {}

  /** @returns false when the dashboard has no such route: another handler may. */
  async handle(exchange: Exchange): Promise<boolean> {
    const handler = this.route(exchange.method, exchange.path);
    if (handler === undefined) return false;
    if (this.closed) exchange.response.shouldKeepAlive = false; // else a page that asks again keeps the server from its end
    try {
      if (exchange.method === 'POST') assertOwnRequest(exchange);
      const viewer = await this.init.access.check(exchange);
      if (this.closed) throw new Refusal(503, 'The application shuts down.');
      await handler(exchange, viewer);
    } catch (error) {
      this.refuse(exchange, error);
    }
    return true;
  }

  /** Ends all streams, and begins none. Idempotent. */
  close(): void {
    this.closed = true;
    for (const stream of this.streams) stream.end();
  }

  private route(method: string, path: string): Handler | undefined {
    if (method === 'POST') return this.init.allowSignals ? this.action(path) : undefined;
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    if (path === '') return (exchange) => this.redirect(exchange);
    if (path === '/') return (exchange) => this.init.files.answer('index.html', exchange);
    const name = path.slice(1);
    if (PageFiles.isFile(name)) return (exchange) => this.init.files.answer(name, exchange);
    const [, view] = /^\/api\/(\w+)$/.exec(path) ?? [];
    if (view === 'meta') return (exchange, viewer) => this.meta(exchange, viewer);
    if (view === 'events') return method === 'GET' ? (exchange) => this.events(exchange) : undefined;
    const known = VIEWS.find((each) => each === view);
    return known === undefined ? undefined : (exchange) => this.view(known, exchange);
  }

  private action(path: string): Handler | undefined {
    if (path === '/api/signal') return (exchange, viewer) => this.signal(exchange, viewer);
    const [, name, verb] = /^\/api\/jobs\/([^/]+)\/(run|release)$/.exec(path) ?? [];
    if (name === undefined) return undefined;
    return (exchange, viewer) => this.job(exchange, viewer, name, verb as 'run' | 'release');
  }

  private redirect({ response, query }: Exchange): Promise<void> {
    const search = query.size === 0 ? '' : `?${query.toString()}`;
    answerText(response, 308, '', { location: `${this.init.lastSegment}/${search}` });
    return Promise.resolve();
  }

  private meta({ response, query }: Exchange, viewer: ViewerName): Promise<void> {
    const { sources, allowSignals, hideQueries } = this.init;
    const { recorded = null, historyMs } = this.source(query);
    const meta: DashboardMeta = {
      connections: sources.map(({ name }) => name),
      allowSignals,
      hideQueries,
      mode: recorded === null ? 'live' : 'replay',
      recorded,
      historyMs,
      viewer,
    };
    answerJson(response, 200, toJson(meta, this.init));
    return Promise.resolve();
  }

  private async view(view: DashboardView, { response, query }: Exchange): Promise<void> {
    const answer = await this.source(query).read(view, instantOf(query.get('at')));
    answerJson(response, 200, toJson(answer, this.init));
  }

  private events(exchange: Exchange): Promise<void> {
    const { query, headers, response } = exchange;
    const source = this.source(query);
    const resumeFrom = headers['last-event-id'] ?? query.get('lastEventId') ?? undefined;
    let unfollow = (): void => undefined;
    const stream = new EventStream(response, {
      recheck: () => this.init.access.check(exchange),
      closed: () => {
        this.streams.delete(stream);
        unfollow();
      },
    });
    this.streams.add(stream);
    unfollow = source.follow(String(resumeFrom ?? '') || undefined, (event) => stream.send(event));
    if (response.destroyed) stream.end();
    if (stream.isOver) unfollow();
    return Promise.resolve();
  }

  private async signal(exchange: Exchange, viewer: ViewerName): Promise<void> {
    const request = readSignalRequest(await jsonBody(exchange));
    const outcome = await this.actionsOf(exchange).signal(request, viewer);
    answerJson(exchange.response, 200, toJson(outcome, this.init));
  }

  private async job(
    exchange: Exchange,
    viewer: ViewerName,
    encoded: string,
    verb: 'run' | 'release',
  ): Promise<void> {
    const name = decoded(encoded);
    const actions = this.actionsOf(exchange);
    if (!(await actions.hasJob(name))) throw new Refusal(404, `There is no job ${JSON.stringify(name)}.`);
    await (verb === 'run' ? actions.runJob(name, viewer) : actions.releaseJob(name, viewer));
    const { name: connection } = this.source(exchange.query);
    answerJson(
      exchange.response,
      verb === 'run' ? 202 : 200,
      toJson({ connection, at: new Date(), job: name }, this.init),
    );
  }

  private actionsOf({ query }: Exchange): DashboardActions {
    const { actions } = this.source(query);
    if (actions === undefined) throw new Refusal(404, 'Nothing can be done here.');
    return actions;
  }

  private source(query: URLSearchParams): DashboardSource {
    const { sources } = this.init;
    const wanted = query.get('connection');
    const found = wanted === null ? sources[0] : sources.find(({ name }) => name === wanted);
    if (found !== undefined) return found;
    const names = sources.map(({ name }) => name).join(', ');
    throw new Refusal(404, `There is no connection ${JSON.stringify(wanted)}. There are: ${names}.`);
  }

  /** While a database is away every viewer asks again and again. */
  private tellOnce(error: unknown): void {
    const text = String(error);
    const now = performance.now();
    if (this.told?.text === text && now - this.told.at < TOLD_EVERY_MS) return;
    this.told = { text, at: now };
    this.init.failed(error);
  }

  private refuse({ response }: Exchange, error: unknown): void {
    const status = statusOf(error);
    if (status >= 500 && !this.closed) this.tellOnce(error instanceof Refusal ? error.cause : error);
    if (response.headersSent) return void response.destroy();
    const message = error instanceof Error ? error.message : String(error);
    answerJson(response, status, toJson({ statusCode: status, message }, this.init));
  }
}

function statusOf(error: unknown): number {
  if (error instanceof Refusal) return error.status;
  return error instanceof PgLockUsageError ? 400 : 503;
}

function instantOf(text: string | null): Date | undefined {
  if (text === null) return undefined;
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new PgLockUsageError(`at must be an instant in ISO 8601; got ${JSON.stringify(text)}.`);
  return at;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new PgLockUsageError('The name of the job is not encoded as in a URL.');
  }
}
