// The tools: contracts as FulfillTools takes them, and a function for each declaration.
import { readFileSync } from "node:fs";

export const contracts = JSON.parse(readFileSync(new URL("contracts.json", import.meta.url)));

export const tools = {
  get_rate: ({ from, to }) => ({ from, to, rate: { "EUR-USD": 1.1, "USD-EUR": 0.91 }[`${from}-${to}`] ?? null }),
  word_count: ({ text }) => text.split(/\s+/).filter(Boolean).length,
  wait: async ({ seconds }) => {
    await new Promise((done) => setTimeout(done, seconds * 1000));
    return seconds;
  },
};
