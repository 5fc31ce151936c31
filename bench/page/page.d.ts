/** What a visit keeps on the page's `window`. */

interface Window {
  probe: {
    acceptAtOnce(part: any): Promise<{ clickable: number; gated: number }>;
    choose(parts: any): Promise<{ open: number; toggle: number; save: number }>;
    firstGated(): Promise<number>;
    shown(part: any): Promise<void>;
    watch(): { shift: number; tasks: number[] };
  };
  seen: { shift: number; tasks: number[] };
  accepted: Promise<{ clickable: number; gated: number }>;
}
