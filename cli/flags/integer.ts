import { InvalidArgumentError } from 'commander';

/** A commander parser for an integer in a range. */
export function integer(flag: string, min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const allowed = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`${flag} must be an integer ${allowed}.`);
  };
}
