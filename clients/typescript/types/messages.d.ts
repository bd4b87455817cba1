/** What the feed tells, by type. A later service may tell more. */
import type { components } from "./schema.js";

type Schemas = components["schemas"];

export interface MessageOf<Type extends string, Data> {
  /** 1, 2, 3 … without gaps; an `achievement.progressed` has none. */
  seq: number;
  type: Type;
  player_id: string;
  data: Data;
  timestamp: string;
}

export interface AchievementTold {
  id: string;
  title: string;
  points: number;
  rewards: string[];
}

export interface QuestTold {
  id: string;
  run: number;
  status: string;
  step?: string;
  progress: number;
}

export type RewardTold = Schemas["Distribution"] & {
  type: Schemas["RewardTypeEnum"];
  value: number;
  currency: string | null;
  items: Schemas["Item"][];
};

/** Type of a kept message → its `data`. */
export interface Told {
  "achievement.completed": AchievementTold;
  "quest.started": QuestTold;
  "quest.advanced": QuestTold;
  "quest.completed": QuestTold;
  "quest.failed": QuestTold;
  "quest.expired": QuestTold;
  "reward.granted": RewardTold;
  "reward.claimed": RewardTold;
  "reward.expired": RewardTold;
  "reward.revoked": RewardTold;
  "reward.reinstated": RewardTold;
  "case.opened": Schemas["OwnCase"];
  "case.decided": Schemas["OwnCase"];
  "level.reached": { level: number; xp: number };
  "backfill.digest": { achievements: string[]; points: number; rewards: string[] };
}

export type KeptMessage = { [Type in keyof Told]: MessageOf<Type, Told[Type]> }[keyof Told];
export type Progressed = Omit<MessageOf<"achievement.progressed", { id: string; progress: number }>, "seq">;

/** `waiting`: the connection is lost and will be tried again. `stopped`: it will not. */
export type State = "stopped" | "connecting" | "resuming" | "live" | "waiting";

export interface StateDetail {
  state: State;
  /** Of the close, as in RFC 6455 and the service's own (4401 token, 4403 banned, 4408 too slow). */
  code?: number;
  reason?: string;
  /** Milliseconds until the next try. */
  retryIn?: number;
}

/** Event of `Gamification` → its `detail`. */
export type Heard = { [Type in keyof Told]: MessageOf<Type, Told[Type]> } & {
  message: KeptMessage;
  "achievement.progressed": Progressed;
  resync: null;
  state: StateDetail;
  /** A report that the service refused: it is kept no longer. */
  rejected: { report: { id: string; path: string; body: unknown }; code: string; detail: string };
};
