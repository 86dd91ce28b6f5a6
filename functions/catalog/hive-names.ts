/**
 * Names for columns as Glue and Athena take them: lower case letters, digits and underscores.
 *
 * @returns one name for each text, in the same order; where two would be alike, the later ones are numbered
 */
export function hiveNames(texts: readonly string[]): string[] {
  const taken = new Set<string>();
  return texts.map((text) => {
    const plain = text
      .normalize('NFKD')
      .replaceAll(/[\u0300-\u036f]/g, '')
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '_')
      .replaceAll(/^_+|_+$/g, '');
    const base = plain === '' ? 'column' : /^\d/.test(plain) ? `_${plain}` : plain;
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}_${n}`;
    taken.add(name);
    return name;
  });
}
