/** Preloaded with `--import`: at its end, the process writes the URLs of all modules that it has loaded to stderr, as JSON. */
import { registerHooks } from 'node:module';

const urls: string[] = [];
registerHooks({
  load(url, context, nextLoad) {
    urls.push(url);
    return nextLoad(url, context);
  },
});
process.once('exit', () => process.stderr.write(JSON.stringify(urls)));
