"""Stub LLM vendors: one ASGI app that speaks the OpenAI and the Anthropic API.

The gateway talks to it with the real client libraries. Answers, token counts and
faults follow from the request alone, so that a test can say what must come out.
"""
