"""The spec's vocabulary: one pydantic model per section."""
