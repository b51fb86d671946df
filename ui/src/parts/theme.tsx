import type { JSX } from 'preact';
import { Store, useStore } from '../store.js';
import { AutoIcon, MoonIcon, SunIcon } from './icons.js';

type Theme = 'auto' | 'light' | 'dark';
const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' };
const ICONS = { auto: AutoIcon, light: SunIcon, dark: MoonIcon } as const;
const KEY = 'pglock-theme';

const theme = new Store<Theme>(stored());
apply(theme.value);

export function ThemeButton(): JSX.Element {
  const current = useStore(theme);
  const Icon = ICONS[current];
  const change = () => {
    const next = NEXT[current];
    theme.set(next);
    apply(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Then it lasts as long as the page.
    }
  };
  return (
    <button
      type="button"
      class="quiet"
      onClick={change}
      aria-label={`Theme: ${current}. Change it`}
      title={`Theme: ${current}`}
    >
      <Icon />
    </button>
  );
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'auto';
  } catch {
    return 'auto';
  }
}

function apply(value: Theme): void {
  if (value === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = value;
}
