"""What holds of every provider whose server goes silent in the middle of a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from altar.errors import ProviderTimeoutError
from altar.llm import Attempt
from altar.runtime import Cancellation
from altar.testing import FakeGemini, Fault
from tests.waiting import budgets

__all__ = ["check_that_a_hang_ends_at_the_deadline"]


def check_that_a_hang_ends_at_the_deadline(
    provider_of: Callable[[FakeGemini], Any], ask: Callable[[str], Any], attempt: Attempt
) -> None:
    """Whole and streamed, in mid-answer too."""
    for fault in (Fault("hang"), Fault("hang", after=1)):
        for form in ("complete", "stream"):
            replies = iter(["ok"])
            with FakeGemini(lambda asked: next(replies, fault)) as fake:
                provider = provider_of(fake)
                provider.complete(ask("?"), attempt)  # the client is made, the way known
                for seconds in budgets(0.2):
                    deadline = time.monotonic() + seconds
                    short = Attempt(number=1, deadline=deadline, cancelled=Cancellation())
                    with pytest.raises(ProviderTimeoutError):
                        list([getattr(provider, form)(ask("?"), short)][0])
                    if len(fake.requests) > 1:
                        break
                provider.close()
                assert len(fake.requests) > 1
