// Puts the page, its worker and the WebAssembly module into one file that opens from anywhere.

import { build } from 'esbuild';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const here = (path) => new URL(path, import.meta.url);
const module = process.argv[2];
if (!module) throw new Error('usage: node page/build.mjs MODULE.wasm');

const options = { bundle: true, write: false, minify: true, target: 'es2022', format: 'iife', legalComments: 'none' };
const bundle = async (entry, define = {}) => {
  const result = await build({ ...options, entryPoints: [here(entry).pathname], define });
  return result.outputFiles[0].text.trim();
};

const worker = await bundle('src/worker.ts');
// A script in a page ends at the first `</script`.
const script = (await bundle('src/main.ts', { WORKER: JSON.stringify(worker) })).replaceAll('</script', '<\\/script');
const style = (await build({ ...options, entryPoints: [here('style.css').pathname] })).outputFiles[0].text.trim();
const bytes = (await readFile(module)).toString('base64');

const parts = { STYLE: style, SCRIPT: script, MODULE: bytes };
const page = (await readFile(here('index.html'), 'utf8')).replace(/<!--(STYLE|SCRIPT|MODULE)-->/g, (_, name) => parts[name]);
await mkdir(here('../dist'), { recursive: true });
await writeFile(here('../dist/index.html'), page);

const size = gzipSync(page, { level: 9 }).length;
console.log(`explorer/dist/index.html: ${(page.length / 1000).toFixed(0)} kB, ${(size / 1000).toFixed(0)} kB compressed`);
if (size > 1_000_000) throw new Error('the page is larger than 1 MB compressed');
