// What we hold Slack's payloads to: its own published types, without the doors they leave open for blocks of any type.
import type { HomeView, KnownBlock, ModalView } from "@slack/types";
import type { Manifest } from "@slack/web-api/dist/types/request/manifest";

export interface Message {
  text: string;
  blocks: KnownBlock[];
}

export interface Modal extends Omit<ModalView, "blocks"> {
  blocks: KnownBlock[];
}

export interface Home extends Omit<HomeView, "blocks"> {
  blocks: KnownBlock[];
}

// Slack's own type takes any other key at the top. We want a misspelt one found.
export type { Manifest };
