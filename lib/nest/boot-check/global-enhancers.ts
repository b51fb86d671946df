import { Injectable, type NestInterceptor } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { enhancerInfo, isMarked, type EnhancerInfo } from '../enhancer-mark.js';

/** The part of Nest's configuration that keeps what is global. */
interface GlobalEnhancers {
  getGlobalInterceptors(): readonly unknown[];
  getGlobalGuards(): readonly unknown[];
  getGlobalRequestInterceptors(): readonly { readonly metatype: unknown }[];
  getGlobalRequestGuards(): readonly { readonly metatype: unknown }[];
}

/** Enhancers of ours that stand around every handler: `APP_INTERCEPTOR`, `APP_GUARD`, `useGlobalInterceptors`. @internal */
@Injectable()
export class GlobalEnhancersOfOurs {
  constructor(private readonly moduleRef: ModuleRef) {}

  /** Nest exports no way to its configuration: without it nothing is known to be global. */
  list(): readonly EnhancerInfo[] {
    const { config } = this;
    if (config === undefined) return [];
    const perRequest = [...config.getGlobalRequestGuards(), ...config.getGlobalRequestInterceptors()];
    return [
      ...config.getGlobalGuards(),
      ...config.getGlobalInterceptors(),
      ...perRequest.map(({ metatype }) => metatype),
    ]
      .map((enhancer) => enhancerInfo(enhancer))
      .filter((info) => info !== undefined);
  }

  /** The interceptors of ours that are no more than one instance. */
  interceptors(): readonly NestInterceptor[] {
    const all = (this.config?.getGlobalInterceptors() ?? []) as readonly NestInterceptor[];
    return all.filter((interceptor) => isMarked(interceptor));
  }

  private get config(): GlobalEnhancers | undefined {
    const { container } = this.moduleRef as unknown as {
      readonly container?: { readonly applicationConfig?: GlobalEnhancers };
    };
    return container?.applicationConfig;
  }
}
