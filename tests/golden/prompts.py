"""Prompts and answers under every name under which an instrumentation sends them.

The names are those of the packages' releases, written out; the program has patterns.
"""

from __future__ import annotations

import hashlib
from typing import Any

Entry = tuple[str, dict[str, Any]]

ATTRIBUTES = (
    # OpenTelemetry's conventions, new and old, and Azure's inference client.
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions",
    "gen_ai.tool.definitions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
    "gen_ai.prompt", "gen_ai.completion", "gen_ai.prompt.0.content", "gen_ai.completion.0.content",
    "gen_ai.event.content", "gen_ai.content.prompt", "gen_ai.content.completion",
    "gen_ai.retrieval.documents", "gen_ai.retrieval.query.text", "gen_ai.evaluation.explanation",
    # OpenLLMetry
    "llm.prompts.0.content", "llm.completions.0.content", "llm.request.functions.0.description",
    "traceloop.entity.input", "traceloop.entity.output", "traceloop.prompt.template",
    "traceloop.prompt.template_variables", "db.query.result.document",
    # OpenInference
    "input.value", "output.value", "llm.input_messages.0.message.content",
    "llm.output_messages.0.message.contents.0.message_content.text", "llm.prompts.0.prompt.text",
    "llm.prompt_template.template", "llm.prompt_template.variables", "llm.function_call",
    "llm.tools.0.tool.json_schema", "llm.invocation_parameters", "llm.choices.0.completion.text",
    "embedding.embeddings.0.embedding.text", "embedding.text",
    "retrieval.documents.0.document.content",
    "reranker.query", "reranker.input_documents.0.document.content", "document.content",
    "tool.parameters", "tool_call.function.arguments", "message.content",
    # LiteLLM
    "llm.openai.messages", "llm.openai.input", "llm.anthropic.system", "llm.azure.choices",
    "llm.request.messages", "messages", "hidden_params",
    # Langfuse, LangSmith, MLflow, Vercel, Pydantic AI, Haystack, Google, AgentOps, others
    "langfuse.observation.input", "langfuse.observation.output", "langfuse.trace.input",
    "langsmith.inputs", "mlflow.spanInputs", "mlflow.spanOutputs", "ai.prompt",
    "ai.prompt.messages", "ai.response.text", "ai.response.toolCalls", "ai.toolCall.args",
    "ai.toolCall.result", "ai.value", "all_messages_events", "pydantic_ai.all_messages",
    "final_result", "tool_arguments", "tool_response", "haystack.component.input",
    "haystack.pipeline.output_data", "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.tool_response", "agentops.entity.input", "crewai.task.description",
    "_ml_obs.meta.input.messages", "langwatch.input", "system_prompt", "prompt",
)  # fmt: skip
# Names of events: on a span, and as records with a body.
EVENTS = (
    "gen_ai.client.inference.operation.details",
    "gen_ai.system.message",
    "gen_ai.user.message",
    "gen_ai.assistant.message",
    "gen_ai.tool.message",
    "gen_ai.choice",
    "gen_ai.content.prompt",
    "gen_ai.content.completion",
    "gen_ai.evaluation.result",
)
_ASIDE = {"gen_ai.request.model": "gpt-of-prompts"}


def hidden(name: str) -> str:
    """Return what a cell asks its model."""
    return f"tell me of {hashlib.sha256(name.encode()).hexdigest()[:20]}"


def entries() -> list[tuple[str, Entry]]:
    """Return every cell: its name, and what carries it (``spans`` or ``logs``)."""
    found: list[tuple[str, Entry]] = []

    def add(name: str, where: str, entry: dict[str, Any]) -> None:
        entry["attributes"] = {**_ASIDE, **entry.get("attributes", {})}
        found.append((name, (where, entry)))

    for key in ATTRIBUTES:
        for shape, wrap in _SHAPES.items():
            name = f"{key} {shape}"
            add(f"span {name}", "spans", {"attributes": {key: wrap(hidden(f"span {name}"))}})
            value = wrap(hidden(f"event {name}"))
            event = {"name": "gen_ai.x", "attributes": {key: value}}
            add(f"event {name}", "spans", {"events": [event]})
            add(f"log {name}", "logs", {"attributes": {key: wrap(hidden(f"log {name}"))}})
            add(f"body {name}", "logs", {"body": {key: wrap(hidden(f"body {name}"))}})
    for event_name in EVENTS:
        for key in ("content", "message", "arguments", "gen_ai.event.content"):
            name = f"{event_name} {key}"
            held = {key: hidden(f"event {name}")}
            add(f"event {name}", "spans", {"events": [{"name": event_name, "attributes": held}]})
            body = {"message": {key: hidden(f"body {name}")}}
            add(f"body {name}", "logs", {"event_name": event_name, "body": body})
            held = {"event.name": event_name, key: hidden(f"log {name}")}
            add(f"log {name}", "logs", {"attributes": held, "body": hidden(f"log {name}")})
    return found


_SHAPES = {
    "text": lambda text: text,
    "messages": lambda text: [{"role": "user", "content": text}],
}
