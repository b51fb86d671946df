import type { ComponentChildren, JSX } from 'preact';

/** What stands where there is nothing to show. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty">
      <svg viewBox="0 0 64 40" width="96" height="60" aria-hidden="true" focusable="false">
        <circle cx="10" cy="20" r="6" />
        <circle cx="54" cy="20" r="6" />
        <path d="M18 20h28" />
      </svg>
      <h2>{title}</h2>
      {children}
    </div>
  );
}
