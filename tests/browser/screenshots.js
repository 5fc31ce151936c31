/**
 * Takes pictures of the banner and of the demo page, for someone to look at: `node screenshots.js <folder>`.
 *
 * Staged: no server and no widget run, and the demo's back end is pretended.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { launchBrowser } from "./harness.js";
import { ARABIC, ENGLISH, GERMAN, bootDocument, openStage } from "./stage.js";
import { performDemo } from "./demo.js";

/** @import { BrowserContextOptions } from "playwright-core" */

/** @type {[name: string, texts: typeof ENGLISH, language: string, width: number, height: number, options?: BrowserContextOptions][]} */
const SHOTS = [
  ["banner-1280-light", ENGLISH, "en", 1280, 800],
  ["banner-1280-dark", ENGLISH, "en", 1280, 800, { colorScheme: "dark" }],
  ["banner-1280-forced", ENGLISH, "en", 1280, 800, { forcedColors: "active" }],
  ["banner-1280-rtl", ARABIC, "ar", 1280, 800],
  ["banner-1920-de", GERMAN, "de", 1920, 1080],
  ["banner-820", ENGLISH, "en", 820, 1180],
  ["banner-390-light", ENGLISH, "en", 390, 844],
  ["banner-390-dark-de", GERMAN, "de", 390, 844, { colorScheme: "dark" }],
  ["banner-320", ENGLISH, "en", 320, 640],
  ["banner-320-rtl-dark", ARABIC, "ar", 320, 640, { colorScheme: "dark" }],
  ["banner-320x256", ENGLISH, "en", 320, 256],
  ["banner-844x390", ENGLISH, "en", 844, 390],
];

const folder = process.argv[2];
if (!folder) throw new Error("name a folder for the pictures: `node screenshots.js <folder>`");
await mkdir(folder, { recursive: true });
const browser = await launchBrowser();
try {
  for (const [name, texts, language, width, height, options] of SHOTS) {
    const boot = bootDocument({ texts, language, dir: language === "ar" ? "rtl" : "ltr" });
    const stage = await openStage(browser, { boot, stay: true, context: { viewport: { width, height }, ...options } });
    await performDemo(stage);
    await stage.visit();
    await stage.banner.waitFor();
    if (name.endsWith("forced")) await stage.page.keyboard.press("Tab");
    await stage.page.screenshot({ path: join(folder, `${name}.png`) });
    const box = await stage.banner.boundingBox();
    console.log(name, `${Math.round(((box?.height ?? 0) / height) * 100)} % of the height`);
    await stage.close();
  }
  await shootDemo();
} finally {
  await browser.close();
}

/** The demo page from top to bottom, before and after a clip was rendered. */
async function shootDemo() {
  for (const [name, width, colorScheme] of /** @type {const} */ ([["light", 1280, "light"], ["dark", 1280, "dark"], ["phone", 390, "light"]])) {
    const stage = await openStage(browser, { stay: true, context: { viewport: { width, height: 844 }, colorScheme } });
    await performDemo(stage);
    await stage.visit();
    await stage.press(name === "dark" ? "Refuse all" : "Accept all");
    await stage.press("Render clip");
    await stage.page.locator("#result:not(:empty)").waitFor();
    await stage.page.screenshot({ path: join(folder, `demo-${name}.png`), fullPage: true });
    await stage.close();
  }
}
