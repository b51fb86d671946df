import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD } from './places.mjs';

/** Named or not: `class A`, `B=class A`, `B=class{`, `B=class extends C`. */
const CLASS = /(?:([\w$]+)\s*=\s*)?\bclass\b(?:\s+(?!extends\b)([\w$]+))?(?=\s+extends\b|\s*\{)/g;

const known = classesOf(BUILD);

/**
 * A class is called what it is called in lib/: errors, and what Nest says of providers, show it. esbuild names a class expression
 * anew that refers to itself (`A=class _A{`) or stands for a decorated class (`A=class A2{`); its `keepNames` would mend that with
 * a property of each function, and so with a dictionary for each, a sixth of the heap. The own name fits into the place of the
 * new one, so that source maps stay right.
 */
export function withOwnClassNames(code, path) {
  const renamed = new Map();
  for (const [, variable, name = variable] of code.matchAll(CLASS)) {
    if (name === undefined || known.has(name)) continue;
    const own = name.replace(/^_|\d+$/g, '');
    if (!known.has(own) || !isExpression(code, name))
      throw new Error(`${path}: a class is called ${name}; two of lib/ have its name, or it has none.`);
    renamed.set(name, own.padEnd(name.length));
  }
  if (renamed.size === 0) return code;
  const names = new RegExp(`(?<![\\w$.])(?:${[...renamed.keys()].join('|')})(?![\\w$])`, 'g');
  return code.replace(names, (name) => renamed.get(name));
}

/** Its name is known within the class alone. */
function isExpression(code, name) {
  return new RegExp(`=\\s*class ${name}\\b`).test(code);
}

function classesOf(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.js'));
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
  const classes = texts.flatMap((text) => [...text.matchAll(CLASS)]);
  return new Set(classes.map(([, variable, name = variable]) => name));
}
