/**
 * Escapes control characters, line breaks and characters that change the direction of text, as JSON does (`\u001b`): a value
 * or a field name of the API must not control the terminal. JSON stays equal.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
