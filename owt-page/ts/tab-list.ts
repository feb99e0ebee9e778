/** Tabs with the keys that people expect of them (WAI-ARIA Authoring Practices). */

import { make } from './dom.js';

export interface Tab {
  label: string;
  /** The id of the panel that it shows. */
  panel: string;
}

/** One tab is in the order of Tab; arrows, Home and End go to the others. */
export class TabList {
  readonly #element: HTMLElement;
  readonly #onOpen: (index: number) => void;

  constructor(element: HTMLElement, onOpen: (index: number) => void) {
    this.#element = element;
    this.#onOpen = onOpen;
    element.setAttribute('role', 'tablist');
    element.addEventListener('keydown', (event) => this.#move(event));
  }

  show(tabs: readonly Tab[], current: number): void {
    const hadFocus = this.#element.contains(document.activeElement);
    const buttons = tabs.map(({ label, panel }, index) => {
      const isCurrent = index === current;
      const tab = make(
        'button',
        {
          type: 'button',
          role: 'tab',
          'aria-selected': String(isCurrent),
          'aria-controls': panel,
          tabindex: isCurrent ? '0' : '-1',
        },
        label,
      );
      tab.addEventListener('click', () => this.#onOpen(index));
      return tab;
    });
    this.#element.replaceChildren(...buttons);
    if (hadFocus) buttons[current]?.focus();
    const { scrollLeft, clientWidth } = this.#element;
    const tab = buttons[current];
    if (tab && (tab.offsetLeft < scrollLeft || tab.offsetLeft > scrollLeft + clientWidth - 60)) {
      this.#element.scrollLeft = tab.offsetLeft - 40;
    }
  }

  #move(event: KeyboardEvent): void {
    const tabs = [...this.#element.children];
    const current = tabs.findIndex((tab) => tab.getAttribute('aria-selected') === 'true');
    const targets: Record<string, number> = {
      ArrowRight: (current + 1) % tabs.length,
      ArrowLeft: (current + tabs.length - 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.#onOpen(target);
  }
}
