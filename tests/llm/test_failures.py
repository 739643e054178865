"""What servers say of failures becomes one taxonomy, with their hints and without secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar import errors
from altar.llm import failure, redacted, retry_hint

GEMINI_429 = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota... Please retry in 1.934310785s.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}],
            },
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38s"},
        ],
    }
}


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (401, "authentication_error", "invalid x-api-key", errors.AuthenticationError),
        (400, "INVALID_ARGUMENT", "API key not valid.", errors.AuthenticationError),
        (403, "permission_error", "not allowed", errors.PermissionDeniedError),
        (404, "not_found_error", "model: claude-x", errors.UnknownModelError),
        (404, "model_not_found", "The model `x` does not exist", errors.UnknownModelError),
        (429, "rate_limit_error", "slow down", errors.RateLimitError),
        (429, "insufficient_quota", "You exceeded your current quota", errors.QuotaError),
        (429, "RESOURCE_EXHAUSTED", "later", errors.RateLimitError),
        (503, "UNAVAILABLE", "The model is overloaded", errors.OverloadedError),
        (529, "overloaded_error", "Overloaded", errors.OverloadedError),
        (200, "overloaded_error", "Overloaded", errors.OverloadedError),
        (200, "api_error", "Internal server error", errors.ServerError),
        (500, "INTERNAL", "boom", errors.ServerError),
        (503, "api_error", "server busy", errors.OverloadedError),
        (429, "server_error", "Too many requests", errors.RateLimitError),
        (429, "api_error", "you've reached your hourly usage limit", errors.QuotaError),
        (502, None, "<html>bad gateway</html>", errors.ServerError),
        (504, None, "too late", errors.ProviderTimeoutError),
        (400, "context_length_exceeded", "maximum context length", errors.ContextLengthError),
        (400, "invalid_request_error", "prompt is too long: 9 > 5", errors.ContextLengthError),
        (
            400,
            "INVALID_ARGUMENT",
            "Function call is missing a thought_signature in functionCall parts",
            errors.HistoryError,
        ),
        (400, None, "Invalid `signature` in `thinking` block", errors.HistoryError),
        (400, "INVALID_ARGUMENT", "Corrupted thought signature.", errors.HistoryError),
        (
            400,
            "invalid_request_error",
            "`tool_use` ids were found without `tool_result` blocks",
            errors.HistoryError,
        ),
        (
            400,
            None,
            "Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item",
            errors.HistoryError,
        ),
        (400, "invalid_function_parameters", "Invalid schema for function", errors.SchemaError),
        (400, "invalid_request_error", "something else", errors.BadRequestError),
        (None, None, "", errors.BadRequestError),
    ],
)
def test_a_fault_is_what_its_code_its_status_and_its_words_say(status, code, message, kind):
    assert type(failure("p", message, status=status, code=code)) is kind


def test_what_waiting_lifts_is_sent_again_and_what_it_does_not_lift_is_not():
    billing = {"error": {"message": "check your plan and billing details"}}
    assert failure("gemini", "quota", status=429, body=billing).retryable
    day = {"error": {"details": [{"violations": [{"quotaId": "RequestsPerDayPerProject"}]}]}}
    assert type(failure("gemini", "quota", status=429, body=GEMINI_429)) is errors.RateLimitError
    assert type(failure("gemini", "quota", status=429, body=day)) is errors.QuotaError


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, errors.RateLimitError), (500, errors.ServerError), (529, errors.OverloadedError)],
)
def test_a_server_that_says_not_to_is_not_asked_again(status, kind):
    assert failure("p", "no", status=status).retryable
    refused = failure("p", "no", status=status, headers={"X-Should-Retry": "false"})
    assert type(refused) is kind
    assert not refused.retryable
    assert kind.retryable


@pytest.mark.parametrize(
    ("headers", "body", "text", "seconds"),
    [
        ({"retry-after": "7"}, None, "", 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, None, "", 0.25),
        ({}, GEMINI_429, "", 38.0),
        ({}, None, "Please retry in 1.5s.", 1.5),
        ({}, None, "Please try again in 200ms.", 0.2),
        ({"retry-after": "-3"}, None, "", None),
        ({"retry-after": "soon"}, None, "", None),
        ({}, {"error": {"details": [{"retryDelay": "NaN"}, {"retryDelay": 3}]}}, "", None),
        ({}, {"error": "text"}, "no hint", None),
    ],
)
def test_a_servers_hint_is_read_wherever_it_stands(headers, body, text, seconds):
    assert retry_hint(headers, body=body, text=text) == seconds


def test_a_hint_may_be_a_date():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    seconds = retry_hint({"retry-after": soon})
    assert seconds is not None
    assert 20 < seconds <= 30


def test_an_error_carries_what_is_known_of_it():
    error = failure(
        "anthropic",
        "Overloaded",
        status=200,
        code="overloaded_error",
        headers={"Request-Id": "req_1", "retry-after": "2"},
        in_stream=True,
        body={"type": "error"},
    )
    assert (error.provider, error.status, error.code) == ("anthropic", 200, "overloaded_error")
    assert (error.request_id, error.retry_after, error.in_stream) == ("req_1", 2.0, True)
    assert error.raw == {"type": "error"}
    assert "HTTP 200" not in str(error)


def test_a_providers_own_hint_is_said_for_the_faults_it_is_about():
    hint = "Set ANTHROPIC_API_KEY."
    assert hint in str(failure("anthropic", "bad key", status=401, hint=hint))
    assert hint not in str(failure("anthropic", "busy", status=529, hint=hint))


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-REDACTED",
        "AIzaSyA1234567890abcdefghij",
        "Authorization: Bearer abcdefghijklmnop",
        "x-api-key=abcdefghijklmnop",
        "https://host/v1?key=abcdefghijklmnop",
        "Incorrect API key provided: SECRETKEY-0123456789abcdef",
        "Incorrect API key provided: 'proj_0a-XYZ'",
        "Also key: SECRETKEY-0123",
        "Invalid token hf_aBcDeFgH1234",
        "the access token is ya29.a0AfH6SNNqwerty",
        "password: hunter2-and-more",
        '{"api_key": "abc-123-def"}',
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_no_secret_is_repeated(secret: str):
    value = secret.split("=")[-1].split(" ")[-1].strip("'\"}")
    said = f"refused: {secret} is wrong"
    assert value not in redacted(said)
    body = {"error": {"message": said, "details": [said, {"headers": [said]}]}}
    error = failure("p", said, status=401, body=body)
    assert value not in f"{error} {error.raw} {error.message}"


@pytest.mark.parametrize(
    "said",
    [
        "The key considerations of tokenization are these: understanding, responsibility.",
        "Unexpected token: identifier",
        "Set the API key environment variable, or pass the key yourself.",
        "Missing key 'description' in properties; a secret ingredient was not provided.",
        "the token limit is 200000 tokens, you sent 213462 tokens",
        "Max token count exceeded: authorization requirements are documented elsewhere",
    ],
)
def test_no_ordinary_word_is_taken_for_a_secret(said: str):
    assert redacted(said) == said


def test_what_a_field_calls_a_secret_is_one():
    body = {"headers": {"Authorization": "open sesame", "x-api-key": "word"}, "key": "name"}
    raw = failure("p", "no", status=401, body=body).raw
    assert raw == {
        "headers": {"Authorization": "[secret]", "x-api-key": "[secret]"},
        "key": "name",
    }
    assert body["headers"]["x-api-key"] == "word"


@given(
    st.text(),
    st.none() | st.integers(0, 999),
    st.none() | st.text(),
    st.dictionaries(st.text(), st.text()),
    st.recursive(
        st.none() | st.text() | st.integers(), lambda x: st.dictionaries(st.text(), x) | st.lists(x)
    ),
)
def test_whatever_a_server_says_becomes_a_provider_error(message, status, code, headers, body):
    error = failure("p", message, status=status, code=code, headers=headers, body=body)
    assert isinstance(error, errors.ProviderError)
    assert error.retry_after is None or error.retry_after >= 0
