/** The mark: a bridge of one arch, with the roof over its middle. Decoration; the name stands beside it. */
export function Logo({ size = 28 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#0f6b66" />
      <path d="M4 21.5 16 11l12 10.5v2.8h-4.6a7.4 7.4 0 0 0-14.8 0H4z" fill="#fff" />
      <path
        d="M12.4 11.6 16 8.4l3.6 3.2"
        fill="none"
        stroke="#fff"
        strokeWidth="1.8"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
