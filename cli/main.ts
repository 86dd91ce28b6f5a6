import './compile-cache.mjs';

// A closed pipe (`| head`) or a full disk ends the output, but not the command: a run must reach its end.
process.stderr.on('error', () => undefined);
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE' || outputFailed) return;
  outputFailed = true;
  process.stderr.write(
    `error: Cannot write the output to stdout (${code}): check the disk or program that receives it.\n`,
  );
  process.once('exit', () => {
    process.exitCode ||= 1;
  });
});
let outputFailed = false;

// Loaded only now, so that it is taken from the cache.
const { runCommandLine } = await import('./command-line.ts');
process.exitCode = await runCommandLine({
  argv: process.argv.slice(2),
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
});
