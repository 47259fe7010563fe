import { computed, signal } from "@preact/signals";
import { locale } from "./words/index.ts";
import { timesOf } from "./words/times.ts";

const times = computed(() => timesOf(locale.value));
/** What is told by its distance from now is told anew every minute. */
const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 60_000);

export const timeOf = (at: number): string => times.value.time(at);
export const fullTimeOf = (at: number): string => times.value.full(at);
export const dayOf = (at: number): string => times.value.day(at, now.value);
export const shortlyOf = (at: number): string => times.value.shortly(at, now.value);
export const agoOf = (at: number): string => times.value.ago(at, now.value);
