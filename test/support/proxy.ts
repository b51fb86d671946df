import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What becomes of a new connection. */
export type Welcome =
  | { readonly kind: 'open' }
  /** Refused by nobody listening; the proxy comes back on the same port. */
  | { readonly kind: 'refuse' }
  /** Accepted, and closed at once. */
  | { readonly kind: 'reset' }
  /** Accepted, and never answered. */
  | { readonly kind: 'silent' }
  /** Accepted, and answered with a FATAL error of the server. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

type Side = 'up' | 'down';

/**
 * A TCP proxy with faults, between one process and its server: whatever it passes it can *delay*, *freeze* in either direction
 * (the other side notices nothing, not even that a socket was closed) or *cut*.
 */
export class FaultyProxy {
  /** How long each piece of data stays under way, in milliseconds: `up` towards the server, `down` towards the process. */
  readonly delayMs: Record<Side, number> = { up: 0, down: 0 };
  /** The way to the server, in milliseconds each way; faults come on top. */
  distanceMs = 0;
  welcome: Welcome = { kind: 'open' };
  /** How many connections were made to it so far. */
  welcomed = 0;
  readonly #links = new Set<Link>();
  /** Accepted, whatever became of them. */
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #target: () => number;
  readonly #frozen: Record<Side, boolean> = { up: false, down: false };
  #port = 0;

  /** @param target the port of the server on the loopback interface, asked for each connection. */
  constructor(target: () => number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  async listen(): Promise<this> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as { port: number }).port;
    return this;
  }

  get port(): number {
    return this.#port;
  }

  /** The connection string of that server, through this proxy. */
  through(url: string): string {
    const parts = new URL(url);
    parts.hostname = '127.0.0.1';
    parts.port = String(this.#port);
    return parts.href;
  }

  /** How many connections are open on the side of the process. */
  get connections(): number {
    return this.#links.size;
  }

  /** The ports from which the server sees its connections come: `pg_stat_activity.client_port`. */
  get serverPorts(): number[] {
    return [...this.#links].map((link) => link.serverPort).filter((port) => port !== undefined);
  }

  isFrozen(side: Side): boolean {
    return this.#frozen[side];
  }

  slow(up: number, down = up): void {
    Object.assign(this.delayMs, { up, down });
  }

  /** Nothing passes any more: `up` towards the server, `down` towards the process. Nobody is told. */
  freeze(...sides: readonly Side[]): void {
    for (const side of sides.length > 0 ? sides : (['up', 'down'] as const)) this.#frozen[side] = true;
  }

  /** What was kept back arrives now, closing included. */
  thaw(): void {
    this.#frozen.up = this.#frozen.down = false;
    for (const link of this.#links) link.flush();
  }

  /** Both ends of every connection learn at once that it is gone. */
  cut(): void {
    for (const link of this.#links) link.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Stops listening, so that new connections are refused; `listen` brings it back. */
  async refuse(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.cut();
    });
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.refuse();
    else this.cut();
  }

  #accept(socket: Socket): void {
    socket.on('error', ignore);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#sockets.add(socket);
    this.welcomed++;
    switch (this.welcome.kind) {
      case 'open': {
        const link = new Link(
          this,
          socket,
          connect({ port: this.#target(), host: '127.0.0.1', allowHalfOpen: true }),
        );
        this.#links.add(link);
        link.onClosed = () => this.#links.delete(link);
        return;
      }
      case 'error':
        socket.resume().end(fatal(this.welcome.code, this.welcome.message));
        return;
      case 'silent':
        socket.resume().once('end', () => socket.destroy());
        return;
      default:
        socket.destroy();
    }
  }
}

/** One connection with its two halves. */
class Link {
  onClosed: (() => void) | undefined;
  readonly #pipes: readonly Pipe[];

  constructor(
    proxy: FaultyProxy,
    process: Socket,
    private readonly server: Socket,
  ) {
    const passage = (side: Side) => ({
      isFrozen: () => proxy.isFrozen(side),
      delayMs: () => proxy.distanceMs + proxy.delayMs[side],
    });
    this.#pipes = [new Pipe(process, server, passage('up')), new Pipe(server, process, passage('down'))];
    for (const socket of [process, server]) {
      socket.on('error', ignore);
      socket.setNoDelay(true);
      socket.once('close', () => {
        if (process.destroyed && server.destroyed) this.onClosed?.();
      });
    }
  }

  get serverPort(): number | undefined {
    return this.server.localPort;
  }

  flush(): void {
    for (const pipe of this.#pipes) pipe.flush();
  }

  destroy(): void {
    for (const pipe of this.#pipes) pipe.destroy();
  }
}

interface Passage {
  readonly isFrozen: () => boolean;
  readonly delayMs: () => number;
}

type Parcel = Buffer | 'end' | 'gone';

/** One direction: parcels arrive in order, each after its delay, none while it is frozen. */
class Pipe {
  readonly #parcels: { readonly parcel: Parcel; readonly dueAt: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly passage: Passage,
  ) {
    from.on('data', (data: Buffer) => this.#send(data));
    from.once('end', () => this.#send('end'));
    from.once('close', () => this.#send('gone'));
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#parcels.length = 0;
    this.from.destroy();
    this.to.destroy();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (!this.passage.isFrozen()) {
      const [next] = this.#parcels;
      if (next === undefined) return;
      const early = next.dueAt - performance.now();
      if (early > 0) {
        this.#timer = setTimeout(() => this.flush(), Math.ceil(early));
        return;
      }
      this.#parcels.shift();
      this.#deliver(next.parcel);
    }
  }

  #send(parcel: Parcel): void {
    this.#parcels.push({ parcel, dueAt: performance.now() + this.passage.delayMs() });
    this.flush();
  }

  #deliver(parcel: Parcel): void {
    if (parcel === 'gone') this.to.destroy();
    else if (parcel === 'end') this.to.end();
    else this.to.write(parcel);
  }
}

/** An ErrorResponse of PostgreSQL's protocol. */
function fatal(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

function ignore(): void {}
