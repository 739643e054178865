"""The tool loop and its two seams: a Provider that answers, a Runtime that carries out calls."""

from __future__ import annotations

from altar.llm._arun import arun, astream
from altar.llm._base import BaseProvider
from altar.llm._codec import dump_messages, load_messages
from altar.llm._events import (
    Delta,
    End,
    Fold,
    PartEnd,
    PartStart,
    Start,
    StreamEvent,
    fold,
    unfold,
)
from altar.llm._failures import failure, redacted, retry_hint
from altar.llm._fallback import FallbackProvider, fallback
from altar.llm._fit import fitted, lacking, takes_blob
from altar.llm._history import check_history, mend_history
from altar.llm._keys import sendable_key, without_key
from altar.llm._live import (
    Event,
    EventOf,
    PartialEvent,
    ReplyEvent,
    RetryEvent,
    RoundEvent,
    TextEvent,
    ThinkingEvent,
    ToolCallEvent,
    ToolProgressEvent,
    ToolResultEvent,
)
from altar.llm._looped import LoopedProvider
from altar.llm._mend import amend, mend
from altar.llm._mender import Mender
from altar.llm._messages import Message, Role
from altar.llm._options import Limits, Options, Repair, Retry
from altar.llm._parts import (
    BlobPart,
    Data,
    Opaque,
    Origin,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
)
from altar.llm._pending import Pending
from altar.llm._prices import PriceTable, prices
from altar.llm._prompt import Prompt, to_messages
from altar.llm._provider import Attempt, Capabilities, Provider
from altar.llm._record import CallRecord
from altar.llm._reply import Finish, Reply
from altar.llm._request import Adaptation, OutputSpec, ReplyEnd, Request, Response
from altar.llm._run import run, stream
from altar.llm._sampling import Sampling
from altar.llm._shelf import Shelves, ToolSearch
from altar.llm._task import Task
from altar.llm._travel import Travel, own_settings
from altar.llm._usage import Price, Usage
from altar.resilience import Clock

__all__ = [
    "Adaptation",
    "Attempt",
    "BaseProvider",
    "BlobPart",
    "CallRecord",
    "Capabilities",
    "Clock",
    "Data",
    "Delta",
    "End",
    "Event",
    "EventOf",
    "FallbackProvider",
    "Finish",
    "Fold",
    "Limits",
    "LoopedProvider",
    "Mender",
    "Message",
    "Opaque",
    "Options",
    "Origin",
    "OutputSpec",
    "Part",
    "PartEnd",
    "PartStart",
    "PartialEvent",
    "Pending",
    "Price",
    "PriceTable",
    "Prompt",
    "Provider",
    "Refusal",
    "Repair",
    "Reply",
    "ReplyEnd",
    "ReplyEvent",
    "Request",
    "Response",
    "Retry",
    "RetryEvent",
    "Role",
    "RoundEvent",
    "Sampling",
    "Shelves",
    "Start",
    "StreamEvent",
    "Task",
    "Text",
    "TextEvent",
    "Thinking",
    "ThinkingEvent",
    "ToolCall",
    "ToolCallEvent",
    "ToolProgressEvent",
    "ToolResultEvent",
    "ToolResultPart",
    "ToolSearch",
    "Travel",
    "Unknown",
    "Usage",
    "amend",
    "arun",
    "astream",
    "check_history",
    "dump_messages",
    "failure",
    "fallback",
    "fitted",
    "fold",
    "lacking",
    "load_messages",
    "mend",
    "mend_history",
    "own_settings",
    "prices",
    "redacted",
    "retry_hint",
    "run",
    "sendable_key",
    "stream",
    "takes_blob",
    "to_messages",
    "unfold",
    "without_key",
]
