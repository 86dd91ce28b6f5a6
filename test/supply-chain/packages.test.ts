/** Exact versions, checksums, and only the named install scripts. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  /** Part of the archive of the enclosing package, and covered by its checksum. */
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
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
