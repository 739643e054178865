"""The same tools behind MCP: python examples/one_tools_file/with_mcp.py

The server is `altar mcp tools.py`, which any MCP client can start as well.
"""

from __future__ import annotations

import sys
from pathlib import Path

import altar
from altar.mcp import connect

SERVER = [sys.executable, "-m", "altar", "mcp", str(Path(__file__).with_name("tools.py"))]
ORDER = {"customer": "Ada", "lines": [{"title": "Emma", "copies": 2}]}

if __name__ == "__main__":
    with connect(SERVER) as server, altar.Session(tools=[server]) as session:
        for declaration in session.declarations():
            print(declaration.name, "-", declaration.description)
        print(session.execute("find_books", {"below": "8"}).content)
        done = session.execute("place_order", {"order": ORDER, "deliver": "2027-03-04"})
        print(done.content)
        refused = session.execute("place_order", {"order": ORDER})
        print(refused.error.type if refused.error else "", refused.error)
