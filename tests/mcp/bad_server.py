"""A server of the handshake era for tests, on stdio: each MODE breaks the protocol in its own way.

Run as a process of its own with the standard library alone: ``python -IS bad_server.py MODE``.
"""

import json
import os
import subprocess
import sys
import threading

MODE = sys.argv[1]
SEEN: list[object] = []
STATE = {"calls": 0, "pages": 0}


FORM = {"message": "Sure?", "requestedSchema": {"type": "object", "properties": {"n": {}}}}
WANTED = {"resultType": "input_required"}
ASKED: dict[str, object] = {
    "modern-endless": {
        **WANTED,
        "inputRequests": {"a": {"method": "elicitation/create", "params": FORM}},
    },
    "modern-sampling": {**WANTED, "inputRequests": {"a": {"method": "sampling/createMessage"}}},
    "modern-shape": {**WANTED, "inputRequests": {"a": 7}},
    "modern-kind": {"resultType": "made-up"},
}


def put(document: object) -> None:
    write(json.dumps(document))


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def answer(asked: dict, result: object) -> None:
    put({"jsonrpc": "2.0", "id": asked["id"], "result": result})


def text(words: str) -> dict:
    return {"content": [{"type": "text", "text": words}]}


def tool(name: str, **more: object) -> dict:
    return {"name": name, "description": name, "inputSchema": {"type": "object"}, **more}


def page(asked: dict) -> dict:
    tools: list[object] = [tool("work"), tool("seen")]
    if MODE == "lies":
        number = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        tools = [tool(name, outputSchema=number) for name in ("wrong", "none", "right", "bytes")]
    if MODE == "names":
        tools = [tool("a b!"), tool("a_b_"), tool("work"), tool("work"), tool(""), tool("é" * 90)]
    if MODE == "schemas":
        odd = {"type": "object", "properties": {"x": {"$ref": "#/nope"}}}
        tools = [tool("work"), tool("bad", inputSchema=odd), tool("worse", inputSchema=[1]), 7]
        tools.append(tool("header", inputSchema={"type": "object", "x-mcp-header": "X"}))
    if MODE == "changes" and STATE["calls"]:
        tools.append(tool("new"))
    if MODE == "same-cursor":
        return {"tools": tools, "nextCursor": "again"}
    if MODE == "new-cursors":
        STATE["pages"] += 1
        return {"tools": [tool(f"t{STATE['pages']}")], "nextCursor": str(STATE["pages"])}
    if MODE == "no-list":
        return {"tools": "none"}
    if MODE == "hints":
        hints = {"readOnlyHint": True, "idempotentHint": True}
        tools = [tool("quiet", annotations=hints)]
        tools.append(tool("loud", annotations={"destructiveHint": True, "readOnlyHint": True}))
    return {"tools": tools}


def call(asked: dict) -> None:
    name = asked["params"]["name"]
    STATE["calls"] += 1
    if name == "seen":
        answer(asked, text(json.dumps(SEEN)))
    elif MODE == "dies-in-call" or (MODE == "dies-once" and not os.path.exists(sys.argv[2])):
        if MODE == "dies-once":
            open(sys.argv[2], "w").close()
        os._exit(3)
    elif MODE == "never":
        return
    elif MODE == "lies":
        lies = {
            "wrong": {**text("x"), "structuredContent": {"n": "x"}},
            "none": text("x"),
            "right": {**text("x"), "structuredContent": {"n": 1}},
            "bytes": {"content": [{"type": "image", "data": "%%", "mimeType": "image/png"}]},
        }
        lies["bytes"]["structuredContent"] = {"n": 1}
        answer(asked, lies[name])
    elif MODE in ASKED:
        answer(asked, ASKED[MODE])
    elif MODE == "wrong-id":
        put({"jsonrpc": "2.0", "id": asked["id"] + 1000, "result": text("not yours")})
        put({"jsonrpc": "2.0", "id": str(asked["id"]), "result": text("nor this")})
    elif MODE == "rpc-error":
        error = {"code": -32602, "message": "no such thing", "data": {"why": "because"}}
        put({"jsonrpc": "2.0", "id": asked["id"], "error": error})
    elif MODE == "altar-error":
        said = {"type": "RATE_LIMIT_EXCEEDED", "message": "slow down", "retry_after_ms": 1500}
        answer(asked, {**text(json.dumps({"error": said})), "isError": True})
    elif MODE == "shapes":
        answer(asked, {"content": "nothing", "structuredContent": None, "isError": "yes"})
    else:
        before(asked)
        answer(asked, text("worked"))
        if MODE == "twice":
            answer(asked, text("again"))


