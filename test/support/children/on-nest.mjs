// With NEST=nest-11 in the environment, `@nestjs/*` are those of that fixture. Imported before anything else.
import { readdirSync } from 'node:fs';
import { register } from 'node:module';

const { NEST } = process.env;
if (NEST) {
  const fixture = new URL(`../../${NEST}/`, import.meta.url);
  const names = readdirSync(new URL('node_modules/@nestjs', fixture));
  const parent = JSON.stringify(new URL('package.json', fixture).href);
  const hook = `const names = new Set(${JSON.stringify(names)});
    export function resolve(specifier, context, next) {
      const [scope, name] = specifier.split('/');
      return next(specifier, scope === '@nestjs' && names.has(name) ? { ...context, parentURL: ${parent} } : context);
    }`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}
