import { EventEmitter } from 'node:events';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { LockContext } from '../locks/lock-context.js';
import { RunRegistry } from './run-registry.js';

/**
 * Marks the flows of HTTP requests that were accepted before the shutdown: they may still acquire when it has begun. Where the
 * server itself says that a request has come, before the application's middleware, guards and body parsers.
 *
 * @internal
 */
@Injectable()
export class AcceptedRequests implements OnModuleInit, OnApplicationShutdown {
  private server: EventEmitter | undefined;
  private readonly onRequest = () => LockContext.beginRequest(!this.runs.stopping);

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly runs: RunRegistry,
  ) {}

  onModuleInit(): void {
    // An application without HTTP has no adapter, and some adapters have no server.
    const adapter = this.host.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined;
    const server: unknown = adapter?.getHttpServer();
    if (!(server instanceof EventEmitter)) return;
    this.server = server.prependListener('request', this.onRequest);
  }

  onApplicationShutdown(): void {
    this.server?.off('request', this.onRequest);
  }
}
