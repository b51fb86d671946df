#!/usr/bin/env bash
# @nestjs/core 12.5.1: a parameter that is @Optional() is not only left out where its provider is missing, but null where the provider's
# factory rejects. The consumer's constructor runs with null before the application's own error ends the boot.
source "$(dirname "$0")/support.sh"
packages @nestjs/core@12.5.1 @nestjs/common@12.5.1 reflect-metadata@0.2.2 rxjs@7.8.2

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { Inject, Module, Optional } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

class Consumer {
  constructor(value) {
    console.log(`the consumer was given ${value}`);
  }
}
Inject('VALUE')(Consumer, undefined, 0);
Optional()(Consumer, undefined, 0);

class AppModule {}
Module({
  providers: [Consumer, { provide: 'VALUE', useFactory: () => Promise.reject(new Error('no configuration')) }],
})(AppModule);

try {
  await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  console.log('booted');
} catch (error) {
  console.log(`the boot failed: ${error.message}`);
}
JS
node finding.mjs >seen
expect 'the consumer was given null
the boot failed: no configuration' seen
