/** Line drawings on a grid of 20, in the colour of the text around them. */
const paths = {
  at: "M12.8 10a2.8 2.8 0 1 1-5.6 0 2.8 2.8 0 0 1 5.6 0m0 0v1a2 2 0 0 0 4.2 0v-1A7 7 0 1 0 14 15.7",
  back: "M12.5 4.5 7 10l5.5 5.5",
  bell: "M5 13.5c1-1.2 1.2-2.6 1.2-4.5a3.8 3.8 0 0 1 7.6 0c0 1.9.2 3.3 1.2 4.5zM8.5 16a1.6 1.6 0 0 0 3 0",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M10 6.2V10l2.6 1.8",
  close: "m5 5 10 10M15 5 5 15",
  dark: "M16 11.8A6.5 6.5 0 0 1 8.2 4 6.5 6.5 0 1 0 16 11.8z",
  down: "M10 4v11m-4.5-4.5L10 15l4.5-4.5",
  edit: "m4 16 .7-3.2 8.4-8.4a1.4 1.4 0 0 1 2 0l.5.5a1.4 1.4 0 0 1 0 2l-8.4 8.4z",
  info: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M10 9.2v4.3M10 6.4v.1",
  link: "M8.5 11.5a3 3 0 0 0 4.2.3l2.3-2.3a3 3 0 0 0-4.2-4.2l-1 1m1.7 2.2a3 3 0 0 0-4.2-.3L5 10.5a3 3 0 0 0 4.2 4.2l1-1",
  light:
    "M10 6.8a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4M10 2.5v1.6m0 11.8v1.6M2.5 10h1.6m11.8 0h1.6M4.7 4.7l1.1 1.1m8.4 8.4 1.1 1.1m0-10.6-1.1 1.1m-8.4 8.4-1.1 1.1",
  lock: "M5 9.5h10v7H5zM7 9.5V7a3 3 0 0 1 6 0v2.5",
  people:
    "M7.5 9.5a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6M2.5 16c0-2.6 2.2-4.2 5-4.2s5 1.6 5 4.2m.6-11.8a2.6 2.6 0 0 1 0 5m1.4 2.9c1.8.5 3 1.9 3 3.9",
  plus: "M10 4.5v11M4.5 10h11",
  react: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M7.3 12c.6.9 1.6 1.5 2.7 1.5s2.1-.6 2.7-1.5M7.6 8.2v.1m4.8-.1v.1",
  reply: "M8 5 3.5 9.5 8 14m-4-4.5h7.5a5 5 0 0 1 5 5v.5",
  search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11m4-1.5 4 4",
  send: "M10 16V4.5M5 9.2l5-5 5 5",
  settings: "M4 6h6m4 0h2M4 14h2m4 0h6M12 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4M8 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
  shield: "M10 3 16 5v4.5c0 3.6-2.4 6.2-6 7.5-3.6-1.3-6-3.9-6-7.5V5zM7.5 10l1.8 1.8 3.3-3.6",
  system: "M3.5 4.5h13v8.5h-13zM7.5 16h5M10 13v3",
  thread: "M4 4.5h12v8H9.5L6 15.5v-3H4zM7 8.5h6",
  trash: "M4.5 6h11M8 6V4.2h4V6m-6 0 .6 9.3a1 1 0 0 0 1 .9h4.8a1 1 0 0 0 1-.9L14 6",
  wire: "M3 10h3l2-5 3.5 10L14 10h3",
  warning: "M10 3.5 17.5 16h-15zM10 8.5v3.5m0 1.9v.1",
} as const;

export type IconName = keyof typeof paths;

/** An icon says nothing by itself: the control around it has the label. */
export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}
