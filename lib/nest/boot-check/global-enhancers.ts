import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { enhancerInfo, type EnhancerInfo } from '../enhancer-mark.js';

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
    const { container } = this.moduleRef as unknown as {
      readonly container?: { readonly applicationConfig?: GlobalEnhancers };
    };
    const config = container?.applicationConfig;
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
}
