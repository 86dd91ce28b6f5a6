import { expect, it } from 'vitest';
import { apiEnvironment } from '../../functions/runtime/environment.ts';

it('names every variable that is missing or invalid, then what to do', () => {
  const must = 'must have the value that the stack sets';
  expect(() => apiEnvironment({ BUCKET: 'b', API_URL: 'x' })).toThrow(
    `Invalid environment of the function: SECRET_ID ${must} (missing); API_URL ${must} (got "x"). Deploy the stack again.`,
  );
});
