/**
 * The editor: CodeMirror with Python. It lives in a shadow tree, where its styles are constructed ones, which
 * the page's policy allows without a nonce or `unsafe-inline`.
 */

import { closeBrackets, closeBracketsKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { python } from '@codemirror/lang-python';
import {
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from '@codemirror/language';
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorState, type Extension, Prec } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { HIGHLIGHT, THEME } from './colours.js';

/** An error at a line. */
export interface Mark {
  line: number;
  message: string;
}

/** What the page does with the editor's keys and text. */
export interface Hooks {
  onChange: (source: string) => void;
  onRun: () => void;
}

export class Editor {
  readonly #view: EditorView;
  readonly #extensions: Extension;
  #isMarked = false;

  constructor(host: HTMLElement, { onChange, onRun }: Hooks) {
    const run = () => {
      onRun();
      return true;
    };
    this.#extensions = [
      Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
      lineNumbers(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      history(),
      drawSelection(),
      indentOnInput(),
      indentUnit.of('    '),
      bracketMatching(),
      closeBrackets(),
      python(),
      syntaxHighlighting(HIGHLIGHT),
      THEME,
      lintGutter(),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
      EditorView.contentAttributes.of({
        // It is in the order of Tab without that, but not all who look know.
        tabindex: '0',
        'aria-label': 'Python code',
        'aria-describedby': 'editor-keys',
      }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        // What was wrong may be mended now.
        this.mark(undefined);
        onChange(update.state.doc.toString());
      }),
    ];
    const root = host.attachShadow({ mode: 'open' });
    this.#view = new EditorView({ root, parent: root, state: this.#state('') });
  }

  /** Shows another text, with a history of its own. */
  open(source: string): void {
    this.#isMarked = false;
    this.#view.setState(this.#state(source));
  }

  /** Marks the line of an error; nothing, if there is none. */
  mark(mark: Mark | undefined): void {
    if (mark === undefined && !this.#isMarked) return;
    this.#isMarked = mark !== undefined;
    const diagnostics = mark === undefined ? [] : [this.#diagnostic(mark)];
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics));
  }

  /** Puts the cursor into a line. */
  goTo(line: number): void {
    const anchor = this.#view.state.doc.line(this.#within(line)).from;
    this.#view.dispatch({ selection: { anchor }, scrollIntoView: true });
    this.#view.focus();
  }

  focus(): void {
    this.#view.focus();
  }

  #state(doc: string): EditorState {
    return EditorState.create({ doc, extensions: this.#extensions });
  }

  #diagnostic({ line, message }: Mark): Diagnostic {
    const { from, to, text } = this.#view.state.doc.line(this.#within(line));
    const indent = text.length - text.trimStart().length;
    return { from: from + indent, to, severity: 'error', message };
  }

  #within(line: number): number {
    return Math.max(1, Math.min(line, this.#view.state.doc.lines));
  }
}
