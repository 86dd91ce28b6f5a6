import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('is the end of the output of a synthesis, on stderr', async () => {
  const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: object };
  // Without bundles.
  const CDK_CONTEXT_JSON = JSON.stringify({ ...context, 'aws:cdk:bundling-stacks': [] });
  const env = { ...process.env, CDK_CONTEXT_JSON, CDK_DEFAULT_REGION: 'eu-central-1' };
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    execFile(process.execPath, ['infra/app.ts'], { env }, (error, out, err) =>
      error ? reject(error) : resolve({ stdout: out, stderr: err }),
    );
  });
  expect(stdout).toBe('');
  expect(stderr).toMatch(
    /(^|\n)Configured stack AccountExport, eu-central-1\n(.*\n)*Then {7}store the API key with .*\n$/,
  );
});
