/** Files that go with the next calls: dropped anywhere on the page, pasted, or chosen. */

import { button, find, make } from './dom.js';
import { bytes } from './size.js';

export class Files {
  readonly #input = find<HTMLInputElement>('files');
  readonly #list = find('file-list');
  readonly #onChange: () => void;
  #files: File[] = [];

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#input.addEventListener('change', () => {
      this.#add(this.#input.files);
      this.#input.value = '';
    });
    const body = document.body;
    body.addEventListener('dragover', (event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      body.classList.add('dropping');
    });
    body.addEventListener('dragleave', ({ relatedTarget }) => {
      if (relatedTarget === null) body.classList.remove('dropping');
    });
    body.addEventListener(
      'drop',
      (event) => {
        body.classList.remove('dropping');
        if (!event.dataTransfer?.files.length) return;
        // Otherwise the browser opens it, or the editor takes its text.
        event.preventDefault();
        event.stopPropagation();
        this.#add(event.dataTransfer.files);
      },
      { capture: true },
    );
  }

  get all(): readonly File[] {
    return this.#files;
  }

  #add(files: FileList | null): void {
    this.#files.push(...(files ?? []));
    this.#draw();
  }

  #draw(): void {
    const rows = this.#files.map((file, index) =>
      make(
        'li',
        {},
        make('span', { class: 'what' }, file.name),
        make('span', { class: 'type' }, bytes(file.size)),
        button('Remove', { class: 'quiet', 'aria-label': `Remove ${file.name}` }, () => {
          this.#files.splice(index, 1);
          this.#draw();
        }),
      ),
    );
    this.#list.replaceChildren(...rows);
    this.#onChange();
  }
}
