/** How /docs looks: light and dark, from a telephone's width up, on paper. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --raised: #f5f6f8; --ink: #1b1f24; --faint: #5b636d; --edge: #d5dae0;
  --accent: #0b57c2; --get: #15703a; --post: #0b57c2; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --raised: #1d2226; --ink: #e8eaed; --faint: #a4acb6;
  --edge: #39414a; --accent: #7ab7ff; --get: #5dd58a; --post: #7ab7ff; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; max-width: 72rem; padding: 1.25rem 1rem 4rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.75rem 0 .25rem; }
h3 { font-size: 1.05rem; line-height: 1.4; margin: 0; }
h4 { font-size: .875rem; margin: 1.25rem 0 .35rem; color: var(--faint); }
p { margin: .4rem 0; max-width: 48rem; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code, pre { font-family: ui-monospace, monospace; font-size: .875em; }
pre { margin: .35rem 0; padding: .7rem .85rem; white-space: pre-wrap; background: var(--raised); border: 1px solid var(--edge);
  border-radius: .4rem; font-size: .8125rem; line-height: 1.5; }
pre code { font-size: inherit; }
.faint { color: var(--faint); }
nav ul { list-style: none; margin: .35rem 0 0; padding: 0; columns: 20rem auto; column-gap: 2rem; }
nav li { padding: .2rem 0; break-inside: avoid; }
nav a { display: block; padding: .2rem 0; text-decoration: none; }
nav a:hover { text-decoration: underline; }
.method { display: inline-block; min-width: 3.1rem; font: 600 .8125rem/1.4 ui-monospace, monospace; }
.get { color: var(--get); }
.post { color: var(--post); }
article { margin: 1rem 0; padding: 1rem; border: 1px solid var(--edge); border-radius: .5rem; }
article > p:first-of-type { margin-top: .1rem; }
.path { font: 600 1rem/1.4 ui-monospace, monospace; }
.fields { margin: .35rem 0; padding: 0; list-style: none; }
.fields .fields { margin: 0 0 0 .35rem; padding-left: .85rem; border-left: 1px solid var(--edge); }
.fields li { padding: .2rem 0; font-size: .9375rem; }
.fields code { font-weight: 600; }
.kind { color: var(--faint); font-size: .875rem; }
.needed { font-size: .75rem; font-weight: 600; color: var(--accent); }
details { margin: .5rem 0; }
summary { cursor: pointer; padding: .3rem 0; font-size: .9375rem; }
dl { margin: .35rem 0; }
dt { margin-top: .5rem; font-size: .875rem; }
dd { margin: 0; font-size: .9375rem; color: var(--faint); }
@media (min-width: 44rem) { dl { display: grid; grid-template-columns: minmax(12rem, 22rem) 1fr; gap: .35rem 1.25rem; }
  dt { margin: 0; } }
@media print { article { break-inside: avoid; } nav { display: none; } body { max-width: none; } }
`;
