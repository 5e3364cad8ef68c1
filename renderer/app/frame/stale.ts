/** What comes from the host fades while the host is not heard, wherever in the frame it stands. */
export const staleClass =
  'transition-[opacity,filter] group-data-stale/frame:opacity-55 group-data-stale/frame:saturate-50'
