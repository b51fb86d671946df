import { Injectable } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';

/**
 * Tells of modules that are loaded after the boot, for which Nest calls no hooks.
 *
 * @see https://docs.nestjs.com/fundamentals/lazy-loading-modules
 * @internal
 */
@Injectable()
export class LazyModules {
  private readonly loader: LazyModuleLoader;

  constructor(loader: LazyModuleLoader) {
    this.loader = loader;
  }

  /** Runs `check` after each load; what it throws is what the load rejects with. */
  afterEachLoad(check: () => Promise<void>): void {
    const load = this.loader.load.bind(this.loader);
    this.loader.load = async (...args) => {
      const moduleRef = await load(...args);
      await check();
      return moduleRef;
    };
  }
}
