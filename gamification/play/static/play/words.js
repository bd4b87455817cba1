// @ts-check
/** What the service's data reads like. */

const whole = new Intl.NumberFormat();
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(undefined, { style: "percent", maximumSignificantDigits: 2 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

/** @param {number} value */
export const number = (value) => whole.format(value);
/** @param {number} value 0 to 1; what is not whole never reads as if it were */
export const share = (value) => percent.format(value < 1 ? Math.min(value, 0.99) : 1);
/** @param {number} value 0 to 1 */
export const rarity = (value) => `${fine.format(value)} of players`;

/** @param {string} iso */
export function date(iso) {
  const at = new Date(iso);
  return at.toDateString() === new Date().toDateString() ? time.format(at) : moment.format(at);
}

/** @param {string} id `salt-pinch` → Salt pinch */
export function spelled(id) {
  const text = id.replace(/[-_]+/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * @param {string} iso
 * @param {number} now milliseconds
 */
export function left(iso, now) {
  const seconds = Math.max(0, Math.floor((Date.parse(iso) - now) / 1000));
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (!seconds) return "time is up";
  if (days > 1) return `${days} days left`;
  if (days || hours) return `${days * 24 + hours} h ${minutes} min left`;
  return minutes ? `${minutes} min ${String(seconds % 60).padStart(2, "0")} s left` : `${seconds} s left`;
}

/** How often, for what repeats. @type {Record<string, string>} */
export const REPEATS = { DAILY: "daily", WEEKLY: "weekly", MONTHLY: "monthly", ALWAYS: "again and again" };

/** @type {Record<string, string>} */
export const STATES = {
  stopped: "Not connected",
  connecting: "Connecting …",
  resuming: "Catching up …",
  live: "Live",
  waiting: "Connection lost, trying again …",
};

/** Why an action was refused, by the service's codes; for others its own sentence. @type {Record<string, string>} */
const REFUSALS = {
  already_in_progress: "It is under way already.",
  already_completed: "It is done already.",
  cooldown: "Not so soon again.",
  not_in_progress: "It is not under way any more.",
  not_offered: "It is not on offer now.",
  quest_inactive: "It is not to be had now.",
  quest_not_open: "It is not open now.",
  already_appealed: "You have appealed already.",
  cannot_appeal: "There is nothing to appeal any more.",
  requirements_not_met: "What it takes is not there yet.",
  step_not_active: "It is not its turn.",
  no_answer: "No answer. Is there a connection?",
};

/** @param {any} problem */
export function refusal(problem) {
  return REFUSALS[problem?.code] || problem?.message || "That did not work.";
}

/** What became of a case. @type {Record<string, string>} */
const CASES = {
  CLEARED: "Your case is decided: nothing is wrong",
  CONFIRMED: "Your case is decided against you",
  UPHELD: "Your appeal is decided: it stays as it was",
  OVERTURNED: "Your appeal is decided for you",
};

/** The names of what messages and lists mention by id. */
export class Names {
  /** @type {Map<string, any>} */ rewards = new Map();
  /** @type {Map<string, string>} */ currencies = new Map();
  /** @type {Map<string, any>} */ quests = new Map();
  /** @type {Map<string, any>} */ achievements = new Map();

  /** @param {string} id */
  currency(id) {
    return this.currencies.get(id) || spelled(id);
  }

  /** @param {string} id */
  reward(id) {
    const reward = this.rewards.get(id);
    if (!reward) return spelled(id);
    if (reward.value === 1 && reward.metadata?.name) return String(reward.metadata.name);
    if (reward.type === "CURRENCY") return `${number(reward.value)} ${this.currency(reward.currency)}`;
    if (reward.type === "XP") return `${number(reward.value)} XP`;
    if (reward.type === "POINTS") return `${number(reward.value)} points`;
    return String(reward.metadata?.name || spelled(id));
  }

  /** Of a reward that has to be claimed: its name rather than what is in it. @param {string} id */
  parcel(id) {
    return String(this.rewards.get(id)?.metadata?.name || this.reward(id));
  }

  /** @param {string} id of a reward */
  claimsItself(id) {
    return this.rewards.get(id)?.claim === "AUTO";
  }

  /** @param {string} id */
  quest(id) {
    return this.quests.get(id)?.title || spelled(id);
  }

  /**
   * @param {string} quest
   * @param {string} step
   */
  step(quest, step) {
    const steps = this.quests.get(quest)?.steps || [];
    return steps.find((/** @type {any} */ each) => each.id === step)?.title || spelled(step);
  }

  /** @param {string} id */
  achievement(id) {
    return this.achievements.get(id)?.title || spelled(id);
  }

  /** Where a distribution came from. @param {any} given */
  source({ source, source_id: id }) {
    if (source === "ACHIEVEMENT") return `for “${this.achievement(id)}”`;
    if (source === "QUEST") return `for “${this.quest(id)}”`;
    if (source === "QUEST_STEP") return `for a step of “${this.quest(id.split("/")[0])}”`;
    return source === "LEVEL" ? `for reaching level ${id}` : "as a gift";
  }

  /**
   * A message as a piece of news. `isLoud`: worth interrupting for.
   *
   * @param {import("./gamification.js").Message} message
   * @returns {{ icon: string, title: string, detail: string, isLoud: boolean } | null} null: nothing to tell
   */
  news({ type, data }) {
    /** @type {(icon: string, title: string, detail?: string, isLoud?: boolean) => any} */
    const said = (icon, title, detail = "", isLoud = false) => ({ icon, title, detail, isLoud });
    switch (type) {
      case "achievement.completed": {
        const rewards = (data.rewards || []).map((/** @type {string} */ id) => this.parcel(id));
        const detail = [data.points && `${number(data.points)} points`, ...rewards].filter(Boolean).join(" · ");
        return said(this.achievements.get(data.id)?.icon || "★", `Unlocked: ${data.title}`, detail, true);
      }
      case "quest.started":
        return said("⚑", `Quest begun: ${this.quest(data.id)}`);
      case "quest.advanced":
        return said("✓", this.step(data.id, data.step ?? ""), this.quest(data.id), true);
      case "quest.completed":
        return said("⚑", `Quest done: ${this.quest(data.id)}`, "", true);
      case "quest.failed":
        return said("✗", `Quest failed: ${this.quest(data.id)}`, "", true);
      case "quest.expired":
        return said("⌛", `Out of time: ${this.quest(data.id)}`, "", true);
      case "level.reached":
        return said("▲", `Level ${data.level}`, "", true);
      case "reward.granted":
        if (data.withheld) return said("⏸", `Waits: ${this.parcel(data.reward_id)}`, "until somebody has looked at how you play");
        if (this.claimsItself(data.reward_id)) return null; // which the next message says
        return said("◆", `To claim: ${this.parcel(data.reward_id)}`, this.source(data));
      case "reward.claimed":
        if (this.claimsItself(data.reward_id) && data.source === "ACHIEVEMENT") return null; // said when it was unlocked
        return said("◆", this.got(data), this.source(data));
      case "reward.expired":
        return said("⌛", `Not claimed in time: ${this.parcel(data.reward_id)}`, "", true);
      case "reward.revoked":
        return said("✗", `Taken back: ${this.parcel(data.reward_id)}`, "", true);
      case "reward.reinstated":
        return said("◆", `Given back: ${this.parcel(data.reward_id)}`, this.source(data));
      case "case.opened":
        return said("⚖", "People look at how you play", "Under review says more", true);
      case "case.decided":
        return said("⚖", CASES[data.state] || "Your case is decided", "Under review says more", true);
      case "backfill.digest": {
        const count = data.achievements.length;
        const unlocked = `${number(count)} ${count === 1 ? "achievement" : "achievements"} unlocked`;
        return said("★", "What you did before counts", `${unlocked}, ${number(data.points)} points`, true);
      }
      default:
        return null;
    }
  }

  /** What was in a claimed reward. @param {any} data of `reward.claimed` */
  got(data) {
    const drawn = data.drawn ? this.reward(data.drawn) : this.reward(data.reward_id);
    return data.drawn ? `${this.parcel(data.reward_id)}: ${drawn}` : `${drawn}`;
  }
}
