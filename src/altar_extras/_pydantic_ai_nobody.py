"""Nobody: the model that a tool finds in its RunContext where altar runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

__all__ = ["Nobody"]


class Nobody(Model):
    """Stands where a run has its model, and refuses to be asked."""

    @property
    def model_name(self) -> str:
        """``none``."""
        return "none"

    @property
    def system(self) -> str:
        """``altar``."""
        return "altar"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Raises UserError: no run of pydantic-ai's is going on."""
        raise UserError(
            "an altar session runs this tool, and no model of pydantic-ai's: "
            "give one, import_tools(..., model=...)"
        )
