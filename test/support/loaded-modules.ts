/** Preloaded with `--import`: at its end, the process writes the modules that it has loaded to stderr, as JSON. */
import { registerHooks } from 'node:module';

/** What a process has loaded. */
export interface LoadedModules {
  readonly urls: readonly string[];
  /** Of Node.js itself, with those that are internal, such as `NativeModule internal/deps/undici/undici`. */
  readonly builtIn: readonly string[];
}

const urls: string[] = [];
registerHooks({
  load(url, context, nextLoad) {
    urls.push(url);
    return nextLoad(url, context);
  },
});
process.once('exit', () => {
  // The types of Node.js do not declare this list.
  const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] };
  const loaded: LoadedModules = { urls, builtIn: [...moduleLoadList] };
  process.stderr.write(JSON.stringify(loaded));
});
