/** Somebody who has opened the page in Chromium, and what they do there. */

import assert from 'node:assert/strict';
import type { BrowserContext, Locator, Page } from 'playwright-core';

/** A page that fails its test if a script fails, its policy is violated, or it asks another host. */
export class Visit {
  readonly page: Page;
  readonly #wrong: string[] = [];

  private constructor(page: Page, url: string) {
    this.page = page;
    page.on('pageerror', (err) => this.#wrong.push(String(err)));
    page.on('console', (message) => {
      const text = message.text();
      // A call's progress is asked for while it may be over already, and errors are shown.
      if (message.type() === 'error' && !text.startsWith('Failed to load resource')) {
        this.#wrong.push(text);
      }
    });
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== new URL(url).origin) {
        this.#wrong.push(request.url());
      }
    });
  }

  static async begin(context: BrowserContext, url: string): Promise<Visit> {
    const page = await context.newPage();
    const visit = new Visit(page, url);
    await page.goto(url);
    await visit.editor.waitFor();
    return visit;
  }

  get editor(): Locator {
    return this.page.locator('.cm-content');
  }

  get result(): Locator {
    return this.page.locator('#result');
  }

  /** Replaces the code. */
  async write(source: string): Promise<void> {
    await this.editor.focus();
    await this.page.keyboard.press('Control+a');
    // Otherwise the browser would have the new text look like the first letter of the old one.
    await this.page.keyboard.press('Delete');
    await this.page.keyboard.insertText(source);
  }

  async pressRun(): Promise<void> {
    await this.page.getByRole('button', { name: 'Run', exact: true }).click();
  }

  /** Runs the code, and waits until its call is over. */
  async run(source?: string): Promise<void> {
    if (source !== undefined) await this.write(source);
    await this.pressRun();
    await this.says('Done in');
  }

  /** Waits until the line beside the button says so. */
  async says(begin: string): Promise<void> {
    await this.page.locator('#says', { hasText: begin }).waitFor();
  }

  async openExample(name: string): Promise<void> {
    await this.page.getByRole('button', { name: 'Examples' }).click();
    await this.page.locator('#examples').getByRole('button', { name, exact: true }).click();
  }

  async openPanel(name: string): Promise<void> {
    await this.page.getByRole('tab', { name, exact: true }).click();
  }

  /** The call in another notation. */
  async notation(name: string): Promise<string> {
    await this.openPanel('Use elsewhere');
    await this.page.getByLabel('The same call as').selectOption(name);
    return this.page.locator('#snippet').innerText();
  }

  /** How far the page can be scrolled sideways. */
  overhang(): Promise<number> {
    return this.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
  }

  async end(): Promise<void> {
    await this.page.close();
    assert.deepEqual(this.#wrong, []);
  }
}
