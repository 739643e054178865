"""The rows of altar's own price table, in US dollars for a million tokens.

The figures are those of the vendors' price lists for their standard service,
as the package genai-prices 0.2.3 (MIT) collects them, taken on 2026-11-21.

Each row: the names of a family, then input, output, cached input and input
written to a cache; then, where long requests cost more, the number of input
tokens above which they do, and the four prices again. A dash: no such price.
"""

from __future__ import annotations

__all__ = ["DATE", "ROWS"]

DATE = "2026-11-21"
ROWS = """
gemini:
gemini-2.0-flash | 0.1 0.4 0.025 -
gemini-2.0-flash-lite | 0.075 0.3 - -
gemini-2.5-flash gemini-2.5-flash-preview-09-2025 | 0.3 2.5 0.03 -
gemini-2.5-flash-lite | 0.1 0.4 0.01 -
gemini-2.5-pro | 1.25 10 0.125 - | 200000 2.5 15 0.25 -
gemini-3-flash-preview | 0.5 3 0.05 -
gemini-3-pro-preview | 2 12 0.2 - | 200000 4 18 0.4 -
gemini-3.1-flash-lite | 0.25 1.5 0.025 -
gemini-3.1-pro-preview gemini-pro-latest | 2 12 0.2 - | 200000 4 18 0.4 -
gemini-3.5-flash | 1.5 9 0.15 -
gemini-3.5-flash-lite gemini-flash-lite-latest | 0.3 2.5 0.03 -
gemini-3.6-flash | 0.75 3.75 0.075 -
gemini-3.7-flash | 0.75 3.75 0.075 -
gemini-3.8-flash gemini-flash-latest | 0.75 3.75 0.075 -
gemini-4-argon | 2 10 0.1 -
anthropic:
claude-3-5-haiku | 0.8 4 0.08 1
claude-3-5-sonnet | 3 15 0.3 3.75
claude-3-7-sonnet | 3 15 0.3 3.75
claude-fable-5 | 10 50 1 12.5
claude-fable-5-1 | 10 50 0.25 12.5
claude-fable-5-2 | 8 40 0.2 10
claude-haiku-4-5 | 1 5 0.1 1.25
claude-haiku-5-5 | 0.1 0.5 0.01 0.125 | 100000 0.5 2.5 0.05 0.625
claude-mythos-5-2 | 8 40 0.2 10
claude-opus-4-0 claude-opus-4 | 15 75 1.5 18.75
claude-opus-4-1 | 15 75 1.5 18.75
claude-opus-4-5 | 5 25 0.5 6.25
claude-opus-4-6 | 5 25 0.5 6.25
claude-opus-4-7 | 5 25 0.5 6.25
claude-opus-4-8 | 5 25 0.5 6.25
claude-opus-5 | 5 25 0.5 6.25
claude-opus-5-5 | 4 20 0.2 5
claude-sonnet-4-0 claude-sonnet-4 | 3 15 0.3 3.75
claude-sonnet-4-5 | 3 15 0.3 3.75 | 200000 6 22.5 0.6 7.5
claude-sonnet-4-6 | 3 15 0.3 3.75
claude-sonnet-5 | 2 10 0.2 2.5
claude-sonnet-5-5 | 2 10 0.1 2.5
openai:
chatgpt-4o-latest | 5 15 - -
codex-mini | 1.5 6 0.375 -
gpt-4.1 | 2 8 0.5 -
gpt-4.1-mini | 0.4 1.6 0.1 -
gpt-4.1-nano | 0.1 0.4 0.025 -
gpt-4o gpt-4o-2024-11-20 | 2.5 10 1.25 -
gpt-4o-2024-05-13 | 5 15 - -
gpt-4o-mini | 0.15 0.6 0.075 -
gpt-5 gpt-5-chat gpt-5-codex | 1.25 10 0.125 -
gpt-5-mini | 0.25 2 0.025 -
gpt-5-nano | 0.05 0.4 0.005 -
gpt-5-pro | 15 120 - -
gpt-5.1 gpt-5.1-chat gpt-5.1-codex gpt-5.1-codex-max | 1.25 10 0.125 -
gpt-5.1-codex-mini | 0.25 2 0.025 -
gpt-5.2 gpt-5.2-chat gpt-5.2-codex | 1.75 14 0.175 -
gpt-5.2-pro | 21 168 - -
gpt-5.3 gpt-5.3-chat | 1.75 14 0.175 -
gpt-5.3-codex | 1.75 14 0.175 -
gpt-5.4 | 2.5 15 0.25 - | 272000 5 22.5 0.5 -
gpt-5.4-mini | 0.75 4.5 0.075 -
gpt-5.4-nano | 0.2 1.25 0.02 -
gpt-5.4-pro | 30 180 - - | 272000 60 270 - -
gpt-5.5 gpt-5.5-chat gpt-5.5-codex | 5 30 0.5 - | 272000 10 45 1 -
gpt-5.5-pro | 30 180 - - | 272000 60 270 - -
gpt-5.6-luna | 0.2 1.2 0.02 0.25 | 272000 0.4 1.8 0.04 0.5
gpt-5.6-sol gpt-5.6 | 4 20 0.4 5 | 272000 8 30 0.8 10
gpt-5.6-terra | 2 12 0.2 2.5 | 272000 4 18 0.4 5
gpt-6-astra | 10 50 1 12.5 | 272000 20 75 2 25
gpt-6-luna | 0.1 0.5 0.01 0.125 | 272000 0.2 0.75 0.02 0.25
gpt-6-sol | 2 10 0.2 2.5 | 272000 4 15 0.4 5
gpt-6.1-sol | 2 10 0.1 2.5 | 272000 4 15 0.2 5
gpt-6.1-terra | 1 5 0.05 1.25 | 272000 2 7.5 0.1 2.5
o1 | 15 60 7.5 -
o1-pro | 150 600 - -
o3 | 2 8 0.5 -
o3-mini | 1.1 4.4 0.55 -
o3-pro | 20 80 - -
o4-mini | 1.1 4.4 0.275 -
"""
