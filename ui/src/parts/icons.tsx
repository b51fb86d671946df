import type { ComponentChildren, JSX } from 'preact';

function Icon({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

type Drawn = () => JSX.Element;

const line = {
  fill: 'none',
  stroke: 'currentColor',
  'stroke-width': 1.6,
  'stroke-linecap': 'round',
  'stroke-linejoin': 'round',
} as const;

export const CopyIcon: Drawn = () => (
  <Icon>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" {...line} />
    <path d="M10.5 5.5v-1a2 2 0 0 0-2-2h-4a2 2 0 0 0-2 2v4a2 2 0 0 0 2 2h1" {...line} />
  </Icon>
);
export const CheckIcon: Drawn = () => (
  <Icon>
    <path d="m3 8.5 3.2 3.2L13 5" {...line} />
  </Icon>
);
export const WarningIcon: Drawn = () => (
  <Icon>
    <path d="M8 2.2 14.3 13.3H1.7Z" {...line} />
    <path d="M8 6.5v3M8 11.4v.1" {...line} />
  </Icon>
);
export const StopIcon: Drawn = () => (
  <Icon>
    <path d="M5.2 2h5.6L14 5.2v5.6L10.8 14H5.2L2 10.8V5.2Z" {...line} />
    <path d="M8 5v3.4M8 10.8v.1" {...line} />
  </Icon>
);
export const InfoIcon: Drawn = () => (
  <Icon>
    <circle cx="8" cy="8" r="6.2" {...line} />
    <path d="M8 7.5V11M8 5v.1" {...line} />
  </Icon>
);
export const LockIcon: Drawn = () => (
  <Icon>
    <rect x="3" y="7" width="10" height="6.5" rx="1.5" {...line} />
    <path d="M5 7V5a3 3 0 0 1 6 0v2" {...line} />
  </Icon>
);
export const HourglassIcon: Drawn = () => (
  <Icon>
    <path d="M4 2h8M4 14h8M5 2v2.2L8 8l3-3.8V2M5 14v-2.2L8 8l3 3.8V14" {...line} />
  </Icon>
);
export const PauseIcon: Drawn = () => (
  <Icon>
    <path d="M5.5 3v10M10.5 3v10" {...line} />
  </Icon>
);
export const PlayIcon: Drawn = () => (
  <Icon>
    <path d="M4.5 3v10l8-5Z" {...line} />
  </Icon>
);
export const SunIcon: Drawn = () => (
  <Icon>
    <circle cx="8" cy="8" r="2.8" {...line} />
    <path
      d="M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9"
      {...line}
    />
  </Icon>
);
export const MoonIcon: Drawn = () => (
  <Icon>
    <path d="M13 9.6A5.6 5.6 0 1 1 6.4 3a4.6 4.6 0 0 0 6.6 6.6Z" {...line} />
  </Icon>
);
export const AutoIcon: Drawn = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.8" {...line} />
    <path d="M8 2.2v11.6A5.8 5.8 0 0 0 8 2.2Z" fill="currentColor" />
  </Icon>
);
