// An application that takes one lock and rests: node --expose-gc first-lock.mjs BUILD DATABASE_URL; without a build, no module
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';

const [build, url] = process.argv.slice(2);
const client = new pg.Client({ connectionString: url });
await client.connect();

const startedAt = performance.now();
const library = build === '' ? undefined : await import(build);
class App {}
Module({ imports: library === undefined ? [] : [library.PgLockModule.forRoot({ connection: url })] })(App);
const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
const lock = library === undefined ? undefined : await app.get(library.PgLockService).acquire('first');
const firstLockMs = performance.now() - startedAt;
await lock?.release();
await new Promise((resolve) => setTimeout(resolve, 50));
for (let i = 0; i < 4; i++) globalThis.gc();
const { heapUsed: heapBytes, rss: rssBytes } = process.memoryUsage();
console.log(JSON.stringify({ firstLockMs, heapBytes, rssBytes }));
await app.close();
await client.end();
