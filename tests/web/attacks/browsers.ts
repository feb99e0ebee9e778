/** Real browsers, each with a profile that nobody has used before, to which two more names are this machine. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, launch } from 'puppeteer-core';
import { EVIL } from './site.ts';
import CHROMIUM from '../../chromium.json' with { type: 'json' };

/** A name under which owt may be served. */
export const BOX = 'box.example';

export type BrowserName = 'chromium' | 'firefox';

const CHROMIUM_FLAGS = [
  ...CHROMIUM.flags,
  '--headless',
  `--host-resolver-rules=MAP ${EVIL} 127.0.0.1, MAP ${BOX} 127.0.0.1`,
  '--ignore-certificate-errors',
  // Headless, nobody clicks.
  '--disable-popup-blocking',
  '--autoplay-policy=no-user-gesture-required',
  '--short-reporting-delay',
  // Names that are only ours are taken for strangers of the public net, whom one is warned of.
  '--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable',
];

const FIREFOX_PREFERENCES = {
  'network.dns.localDomains': `${EVIL},${BOX}`,
  'dom.disable_open_during_load': false,
  'dom.popup_maximum': 200,
  'dom.disable_beforeunload': true,
  'media.autoplay.default': 0,
  'security.warn_submit_secure_to_insecure': false,
  'browser.download.start_downloads_in_tmp_dir': true,
  'network.auth.confirmAuth.enabled': false,
  // A question for a password would stop all pages.
  'network.auth.subresource-http-auth-allow': 0,
  'browser.send_pings': true,
};

/** Starts a browser; the second function ends it and takes its profile away. */
export async function start(name: BrowserName): Promise<[Browser, () => Promise<void>]> {
  const profile = mkdtempSync(join(tmpdir(), `owt-${name}-`));
  const browser = await (name === 'chromium' ? chromium(profile) : firefox(profile));
  return [
    browser,
    async () => {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  ];
}

function chromium(userDataDir: string): Promise<Browser> {
  return launch({
    browser: 'chrome',
    executablePath: CHROMIUM.program,
    // Those of puppeteer turn off what an attack may need.
    ignoreDefaultArgs: true,
    args: [...CHROMIUM_FLAGS, `--user-data-dir=${userDataDir}`, '--remote-debugging-pipe'],
    pipe: true,
    acceptInsecureCerts: true,
    defaultViewport: null,
  });
}

function firefox(userDataDir: string): Promise<Browser> {
  return launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    userDataDir,
    extraPrefsFirefox: FIREFOX_PREFERENCES,
    acceptInsecureCerts: true,
    defaultViewport: null,
  });
}
