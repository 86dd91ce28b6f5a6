/** The tags of everything that the stack makes, so that a bill can tell what it costs. */
import * as z from 'zod';

/** By this tag costs are told apart, where the configuration gives no value of its own. */
export const COST_TAG = { key: 'application', value: 'account-export' } as const;

/**
 * AWS takes 50 on a resource. One is ours, and CDK puts up to three on a subnet: its name, and what it is for. Sources:
 * Tagging AWS Resources user guide, "Tag naming limits and requirements"; aws-cdk-lib, aws-ec2.
 */
const MAX_TAGS = 46;

const TAG_RULES = `up to ${MAX_TAGS} texts by their keys are needed, such as {"cost-center":"4711"}`;
/** What every service takes; some take more. */
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const ALLOWED = 'letters, digits, blanks and _ . : / = + - @';

export const TagsSchema = z
  .record(z.string(), z.string({ error: 'a text is needed' }), { error: TAG_RULES })
  .superRefine((tags, context) => {
    const keys = Object.keys(tags);
    const problem = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (keys.length > MAX_TAGS) context.addIssue({ code: 'custom', message: TAG_RULES });
    for (const [i, key] of keys.entries()) {
      const value = String(tags[key]);
      if (key.length < 1 || key.length > 128 || !CHARACTERS.test(key)) {
        problem(key, `its key must be 1 to 128 ${ALLOWED}`);
      } else if (value.length > 256 || !CHARACTERS.test(value)) {
        problem(key, `up to 256 ${ALLOWED} are needed`);
      }
      if ([key, value].some((text) => /^aws:/i.test(text))) problem(key, '"aws:" is for AWS to begin a tag with');
      // A role that has both is refused: IAM user guide, "Rules for tagging in IAM and AWS STS".
      if (keys.findIndex((other) => other.toLowerCase() === key.toLowerCase()) < i)
        problem(key, 'another key differs from it in case alone, which IAM takes for the same');
    }
  });

export type StackTags = Readonly<Record<string, string>>;

/**
 * The tag that tells what this stack costs: ours, or the configuration's own of that name. Companies have rules for the
 * values of such tags; whatever its case, for beside `Application` ours would be its double on a role.
 */
export function costTag(tags: StackTags): { readonly key: string; readonly value: string } {
  const [own] = Object.entries(tags).filter(([key]) => key.toLowerCase() === COST_TAG.key);
  return own ? { key: own[0], value: own[1] } : COST_TAG;
}

/** Every tag that the stack's resources carry. */
export function allTags(tags: StackTags): StackTags {
  const { key, value } = costTag(tags);
  return { [key]: value, ...tags };
}
