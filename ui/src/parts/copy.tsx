import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { CheckIcon, CopyIcon } from './icons.js';

/** A button that copies a text, and says so. */
export function Copy({ text, what }: { readonly text: string; readonly what: string }): JSX.Element {
  const [done, setDone] = useState<'' | 'copied' | 'failed'>('');
  const copy = async () => {
    setDone((await written(text)) ? 'copied' : 'failed');
    setTimeout(() => setDone(''), 1_500);
  };
  return (
    <button
      type="button"
      class="copy"
      onClick={() => void copy()}
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
    >
      {done === 'copied' ? <CheckIcon /> : <CopyIcon />}
      <span role="status" class="visually-hidden">
        {done === '' ? '' : done === 'copied' ? `${what} copied` : `${what} could not be copied`}
      </span>
    </button>
  );
}

/** The clipboard is for secure pages only; a page on plain HTTP selects and copies as of old. */
async function written(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    // There is nothing else on a page without HTTPS.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
