/** Where one writes: tabs, the editor, the arguments, and how the call is made. */

import type { Call } from './call.js';
import { button, find, make } from './dom.js';
import { Drafts } from './drafts.js';
import type { Draft } from './draft.js';
import { Editor, type Mark } from './editor/editor.js';
import { EXAMPLES } from './examples.js';
import { Files } from './files.js';
import { Form } from './form.js';
import { kwargsText } from './literal.js';
import { signature } from './signature.js';
import { TabList } from './tab-list.js';

/** The controls of a draft that are one text each, by their ids. */
const TEXTS = ['name', 'path', 'method', 'pool', 'timeout', 'fnName'] as const;

export class CodeSide {
  readonly #drafts = new Drafts();
  readonly #editor: Editor;
  readonly #form = new Form('argument', () => this.#entered());
  readonly #files: Files;
  readonly #tabs: TabList;
  readonly #kwargs = find<HTMLTextAreaElement>('kwargs');
  readonly #asText = find<HTMLInputElement>('as-text');
  readonly #onChange: () => void;

  constructor(onChange: () => void, onRun: () => void) {
    this.#onChange = onChange;
    const change = (source: string) => {
      this.#drafts.change({ source });
      this.#drawArguments();
    };
    this.#editor = new Editor(find('editor'), { onChange: change, onRun });
    this.#files = new Files(onChange);
    this.#tabs = new TabList(find('drafts'), (index) => this.#open(() => this.#drafts.open(index)));
    find('fields').replaceWith(this.#form.element);
    this.#bind();
    this.#draw();
  }

  /** The call as it stands. */
  get call(): Call {
    const { current } = this.#drafts;
    const kwargs = current.isText ? current.kwargs.trim() : kwargsText(this.#form.args);
    return { draft: current, kwargs, files: this.#files.all };
  }

  mark(mark: Mark | undefined): void {
    this.#editor.mark(mark);
  }

  goTo(line: number): void {
    this.#editor.goTo(line);
  }

  #bind(): void {
    for (const key of TEXTS) {
      const control = find<HTMLInputElement>(key);
      control.addEventListener('input', () => {
        this.#drafts.change({ [key]: control.value } as Partial<Draft>);
        if (key === 'name') this.#drawTabs();
        if (key === 'fnName') this.#drawArguments();
        this.#onChange();
      });
    }
    this.#kwargs.addEventListener('input', () => {
      this.#drafts.change({ kwargs: this.#kwargs.value });
      this.#onChange();
    });
    this.#asText.addEventListener('change', () => this.#switch());
    find('new').addEventListener('click', () => this.#open(() => this.#drafts.add()));
    find('close').addEventListener('click', () =>
      this.#open(() => this.#drafts.close(this.#drafts.index)),
    );
    find('reopen').addEventListener('click', () => this.#open(() => this.#drafts.reopen()));
    const items = [...EXAMPLES].map(([title, example]) =>
      button(title, {}, () => {
        find('examples').hidePopover();
        this.#open(() => this.#drafts.addExample(example));
        this.#editor.focus();
      }),
    );
    find('examples').replaceChildren(...items.map((item) => make('li', {}, item)));
  }

  #open(change: () => void): void {
    change();
    this.#draw();
  }

  /** Text begins as what the form says. */
  #switch(): void {
    const kwargs = this.#asText.checked && this.#drafts.current.kwargs === '';
    this.#drafts.change({
      isText: this.#asText.checked,
      ...(kwargs ? { kwargs: kwargsText(this.#form.args) } : {}),
    });
    this.#draw(false);
  }

  #entered(): void {
    this.#drafts.change({ entered: this.#form.entered });
    this.#onChange();
  }

  #draw(withEditor = true): void {
    const { current } = this.#drafts;
    for (const key of TEXTS) find<HTMLInputElement>(key).value = current[key];
    this.#kwargs.value = current.kwargs;
    this.#asText.checked = current.isText;
    if (withEditor) this.#editor.open(current.source);
    this.#drawTabs();
    this.#drawArguments();
  }

  #drawTabs(): void {
    const tabs = this.#drafts.all.map(({ name }) => ({ label: name || 'unnamed', panel: 'code' }));
    this.#tabs.show(tabs, this.#drafts.index);
    const { closed } = this.#drafts;
    find('reopen').hidden = closed === undefined;
    find('reopen').title = `Open ${closed?.name ?? ''} again`;
  }

  #drawArguments(): void {
    const { source, fnName, isText, entered } = this.#drafts.current;
    const known = signature(source, fnName || 'run');
    this.#form.show(known?.fields ?? [], entered);
    this.#form.element.hidden = isText;
    this.#kwargs.parentElement?.toggleAttribute('hidden', !isText);
    const hint = find('arguments-hint');
    hint.hidden = isText || (known !== undefined && known.fields.length > 0);
    hint.textContent =
      known === undefined
        ? `There is no function ${fnName || 'run'} yet that could take arguments.`
        : known.takesOthers
          ? 'It takes arguments of any name: enter them as text.'
          : 'It takes no arguments.';
    find('summary').textContent = known?.summary ?? '';
    this.#onChange();
  }
}
