/** Exact versions, checksums, and only the named install scripts. */
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  /** Part of the archive of the enclosing package, and covered by its checksum. */
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
}

type Versions = Readonly<Record<string, string>>;

const { dependencies, devDependencies, allowScripts, scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly dependencies: Versions;
  readonly devDependencies: Versions;
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly scripts: Readonly<Record<string, string>>;
};
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked & { dependencies?: Versions; devDependencies?: Versions }>>;
};
const NAMED = Object.entries({ ...dependencies, ...devDependencies });
const LOCKED = Object.entries(packages).filter(([folder]) => folder !== '');

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

describe('versions', () => {
  it('are exact: no ranges, tags or URLs', () => {
    expect(NAMED.filter(([, version]) => !EXACT.test(version))).toEqual([]);
  });

  it('are the same in package.json and the lockfile', () => {
    expect(packages['']).toMatchObject({ dependencies, devDependencies });
    for (const [name, version] of NAMED)
      expect({ [name]: packages[`node_modules/${name}`]?.version }).toEqual({ [name]: version });
  });

  it('are the installed ones', () => {
    for (const [name, version] of NAMED) {
      const installed = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as { version: string };
      expect({ [name]: installed.version }).toEqual({ [name]: version });
    }
  });
});

describe('the lockfile', () => {
  it('has a checksum for every package or the archive that contains it', () => {
    expect(LOCKED.length).toBeGreaterThan(300);
    const without = LOCKED.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'));
    for (const [folder, { inBundle }] of without) {
      expect({ [folder]: inBundle }).toEqual({ [folder]: true });
      const enclosing = folder.slice(0, folder.indexOf('/node_modules/', 1));
      expect(packages[enclosing]?.integrity).toMatch(/^sha512-/);
    }
  });

  it('installs only from the registry, never from a URL, repository or folder', () => {
    expect(LOCKED.filter(([, { resolved, link }]) => resolved !== undefined || link === true)).toEqual([]);
  });
});

describe('npm ci --omit=dev', () => {
  it('installs every package that the command line, the simulator and the deployment import', () => {
    const files = globSync(['cli/**/*.{ts,mjs}', 'functions/**/*.ts', 'infra/**/*.ts', 'simulator/**/*.ts']);
    expect(files.length).toBeGreaterThan(100);
    const imported = files.flatMap((file) => {
      const text = readFileSync(file, 'utf8').replaceAll(/^import type [^;]*;/gm, '');
      return [...text.matchAll(/(?:from |import\()'((?:@[\w-]+\/)?[\w-]+)/g)].map(
        ([, name = '']) => `${name} in ${file}`,
      );
    });
    // The package itself is imported by the app that `init` writes.
    const known = [...Object.keys(dependencies), 'node', 'account-export'];
    expect(imported.filter((text) => !known.includes(text.split(' ')[0] ?? ''))).toEqual([]);
  });

  it('installs the commands of the scripts for users', () => {
    const names = ['start', 'account-export', 'simulate', 'synth', 'deploy', 'diff'];
    expect(new Set(names.map((name) => scripts[name]?.split(' ')[0]))).toEqual(new Set(['node', 'cdk']));
    expect(dependencies).toMatchObject({
      node: expect.any(String),
      'aws-cdk': expect.any(String),
      esbuild: expect.any(String),
    });
  });

  it('leaves out what only maintainers need', () => {
    const tools = Object.keys(devDependencies).filter((name) =>
      /vitest|stryker|biome|typescript|fast-check/.test(name),
    );
    expect(tools.length).toBeGreaterThan(5);
    const size = LOCKED.filter(([, { dev }]) => !dev).length;
    expect(size).toBeLessThan(LOCKED.length / 2);
  });

  it('prints no warnings about the version of Node.js', () => {
    expect(readFileSync('.npmrc', 'utf8').split('\n')).toContain('loglevel=error');
  });
});

describe('Node.js', () => {
  it('of an old version, or without npm ci, says what to do', async () => {
    const { problemOf } = (await import(String('../../cli/need-node.mjs'))) as {
      problemOf(version: string, installed: boolean): string | undefined;
    };
    expect(problemOf('24.0.0', true)).toBeUndefined();
    expect(problemOf('20.20.2', true)).toBe(
      'Node.js 20.20.2 is too old (24 is needed): run npm ci --omit=dev in this folder, which installs Node.js 24 for its scripts, or install it yourself.',
    );
    expect(problemOf('24.0.0', false)).toBe('The packages are not installed: run npm ci --omit=dev in this folder.');
  });

  it('is checked before TypeScript is loaded', () => {
    const run = ['start', 'account-export', 'simulate'].map((name) => scripts[name]?.split(' ').slice(0, 3));
    expect(run).toEqual(Array(3).fill(['node', '--import', './cli/need-node.mjs']));
  });
});

describe('install scripts', () => {
  const withScript = LOCKED.filter(([, { hasInstallScript }]) => hasInstallScript).map(([folder]) =>
    folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length),
  );

  it('are those that package.json allows', () => {
    expect(withScript.sort()).toEqual(['esbuild', 'node']);
    expect(allowScripts).toEqual({ node: true, esbuild: true });
  });

  it('of other packages fail the installation', () => {
    expect(readFileSync('.npmrc', 'utf8').split('\n')).toContain('strict-allow-scripts=true');
  });

  it('are not used by this project', () => {
    const own = Object.keys(scripts).filter((name) =>
      /^(pre|post)?install$|^(pre|post)?prepare$|^prepublish$/.test(name),
    );
    expect(own).toEqual([]);
  });
});
