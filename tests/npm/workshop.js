/**
 * Where pages are built for the tests of the npm package: packages of fixed versions, installed once for each lock file, and
 * our own package, packed and installed as its users would.
 *
 * `CONSENTRY_NPM` names the built package; else `cargo xtask npm` builds it.
 *
 * Deliberately absent: anything in `tests/browser/node_modules`, so that no test of the loader depends on a framework.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../browser/harness.js";

const execute = promisify(execFile);

/** A first install has to come through a slow network. */
const INSTALL_MS_MAX = 300_000;
const COMMAND_MS_MAX = 120_000;

/** What `cargo run` tells a program about itself, and what another cargo would build anew for. */
const OWN = /^CARGO_(PKG|MANIFEST|BIN|CRATE|PRIMARY)_/;

/** @param {string} path */
const exists = (path) => stat(path).then(Boolean, () => false);

/**
 * Runs a program to its end, and settles with what it printed.
 *
 * @param {string} folder where
 * @param {string} program
 * @param {string[]} given
 * @param {number} [timeout]
 */
export async function run(folder, program, given, timeout = COMMAND_MS_MAX) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OWN.test(name)));
  try {
    const { stdout } = await execute(program, given, { cwd: folder, env, timeout, maxBuffer: 1 << 26 });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = /** @type {{ stdout?: string, stderr?: string }} */ (error);
    throw new Error(`\`${program} ${given.join(" ")}\` failed in \`${folder}\`\n${stdout}${stderr}`, { cause: error });
  }
}

/** The folder in which the packages of `tests/npm/<name>` are installed. @param {"frameworks" | "rules"} name */
export async function packages(name) {
  const lists = join(ROOT, "tests/npm", name);
  const lock = await readFile(join(lists, "package-lock.json"));
  const target = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "npm");
  const folder = join(target, `${name}-${createHash("sha256").update(lock).digest("hex").slice(0, 16)}`);
  if (await exists(folder)) return folder;
  await mkdir(target, { recursive: true });
  const unfinished = await mkdtemp(`${folder}.`);
  for (const file of ["package.json", "package-lock.json"]) await cp(join(lists, file), join(unfinished, file));
  await run(unfinished, "npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], INSTALL_MS_MAX);
  // Another run may have been faster.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true, force: true }));
  return folder;
}

/** A package of those installed, as CommonJS has it. @param {string} folder @param {string} name */
export function bring(folder, name) {
  return createRequire(join(folder, "package.json"))(name);
}

/** The built package's folder. */
export async function builtPackage() {
  return process.env.CONSENTRY_NPM ?? (await run(ROOT, "cargo", ["xtask", "npm"])).trim().split("\n").at(-1) ?? "";
}

/**
 * A project of somebody's, with our package installed from its tarball and frameworks at hand. Lies beneath these, so that
 * whoever looks for them finds them.
 */
export async function openProject() {
  const frameworks = await packages("frameworks");
  const folder = await mkdtemp(join(frameworks, "project-"));
  const [packed] = JSON.parse(await run(folder, "npm", ["pack", "--json", "--pack-destination", folder, await builtPackage()]));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const install = ["install", "--offline", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  await run(folder, "npm", [...install, `./${packed.filename}`]);
  return {
    folder,
    frameworks,
    /** What the tarball holds. */
    files: /** @type {string[]} */ (packed.files.map((/** @type {{ path: string }} */ { path }) => path)),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** @typedef {Awaited<ReturnType<typeof openProject>>} Project */

/** One classic script out of a project's modules, Vue's and Svelte's among them. @param {Project} project @param {string} entry */
export async function bundle({ folder, frameworks }, entry) {
  const esbuild = bring(frameworks, "esbuild");
  const result = await esbuild.build({
    absWorkingDir: folder,
    entryPoints: [entry],
    bundle: true,
    write: false,
    minify: true,
    jsx: "automatic",
    define: { __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false" },
    conditions: ["browser"],
    plugins: [singleFiles(frameworks)],
    logLevel: "silent",
  });
  return /** @type {string} */ (result.outputFiles[0].text);
}

/** Compiles `.vue` and `.svelte` files by their own compilers. @param {string} frameworks */
function singleFiles(frameworks) {
  return {
    name: "single-files",
    setup(/** @type {any} */ build) {
      build.onLoad({ filter: /\.(vue|svelte)$/ }, async (/** @type {{ path: string }} */ { path }) => {
        const source = await readFile(path, "utf8");
        const contents = path.endsWith(".vue") ? compileVue(frameworks, source) : compileSvelte(frameworks, source);
        return { contents, loader: "js" };
      });
    },
  };
}

/** @param {string} frameworks @param {string} source @returns {string} */
export function compileVue(frameworks, source) {
  const { parse, compileScript } = bring(frameworks, "vue/compiler-sfc");
  const { descriptor, errors } = parse(source);
  if (errors.length) throw errors[0];
  const isCustomElement = (/** @type {string} */ tag) => tag.startsWith("consentry-");
  return compileScript(descriptor, {
    id: "page",
    inlineTemplate: true,
    templateOptions: { compilerOptions: { isCustomElement } },
  }).content;
}

/** @param {string} frameworks @param {string} source @returns {string} */
export function compileSvelte(frameworks, source) {
  return bring(frameworks, "svelte/compiler").compile(source, { generate: "client", filename: "Page.svelte" }).js.code;
}
