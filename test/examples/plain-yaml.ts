/**
 * Reads the plain part of YAML that our examples keep to: mappings and lists by indentation, scalars in one line
 * (plain or quoted), and literal blocks (`|-`). What it does not know it refuses, rather than read it otherwise than
 * a real parser would.
 */
export type Yaml = string | number | boolean | Yaml[] | { [key: string]: Yaml };

interface Line {
  readonly at: number;
  readonly indent: number;
  readonly text: string;
}

const KEY = /^([A-Za-z_][\w.-]*):(?: +(.*))?$/;

/** Throws with the number of the line. */
export function parseYaml(source: string): Yaml {
  const lines = source.split('\n').map((raw, at): Line => {
    if (/^ *\t/.test(raw)) throw new Error(`line ${at + 1}: a tab`);
    return { at, indent: raw.search(/[^ ]|$/), text: raw.trim() };
  });
  const reader = new Reader(lines);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #lines: Line[];
  #next = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  value(indent: number): Yaml {
    const line = this.#peek();
    if (line === undefined || line.indent < indent) throw new Error(`line ${line?.at ?? 'last'}: no value`);
    return line.text.startsWith('- ') ? this.#list(line.indent) : this.#mapping(line.indent);
  }

  end(): void {
    const line = this.#peek();
    if (line !== undefined) throw this.#wrong(line, 'is not expected here');
  }

  /** The next line that is neither empty nor a comment. */
  #peek(): Line | undefined {
    while (/^(#|$)/.test(this.#lines[this.#next]?.text ?? '-')) this.#next += 1;
    return this.#lines[this.#next];
  }

  #list(indent: number): Yaml[] {
    const items: Yaml[] = [];
    for (let line = this.#peek(); line?.indent === indent; line = this.#peek()) {
      if (!line.text.startsWith('- ')) throw this.#wrong(line, 'is no item of the list');
      const text = line.text.slice(2).trim();
      if (!KEY.test(text)) {
        this.#next += 1;
        items.push(this.#scalar(line, text));
        continue;
      }
      // A mapping that begins behind the dash.
      this.#lines[this.#next] = { at: line.at, indent: indent + 2, text };
      items.push(this.#mapping(indent + 2));
    }
    return items;
  }

  #mapping(indent: number): Yaml {
    const mapping: { [key: string]: Yaml } = {};
    for (let line = this.#peek(); line?.indent === indent; line = this.#peek()) {
      const [, key, text] = KEY.exec(line.text) ?? [];
      if (key === undefined || Object.hasOwn(mapping, key)) throw this.#wrong(line, 'is no new key');
      this.#next += 1;
      if (text === '|-') mapping[key] = this.#block(indent);
      else if (text !== undefined) mapping[key] = this.#scalar(line, text);
      else mapping[key] = this.#isDeeper(indent) ? this.value(indent + 1) : '';
    }
    return mapping;
  }

  #isDeeper(indent: number): boolean {
    return (this.#peek()?.indent ?? 0) > indent;
  }

  #block(indent: number): string {
    const first = this.#lines[this.#next]!.indent;
    if (first <= indent) throw this.#wrong(this.#lines[this.#next]!, 'is not deeper than its key');
    const text: string[] = [];
    for (let line = this.#lines[this.#next]; line !== undefined; line = this.#lines[this.#next]) {
      if (line.text !== '' && line.indent < first) break;
      text.push(`${' '.repeat(Math.max(0, line.indent - first))}${line.text}`);
      this.#next += 1;
    }
    return text.join('\n').trimEnd();
  }

  #scalar(line: Line, text: string): Yaml {
    if (/^'([^']|'')*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'");
    if (/^"[^"\\]*"$/.test(text)) return text.slice(1, -1);
    if (/^[-?:,[\]{}#&*!|>'"%@`]|: | #|:$/.test(text)) throw this.#wrong(line, 'must be quoted');
    if (/^(true|false)$/.test(text)) return text === 'true';
    if (/^(true|false|yes|no|on|off|null|~)$/i.test(text)) throw this.#wrong(line, 'is no plain text');
    return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  }

  #wrong(line: Line, why: string): Error {
    return new Error(`line ${line.at + 1} ${why}: ${line.text}`);
  }
}
