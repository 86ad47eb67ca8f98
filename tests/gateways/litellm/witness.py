"""The second witness of cost: what LiteLLM itself says that each call cost, a line of JSON each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from litellm.integrations.custom_logger import CustomLogger


class Spend(CustomLogger):
    """Called by the proxy when a call has ended well."""

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        line = {"model": kwargs["model"], "usd": kwargs["standard_logging_object"]["response_cost"]}
        with Path(os.environ["WITNESS"]).open("a") as file:
            file.write(json.dumps(line) + "\n")


spend = Spend()
