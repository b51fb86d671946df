import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

/** Under which `@nestjs/graphql` provides the options of its module. */
const GRAPHQL_OPTIONS = 'GqlModuleOptions';

/**
 * Which enhancers GraphQL runs on fields. Of a resolver that is created per request no context is asked for before a request
 * comes, so that only the options tell.
 *
 * @see https://docs.nestjs.com/graphql/other-features#execute-enhancers-at-the-field-resolver-level
 * @internal
 */
@Injectable()
export class GraphqlFields {
  constructor(private readonly modules: ModulesContainer) {}

  /** Whether every GraphQL module of the application runs them. */
  runs(kind: 'guards' | 'interceptors'): boolean {
    const options = [...this.modules.values()]
      .map(({ providers }) => providers.get(GRAPHQL_OPTIONS)?.instance)
      .filter((found) => typeof found === 'object' && found !== null);
    return options.length > 0 && options.every((found) => enhancersIn(found).includes(kind));
  }
}

function enhancersIn(options: object): readonly unknown[] {
  const { fieldResolverEnhancers } = options as { readonly fieldResolverEnhancers?: unknown };
  return Array.isArray(fieldResolverEnhancers) ? fieldResolverEnhancers : [];
}