def before(asked: dict) -> None:
    if MODE == "flood":
        note = {"jsonrpc": "2.0", "method": "notifications/progress"}
        known = asked["params"]["_meta"]["progressToken"]
        for at in range(40_000):
            token = known if at % 2 else "nobody's"
            put({**note, "params": {"progressToken": token, "progress": at}})
    elif MODE == "garbage":
        for line in ("hello", "{", "[]", "null", "[" * 5000, '{"jsonrpc":"1.0"}', "", "\x00"):
            write(line)
        put({"jsonrpc": "2.0", "id": asked["id"]})
        put({"jsonrpc": "2.0", "id": [1], "result": {}})
        put({"jsonrpc": "2.0", "id": None, "error": {"code": "x"}})
        sys.stdout.buffer.write(b"\xff\xfe\n")
    elif MODE == "long-line":
        if STATE["calls"] == 1:
            answer(asked, text("x" * 300_000))
            asked["id"] = -1
    elif MODE == "long-noise":
        write("x" * 300_000)
    elif MODE == "changes":
        put({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    elif MODE in ("asks", "modern-asks"):
        for at, method in enumerate(
            ("sampling/createMessage", "roots/list", "elicitation/create", "made/up", "ping")
        ):
            put({"jsonrpc": "2.0", "id": f"q{at}", "method": method, "params": {}})
        put({"jsonrpc": "2.0", "method": "notifications/made/up", "params": {}})


def serve() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        method = asked.get("method")
        SEEN.append([method or asked.get("id"), asked.get("error", {}).get("code")])
        if method == "initialize":
            if MODE == "silent":
                continue
            version = "1999-01-01" if MODE == "old" else "2025-11-25"
            told = {"protocolVersion": version, "capabilities": {"tools": {}}}
            answer(asked, {**told, "serverInfo": {"name": "bad", "version": "1"}})
        elif method == "tools/list":
            answer(asked, page(asked))
        elif method == "tools/call":
            call(asked)
        elif method == "server/discover" and MODE.startswith("modern"):
            offered = "2099-01-01" if MODE == "modern-future" else "2026-07-28"
            told = {"supportedVersions": [offered], "capabilities": {"tools": {}}}
            answer(asked, {**told, "resultType": "complete"})
        elif method == "server/discover" and MODE == "unsupported":
            data = {"supported": ["2099-01-01"], "requested": "2026-07-28"}
            error = {"code": -32022, "message": "Unsupported", "data": data}
            put({"jsonrpc": "2.0", "id": asked["id"], "error": error})
        elif method == "server/discover" and MODE == "dies-when-asked":
            os._exit(1)
        elif "id" in asked and method and MODE != "silent":
            error = {"code": -32601, "message": "Method not found"}
            put({"jsonrpc": "2.0", "id": asked["id"], "error": error})


if MODE == "dies":
    sys.stderr.write("no configuration found\n")
    sys.exit(4)
if MODE == "leaves-a-child":
    child = subprocess.Popen([sys.executable, "-IS", "-c", "import time; time.sleep(60)"])
    sys.stderr.write(f"{child.pid}\n")
    sys.stderr.flush()
if MODE == "noisy":
    sys.stderr.write("x" * 500_000 + "the end")
    sys.stderr.flush()
serve()
if MODE == "lingers":
    threading.Event().wait(60)
