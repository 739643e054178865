"""What altar's users test with: models that follow a script, and contract suites for the seams."""

from __future__ import annotations

from altar._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.testing._cassette import Cassette, CassetteMode, cassette
    from altar.testing._contract_provider import ProviderContract
    from altar.testing._contract_runtime import RuntimeContract
    from altar.testing._fake_anthropic import FakeAnthropic
    from altar.testing._fake_gemini import FakeGemini
    from altar.testing._fake_openai import FakeOpenAI
    from altar.testing._fake_openai_quirks import ChatQuirks
    from altar.testing._fake_server import FakeServer, Received
    from altar.testing._fault import Fault, Gate
    from altar.testing._faults import Faults, Mishap, RuntimeFaultError
    from altar.testing._providers import FunctionProvider, ScriptedProvider
    from altar.testing._recording_proxy import RecordingProxy
    from altar.testing._replay_server import ReplayServer

__all__ = [
    "Cassette",
    "CassetteMode",
    "ChatQuirks",
    "FakeAnthropic",
    "FakeGemini",
    "FakeOpenAI",
    "FakeServer",
    "Fault",
    "Faults",
    "FunctionProvider",
    "Gate",
    "Mishap",
    "ProviderContract",
    "Received",
    "RecordingProxy",
    "ReplayServer",
    "RuntimeContract",
    "RuntimeFaultError",
    "ScriptedProvider",
    "cassette",
]

_HOMES = {
    "Cassette": "altar.testing._cassette",
    "CassetteMode": "altar.testing._cassette",
    "ChatQuirks": "altar.testing._fake_openai_quirks",
    "FakeAnthropic": "altar.testing._fake_anthropic",
    "FakeGemini": "altar.testing._fake_gemini",
    "FakeOpenAI": "altar.testing._fake_openai",
    "FakeServer": "altar.testing._fake_server",
    "Fault": "altar.testing._fault",
    "Faults": "altar.testing._faults",
    "FunctionProvider": "altar.testing._providers",
    "Gate": "altar.testing._fault",
    "Mishap": "altar.testing._faults",
    "Received": "altar.testing._fake_server",
    "RecordingProxy": "altar.testing._recording_proxy",
    "ReplayServer": "altar.testing._replay_server",
    "ProviderContract": "altar.testing._contract_provider",
    "RuntimeContract": "altar.testing._contract_runtime",
    "RuntimeFaultError": "altar.testing._faults",
    "ScriptedProvider": "altar.testing._providers",
    "cassette": "altar.testing._cassette",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
