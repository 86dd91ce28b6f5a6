/** The tags of all resources of the stack; cost reports group by them. */
import * as z from 'zod';
import { databaseNameOf } from '../functions/model/stack-name.ts';

/** The key of the cost allocation tag. */
const COST_KEY = 'application';

/**
 * AWS allows 50 tags per resource. One is the cost allocation tag, and CDK adds up to three to a subnet. Sources: Tagging AWS Resources
 * user guide, "Tag naming limits and requirements"; aws-cdk-lib, aws-ec2.
 */
const MAX_TAGS = 46;

const TAG_RULE = `must be an object of up to ${MAX_TAGS} strings, such as {"cost-center":"4711"}`;
/** The characters that every service accepts; some accept more. */
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const ALLOWED = 'letters, digits, spaces and _ . : / = + - @';

export const TagsSchema = z
  .record(z.string(), z.string({ error: 'must be a string' }), { error: TAG_RULE })
  .superRefine((tags, context) => {
    const keys = Object.keys(tags);
    /** @param got what breaks the rule: the key or the value */
    const problem = (key: string, message: string, got: unknown) =>
      context.addIssue({ code: 'custom', path: [key], message, params: { got } });
    if (keys.length > MAX_TAGS) context.addIssue({ code: 'custom', message: TAG_RULE });
    for (const [i, key] of keys.entries()) {
      const value = String(tags[key]);
      if (key.length < 1 || key.length > 128 || !CHARACTERS.test(key)) {
        problem(key, `must have a key of 1 to 128 ${ALLOWED}`, key);
      } else if (value.length > 256 || !CHARACTERS.test(value)) {
        problem(key, `must have a value of up to 256 ${ALLOWED}`, value);
      }
      const reserved = [key, value].find((text) => /^aws:/i.test(text));
      if (reserved !== undefined) problem(key, 'must not start with "aws:" in key or value', reserved);
      // IAM refuses a role with both: IAM user guide, "Rules for tagging in IAM and AWS STS".
      const same = keys.slice(0, i).find((other) => other.toLowerCase() === key.toLowerCase());
      if (same !== undefined) problem(key, 'must be unique regardless of upper or lower case', [same, key]);
    }
  });

type StackTags = Readonly<Record<string, string>>;

/**
 * The cost allocation tag of a stack: the configured tag of that name in any case, because IAM treats `Application` and
 * `application` as one key, otherwise the name of the stack: `AccountExport-acme` gives `account-export-acme`.
 */
export function costTag(tags: StackTags, stackName: string): { readonly key: string; readonly value: string } {
  const [own] = Object.entries(tags).filter(([key]) => key.toLowerCase() === COST_KEY);
  return own
    ? { key: own[0], value: own[1] }
    : { key: COST_KEY, value: databaseNameOf(stackName).replaceAll('_', '-') };
}

/** The configured tags and the cost allocation tag. */
export function allTags(tags: StackTags, stackName: string): StackTags {
  const { key, value } = costTag(tags, stackName);
  return { [key]: value, ...tags };
}
