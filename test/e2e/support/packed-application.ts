import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly exports: object;
  readonly main: string;
  readonly types: string;
  readonly typesVersions: object;
  readonly bin: Readonly<Record<string, string>>;
}

/** What a program that ran had to say. */
export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * An application in a directory of its own that has installed the packed package: what is not in the tarball is not there,
 * and what its `package.json` does not ask for is not either. Everything else comes from our own `node_modules`.
 */
export class PackedApplication {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'nestjs-pglock-app-')));
  readonly tarball: string;
  readonly installed = join(this.directory, 'node_modules/nestjs-pglock');

  private constructor(packed: string) {
    this.tarball = join(this.directory, packed);
  }

  static async create(): Promise<PackedApplication> {
    const scratch = mkdtempSync(join(tmpdir(), 'nestjs-pglock-pack-'));
    try {
      const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch];
      const { stdout } = await run('npm', args, { cwd: ROOT });
      const [{ filename } = { filename: '' }] = JSON.parse(stdout) as { filename: string }[];
      const application = new PackedApplication(filename);
      await application.#install(join(scratch, filename));
      return application;
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  get manifest(): Manifest {
    return JSON.parse(readFileSync(join(this.installed, 'package.json'), 'utf8')) as Manifest;
  }

  /** Paths in the tarball, sorted. */
  async files(): Promise<string[]> {
    const { stdout } = await run('tar', ['-tzf', this.tarball]);
    const paths = stdout.split('\n').map((path) => path.replace(/^package\//, ''));
    return paths.filter((path) => path !== '' && !path.endsWith('/')).sort();
  }

  /** Installs the package once more, beside a package of the monorepo that has a copy of its own. Gives its directory. */
  async installFor(name: string): Promise<string> {
    const place = join(this.directory, 'packages', name, 'node_modules/nestjs-pglock');
    mkdirSync(place, { recursive: true });
    await run('tar', ['-xzf', this.tarball, '-C', place, '--strip-components=1']);
    return place;
  }

  /** Makes a package of our `node_modules`, or of those, one that the application has installed. */
  link(name: string, modules = join(ROOT, 'node_modules')): void {
    const place = join(this.directory, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    rmSync(place, { force: true });
    symlinkSync(join(modules, name), place);
  }

  /** Takes a package away again. */
  unlink(name: string): void {
    rmSync(join(this.directory, 'node_modules', name));
  }

  write(file: string, content: string): void {
    writeFileSync(join(this.directory, file), content);
  }

  /** Runs a program in the application. Never rejects. */
  async run(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Output> {
    const options = { cwd: this.directory, env: { ...process.env, ...env, NODE_OPTIONS: '' } };
    return run(program, args, options).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: unknown) => error as Output,
    );
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #install(tarball: string): Promise<void> {
    mkdirSync(this.installed, { recursive: true });
    writeFileSync(this.tarball, readFileSync(tarball));
    await run('tar', ['-xzf', this.tarball, '-C', this.installed, '--strip-components=1']);
    const { dependencies, peerDependencies } = this.manifest;
    for (const name of Object.keys({ ...dependencies, ...peerDependencies })) this.link(name);
  }
}
