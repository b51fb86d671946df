#!/usr/bin/env bash
# @nestjs/schedule 12.0.2 with @nestjs/core 12.5.1: timers are stopped in beforeApplicationShutdown. While app.close() waits for one onModuleDestroy, jobs go on
# being started, with the providers that closed their connections in their own onModuleDestroy.
source "$(dirname "$0")/support.sh"
packages @nestjs/common@12.5.1 @nestjs/core@12.5.1 @nestjs/schedule@12.0.2 rxjs@7.8.2 reflect-metadata@0.2.2

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Interval, ScheduleModule } from '@nestjs/schedule';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const runs = { 'before close()': 0, 'database open, closing': 0, 'database closed, closing': 0, closed: 0 };
let phase = 'before close()';
class Jobs {
  tick() {
    runs[phase]++;
  }
}
Interval(20)(Jobs.prototype, 'tick', Object.getOwnPropertyDescriptor(Jobs.prototype, 'tick'));
class Database {
  async onModuleDestroy() {
    await pause(200);
    phase = 'database closed, closing';
  }
}
class SlowConsumer {
  onModuleDestroy() {
    return pause(700);
  }
}
class App {}
Module({ imports: [ScheduleModule.forRoot()], providers: [Jobs, Database, SlowConsumer] })(App);
const app = await NestFactory.createApplicationContext(App, { logger: false });
await pause(200);
phase = 'database open, closing';
await app.close();
phase = 'closed';
await pause(300);
for (const [name, count] of Object.entries(runs)) console.log(`${name}: ${count > 0 ? 'jobs run' : 'none'}`);
JS
node finding.mjs >seen
expect 'before close(): jobs run
database open, closing: jobs run
database closed, closing: jobs run
closed: none' seen
