// A GRID runtime of level 1 on the official NATS client: node runtime.mjs CREDENTIALS (docs/grid/wire.md)
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { decodeMulti, encode } from "@msgpack/msgpack";
import { connect, nkeyAuthenticator, nkeys } from "@nats-io/transport-node";
import { contracts, tools } from "./tools.mjs";

const id = (size) => randomBytes(size).toString("hex"), sha = (bytes) => createHash("sha256").update(bytes).digest("hex");
const token = (name) => name.replace(/[^a-z0-9_-]/gu, (c) => Buffer.from(c).toString("hex").replace(/../g, "%$&"));
const isJson = (v) => typeof v === "number" ? Math.abs(v) < 2 ** 53 :
  Object(v) !== v || ([Object, Array].includes(v.constructor) && Object.values(v).every(isJson));
const read = (body) => { try { return [...decodeMulti(body)]; } catch { return []; } }, pack = (one) => encode(one, { ignoreUndefined: true });

const { url, seed, tls: { ca, cert, key } } = JSON.parse(readFileSync(process.argv[2]));
const base32 = (n, c) => n * 32n + BigInt("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c));
const publicKey = [...nkeys.fromSeed(Buffer.from(seed)).getPublicKey()].reduce(base32, 0n).toString(16).slice(-68, -4);
const instance = id(4), epoch = id(4), runtime = `${sha(Buffer.from(publicKey, "hex")).slice(0, 16)}-${instance}`;
const nc = await connect({ servers: url.replaceAll("tls:", "nats:").split(","), authenticator: nkeyAuthenticator(Buffer.from(seed)),
  name: `altar-grid/1 runtime ${instance}`, inboxPrefix: `grid.v1.re.${runtime}`, pingInterval: 1000, maxReconnectAttempts: -1,
  reconnectTimeWait: 100, ...(ca && { tls: { ca, cert, key, minVersion: "TLSv1.3", handshakeFirst: true } }) });

let clock = { ahead: Infinity, at: 0 }, draining = false, inflight = 0; // Host time is at most that far ahead of ours, in ms
const hostTime = (now = performance.now()) => now + clock.ahead + (now - clock.at) * 0.0002;
const ask = async (op, type, message) => {
  const body = pack({ type, v: 1, id: id(8), runtime, ...message }), sent = performance.now();
  const [answer] = read((await nc.request(`grid.v1.host.${op}.${runtime}`, body, { timeout: 10000 })).data), at = performance.now();
  if (at + answer.time_ms - sent < hostTime(at)) clock = { ahead: answer.time_ms - sent, at };
  return answer.type === "Error" ? Promise.reject(Error(answer.error.message)) : answer;
};
const run = async ({ type, v, invocation_id: id, correlation_id, call, size, digest, expires_ms }, name, contract, reply) => {
  const isCall = type === "ToolCall" && v === 1 && call?.constructor === Object && isJson(call), { call_id, args = {} } = isCall ? call : {};
  const answer = (executed, content, error) => nc.publish(reply, pack(isCall ? { type: "ToolResult", v: 1, invocation_id: id, correlation_id, runtime,
    epoch, executed, result: { call_id, name, status: error ? "ERROR" : "SUCCESS", content, error } } : { type: "Error", v: 1, id, error }));
  const fail = (type, reason, executed = "no", message = reason) => answer(executed, undefined, { message, type, details: { executed, reason } });
  if (!isCall || !id || args?.constructor !== Object) return fail("PARAMETER_VALIDATION_FAILED", "malformed");
  if (size || call.name !== name) return size ? fail("RESOURCE_EXHAUSTED", "too_large") : fail("PERMISSION_DENIED", "tool_differs");
  if (digest && digest !== contract) return fail("INVALID_STATE", "digest_differs");
  if (expires_ms != null && !(hostTime() < expires_ms)) return fail("TIMEOUT", "deadline_passed");
  try { inflight++; answer("yes", (await tools[name](args)) ?? null); }
  catch (error) { fail("TOOL_EXECUTION_FAILED", undefined, "yes", String(error)); } finally { inflight--; } };
const heard = [], announce = () => ask("announce_runtime", "AnnounceRuntime", { epoch, slots: 64, inflight, draining });
const fulfill = () => ask("fulfill_tools", "FulfillTools", { contracts }), { accepted } = await announce().then(fulfill);
const take = (name, digest) => (_, { subject, reply = "", data }) => // a reply that is another session's is dropped
  reply.startsWith(`grid.v1.re.${subject.split(".").at(-1)}.`) && !/[*>\s]/.test(reply) && read(data).forEach((one) =>
    typeof one?.invocation_id === "string" && isJson({ ...one, call: 0 }) && run(one, name, digest, reply));
for (const { version, digest } of accepted) for (const [where, queue] of [["call", "rt"], [`rt.${runtime}`]])
  for (const { name } of contracts.find((one) => one.digest === digest).contract.function_declarations)
    heard.push(nc.subscribe(`grid.v1.${where}.${token(name)}.${parseInt(version)}.*`, { queue, callback: take(name, digest) }));
nc.subscribe(`grid.v1.rt.${runtime}.admin.refresh`, { callback: () => fulfill().catch(console.log) }); // a Host that is new asks
await nc.flush().then(() => console.log(`ready ${runtime} ${accepted.map((one) => one.name)}`));
setInterval(() => announce().catch((error) => console.log(error.message)), 1000).unref();
process.once("SIGTERM", async () => { draining = true; await announce().catch(() => {});
  await Promise.all(heard.map((one) => one.drain())); while (inflight) await new Promise((done) => setTimeout(done, 10)); await nc.drain(); });
