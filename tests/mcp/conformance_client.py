"""What the conformance suite runs as the client under test: ``conformance_client.py URL``."""

import os
import sys

from altar import Session
from altar.mcp import connect

ARGUMENTS = {"tools_call": {"a": 2, "b": 3}}

with connect(url=sys.argv[-1], elicit=lambda question: True) as client:
    session = Session(tools=[client])
    for declaration in session.declarations():
        given = ARGUMENTS.get(os.environ.get("MCP_CONFORMANCE_SCENARIO", ""), {})
        session.execute(declaration.name, given).unwrap()
