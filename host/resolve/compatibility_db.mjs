// Writes compatibility_db.inc from the npm package @yarnpkg/extensions and pnpm's own entries:
//   npm pack @yarnpkg/extensions && tar xzf yarnpkg-extensions-*.tgz
//   node host/resolve/compatibility_db.mjs package > host/resolve/compatibility_db.inc
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const dir = resolve(process.argv[2]);
const { packageExtensions } = createRequire(import.meta.url)(dir + "/lib/index.js");
const { version } = JSON.parse(readFileSync(dir + "/package.json"));

// What pnpm 12 adds of its own.
const own = [
  ["@angular/build@*", { dependencies: { tslib: "^2.3.0" } }],
  ["@nuxt/vite-builder@>=4.0.0 <4.5.0", { dependencies: { unplugin: "^2.3.5" } }],
  ["@nuxt/vite-builder@>=4.5.0", { dependencies: { unplugin: "^3.3.0" } }],
];

const rows = [];
[...packageExtensions, ...own].forEach(([selector, extension], order) => {
  const at = selector.indexOf("@", 1);
  const name = selector.slice(0, at), range = selector.slice(at + 1);
  const row = (kind, key, value) => rows.push({ name, range, kind, key, value, order });
  for (const [field, kind] of [["dependencies", "dependency"], ["peerDependencies", "peer"]])
    for (const [key, value] of Object.entries(extension[field] ?? {})) row(kind, key, value);
  for (const [key, meta] of Object.entries(extension.peerDependenciesMeta ?? {})) if (meta.optional) row("optional_peer", key, "");
});
rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.order - b.order));

const text = JSON.stringify;
console.log(`// Made by compatibility_db.mjs from @yarnpkg/extensions ${version} and three entries of pnpm's own; do not edit.
//
// The data of @yarnpkg/extensions is under the BSD 2-Clause License:
//
// Copyright (c) 2016-present, Yarn Contributors. All rights reserved.
//
// Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
// following conditions are met:
//   1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
//      disclaimer.
//   2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the
//      following disclaimer in the documentation and/or other materials provided with the distribution.
//
// THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
// INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
// DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
// SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
// SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
// WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF
// THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`);
for (const r of rows) console.log(`{${text(r.name)}, ${text(r.range)}, Fix::${r.kind}, ${text(r.key)}, ${text(r.value)}},`);
