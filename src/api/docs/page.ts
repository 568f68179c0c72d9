/** GET /docs as a page: one file without a script, which asks nothing of anywhere. Pure. */
import { hash } from 'node:crypto';
import { escapeText } from '../../report/escape.ts';
import { lookUpIn } from '../openapi/jobs.ts';
import type { LookUp } from '../openapi/sample.ts';
import type { MediaType, Method, OpenApi, Operation, Reference, Response } from '../openapi/types.ts';
import { type CurlOptions, curlOf } from './curl.ts';
import { prose } from './prose.ts';
import { kindOf, schemaView } from './schema-view.ts';
import { STYLE } from './style.ts';

/** Nothing is loaded, nothing runs, nobody frames it, whatever a name might smuggle in. */
export const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${hash('sha256', STYLE, 'base64')}'`,
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

interface Entry {
  readonly path: string;
  readonly method: Method;
  readonly operation: Operation;
}

/** The whole file. */
export function docsPage(document: OpenApi, curl: CurlOptions): string {
  const { info, tags, paths, components } = document;
  const entries = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]): Entry => ({ path, method: method as Method, operation }),
    ),
  );
  const lookUp = lookUpIn(components.schemas);
  const groups = tags.map(({ name, description }) => ({
    name,
    description,
    entries: entries.filter(({ operation }) => operation.tags[0] === name),
  }));
  const sections = groups.map(
    (group) => `<section>
<h2>${escapeText(group.name)}</h2>
<p class="faint">${prose(group.description)}</p>
${group.entries.map((entry) => article(entry, curl, lookUp)).join('\n')}
</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(info.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeText(info.title)}</h1>
<p>${prose(info.description)}</p>
<p class="faint">Version ${escapeText(info.version)}. For programs: <a href="openapi.json">openapi.json</a>, OpenAPI 3.1.${
    curl.asksForToken ? ' The commands take the token from the variable <code>API_TOKEN</code>.' : ''
  }</p>
</header>
<nav aria-label="Operations">
${groups.map(contents).join('\n')}
</nav>
<main>
${sections.join('\n')}
<section id="errors">
<h2>Errors of any request</h2>
${errorList(Object.values(components.responses))}
<h4>The body of an error</h4>
${schemaView(components.schemas.Error, lookUp)}
</section>
</main>
</body>
</html>
`;
}

function contents({ name, entries }: { name: string; entries: readonly Entry[] }): string {
  const links = entries.map(
    (entry) => `<li><a href="#${escapeText(anchorOf(entry))}">${titleOf(entry)}</a></li>`,
  );
  return `<h4>${escapeText(name)}</h4>\n<ul>${links.join('\n')}</ul>`;
}

function titleOf({ method, path }: Entry): string {
  return `<span class="method ${method}">${method.toUpperCase()}</span> <span class="path">${escapeText(path)}</span>`;
}

function anchorOf({ operation }: Entry): string {
  return operation.operationId;
}

function article(entry: Entry, curl: CurlOptions, lookUp: LookUp): string {
  const { path, method, operation } = entry;
  const { summary, description, security } = operation;
  const parts = [
    `<h3>${titleOf(entry)}</h3>`,
    `<p>${prose(summary)}.</p>`,
    description === undefined ? '' : `<p class="faint">${prose(description)}</p>`,
    curl.asksForToken && security !== undefined ? '<p class="faint">Needs no token.</p>' : '',
    `<pre><code>${escapeText(curlOf(path, method, operation, curl))}</code></pre>`,
    parameters(operation, lookUp),
    body(operation, lookUp),
    answers(operation, lookUp),
  ];
  return `<article id="${escapeText(anchorOf(entry))}">\n${parts.filter((part) => part !== '').join('\n')}\n</article>`;
}

function parameters({ parameters: all = [] }: Operation, lookUp: LookUp): string {
  if (all.length === 0) return '';
  const lines = all.map(
    (each) =>
      `<li><code>${escapeText(each.name)}</code> <span class="kind">${each.in}, ${escapeText(kindOf(each.schema, lookUp))}</span>${
        each.required === true ? ' <span class="needed">required</span>' : ''
      } ${prose(each.description)}</li>`,
  );
  return `<h4>Parameters</h4>\n<ul class="fields">${lines.join('\n')}</ul>`;
}

function body({ requestBody }: Operation, lookUp: LookUp): string {
  if (requestBody === undefined) return '';
  const forms = Object.entries(requestBody.content).map(([type, media]) => mediaView(type, media, lookUp));
  return `<h4>Body${requestBody.required ? '' : ', which may be left out'}</h4>\n${forms.join('\n')}`;
}

function mediaView(type: string, { schema, examples }: MediaType, lookUp: LookUp): string {
  const told = typeof schema.description === 'string' ? `<br>${prose(schema.description)}` : '';
  const others = Object.values(examples ?? {}).map(({ value }) => codeBlock(value));
  return `<p><code>${escapeText(type)}</code> <span class="kind">${escapeText(kindOf(schema, lookUp))}</span>${told}</p>
${schemaView(schema, lookUp)}
${others.join('\n')}`;
}

function answers({ responses }: Operation, lookUp: LookUp): string {
  const told = Object.entries(responses).filter((each): each is [string, Response] => !isReference(each[1]));
  const good = told.filter(([status]) => status.startsWith('2'));
  const bad = told.filter(([status]) => !status.startsWith('2'));
  const views = good.map(([status, response]) => goodView(status, response, lookUp));
  if (bad.length === 0) return views.join('\n');
  const statuses = bad.map(([status]) => status).join(', ');
  return `${views.join('\n')}
<details><summary>Errors: ${escapeText(statuses)}, and <a href="#errors">those of any request</a></summary>
${errorList(
  bad.map(([, response]) => response),
  bad.map(([status]) => status),
)}
</details>`;
}

function goodView(status: string, { description, content = {} }: Response, lookUp: LookUp): string {
  const forms = Object.entries(content).map(([type, { schema, example }]) => {
    const shown = example === undefined ? '' : codeBlock(example);
    return `<p><code>${escapeText(type)}</code></p>\n${shown}\n${schemaView(schema, lookUp)}`;
  });
  return `<h4>Answer ${escapeText(status)}: ${prose(description)}</h4>\n${forms.join('\n')}`;
}

function codeBlock(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `<pre><code>${escapeText(text)}</code></pre>`;
}

/** Codes that say the same stand together. */
function errorList(responses: readonly Response[], statuses: readonly string[] = []): string {
  const lines = responses.flatMap(({ content = {} }, i) => {
    const examples = Object.entries(content['application/json']?.examples ?? {});
    const byMessage = new Map<string, string[]>();
    for (const [code, { value }] of examples) {
      const { message } = (value as { error: { message: string } }).error;
      byMessage.set(message, [...(byMessage.get(message) ?? []), code]);
    }
    const status = statuses[i] === undefined ? '' : `${escapeText(statuses[i])} `;
    return [...byMessage].map(([message, codes]) => {
      const shown = codes.map((code) => `<code>${escapeText(code)}</code>`).join(' ');
      return `<dt>${status}${shown}</dt><dd>${escapeText(message)}</dd>`;
    });
  });
  return `<dl>${lines.join('\n')}</dl>`;
}

function isReference(response: Response | Reference): response is Reference {
  return '$ref' in response;
}
